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
    assert_eq!(end.hears(ONLY, "E D.9 D.x9 jan -C D.9 0666 \"\" 0x2 rmail x"), [command(ONLY, "EY")]);
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
    assert!(matches!(&said[1], Said::Command(_, text) if text.starts_with("E D.0000000000000007.2 ")));
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
