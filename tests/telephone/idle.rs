//! What a node takes while it waits for calls and mail.

use crate::support::node::{Daemon, Node};
use crate::support::open_folder;
use crate::support::telephone::{Telephone, Terminal};
use uugate::wire::exchange::{Event, Settings};

/// Promised for a node that waits, in KiB.
const MOST: u64 = 20 << 10;

/// What the status of a process says of its memory, in KiB.
fn resident(daemon: &Daemon, what: &str) -> u64 {
    let status = format!("/proc/{}/status", daemon.process().as_raw_nonzero());
    let status = std::fs::read_to_string(status).expect("status of the daemon");
    let resident = status.lines().find_map(|line| line.strip_prefix(what)).expect("its memory");
    resident.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_waiting_node_fits_into_twenty_mebibytes() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let polux = Node::new(folder.path(), "polux", "");
    let mut config = include_str!("../../config/feed.toml").to_owned();
    let device = telephone.device("feed").display().to_string();
    for (from, to) in [
        ("\"/dev/ttyS0\"", format!("\"{device}\"\nlock-directory = \".\"")),
        ("\"127.0.0.1:2626\", \"[::1]:2626\"", "\"127.0.0.1:0\"".to_owned()),
        ("\"127.0.0.1:5400\"", "\"127.0.0.1:0\"".to_owned()),
        ("poll = \"2 h\"", String::new()),
        ("rings = 2", String::new()),
    ] {
        assert!(config.contains(from), "{from} has gone from the example");
        config = config.replace(from, &to);
    }
    std::fs::write(polux.path("uugate.toml"), config).expect("the configuration");
    let daemon = polux.start();
    // Somebody calls, is not let in and hangs up: everything has been at work once.
    let mut other = Terminal::open(&telephone.device("other"));
    other.say("ATDT5552\r");
    other.expect("CONNECT");
    for _ in 0..2 {
        other.expect("login: ");
        other.say("Ubarberouge\r");
        other.expect("word:");
        other.say("wrong\r");
        other.expect("incorrect");
    }
    drop(other);
    telephone.until("the end of the call", |event| matches!(event, Event::Ended { .. }));
    let (all, own) = (resident(&daemon, "VmRSS:"), resident(&daemon, "RssAnon:"));
    println!("{all} KiB are resident, {own} KiB of them the node's own");
    // The program of a build for debugging is larger.
    assert!(all < MOST || cfg!(debug_assertions), "{all} KiB");
    assert!(own < MOST / 2, "{own} KiB");
    assert!(daemon.stop().success());
}
