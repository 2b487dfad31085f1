//! What a node takes while it waits for calls and mail.

use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{Telephone, Terminal};
use uugate::wire::exchange::{Event, Settings};

/// Promised for a node that waits, in KiB.
const MOST: u64 = 20 << 10;

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
    // Somebody calls, sees the prompt and hangs up: everything has been at work once.
    let mut other = Terminal::open(&telephone.device("other"));
    other.say("ATDT5552\r");
    other.expect("CONNECT");
    other.expect("login: ");
    drop(other);
    telephone.until("the end of the call", |event| matches!(event, Event::Ended { .. }));
    let status = format!("/proc/{}/status", daemon.process().as_raw_nonzero());
    let status = std::fs::read_to_string(status).expect("status of the daemon");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let resident: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("{resident} KiB are resident");
    // A build for debugging is larger, and promises nothing.
    assert!(resident < MOST || cfg!(debug_assertions), "{resident} KiB");
    assert!(daemon.stop().success());
}
