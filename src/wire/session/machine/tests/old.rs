//! What old systems send, and what they have to be sent.

use super::*;

#[test]
fn what_stands_behind_the_nul_of_a_packet_is_no_part_of_the_command() {
    let mut end = End::new(false, 1, b"0");
    end.starts();
    // The rest of a buffer that held a longer command, a file, or an answer.
    for stale in [
        &b"S x ~/x jan -C D.1 0666\0R ~/none ~/x jan -d\0"[..],
        b"S x ~/x jan -C D.1 0666\0\0\0\0HY\0",
        b"S x ~/x jan -C D.1 0666\0\xff\xfe",
    ] {
        assert!(end.data(ONLY, stale).is_none());
        assert_eq!(end.link.said, [command(ONLY, "SY")]);
        // Of a file every byte counts.
        end.data(ONLY, b"a\0b");
        end.data(ONLY, b"");
        let Some(Ask::Write { bytes, .. }) =
            end.asked.iter().rev().find(|ask| matches!(ask, Ask::Write { .. }))
        else {
            panic!("{:?}", end.asked)
        };
        assert_eq!(bytes, b"a\0b");
        end.link.said.clear();
    }
    assert!(end.data(ONLY, b"H\0Y\0").is_none());
    assert_eq!(end.link.said, [command(ONLY, "HY")]);
}

#[test]
fn a_command_may_come_in_several_packets() {
    let mut end = End::new(false, 1, b"0");
    end.starts();
    for packet in [&b"S /a/file/with/a/long/name "[..], b"~/x jan -C D.1 0666", b"\0stale"] {
        assert!(end.data(ONLY, packet).is_none());
    }
    assert_eq!(end.link.said, [command(ONLY, "SY")]);
}

#[test]
fn fields_stand_where_each_system_has_them() {
    for (features, text, size) in [
        // Taylor UUCP 1.03 and UUPlus: decimal.
        (&b""[..], "S x ~/x jan -C D.1 0666 \"\" 5000", Some(5000)),
        // System V Release 4: a dummy before the size, announced or not.
        (b"021", "S x ~/x jan -C D.1 0666 jan dummy 0x1388", Some(5000)),
        (b"0", "S x ~/x jan -C D.1 0666 jan dummy 0x1388", Some(5000)),
        // Without NOTIFY.
        (b"047", "S x ~/x jan -C D.1 0666 0x1388", Some(5000)),
        // The oldest.
        (b"0", "S x ~/x jan - D.0 666", None),
        (b"0", "S x ~/x jan -n D.0 666 piet", None),
    ] {
        let mut end = End::new(false, 1, features);
        end.starts();
        assert_eq!(end.hears(ONLY, text), [command(ONLY, "SY")], "{text}");
        let Ask::Offer { offer, .. } = &end.asked[0] else { panic!("{:?}", end.asked) };
        assert_eq!(offer.size, size, "{text}");
    }
    for text in ["R ~/there /tmp/x jan - (null) 666", "R ~/there /tmp/x jan - 666", "R ~/there /tmp/x jan -"]
    {
        let mut end = End::new(false, 1, b"0");
        end.starts();
        assert_eq!(end.hears(ONLY, text)[0], command(ONLY, "RY 0644"), "{text}");
    }
}

#[test]
fn commands_of_ours_are_as_the_peer_wants_them() {
    for (features, text) in [
        (&b"0"[..], "S D._0000000000007 D.leafC0001 piet -C D.0001 0666"),
        (b"", "S D._0000000000007 D.leafC0001 piet -C D.0001 0666 \"\" 3000"),
        (b"01", "S D._0000000000007 D.leafC0001 piet -C D.0001 0666 \"\" 0xbb8"),
        (b"021", "S D._0000000000007 D.leafC0001 piet -C D.0001 0666 \"\" dummy 0xbb8"),
    ] {
        let mut end = End::new(true, 1, features);
        end.queue(1, mail(), 3000);
        assert_eq!(end.starts(), [command(ONLY, text)]);
    }
}

#[test]
fn a_repeated_hy_does_no_harm() {
    let mut end = End::new(false, 1, b"0");
    end.queue(1, mail(), 1);
    end.starts();
    // It has work, the roles change twice, and the peer says HY once more.
    end.hears(ONLY, "H");
    for answer in ["SY", "CY", "SY"] {
        end.hears(ONLY, answer);
    }
    assert_eq!(end.hears(ONLY, "CY"), [command(ONLY, "H")]);
    assert_eq!(end.hears(ONLY, "HN"), []);
    assert_eq!(end.hears(ONLY, "HY"), []);
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    assert_eq!(end.hears(ONLY, "HY"), [Said::Close]);
    for _ in 0..2 {
        assert_eq!(end.hears(ONLY, "HY"), []);
    }
    assert_eq!(end.event(Event::Closed), Some(Ok(())));
}

#[test]
fn answers_without_numbers_have_their_meaning() {
    assert_eq!(Answer::parse(b"SN"), Ok(Answer::Refuse { letter: Letter::Send, why: Refusal::Denied }));
    assert_eq!(Answer::parse(b"RN"), Ok(Answer::Refuse { letter: Letter::Receive, why: Refusal::Denied }));
    assert_eq!(Answer::parse(b"CN"), Ok(Answer::NotKept));
    assert_eq!(Answer::parse(b"SY"), Ok(Answer::Take { letter: Letter::Send, start: None }));
    assert_eq!(
        Answer::parse(b"RY"),
        Ok(Answer::Give { mode: 0o666, size: None, wants_master: false, rest: None })
    );
    assert_eq!(Answer::parse(b"CYM"), Ok(Answer::Kept { wants_master: true }));
}
