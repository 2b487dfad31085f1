//! Every refusal of the manual, "UUCP Protocol Commands": what becomes of our job, and which of them we say to whom.

use super::*;

const NEVER: &str = "never";
const LATER: &str = "later";
const DONE: &str = "done";

/// What becomes of a job that is answered so.
fn outcome(work: Work, features: &[u8], answers: &[&str]) -> &'static str {
    let mut end = End::new(true, 1, features);
    end.queue(1, work, 3000);
    end.starts();
    for answer in answers {
        end.hears(ONLY, answer);
    }
    match &settled(&end)[..] {
        [Ending::Done] => DONE,
        [Ending::Deferred(_)] => LATER,
        [Ending::Refused(_)] => NEVER,
        other => panic!("{answers:?}: {other:?}"),
    }
}

#[test]
fn every_refusal_ends_the_job_as_it_should() {
    let refusals = [
        ("", NEVER),
        ("2", NEVER),
        ("4", LATER),
        ("6", LATER),
        ("7", NEVER),
        ("8", DONE),
        ("9", LATER),
        // Of System V Release 4: too large.
        ("10", NEVER),
        // Nobody is known to say these; what is not known implies, as 2 does, that it never succeeds.
        ("3", NEVER),
        ("99", NEVER),
        ("x", NEVER),
    ];
    for (number, ending) in refusals {
        assert_eq!(outcome(mail(), TAYLOR, &[&format!("EN{number}")]), ending, "EN{number}");
        if ending != DONE {
            assert_eq!(outcome(mail(), b"0", &[&format!("SN{number}")]), ending, "SN{number}");
            assert_eq!(outcome(fetch(), TAYLOR, &[&format!("RN{number}")]), ending, "RN{number}");
        }
    }
    // A file that was never sent cannot have come before.
    assert_eq!(outcome(fetch(), TAYLOR, &["RN8"]), NEVER);
    // The body was there already; the X. file still has to go.
    let mut end = End::new(true, 1, b"0");
    end.queue(1, mail(), 3000);
    end.starts();
    assert!(matches!(&end.hears(ONLY, "SN8")[..], [Said::Command(_, text)] if text.starts_with("S D.")));
    for not_kept in ["CN5", "CN"] {
        assert_eq!(outcome(mail(), TAYLOR, &["EY", not_kept]), NEVER);
    }
}

#[test]
fn a_peer_is_told_only_what_it_understands() {
    let (sizes, none) = (Features::UNNUMBERED, Features::default());
    for (why, letter, features, number) in [
        (Refusal::Denied, Letter::Send, none, "SN2"),
        (Refusal::NoFile, Letter::Send, none, "SN4"),
        (Refusal::TooLargeNow, Letter::Send, sizes, "SN6"),
        (Refusal::TooLargeNow, Letter::Send, none, "SN4"),
        (Refusal::TooLarge, Letter::Execute, sizes, "EN7"),
        (Refusal::TooLarge, Letter::Send, none, "SN2"),
        (Refusal::Already, Letter::Send, sizes, "SN8"),
        (Refusal::NoChannel, Letter::Send, sizes, "SN9"),
        (Refusal::NoChannel, Letter::Send, none, "SN4"),
        (Refusal::Denied, Letter::Receive, sizes, "RN2"),
        (Refusal::TooLarge, Letter::Receive, sizes, "RN6"),
        (Refusal::TooLargeNow, Letter::Receive, sizes, "RN6"),
        (Refusal::NoChannel, Letter::Receive, sizes, "RN9"),
        (Refusal::NoFile, Letter::Receive, sizes, "RN9"),
        (Refusal::TooLargeNow, Letter::Receive, none, "RN2"),
        (Refusal::NoChannel, Letter::Receive, none, "RN2"),
    ] {
        let answer = Answer::Refuse { letter, why: why.as_told(letter, features) };
        assert_eq!(String::from_utf8(answer.print()).unwrap(), number, "{why:?}");
    }
}

#[test]
fn what_the_store_refuses_is_said_and_the_session_goes_on() {
    for (features, verdict, answer) in [
        (TAYLOR, Verdict::Already, "SN8"),
        (TAYLOR, Verdict::Refuse(Refusal::TooLargeNow), "SN6"),
        (&b"0"[..], Verdict::Refuse(Refusal::TooLargeNow), "SN4"),
        (TAYLOR, Verdict::Refuse(Refusal::NoFile), "SN4"),
    ] {
        let mut end = End::new(false, 1, features);
        end.verdict = verdict;
        end.starts();
        assert_eq!(end.hears(ONLY, "S x ~/x jan -C D.1 0666"), [command(ONLY, answer)]);
        assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    }
}

#[test]
fn a_job_is_known_by_its_id_though_the_one_that_told_the_spool_was_refused() {
    let mut end = End::new(false, 7, TAYLOR);
    end.starts();
    end.hears(Channel::Theirs(1), "E D._0000000000004 D.1 jan -Ce D.0001 0666 \"\" 0x5 rmail x");
    assert_eq!(end.asked, []);
    end.hears(Channel::Theirs(2), "E D.0 D.2 jan -C D.0002 0666 \"\" 0x5 rmail x");
    let Ask::Offer { offer, .. } = &end.asked[0] else { panic!("{:?}", end.asked) };
    assert_eq!(offer.stable, Some(StableId { spool: 4, number: 2 }));
}

#[test]
fn a_file_of_ours_tells_nobody_the_spool_for_good() {
    let mut end = End::new(true, 7, UUGATE);
    end.queue(1, send("~/plan"), 3000);
    end.queue(2, mail(), 3000);
    end.queue(3, mail(), 3000);
    let said = end.starts();
    let names: Vec<&str> = said
        .iter()
        .filter_map(|said| match said {
            Said::Command(_, text) => text.split(' ').nth(1),
            _ => None,
        })
        .map(|from| from.split('/').next().unwrap_or_default())
        .collect();
    assert_eq!(names[..3], ["D._0000000000007", "D._0000000000007", "D.0"]);
}

#[test]
fn a_file_for_the_spool_of_the_peer_is_never_sent() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, send("X.leafC0001"), 3000);
    assert_eq!(end.starts(), [command(ONLY, "H")]);
    assert!(matches!(&settled(&end)[..], [Ending::Refused(_)]));
}
