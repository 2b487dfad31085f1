//! R both ways: files that we fetch, and files that the peer fetches.

use super::*;

/// We have asked for a file.
fn asking(features: &[u8]) -> (End, Vec<Said>) {
    let mut end = End::new(true, 1, features);
    end.queue(1, fetch(), 0);
    let said = end.starts();
    (end, said)
}

#[test]
fn a_file_is_fetched_from_there() {
    let (mut end, said) = asking(TAYLOR);
    // The most that we take is told.
    assert_eq!(said, [command(ONLY, "R ~/a ~/b jan -d 0x2710")]);
    assert_eq!(end.hears(ONLY, "RY 0744 0x3"), []);
    end.data(ONLY, b"abc");
    end.data(ONLY, b"");
    assert_eq!(end.link.said, [command(ONLY, "CY"), command(ONLY, "H")]);
    let [Ask::Offer { offer, .. }, Ask::Write { .. }, Ask::Commit { .. }, Ask::Settle { ending, .. }] =
        &end.asked[..]
    else {
        panic!("{:?}", end.asked)
    };
    assert_eq!(offer.kind, Kind::Fetched { job: JobKey(1), mode: 0o744 });
    assert_eq!((offer.size, ending), (Some(3), &Ending::Done));
    assert_eq!(end.machine.tally(), Tally { sent: 0, received: 1 });
}

#[test]
fn nothing_of_sizes_is_said_to_who_knows_none_of_them_and_decimals_to_who_wants_them() {
    assert_eq!(asking(b"0").1, [command(ONLY, "R ~/a ~/b jan -d")]);
    assert_eq!(asking(b"").1, [command(ONLY, "R ~/a ~/b jan -d 10000")]);
}

#[test]
fn a_file_that_is_larger_than_we_take_is_never_asked_for_again() {
    for (told, pieces) in [(" 0x2711", &[&[7; 10_001][..]][..]), ("", &[&[7; 6000], &[7; 6000]])] {
        let (mut end, _) = asking(b"0");
        assert_eq!(end.hears(ONLY, &format!("RY 0644{told}")), []);
        for piece in pieces {
            assert!(end.data(ONLY, piece).is_none());
        }
        assert!(end.data(ONLY, b"").is_none());
        assert_eq!(end.link.said, [command(ONLY, "CN5"), command(ONLY, "H")]);
        assert!(matches!(&settled(&end)[..], [Ending::Refused(_)]));
        assert!(!end.asked.iter().any(|ask| matches!(ask, Ask::Commit { .. })));
    }
}

#[test]
fn a_file_for_which_there_is_no_room_now_is_asked_for_again() {
    let (mut end, _) = asking(TAYLOR);
    end.verdict = Verdict::Refuse(Refusal::TooLargeNow);
    assert_eq!(end.hears(ONLY, "RY 0644 0x3"), []);
    end.data(ONLY, b"abc");
    end.data(ONLY, b"");
    assert_eq!(end.link.said, [command(ONLY, "CN5"), command(ONLY, "H")]);
    assert!(matches!(&settled(&end)[..], [Ending::Deferred(_)]));
}

#[test]
fn a_file_is_fetched_from_here() {
    for (features, answer) in [(TAYLOR, "RY 0644 0xbb8"), (b"0", "RY 0644"), (b"", "RY 0644")] {
        let mut end = End::new(false, 1, features);
        end.starts();
        let said = end.hears(ONLY, "R ~/there /home/x jan -d 0xffffffffffffffff");
        assert_eq!((&said[0], said.last()), (&command(ONLY, answer), Some(&Said::Data(ONLY, 3000, 0))));
        assert_eq!(end.hears(ONLY, "CY"), []);
        assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    }
}

#[test]
fn a_peer_whose_fetching_failed_goes_on() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    for not_kept in ["CN5", "CN"] {
        end.hears(ONLY, "R ~/there /home/x jan -d 0x1000");
        assert_eq!(end.hears(ONLY, not_kept), []);
    }
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
}

#[test]
fn a_file_that_is_too_large_for_who_asks_is_let_go_of() {
    // The limit of the command, that of the handshake, and both.
    for (limit, command_says, answer) in [
        (None, " 0xbb7", "RN6"),
        (None, " 0xbb8", "RY 0644 0xbb8"),
        (Some(2999), " 0xbb8", "RN6"),
        (Some(2999), "", "RN6"),
        (Some(3000), "", "RY 0644 0xbb8"),
    ] {
        let mut end = End::new(false, 1, TAYLOR);
        end.machine.limit = limit;
        end.starts();
        let said = end.hears(ONLY, &format!("R ~/there ~/x jan -d{command_says}"));
        assert_eq!(said[0], command(ONLY, answer));
        assert_eq!(matches!(end.asked.last(), Some(Ask::Drop { .. })), answer == "RN6");
    }
    // What stands there says nothing where no sizes are told.
    let mut end = End::new(false, 1, b"0");
    end.starts();
    assert_eq!(end.hears(ONLY, "R ~/there ~/x jan - 666")[0], command(ONLY, "RY 0644"));
}

#[test]
fn a_file_that_cannot_be_opened_now_may_be_asked_for_again() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    assert_eq!(end.hears(ONLY, "R ~/busy ~/x jan -d"), [command(ONLY, "RN9")]);
    assert_eq!(end.hears(ONLY, "R ~/none ~/x jan -d"), [command(ONLY, "RN2")]);
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
}

#[test]
fn who_may_not_fetch_is_refused_before_anything_is_opened() {
    let mut end = End::new(false, 1, TAYLOR);
    end.machine.judge.permissions.fetch = false;
    end.starts();
    assert_eq!(end.hears(ONLY, "R ~/there ~/x jan -d"), [command(ONLY, "RN2")]);
    assert_eq!(end.asked, []);
}
