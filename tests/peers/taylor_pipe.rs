//! uugate and Taylor UUCP over a pipe: who calls and who is called, protocols i and g, mail both ways.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, open_folder};
use std::path::Path;

/// The configuration of a node whose one neighbour is `peer`, met on standard input and output.
pub fn neighbour(peer: &str, protocol: &str) -> String {
    format!(
        "[routes]\nsmart-host = \"{peer}\"\n[[system]]\nname = \"{peer}\"\nline = \"stdio\"\nchat = \"\"\n{protocol}\n\
         [[line]]\nname = \"stdio\"\ntype = \"stdin\"\n"
    )
}

struct Pair {
    uugate: Node,
    taylor: Taylor,
}

fn pair(folder: &Path, protocol: &str, settings: Settings) -> Pair {
    Pair {
        uugate: Node::new(folder, "polux", &neighbour("leaf", protocol)),
        taylor: Taylor::new(folder, "leaf", "polux", &settings),
    }
}

/// Twenty messages each way in one call.
fn exchange(pair: &Pair, taylor_calls: bool) {
    let there = twenty("there");
    let back = twenty("back");
    for message in &there {
        pair.uugate.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    for message in &back {
        pair.taylor.mail("jan", &["ann"], message);
    }
    let (caller, called) = if taylor_calls {
        support::join(&mut pair.taylor.caller(), &mut pair.uugate.called())
    } else {
        support::join(&mut pair.uugate.caller("leaf"), &mut pair.taylor.called())
    };
    assert!(caller.success() && called.success(), "{caller} {called}\n{}", pair.taylor.log());
    pair.taylor.execute();
    pair.uugate.run("uuxqt", &[], b"");
    // By rmail the bytes stay as they are; a mailbox ends every message with a line end.
    let bytes = |delivered: crate::support::taylor::Delivered| delivered.message().to_vec();
    assert_arrived(&there, pair.taylor.inbox().into_iter().map(bytes), false);
    assert_arrived(&back, pair.uugate.mailbox("ann"), true);
    assert_eq!(pair.taylor.jobs_waiting(), 0);
}

#[test]
fn taylor_calls_with_i() {
    let folder = open_folder();
    exchange(&pair(folder.path(), "protocols = \"i\"", Settings::default()), true);
}

#[test]
fn taylor_is_called_with_i() {
    let folder = open_folder();
    exchange(&pair(folder.path(), "protocols = \"i\"", Settings::default()), false);
}

#[test]
fn taylor_calls_with_g() {
    let folder = open_folder();
    exchange(
        &pair(folder.path(), "protocols = \"g\"", Settings { protocol: 'g', ..Settings::default() }),
        true,
    );
}

#[test]
fn taylor_is_called_with_g() {
    let folder = open_folder();
    exchange(
        &pair(folder.path(), "protocols = \"g\"", Settings { protocol: 'g', ..Settings::default() }),
        false,
    );
}
