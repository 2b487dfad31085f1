//! The telephone road from outside: two nodes that call each other over the exchange, and what can go wrong between them.

mod busy;
mod call_back;
mod carrier;
mod contention;
mod demand;
mod demo;
mod doctor;
mod escape;
mod exchange;
mod failures;
mod faulty_modem;
mod idle;
mod locks;
mod modem_lines;
mod polls;
mod redial;
mod restart;
mod schedule;
mod seven_bits;
mod terminal;
mod terminal_server;
mod two_days;

use crate::support::node::Node;
use crate::support::telephone::{self, Telephone};
use std::path::Path;

/// A feeding host that answers, and a leaf that calls it. `leaf` is what the leaf has beside.
fn pair(folder: &Path, telephone: &Telephone, system: &str) -> (Node, Node) {
    let feed = format!(
        "[routes]\nsmart-host = \"leaf\"\n{}{}",
        telephone::caller("leaf", ""),
        telephone.line("feed", "answer = true")
    );
    let leaf = format!(
        "[routes]\nsmart-host = \"feed\"\n{}{}",
        telephone::dialled("feed", "5552", system),
        telephone.line("leaf", "")
    );
    (Node::new(folder, "feed", &feed), Node::new(folder, "leaf", &leaf))
}

/// Asks for a call and gives what the record of it says.
fn call(leaf: &Node, system: &str) -> String {
    let output = leaf.try_run("poll", &[system, "--wait", "--json"], b"");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let failure = report["poll"]["calls"][0]["record"]["failure"].as_str().unwrap_or_default().to_owned();
    assert_eq!(output.status.code(), Some(if failure.is_empty() { 0 } else { 75 }), "{report}");
    failure
}
