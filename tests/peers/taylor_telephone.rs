//! uugate and Taylor UUCP over the telephone exchange: dialling, login chat, mail both ways, hang-up, and again.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Delivered, Settings, Taylor};
use crate::support::telephone::{self, LOGIN, PASSWORD, Telephone, Terminal};
use crate::support::{self, open_folder};
use std::process::Stdio;
use uugate::wire::exchange;

const DIAL: &str = include_str!("../samples/taylor-exchange-dial");
const PORT: &str = include_str!("../samples/taylor-exchange-port");

/// A digital circuit: over a modem, the longest message alone would take minutes.
fn fast() -> exchange::Settings {
    exchange::Settings { speed: Some(2_048_000), ..exchange::Settings::default() }
}

/// By rmail the bytes stay as they are; a mailbox ends every message with a line end.
fn assert_taylor_has(taylor: &Taylor, expected: &[Vec<u8>]) {
    taylor.execute();
    let bytes = |delivered: Delivered| delivered.message().to_vec();
    assert_arrived(expected, taylor.inbox().into_iter().map(bytes), false);
}

fn assert_node_has(node: &Node, expected: &[Vec<u8>]) {
    node.await_mail("ann", expected.len());
    assert_arrived(expected, node.mailbox("ann"), true);
}

fn taylor_dials(protocol: char) {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), fast());
    let system = telephone::caller("leaf", &format!("protocols = \"{protocol}\""));
    let config =
        format!("[routes]\nsmart-host = \"leaf\"\n{system}{}", telephone.line("feed", "answer = true"));
    let polux = Node::new(folder.path(), "polux", &config);
    let leaf = Taylor::new(
        folder.path(),
        "leaf",
        "polux",
        &Settings {
            protocol,
            system: &format!(
                "phone 5552\nchat \"\" \\r\\c ogin:-\\r\\c-ogin: \\L word: \\P\n\
                 call-login {LOGIN}\ncall-password {PASSWORD}\n"
            ),
            port: &PORT.replace("DEVICE", &telephone.device("leaf").display().to_string()),
            dial: DIAL,
            ..Settings::default()
        },
    );
    let (mut there, mut back) = (twenty("there"), twenty("back"));
    for message in &there {
        leaf.mail("jan", &["ann"], message);
    }
    for message in &back {
        polux.mail("ann@polux.uucp", &["jan@leaf.uucp"], message);
    }
    let daemon = polux.start();
    support::run_with_input(&mut leaf.caller(), b"");
    telephone.until_hung_up();
    assert_node_has(&polux, &there);
    assert_taylor_has(&leaf, &back);

    there.push(b"Subject: there again\n\nhello\n".to_vec());
    back.push(b"Subject: back again\n\nhello\n".to_vec());
    leaf.mail("jan", &["ann"], there.last().expect("one"));
    polux.mail("ann@polux.uucp", &["jan@leaf.uucp"], back.last().expect("one"));
    polux.await_jobs(1);
    support::run_with_input(&mut leaf.caller(), b"");
    telephone.until_hung_up();
    assert_node_has(&polux, &there);
    assert_taylor_has(&leaf, &back);
    assert_eq!(leaf.jobs_waiting(), 0);
    assert!(daemon.stop().success());
}

fn taylor_is_dialled(protocol: char) {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), fast());
    let system = telephone::dialled("polux", "5552", &format!("protocols = \"{protocol}\""));
    let config = format!("[routes]\nsmart-host = \"polux\"\n{system}{}", telephone.line("leaf", ""));
    let leaf = Node::new(folder.path(), "leaf", &config);
    let polux = Taylor::new(
        folder.path(),
        "polux",
        "leaf",
        &Settings {
            protocol,
            system: &format!("chat \"\"\ncalled-login {LOGIN}\n"),
            logins: &format!("{LOGIN} {PASSWORD}\n"),
            ..Settings::default()
        },
    );
    let daemon = leaf.start();
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for (new_there, new_back) in [
        (twenty("there"), twenty("back")),
        (vec![b"Subject: there again\n\nhello\n".to_vec()], vec![b"Subject: back again\n\nhello\n".to_vec()]),
    ] {
        for message in &new_there {
            leaf.mail("ann@leaf.uucp", &["jan@polux.uucp"], message);
        }
        for message in &new_back {
            polux.mail("jan", &["ann"], message);
        }
        leaf.await_jobs(new_there.len());
        there.extend(new_there);
        back.extend(new_back);
        let device = telephone.device("feed");
        let answering = || {
            let line = Terminal::answer(&device);
            let mut command = polux.called();
            command.arg("-l");
            support::start(&mut command, Stdio::from(line.try_clone().expect("a copy")), Stdio::from(line))
        };
        let (called, poll) = std::thread::scope(|scope| {
            let called = scope.spawn(answering);
            let poll = leaf.run("poll", &["polux", "--wait"], b"");
            (called.join().expect("the call is answered"), poll)
        });
        assert!(String::from_utf8_lossy(&poll.stdout).contains("Conversation complete"), "{poll:?}");
        assert!(support::wait(called).success(), "{}", polux.log());
        telephone.until_hung_up();
        assert_taylor_has(&polux, &there);
        assert_node_has(&leaf, &back);
    }
    assert_eq!(polux.jobs_waiting(), 0);
    assert!(daemon.stop().success());
}

#[test]
fn taylor_dials_with_i() {
    taylor_dials('i');
}

#[test]
fn taylor_dials_with_g() {
    taylor_dials('g');
}

#[test]
fn taylor_is_dialled_with_i() {
    taylor_is_dialled('i');
}

#[test]
fn taylor_is_dialled_with_g() {
    taylor_is_dialled('g');
}
