//! A modem on a port with modem lines and a UART: the carrier signal, DTR, and what the UART loses.

use super::pair;
use crate::support::modem_lines::{DCD, ModemLines};
use crate::support::node::Node;
use crate::support::telephone::Telephone;
use crate::support::{open_folder, watch};
use jiff::Timestamp;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use uugate::clock;
use uugate::wire::exchange::{Event, Settings};

/// From the fall of the carrier signal to the end of the call.
const AT_MOST: Duration = Duration::from_secs(2);
/// What a recording holds when the message is well under way, in bytes.
const UNDER_WAY: u64 = 12_000;
const RECORD: &str = "[record]\ndirectory = \"recordings\"\n";

/// A leaf whose modem is on a port with these lines, a host that answers, and a message for the leaf that takes seconds.
struct Pair {
    feed: Node,
    leaf: Node,
}

impl Pair {
    fn new(folder: &Path, telephone: &Telephone, lines: &ModemLines) -> Pair {
        let (feed, leaf) = pair(folder, telephone, RECORD);
        let leaf = leaf.in_environment(lines.environment());
        fs::create_dir_all(leaf.path("recordings")).expect("a folder for recordings");
        let text: String = (0..900).map(|line| format!("{line}: a line of a long message\n")).collect();
        feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], format!("Subject: long\n\n{text}").as_bytes());
        Pair { feed, leaf }
    }

    /// Calls, and waits until the message is on its way.
    fn call(&self, telephone: &mut Telephone, lines: &ModemLines) {
        let recordings = self.leaf.path("recordings");
        let recorded = || fs::read_dir(&recordings).expect("recordings").map(|file| file.expect("one"));
        recorded().for_each(|file| fs::remove_file(file.path()).expect("it can go"));
        self.leaf.run("poll", &["feed"], b"");
        let connected = |event: &Event| {
            lines.follow(event);
            matches!(event, Event::Connected { .. })
        };
        telephone.until("the connection", connected);
        let size = || recorded().map(|file| file.metadata().expect("its size").len()).sum::<u64>();
        watch::until(&recordings, "the message on its way", || size() > UNDER_WAY);
    }

    fn last_call(&self, calls: usize) -> Value {
        let ended = || self.leaf.ended_calls();
        watch::until(&self.leaf.path("spool"), "the record of the call", || ended().len() >= calls);
        ended().swap_remove(0)
    }
}

fn until_over(telephone: &mut Telephone, lines: &ModemLines) {
    let over = |event: &Event| {
        lines.follow(event);
        matches!(event, Event::Ended { .. })
    };
    telephone.until("the end of the call", over);
}

fn telephone(folder: &Path) -> Telephone {
    Telephone::new(folder, Settings { speed: Some(33_600), ..Settings::default() })
}

#[test]
fn a_carrier_signal_that_falls_in_the_middle_of_a_packet_ends_the_call_within_two_seconds() {
    let folder = open_folder();
    let (mut telephone, lines) = (telephone(folder.path()), ModemLines::new(folder.path()));
    let nodes = Pair::new(folder.path(), &telephone, &lines);
    let (feed, leaf) = (nodes.feed.start(), nodes.leaf.start());
    nodes.call(&mut telephone, &lines);
    assert!(lines.dtr(), "a line in a call has DTR");
    // What was written cannot leave: that must not keep the line from being hung up.
    lines.hold_up(100);
    let falls = lines.dtr_falls();
    lines.lower(DCD);
    let lost = clock::wall();
    let call = nodes.last_call(1);
    let ended: Timestamp = call["ended"].as_str().expect("it has ended").parse().expect("a time");
    let after = Duration::try_from(ended.duration_since(lost)).unwrap_or_default();
    println!("noticed after {after:?}");
    assert!(after < AT_MOST, "noticed after {after:?}");
    let failure = call["record"]["failure"].as_str().expect("it failed");
    assert!(failure.starts_with("carrier: ") && failure.contains("the carrier was lost"), "{failure}");
    until_over(&mut telephone, &lines);
    assert_eq!(lines.dtr_falls(), falls + 1, "the line was hung up by DTR");
    assert!(nodes.leaf.log().contains("not everything left"), "{}", nodes.leaf.log());

    lines.hold_up(0);
    nodes.call(&mut telephone, &lines);
    assert!(lines.dtr(), "DTR has risen again");
    until_over(&mut telephone, &lines);
    assert_eq!(nodes.last_call(2)["record"]["failure"], Value::Null);
    nodes.leaf.await_mail("ann", 1);
    assert!(leaf.stop().success() && feed.stop().success());
}

#[test]
fn a_port_whose_carrier_signal_is_not_wired_carries_calls_all_the_same() {
    let folder = open_folder();
    let (mut telephone, lines) = (telephone(folder.path()), ModemLines::new(folder.path()));
    let nodes = Pair::new(folder.path(), &telephone, &lines);
    let (feed, leaf) = (nodes.feed.start(), nodes.leaf.start());
    nodes.leaf.run("poll", &["feed"], b"");
    telephone.until("the end of the call", |event| matches!(event, Event::Ended { .. }));
    assert_eq!(nodes.last_call(1)["record"]["failure"], Value::Null);
    nodes.leaf.await_mail("ann", 1);
    assert!(nodes.leaf.log().contains("the port shows no carrier"), "{}", nodes.leaf.log());
    assert!(leaf.stop().success() && feed.stop().success());
}

#[test]
fn what_the_uart_loses_in_a_call_is_counted_and_explained() {
    let folder = open_folder();
    let (mut telephone, lines) = (telephone(folder.path()), ModemLines::new(folder.path()));
    let nodes = Pair::new(folder.path(), &telephone, &lines);
    let (feed, leaf) = (nodes.feed.start(), nodes.leaf.start());
    // Of an earlier life of the port: none of this call's.
    lines.overrun(5);
    nodes.call(&mut telephone, &lines);
    lines.overrun(37);
    let falls = lines.dtr_falls();
    until_over(&mut telephone, &lines);
    let record = &nodes.last_call(1)["record"];
    assert_eq!(record["failure"], Value::Null);
    let errors = &record["errors"];
    assert_eq!((&errors["overruns"], &errors["uart"]), (&Value::from(37), &Value::from("16550A")));
    let hint = errors["hint"].as_str().expect("a hint");
    assert!(hint.contains("speed = \"38400 bit/s\""), "{hint}");
    let listed = String::from_utf8(nodes.leaf.run("uustat", &["-m"], b"").stdout).expect("text");
    assert!(listed.contains("37 overruns") && listed.contains(hint), "{listed}");
    nodes.leaf.await_mail("ann", 1);
    assert!(leaf.stop().success() && feed.stop().success());
    assert_eq!(lines.dtr_falls(), falls + 1, "DTR fell at the hang-up, whoever hung up first");
}

#[test]
fn dtr_does_what_it_is_told_when_the_port_is_opened() {
    let folder = open_folder();
    let telephone = telephone(folder.path());
    let lines = ModemLines::new(folder.path());
    let leaf = Node::new(folder.path(), "leaf", "").in_environment(lines.environment());
    for (policy, high) in [("keep", false), ("raise", true), ("keep", true), ("lower", false)] {
        leaf.configure(&format!(
            "[[line]]\nname = \"cable\"\ntype = \"serial\"\ndevice = \"{}\"\nlock-directory = \".\"\n\
             dtr-on-open = \"{policy}\"\n",
            telephone.device("leaf").display()
        ));
        leaf.run("line", &["doctor", "cable"], b"");
        assert_eq!(lines.dtr(), high, "{policy}");
    }
}
