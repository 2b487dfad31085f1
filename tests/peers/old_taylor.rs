//! Taylor UUCP as an old system: the options of the handshake are taken out on the way, so that neither end knows of E
//! commands, sizes or restarts, and mail travels as pairs of D. and X. files by S commands.

use super::taylor_pipe::{Pair, bytes, pair};
use crate::support::messages::{assert_arrived, twenty};
use crate::support::{self, open_folder, relay};
use std::fs;

fn exchange(pair: &Pair, taylor_calls: bool) {
    let (mut there, mut back) = (twenty("there"), twenty("back"));
    // Without restart and with small packets a large one only takes long.
    there.pop();
    back.pop();
    for message in &there {
        pair.uugate.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    for message in &back {
        pair.taylor.mail("jan", &["ann"], message);
    }
    let (caller, called) = if taylor_calls {
        relay::join_without_options(&mut pair.taylor.caller(), &mut pair.uugate.called())
    } else {
        relay::join_without_options(&mut pair.uugate.caller("leaf"), &mut pair.taylor.called())
    };
    assert!(caller.success() && called.success(), "{caller} {called}\n{}", pair.taylor.log());
    // What came to Taylor are X. files and not E commands.
    let waiting = fs::read_dir(pair.taylor.path("spool/polux/X.")).map_or(0, Iterator::count);
    assert_eq!(waiting, there.len(), "{}", pair.taylor.log());
    pair.taylor.execute();
    assert_arrived(&there, pair.taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, pair.uugate.mailbox("ann"), true);
    assert_eq!((pair.taylor.jobs_waiting(), pair.uugate.waiting()), (0, (0, 0)));
}

#[test]
fn pairs_of_files_when_an_old_system_calls_with_g() {
    let folder = open_folder();
    exchange(&pair(folder.path(), 'g'), true);
}

#[test]
fn pairs_of_files_when_an_old_system_is_called_with_g() {
    let folder = open_folder();
    exchange(&pair(folder.path(), 'g'), false);
}

#[test]
fn pairs_of_files_over_i() {
    let folder = open_folder();
    exchange(&pair(folder.path(), 'i'), false);
}

/// Files to the public directories, both ways; what would lie outside is refused, and both ends go on.
#[test]
fn files_go_to_the_public_directories_and_nowhere_else() {
    for (protocol, taylor_calls) in [('i', true), ('g', false)] {
        let folder = open_folder();
        let pair = pair(folder.path(), protocol);
        let plan = folder.path().join("plan");
        fs::write(&plan, b"8-bit: \xff\x00\x80 and no newline").expect("a file");
        let plan = plan.to_str().expect("text");
        let target = folder.path().join("escaped");
        let outside =
            ["~/../../escaped".to_owned(), target.display().to_string(), "~/in/../../../escaped".to_owned()];
        let ours: Vec<String> = outside.iter().map(|to| format!("leaf!{to}")).collect();
        let theirs: Vec<String> = outside.iter().map(|to| format!("polux!{to}")).collect();
        for to in ["leaf!~/ours", "leaf!~/deep/in/it/"].into_iter().chain(ours.iter().map(String::as_str)) {
            pair.uugate.run("uucp", &["-r", "-C", plan, to], b"");
        }
        for to in
            ["polux!~/theirs", "polux!~/deep/in/it/"].into_iter().chain(theirs.iter().map(String::as_str))
        {
            support::run_with_input(pair.taylor.command("uucp").args(["-r", "-C", plan, to]), b"");
        }
        pair.uugate.mail("ann@polux.uucp", &["jan@leaf.uucp"], b"Subject: there 0\n\nafter all that\n");
        pair.taylor.mail("jan", &["ann"], b"Subject: back 0\n\nafter all that\n");
        pair.call(taylor_calls);
        let expected = fs::read(plan).expect("the file");
        for file in ["ours", "deep/in/it/plan"] {
            let path = pair.taylor.path("pub").join(file);
            assert_eq!(fs::read(&path).expect(file), expected, "{}", pair.taylor.log());
        }
        for file in ["theirs", "deep/in/it/plan"] {
            let path = pair.uugate.path("public").join(file);
            assert_eq!(fs::read(&path).expect(file), expected, "{}", pair.taylor.log());
        }
        assert!(!target.exists());
        pair.taylor.execute();
        assert_eq!(pair.taylor.inbox().len(), 1);
        let mailbox = pair.uugate.mailbox("ann");
        assert!(mailbox.iter().any(|m| m.ends_with(b"after all that\n")), "{}", mailbox.len());
        assert_eq!(pair.taylor.jobs_waiting(), 0);
    }
}
