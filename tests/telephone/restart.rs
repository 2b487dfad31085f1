//! A daemon dies in a call that its death does not end: a line without DTR. Whoever is at the other end may play the modem to
//! the next daemon.

use crate::support::messages::assert_arrived;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{LOGIN, PASSWORD, Telephone, Terminal, caller, dialled};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{Read, Write};
use uugate::wire::exchange::Settings;

/// Says what a modem would say, until the line is gone; what it has heard.
fn play_the_modem(mut line: File) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut command = Vec::new();
    let mut byte = [0];
    while let Ok(1) = line.read(&mut byte) {
        heard.push(byte[0]);
        command.push(byte[0]);
        let escaped = command.ends_with(b"+++") || command.ends_with(b"\x1c\x1c\x1c");
        let answer = match byte[0] {
            b'\r' if command.starts_with(b"ATD") => "\r\nCONNECT 33600\r\n\r\nlogin: ",
            b'\r' => "\r\nOK\r\nword: ",
            _ if escaped => "\r\nOK\r\n",
            _ => continue,
        };
        command.clear();
        if line.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
    heard
}

#[test]
fn a_caller_left_on_the_line_cannot_play_the_modem_to_the_next_daemon() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    // The terminal itself, and held open: nothing tells the modem that the daemon is gone.
    let device = std::fs::canonicalize(telephone.device("leaf")).expect("the modem");
    let held = rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
        .expect("the modem");
    let published = telephone.device("leaf").display().to_string();
    let line = telephone.line("leaf", "answer = true").replace(&published, &device.display().to_string());
    let leaf = format!("[routes]\nsmart-host = \"feed\"\n{}{line}", dialled("feed", "5552", ""));
    let leaf = Node::new(folder.path(), "leaf", &leaf);
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let feed = Node::new(folder.path(), "feed", &feed);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());

    let mut other = Terminal::open(&telephone.device("other"));
    other.say("ATDT5551\r");
    other.expect("CONNECT");
    other.expect("login: ");
    leaf_daemon.kill();
    let other = std::thread::spawn(move || play_the_modem(other.into_line()));

    let message = b"Subject: up\n\nhello\n".to_vec();
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], &message);
    let leaf_daemon = leaf.start();
    leaf.run("poll", &["feed", "--wait"], b"");
    let heard = other.join().expect("it is hung up on").escape_ascii().to_string();
    for secret in ["ATD", LOGIN, PASSWORD] {
        assert!(!heard.contains(secret), "{secret}: {heard}");
    }
    assert!(heard.contains("+++"), "the call was up all the time: {heard}");
    telephone.until_hung_up();
    feed.await_mail("ann", 1);
    assert_arrived(&[message], feed.mailbox("ann"), true);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    drop(held);
}
