//! Who is master, and how it changes.

use super::*;

#[test]
fn a_slave_that_wants_to_be_master_is_let() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    end.queue(2, mail(), 3000);
    end.starts();
    end.hears(ONLY, "EY");
    assert_eq!(end.hears(ONLY, "CYM"), [command(ONLY, "H")]);
    end.hears(ONLY, "HN");
    assert_eq!(end.hears(ONLY, "E D.9 D.poluxA0009 jan -C D.9 0666 \"\" 0x2 rmail x"), [command(ONLY, "EY")]);
    end.data(ONLY, b"ab");
    assert_eq!(
        {
            end.link.said.clear();
            end.data(ONLY, b"");
            std::mem::take(&mut end.link.said)
        },
        [command(ONLY, "CY")]
    );
    // The rest of our work comes when it wants to hang up.
    let said = end.hears(ONLY, "H");
    assert_eq!(said[0], command(ONLY, "HN"));
    assert!(matches!(&said[1], Said::Command(_, text) if text.starts_with("E D.0 ")));
}

#[test]
fn a_slave_of_bsd_asks_for_its_turn_with_the_file_that_is_fetched() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, fetch(), 0);
    end.queue(2, mail(), 3000);
    end.starts();
    end.hears(ONLY, "RY 0644M");
    end.data(ONLY, b"abc");
    end.link.said.clear();
    end.data(ONLY, b"");
    assert_eq!(end.link.said, [command(ONLY, "CY"), command(ONLY, "H")]);
}

/// A slave that has jobs of these grades; the master's first job has come whole. What is said to that.
fn kept(ours: &[char], theirs: &str, worst: Option<char>) -> (End, Vec<Said>) {
    let mut end = End::new(false, 1, TAYLOR);
    end.machine.worst = worst.and_then(Grade::new);
    for (number, letter) in (1..).zip(ours) {
        end.queue(number, mail(), 1);
        end.jobs.back_mut().unwrap().grade = Grade::new(*letter).unwrap();
    }
    end.size = 1;
    end.starts();
    end.hears(ONLY, theirs);
    end.data(ONLY, b"ab");
    end.link.said.clear();
    end.data(ONLY, b"");
    let said = std::mem::take(&mut end.link.said);
    (end, said)
}

const MAIL_OF_GRADE_N: &str = "E D.9 D.poluxN0009 jan -C D.9 0666 \"\" 0x2 rmail x";

#[test]
fn a_slave_asks_for_its_turn_if_its_work_is_more_urgent_than_what_came() {
    let file = "S /home/x ~/x jan -C D.9 0666 \"\" 0x2";
    for (ours, theirs, worst, answer) in [
        (&['C'][..], MAIL_OF_GRADE_N, None, "CYM"),
        (&['Z', 'A'], MAIL_OF_GRADE_N, None, "CYM"),
        (&['N'], MAIL_OF_GRADE_N, None, "CY"),
        (&['a'], MAIL_OF_GRADE_N, None, "CY"),
        (&[], MAIL_OF_GRADE_N, None, "CY"),
        // Nothing so unimportant goes in this call.
        (&['C'], MAIL_OF_GRADE_N, Some('B'), "CY"),
        (&['A'], MAIL_OF_GRADE_N, Some('B'), "CYM"),
        (&['C'], "S D.9 D.poluxD0009 jan -C D.9 0666", None, "CYM"),
        (&['C'], "S D.9 X.poluxB0009 jan -C D.X9 0666", None, "CY"),
        // The name of a file tells no grade; it is taken for what uucp gives it.
        (&['C'], file, None, "CYM"),
        (&['N'], file, None, "CY"),
        // Nothing tells.
        (&['0'], "E D.9 D.0 jan -C D.9 0666 \"\" 0x2 rmail x", None, "CY"),
    ] {
        assert_eq!(kept(ours, theirs, worst).1, [command(ONLY, answer)], "{ours:?} {theirs}");
    }
}

#[test]
fn its_turn_comes_with_the_hang_up_of_the_master() {
    let (mut end, _) = kept(&['C'], MAIL_OF_GRADE_N, None);
    // A master that does not give way goes on, and is asked again.
    end.hears(ONLY, MAIL_OF_GRADE_N);
    end.data(ONLY, b"ab");
    end.link.said.clear();
    end.data(ONLY, b"");
    assert_eq!(end.link.said, [command(ONLY, "CYM")]);
    let said = end.hears(ONLY, "H");
    assert_eq!(said[0], command(ONLY, "HN"));
    assert!(matches!(&said[1], Said::Command(_, text) if text.starts_with("E D._0000000000007 ")));
    end.hears(ONLY, "EY");
    assert_eq!(end.hears(ONLY, "CY"), [command(ONLY, "H")]);
    // The other has more to send, and is master again.
    assert_eq!(end.hears(ONLY, "HN"), []);
    assert_eq!(end.hears(ONLY, MAIL_OF_GRADE_N), [command(ONLY, "EY")]);
}

#[test]
fn a_turn_that_is_no_longer_needed_is_given_back() {
    let (mut end, _) = kept(&['C'], MAIL_OF_GRADE_N, None);
    end.jobs.clear();
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HN"), command(ONLY, "H")]);
    assert_eq!(end.hears(ONLY, "HN"), []);
    assert_eq!(end.hears(ONLY, MAIL_OF_GRADE_N), [command(ONLY, "EY")]);
}

#[test]
fn nobody_asks_for_a_turn_where_both_send_at_once() {
    let mut end = End::new(false, 7, TAYLOR);
    end.starts();
    let theirs = Channel::Theirs(1);
    end.hears(theirs, MAIL_OF_GRADE_N);
    end.queue(1, mail(), 1);
    end.data(theirs, b"ab");
    end.link.said.clear();
    end.data(theirs, b"");
    assert_eq!(end.link.said[0], command(theirs, "CY"));
}
