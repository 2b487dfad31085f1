//! The carrier is lost in the middle of a message.

use super::pair;
use crate::support::messages::{assert_arrived, twenty};
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use crate::support::watch;
use serde_json::Value;
use std::time::Duration;
use uugate::clock;
use uugate::wire::exchange::{Event, Settings};

/// What crosses the line before it breaks, and the size of the message that is cut by it.
const CUT: u64 = 40_000;
const LONG: u64 = 60_000;
/// Far more than the 5 s that are promised, for a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn a_lost_carrier_is_noticed_at_both_ends_and_the_next_call_brings_the_rest() {
    let folder = open_folder();
    let settings = Settings { drop_carrier_after: Some(CUT), ..Settings::default() };
    let mut telephone = Telephone::new(folder.path(), settings);
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let long = twenty("down").into_iter().filter(|message| message.len() as u64 > LONG).min_by_key(Vec::len);
    let down = [long.expect("a long one"), b"Subject: down short\n\nhello\n".to_vec()];
    let up: Vec<_> = twenty("up").into_iter().take(5).collect();
    for message in &down {
        feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], message);
    }
    for message in &up {
        leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], message);
    }
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed"], b"");
    telephone.until("the loss of the carrier", |event| matches!(event, Event::Ended { dropped: true, .. }));
    let lost = clock::now();
    for node in [&leaf, &feed] {
        watch::until(&node.path("spool"), "the record of the call", || !node.ended_calls().is_empty());
        let after = clock::now().duration_since(lost);
        println!("{} has noticed {after:?} after the loss", node.name);
        assert!(after < DEADLINE, "{} noticed after {after:?}", node.name);
        let failure = node.ended_calls()[0]["record"]["failure"].as_str().expect("it failed").to_owned();
        assert!(failure.starts_with("carrier: "), "{failure}");
    }

    leaf.run("poll", &["feed", "--wait"], b"");
    telephone.until_hung_up();
    leaf.await_mail("ann", down.len());
    feed.await_mail("ann", up.len());
    assert_arrived(&down, leaf.mailbox("ann"), true);
    assert_arrived(&up, feed.mailbox("ann"), true);
    let calls = leaf.ended_calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(calls[0]["record"]["failure"], Value::Null);
    let bytes = calls[0]["record"]["bytes_received"].as_u64().expect("a number");
    println!("the second call brought {bytes} bytes");
    assert!(bytes < LONG * 3 / 4, "the message began anew: {bytes} bytes");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}
