//! uugate and Taylor UUCP over the telephone exchange: dialling, login chat, mail both ways, hang-up, and again; and what is left when the carrier is lost.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Delivered, Settings, Taylor};
use crate::support::telephone::{self, LOGIN, PASSWORD, Telephone, Terminal};
use crate::support::{self, open_folder, watch};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use uugate::clock;
use uugate::wire::exchange::{self, Event};

const DIAL: &str = include_str!("../samples/taylor-exchange-dial");
const PORT: &str = include_str!("../samples/taylor-exchange-port");

/// A digital circuit: over a modem, the longest message alone would take minutes.
pub(super) fn fast() -> exchange::Settings {
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

/// A feeding host of ours, and Taylor that dials it.
fn taylor_leaf(folder: &Path, telephone: &Telephone, protocol: char) -> (Node, Taylor) {
    let system = telephone::caller("leaf", &format!("protocols = \"{protocol}\""));
    let config =
        format!("[routes]\nsmart-host = \"leaf\"\n{system}{}", telephone.line("feed", "answer = true"));
    let settings = Settings {
        protocol,
        system: &format!(
            "phone 5552\nchat \"\" \\r\\c ogin:-\\r\\c-ogin: \\L word: \\P\n\
             call-login {LOGIN}\ncall-password {PASSWORD}\n"
        ),
        port: &PORT.replace("DEVICE", &telephone.device("leaf").display().to_string()),
        dial: DIAL,
        ..Settings::default()
    };
    (Node::new(folder, "polux", &config), Taylor::new(folder, "leaf", "polux", &settings))
}

/// A leaf of ours, with these sections in its configuration, and Taylor that it dials.
pub(super) fn taylor_host(
    folder: &Path,
    telephone: &Telephone,
    protocol: char,
    sections: &str,
) -> (Node, Taylor) {
    let system = telephone::dialled("polux", "5552", &format!("protocols = \"{protocol}\""));
    let line = telephone.line("leaf", "");
    let config = format!("[routes]\nsmart-host = \"polux\"\n{system}{line}{sections}");
    let settings = Settings {
        protocol,
        system: &format!("chat \"\"\ncalled-login {LOGIN}\n"),
        logins: &format!("{LOGIN} {PASSWORD}\n"),
        ..Settings::default()
    };
    (Node::new(folder, "leaf", &config), Taylor::new(folder, "polux", "leaf", &settings))
}

/// Waits for a call, and has Taylor take it.
pub(super) fn answer(device: &Path, host: &Taylor) -> Child {
    let line = Terminal::answer(device);
    let mut command = host.called();
    command.arg("-l");
    support::start(&mut command, Stdio::from(line.try_clone().expect("a copy")), Stdio::from(line))
}

/// A node dials, and Taylor takes the call; it is over, in order.
pub(super) fn dial_and_answer(telephone: &mut Telephone, device: &Path, leaf: &Node, polux: &Taylor) {
    let called = std::thread::scope(|scope| {
        let called = scope.spawn(|| answer(device, polux));
        leaf.run("poll", &["polux", "--wait"], b"");
        called.join().expect("the call is answered")
    });
    assert!(support::wait(called).success(), "{}", polux.log());
    telephone.until_hung_up();
}

fn taylor_dials(protocol: char) {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), fast());
    let (polux, leaf) = taylor_leaf(folder.path(), &telephone, protocol);
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
    let (leaf, polux) = taylor_host(folder.path(), &telephone, protocol, "");
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
        let (called, poll) = std::thread::scope(|scope| {
            let called = scope.spawn(|| answer(&device, &polux));
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

/// What each end has for the other when the carrier is lost: the second is under way.
fn two(direction: &str) -> Vec<Vec<u8>> {
    let mut all = twenty(direction);
    let mut long = all.pop().expect("a mebibyte");
    long.truncate(LONG);
    vec![all.swap_remove(0), long]
}
const LONG: usize = 600_000;

/// Waits for the loss of the carrier, and until both ends have noticed.
fn both_notice(telephone: &mut Telephone, node: &Node, taylor: &Taylor, process: Child) {
    telephone.until("the loss of the carrier", |event| matches!(event, Event::Ended { dropped: true, .. }));
    let lost = clock::now();
    let taylors = std::thread::spawn(move || {
        // Its exit code does not tell: when it is called, it ends in success all the same.
        support::wait(process);
        clock::now().duration_since(lost)
    });
    watch::until(&node.path("spool"), "the record of the call", || !node.ended_calls().is_empty());
    let ours = clock::now().duration_since(lost);
    let theirs = taylors.join().expect("it ends");
    println!("noticed {ours:?} after the loss, by Taylor {theirs:?} after it");
    assert!(taylor.log().contains("ERROR: "), "{}", taylor.log());
    assert!(ours < DEADLINE && theirs < DEADLINE, "{ours:?}, {theirs:?}");
    let failure = node.ended_calls()[0]["record"]["failure"].as_str().expect("it failed").to_owned();
    assert!(failure.starts_with("carrier: "), "{failure}");
}
/// Far more than the 5 s that are promised, for a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The last call went well, all has arrived, and what was under way went on where it had stopped. `cut` bytes were carried
/// by the first call.
fn assert_resumed(node: &Node, taylor: &Taylor, there: &[Vec<u8>], back: &[Vec<u8>], cut: usize) {
    let (to_node, to_taylor) = if taylor.name == "leaf" { (there, back) } else { (back, there) };
    assert_node_has(node, to_node);
    assert_taylor_has(taylor, to_taylor);
    assert_eq!(taylor.jobs_waiting(), 0);
    let last = &node.ended_calls()[0]["record"];
    assert_eq!(last["failure"], serde_json::Value::Null);
    let bytes = |which: &str| last[which].as_u64().expect("a number") as usize;
    let (sent, received) = (bytes("bytes_sent"), bytes("bytes_received"));
    println!("the second call sent {sent} bytes and received {received}, {cut} had been carried before");
    // Packets of 64 bytes, which Taylor asks for with g, are a tenth more.
    let anew = 2 * LONG + LONG / 10;
    assert!(sent + received < anew - cut / 2, "the messages began anew:\n{}", taylor.log());
}

fn taylor_dials_and_the_carrier_is_lost(protocol: char, cut: usize) {
    let folder = open_folder();
    let settings = exchange::Settings { drop_carrier_after: Some(cut as u64), ..fast() };
    let mut telephone = Telephone::new(folder.path(), settings);
    let (polux, leaf) = taylor_leaf(folder.path(), &telephone, protocol);
    let (there, back) = (two("there"), two("back"));
    there.iter().for_each(|message| leaf.mail("jan", &["ann"], message));
    back.iter().for_each(|message| polux.mail("ann@polux.uucp", &["jan@leaf.uucp"], message));
    let daemon = polux.start();
    let process = support::start(&mut leaf.caller(), Stdio::null(), Stdio::null());
    both_notice(&mut telephone, &polux, &leaf, process);
    support::run_with_input(&mut leaf.caller(), b"");
    telephone.until_hung_up();
    assert_resumed(&polux, &leaf, &there, &back, cut);
    assert!(daemon.stop().success());
}

fn taylor_is_dialled_and_the_carrier_is_lost(protocol: char, cut: usize) {
    let folder = open_folder();
    let settings = exchange::Settings { drop_carrier_after: Some(cut as u64), ..fast() };
    let mut telephone = Telephone::new(folder.path(), settings);
    let (leaf, polux) = taylor_host(folder.path(), &telephone, protocol, "");
    let (there, back) = (two("there"), two("back"));
    let daemon = leaf.start();
    there.iter().for_each(|message| leaf.mail("ann@leaf.uucp", &["jan@polux.uucp"], message));
    back.iter().for_each(|message| polux.mail("jan", &["ann"], message));
    leaf.await_jobs(there.len());
    let device = telephone.device("feed");
    leaf.run("poll", &["polux"], b"");
    let process = answer(&device, &polux);
    both_notice(&mut telephone, &leaf, &polux, process);
    dial_and_answer(&mut telephone, &device, &leaf, &polux);
    assert_resumed(&leaf, &polux, &there, &back, cut);
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

#[test]
fn the_carrier_is_lost_when_taylor_dials_with_i() {
    taylor_dials_and_the_carrier_is_lost('i', LONG);
}

#[test]
fn the_carrier_is_lost_while_we_receive_with_g() {
    taylor_dials_and_the_carrier_is_lost('g', LONG / 2);
}

#[test]
fn the_carrier_is_lost_when_taylor_is_dialled_with_i() {
    taylor_is_dialled_and_the_carrier_is_lost('i', LONG);
}

#[test]
fn the_carrier_is_lost_while_taylor_receives_with_g() {
    taylor_is_dialled_and_the_carrier_is_lost('g', LONG / 2);
}
