//! Calls between two uugates whose caller, called program or daemon is killed, or whose line is cut, at ten moments; then
//! they call until nothing waits.

use super::{moderate, reliable};
use crate::support::messages::assert_arrived;
use crate::support::node::Node;
use crate::support::relay::{End, Outcome, join_and, join_until};
use crate::support::{self, open_folder, seeded};

const MOMENTS: usize = 10;
/// What the calls would carry in all, about; each is ended within the first tenth of it, so that work is left for all.
const ALL: u64 = 600_000;
/// What is left after the last moment is done in so many calls.
const CALLS: usize = 3;

fn survive(protocol: char, end: End, seed: u64) {
    survive_calls(protocol, seed, |leaf, polux, after| {
        join_until(&mut leaf.caller("polux"), &mut polux.called(), after, end)
    });
}

/// Each call is made by `call`, which ends it after so many bytes.
fn survive_calls(protocol: char, seed: u64, mut call: impl FnMut(&Node, &Node, u64) -> Outcome) {
    let folder = open_folder();
    let protocol = format!("protocols = \"{protocol}\"");
    let polux = Node::new(folder.path(), "polux", &reliable("leaf", &protocol));
    let leaf = Node::new(folder.path(), "leaf", &reliable("polux", &protocol));
    let (there, back) = (moderate("there"), moderate("back"));
    for (from, to, messages) in [(&leaf, "ann@polux.uucp", &there), (&polux, "ann@leaf.uucp", &back)] {
        messages.iter().for_each(|message| from.mail("root", &[to], message));
    }
    let mut ended = 0;
    for after in seeded(seed, ALL / 10).take(MOMENTS) {
        let outcome = call(&leaf, &polux, after);
        ended += usize::from(!outcome.caller.success() || !outcome.called.success());
    }
    assert!(ended * 2 >= MOMENTS, "only {ended} calls were ended before their time");
    for _ in 0..CALLS {
        let (caller, called) = support::join(&mut leaf.caller("polux"), &mut polux.called());
        assert!(caller.success() && called.success(), "{caller} {called}");
    }
    for node in [&polux, &leaf] {
        assert_eq!(node.waiting(), (0, 0), "{}", node.name);
    }
    assert_arrived(&there, polux.mailbox("ann"), true);
    assert_arrived(&back, leaf.mailbox("ann"), true);
}

#[test]
fn the_calling_uucico_is_killed_over_i() {
    survive('i', End::KillCaller, 0xca11_0001);
}

#[test]
fn the_calling_uucico_is_killed_over_g() {
    survive('g', End::KillCaller, 0xca11_0002);
}

#[test]
fn the_called_uucico_is_killed_over_i() {
    survive('i', End::KillCalled, 0xca11_0003);
}

#[test]
fn the_called_uucico_is_killed_over_g() {
    survive('g', End::KillCalled, 0xca11_0004);
}

#[test]
fn either_uucico_is_killed_over_t() {
    survive('t', End::KillCaller, 0xca11_0007);
    survive('t', End::KillCalled, 0xca11_0008);
}

#[test]
fn the_line_is_cut() {
    survive('i', End::Cut, 0xca11_0005);
}

/// Both ends of the call are in daemons, to which uucico carries the bytes; the calling and the called one die in turn.
#[test]
fn the_daemons_are_killed_by_turns() {
    let mut round = 0;
    survive_calls('i', 0xca11_0006, |leaf, polux, after| {
        let (caller, called) = (leaf.start(), polux.start());
        let (dies, stays) = if round % 2 == 0 { (caller, called) } else { (called, caller) };
        round += 1;
        let outcome = join_and(&mut leaf.caller("polux"), &mut polux.called(), after, || dies.kill());
        assert!(stays.stop().success());
        outcome
    });
}
