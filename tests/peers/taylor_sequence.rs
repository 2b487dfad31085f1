//! Calls that are numbered at both ends (`sequence`), with the packaged Taylor UUCP: each side calls in turn, and one that
//! was set back is refused until its number is set by hand.

use crate::support::node::{Node, neighbour};
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, open_folder};
use std::fs;
use std::path::Path;

struct Counted {
    uugate: Node,
    taylor: Taylor,
}

impl Counted {
    fn new(folder: &Path) -> Counted {
        let settings = Settings { system: "chat \"\"\nsequence true\n", ..Settings::default() };
        Counted {
            uugate: Node::new(folder, "polux", &neighbour("leaf", "sequence = true")),
            taylor: Taylor::new(folder, "leaf", "polux", &settings),
        }
    }

    /// A call; whether both ends say that it went well.
    fn call(&self, taylor_calls: bool) -> bool {
        let (caller, called) = if taylor_calls {
            // Taylor would wait after a call that failed.
            let _ = fs::remove_file(self.taylor.path("spool/.Status/polux"));
            support::join(&mut self.taylor.caller(), &mut self.uugate.called())
        } else {
            support::join(&mut self.uugate.caller("leaf"), &mut self.taylor.called())
        };
        caller.success() && called.success()
    }

    /// The number of the last conversation, as each end has it.
    fn numbers(&self) -> (u64, u64) {
        let ours = self.uugate.report("sequence", &["leaf"])["sequence"]["last"].as_u64().expect("a number");
        let theirs = fs::read_to_string(self.taylor.path("spool/.Sequence/polux")).expect("a number");
        (ours, theirs.trim().parse().expect("a number"))
    }

    fn set_theirs(&self, number: u32) {
        fs::write(self.taylor.path("spool/.Sequence/polux"), number.to_string()).expect("a number");
    }
}

#[test]
fn both_ends_count_the_calls_of_both() {
    let folder = open_folder();
    let pair = Counted::new(folder.path());
    for (number, taylor_calls) in [(1, true), (2, false), (3, false), (4, true)] {
        assert!(pair.call(taylor_calls), "{number}: {}", pair.taylor.log());
        assert_eq!(pair.numbers(), (number, number));
    }
}

#[test]
fn a_caller_that_was_set_back_is_refused_until_its_number_is_set() {
    let folder = open_folder();
    let pair = Counted::new(folder.path());
    assert!(pair.call(true));
    pair.uugate.run("sequence", &["leaf", "--set", "40"], b"");
    pair.set_theirs(30);
    assert!(!pair.call(true));
    assert!(pair.taylor.log().contains("BADSEQ"), "{}", pair.taylor.log());
    pair.set_theirs(40);
    assert!(pair.call(true), "{}", pair.taylor.log());
    assert_eq!(pair.numbers(), (41, 41));
    // And we towards Taylor, which counts what it refuses.
    pair.uugate.run("sequence", &["leaf", "--set", "7"], b"");
    let refused = support::join(&mut pair.uugate.caller("leaf"), &mut pair.taylor.called());
    assert!(!refused.0.success());
    let call = &pair.uugate.ended_calls()[0];
    let failure = call["record"]["failure"].as_str().expect("a failure");
    assert!(failure.contains("RBADSEQ") && failure.contains("uugate sequence"), "{failure}");
    let theirs = pair.numbers().1.to_string();
    pair.uugate.run("sequence", &["leaf", "--set", &theirs], b"");
    assert!(pair.call(false), "{}", pair.taylor.log());
}

#[test]
fn numbers_that_were_said_in_vain_keep_nobody_apart() {
    let folder = open_folder();
    let pair = Counted::new(folder.path());
    assert!(pair.call(true));
    // The caller's end has counted three calls that never came through.
    pair.set_theirs(4);
    assert!(pair.call(true), "{}", pair.taylor.log());
    assert_eq!(pair.numbers(), (5, 5));
}
