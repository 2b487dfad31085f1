//! Who is called back is so when its own call is gone, and not while it may still be up.

use crate::support::messages::assert_arrived;
use crate::support::modem_lines::{DCD, ModemLines};
use crate::support::node::Node;
use crate::support::telephone::{LOGIN, PASSWORD, Telephone, Terminal, caller, dialled};
use crate::support::{open_folder, watch};
use std::path::Path;
use uugate::wire::exchange::{Event, Settings};

/// Places of modems on the exchange.
const FEED: usize = 1;
const SECOND: usize = 3;

/// A neighbour that is dialled and may call.
fn neighbour(name: &str, number: &str, settings: &str) -> String {
    let account = caller(name, "").replace(&format!("[[system]]\nname = \"{name}\"\n"), "");
    format!("{}{account}", dialled(name, number, settings))
}

/// A host that calls the leaf back, on its second line if that is free; and a leaf that is called.
fn pair(folder: &Path, telephone: &Telephone) -> (Node, Node) {
    let called_back =
        neighbour("leaf", "5551", "callback = true").replace("\"modem\"", "[\"second\", \"modem\"]");
    let second = telephone.line("mute", "").replace("name = \"modem\"", "name = \"second\"");
    let feed = format!("{called_back}{}{second}", telephone.line("feed", "answer = true"));
    let leaf = format!(
        "[routes]\nsmart-host = \"feed\"\n{}{}",
        neighbour("feed", "5552", ""),
        telephone.line("leaf", "answer = true")
    );
    (Node::new(folder, "feed", &feed), Node::new(folder, "leaf", &leaf))
}

#[test]
fn a_caller_is_called_back_over_the_telephone_when_it_has_hung_up() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone);
    let message = b"Subject: up\n\nhello\n".to_vec();
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], &message);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed"], b"");
    let mut gone = false;
    telephone.until("the call back", |event| {
        gone |= matches!(event, Event::Ended { .. });
        matches!(event, Event::Ringing { from: FEED | SECOND, .. })
    });
    assert!(gone, "the first call had ended");
    feed.await_mail("ann", 1);
    assert_arrived(&[message], feed.mailbox("ann"), true);
    telephone.until_hung_up();
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    assert!(leaf.ended_calls().iter().any(|call| call["record"]["cause"]["code"] == "handshake-calls-back"));
}

#[test]
fn a_caller_whose_call_may_still_be_up_is_called_back_on_no_other_line() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let lines = ModemLines::new(folder.path());
    let (feed, leaf) = pair(folder.path(), &telephone);
    let feed = feed.in_environment(lines.environment());
    let message = b"Subject: up\n\nhello\n".to_vec();
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], &message);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    let mut other = Terminal::open(&telephone.device("other"));
    other.say("ATDT5552\r");
    telephone.until("the connection", |event| matches!(event, Event::Connected { .. }));
    lines.raise(DCD);
    for (seen, said) in [("login: ", LOGIN), ("word:", PASSWORD)] {
        other.expect(seen);
        other.say(&format!("{said}\r"));
    }
    other.expect("Shere=feed\0");
    other.say("\x10Sleaf\0");
    other.expect("RCB\0");
    // The carrier signal stands, whatever the modem says: an exchange that keeps the line as long as the caller wants.
    watch::until(&feed.path(""), "the line out of order", || feed.log().contains("out of order"));
    assert_eq!(feed.ended_calls().len(), 1, "nobody is called while the first call may be up");
    assert_eq!(feed.report("when", &["leaf"])["when"]["systems"][0]["due"], serde_json::Value::Null);
    drop(other);
    lines.lower(DCD);
    telephone.until("the call back", |event| {
        lines.follow(event);
        matches!(event, Event::Connected { from: FEED | SECOND, .. })
    });
    feed.await_mail("ann", 1);
    assert_arrived(&[message], feed.mailbox("ann"), true);
    telephone.until("the end of the call", |event| {
        lines.follow(event);
        matches!(event, Event::Ended { .. })
    });
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}
