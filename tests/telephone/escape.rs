//! A message cannot bring a modem back to command state. In a packet no escape stands between silences; so the first of these is of
//! modems as they are, and the second, of one that needs no silence, shows that the escape was moved. What is held back between
//! silences is tried at the stream itself (`wire::station`).

use super::pair;
use crate::support::messages::assert_arrived;
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use uugate::wire::exchange::Settings;

/// Messages that end with an escape and a command, by the usual character and by the one that it is moved to.
fn hostile() -> Vec<Vec<u8>> {
    let ends = [&b"+++ATH\r\n"[..], b"+++ATH\r", b"\x1c\x1c\x1cATH\r\n", b"+++", b"\x1c\x1c\x1c"];
    ends.iter().map(|end| [b"Subject: up\n\n", *end].concat()).collect()
}

#[test]
fn a_payload_that_ends_with_an_escape_and_silence_drops_no_call() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let messages: Vec<_> = hostile().into_iter().map(ended).collect();
    for message in &messages {
        leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], message);
    }
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed", "--wait"], b"");
    telephone.until_hung_up();
    feed.await_mail("ann", messages.len());
    assert_arrived(&messages, feed.mailbox("ann"), true);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn not_even_by_a_modem_that_needs_no_guard_time() {
    let folder = open_folder();
    let settings = Settings { time_independent_escape: true, ..Settings::default() };
    let mut telephone = Telephone::new(folder.path(), settings);
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let messages = vec![ended(b"Subject: up\n\n+++ATH\r\n+++ATH\r".to_vec())];
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], &messages[0]);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed", "--wait"], b"");
    telephone.until_hung_up();
    feed.await_mail("ann", 1);
    assert_arrived(&messages, feed.mailbox("ann"), true);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

/// As it is kept: with a line end.
fn ended(mut message: Vec<u8>) -> Vec<u8> {
    if !message.ends_with(b"\n") {
        message.push(b'\n');
    }
    message
}
