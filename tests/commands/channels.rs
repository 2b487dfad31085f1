//! What two uugates do at once in a call by `i`.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::{Node, neighbour};
use crate::support::{self, open_folder};

/// How many commands may be under way at once, each way.
const CHANNELS: usize = 7;

#[test]
fn jobs_of_both_ends_run_at_once_and_do_not_wait_for_each_other() {
    let folder = open_folder();
    let site = |name, peer| Node::new(folder.path(), name, &neighbour(peer, "protocols = \"i\""));
    let (leaf, polux) = (site("leaf", "polux"), site("polux", "leaf"));
    let (there, back) = (twenty("there"), twenty("back"));
    for (from, to, messages) in [(&leaf, "ann@polux.uucp", &there), (&polux, "ann@leaf.uucp", &back)] {
        messages.iter().for_each(|message| from.mail("root", &[to], message));
    }
    let file = folder.path().join("call").display().to_string();
    let (caller, called) = support::join(leaf.caller("polux").args(["--record", &file]), &mut polux.called());
    assert!(caller.success() && called.success(), "{caller} {called}");
    assert_arrived(&there, polux.mailbox("ann"), true);
    assert_arrived(&back, leaf.mailbox("ann"), true);
    let trace = String::from_utf8(leaf.trace(&[&file]).stdout).expect("text");
    let places = |arrow: &str, text: &str| -> Vec<usize> {
        let said = |line: &&str| line.contains(&format!(" {arrow}     ")) && line.contains(text);
        trace.lines().enumerate().filter(|(_, line)| said(line)).map(|(place, _)| place).collect()
    };
    let (ours, theirs) = (places(">", " - offers "), places("<", " - offers "));
    assert_eq!((ours.len(), theirs.len()), (20, 20), "{trace}");
    // The channels fill up before the first job is confirmed.
    let confirmed = places("<", " - has it");
    assert!(ours[CHANNELS - 1] < confirmed[0], "{trace}");
    // Neither end waits for the other to have done with its jobs.
    assert!(theirs[0] < confirmed[19] && ours[0] < places(">", " - has it")[19], "{trace}");
}
