//! Grades by the hour with Taylor UUCP: what the caller asks for is all that the called end sends.

use crate::support::node::{Node, neighbour};
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, open_folder, run_with_input};
use std::fs;
use std::path::Path;

/// Mail (grade C) and a file (grade N) wait at both ends.
fn pair(folder: &Path, ours: &str, theirs: &str) -> (Node, Taylor) {
    let node = Node::new(folder, "polux", &neighbour("leaf", ours));
    let system = format!("chat \"\"\n{theirs}");
    let taylor = Taylor::new(folder, "leaf", "polux", &Settings { system: &system, ..Settings::default() });
    let plan = folder.join("plan");
    fs::write(&plan, b"a file\n").expect("a file");
    let plan = plan.to_str().expect("text");
    node.mail("ann@polux.uucp", &["jan@leaf.uucp"], b"Subject: there\n\ntext\n");
    node.run("uucp", &["-r", "-C", plan, "leaf!~/ours"], b"");
    taylor.mail("jan", &["ann"], b"Subject: back\n\ntext\n");
    run_with_input(taylor.command("uucp").args(["-r", "-C", plan, "polux!~/theirs"]), b"");
    (node, taylor)
}

#[test]
fn what_taylor_asks_for_is_all_that_we_send() {
    let folder = open_folder();
    let (node, taylor) = pair(folder.path(), "", "call-timegrade C Any\n");
    let (caller, called) = support::join(&mut taylor.caller(), &mut node.called());
    assert!(caller.success() && called.success(), "{}", taylor.log());
    taylor.execute();
    assert_eq!((taylor.inbox().len(), node.waiting().0), (1, 1), "{}", taylor.log());
    assert_eq!((taylor.jobs_waiting(), node.mailbox("ann").len()), (0, 1));
}

#[test]
fn what_is_configured_for_calls_of_taylor_counts_before_what_it_asks() {
    let folder = open_folder();
    let (node, taylor) = pair(folder.path(), "called-timegrade = \"z Any\"", "call-timegrade C Any\n");
    let (caller, called) = support::join(&mut taylor.caller(), &mut node.called());
    assert!(caller.success() && called.success(), "{}", taylor.log());
    assert_eq!(node.waiting().0, 0, "{}", taylor.log());
}

#[test]
fn taylor_sends_no_more_than_we_ask_for() {
    let folder = open_folder();
    let (node, taylor) = pair(folder.path(), "call-timegrade = \"C Any\"", "");
    let (caller, called) = support::join(&mut node.caller("leaf"), &mut taylor.called());
    assert!(caller.success() && called.success(), "{}", taylor.log());
    // Mail has come; the file waits. What we have goes all the same.
    assert_eq!((node.mailbox("ann").len(), taylor.jobs_waiting()), (1, 1), "{}", taylor.log());
    assert_eq!(node.waiting().0, 0);
}
