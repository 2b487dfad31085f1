//! The same with Taylor UUCP at one end. What we receive arrives once, whoever is killed. What Taylor receives is never
//! lost; it may repeat what it kept and never said, or said and we were killed before we heard it, as far as its own
//! memory of received files allows.

use super::moderate;
use crate::peers::taylor_pipe::{Pair, bytes, pair};
use crate::support::messages::{assert_arrived, mark_and_body};
use crate::support::relay::{End, join_until};
use crate::support::{open_folder, seeded};

const MOMENTS: usize = 10;
const ALL: u64 = 600_000;
const CALLS: usize = 4;

/// Which of the two dies.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    Uugate,
    Taylor,
}

fn survive(protocol: char, taylor_calls: bool, victim: Victim, seed: u64) {
    let folder = open_folder();
    let pair = pair(folder.path(), protocol);
    let (there, back) = (moderate("there"), moderate("back"));
    for message in &there {
        pair.uugate.mail("root", &["jan@leaf.uucp"], message);
    }
    for message in &back {
        pair.taylor.mail("jan", &["ann"], message);
    }
    let end = if (victim == Victim::Taylor) == taylor_calls { End::KillCaller } else { End::KillCalled };
    for after in seeded(seed, ALL / 10).take(MOMENTS) {
        if taylor_calls {
            join_until(&mut pair.taylor.caller(), &mut pair.uugate.called(), after, end);
        } else {
            join_until(&mut pair.uugate.caller("leaf"), &mut pair.taylor.called(), after, end);
        }
    }
    for _ in 0..CALLS {
        pair.call(taylor_calls);
        if (pair.taylor.jobs_waiting(), pair.uugate.waiting().0) == (0, 0) {
            break;
        }
    }
    assert_eq!((pair.taylor.jobs_waiting(), pair.uugate.waiting()), (0, (0, 0)), "{}", pair.taylor.log());
    assert_arrived(&back, pair.uugate.mailbox("ann"), true);
    pair.taylor.execute();
    // Shown if something is missing.
    println!("{}", pair.taylor.log());
    let mut arrived: Vec<Vec<u8>> = pair.taylor.inbox().into_iter().map(bytes).collect();
    let repeated = repeats(&mut arrived);
    assert_arrived(&there, arrived, false);
    explain(&pair, victim, repeated);
}

/// Takes out what is there a second time, byte for byte; says how much that was.
fn repeats(arrived: &mut Vec<Vec<u8>>) -> usize {
    let before = arrived.len();
    arrived.sort_by(|a, b| mark_and_body(a).cmp(mark_and_body(b)));
    arrived.dedup_by(|a, b| mark_and_body(a) == mark_and_body(b));
    before - arrived.len()
}

/// Each repeat is a job that Taylor took twice, in calls one of which was broken off; no more than one a break.
fn explain(pair: &Pair, victim: Victim, repeated: usize) {
    let who = if victim == Victim::Taylor { "Taylor" } else { "uugate" };
    println!("{repeated} repeated at Taylor after {MOMENTS} deaths of {who}");
    assert!(repeated <= MOMENTS, "{repeated} repeats");
    if repeated > 0 {
        let log = pair.taylor.log();
        let received = log.lines().filter(|line| line.contains("Receiving ")).count();
        assert!(received >= 20 + repeated, "Taylor took each of them twice, {received} in all:\n{log}");
    }
}

#[test]
fn taylor_calls_over_i_and_dies() {
    survive('i', true, Victim::Taylor, 0x7a_0001);
}

#[test]
fn taylor_is_called_over_g_and_dies() {
    survive('g', false, Victim::Taylor, 0x7a_0002);
}

#[test]
fn taylor_calls_over_g_and_uugate_dies() {
    survive('g', true, Victim::Uugate, 0x7a_0003);
}

#[test]
fn taylor_is_called_over_i_and_uugate_dies() {
    survive('i', false, Victim::Uugate, 0x7a_0004);
}
