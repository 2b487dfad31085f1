//! A disk that is really full: every door says so and why, and after room is made everything arrives once.

use crate::support::disk::SmallDisk;
use crate::support::messages::assert_arrived;
use crate::support::node::{Daemon, Node, neighbour};
use crate::support::relay::{Outcome, join_and, join_without_options};
use crate::support::smtp::Client;
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, open_folder};
use std::path::Path;

const MEBIBYTE: u64 = 1 << 20;

/// `polux` with its spool on a disk of its own, and its neighbours: `leaf`, and the Taylor `tay`.
struct Sites {
    polux: Node,
    leaf: Node,
    tay: Taylor,
    disk: SmallDisk,
}

impl Sites {
    fn new(folder: &Path) -> Sites {
        let config = format!(
            "[smtp]\nlisten = \"127.0.0.1:0\"\n[spool]\nreserve = \"4 MiB\"\n{}\
             [[system]]\nname = \"tay\"\nline = \"stdio\"\n[[system]]\nname = \"moon\"\nline = \"stdio\"\n",
            neighbour("leaf", "")
        );
        let polux = Node::new(folder, "polux", &config);
        let disk = SmallDisk::mount(&polux.path("spool"), 32);
        Sites {
            polux,
            leaf: Node::new(folder, "leaf", &neighbour("polux", "")),
            tay: Taylor::new(folder, "tay", "polux", &Settings::default()),
            disk,
        }
    }

    fn smtp(&self) -> Client {
        Client::connect(self.polux.await_address("listening for SMTP")).expect("a greeting")
    }

    /// No command takes anything, and each says what is full and what to do.
    #[track_caller]
    fn commands_are_put_off(&self) {
        let plan = self.leaf.path("uugate.toml");
        let plan = plan.to_str().expect("text");
        let batch = b"MAIL FROM:<>\nRCPT TO:<ann>\nDATA\nSubject: never\n\nx\n.\n".repeat(3);
        let mail = [b"Subject: never\n\n".to_vec(), b"x".repeat(200_000)].concat();
        for (program, arguments, input) in [
            ("sendmail", &["-i", "ann"][..], &mail),
            ("rmail", &["ann"], &mail),
            ("rsmtp", &[], &batch),
            ("uux", &["-", "-r", "leaf!rmail", "x"], &mail),
            ("uucp", &["-r", "-C", plan, "leaf!~/x"], &Vec::new()),
        ] {
            let output = self.polux.try_run(program, arguments, input);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(75), "{program}: {said}");
            let spool = self.polux.path("spool").display().to_string();
            assert!(said.contains(&spool) && said.contains("free some space"), "{program}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    fn leaf_calls(&self) -> (Option<i32>, Option<i32>) {
        let (caller, called) = support::join(&mut self.leaf.caller("polux"), &mut self.polux.called());
        (caller.code(), called.code())
    }

    fn tay_calls(&self) -> (Option<i32>, Option<i32>) {
        let (caller, called) = support::join(&mut self.tay.caller(), &mut self.polux.called());
        (caller.code(), called.code())
    }

    /// The messages that reached ann at polux.
    #[track_caller]
    fn arrived(&self, daemon: Daemon, messages: &[Vec<u8>]) {
        self.polux.await_mail("ann", messages.len());
        assert_arrived(messages, self.polux.mailbox("ann"), true);
        assert_eq!((self.polux.waiting(), self.leaf.waiting()), ((0, 0), (0, 0)));
        assert_eq!(self.tay.jobs_waiting(), 0, "{}", self.tay.log());
        assert!(daemon.stop().success());
    }
}

fn message(subject: &str, size: usize) -> Vec<u8> {
    [format!("Subject: {subject}\n\n").into_bytes(), b"0123456789abcde\n".repeat(size / 16)].concat()
}

#[test]
fn a_full_disk_is_said_at_every_door_and_all_arrives_when_there_is_room() {
    let folder = open_folder();
    let sites = Sites::new(folder.path());
    let Sites { polux, leaf, tay, disk } = &sites;
    let done = (Some(0), Some(0));
    let mut wanted =
        vec![message("leaf large", 2_000_000), message("leaf small", 100), message("tay large", 900_000)];
    for sent in &wanted[..2] {
        leaf.mail("root", &["ann@polux.uucp"], sent);
    }
    tay.mail("jan", &["ann"], &wanted[2]);
    wanted.push(message("tay small", 1000));
    tay.mail("jan", &["ann"], &wanted[3]);
    let daemon = polux.start();

    // Mail for one who does not call fills the disk, up to the reserve.
    let mut client = sites.smtp();
    let mut held = Vec::new();
    let refusal = loop {
        let text = message(&format!("held {}", held.len()), 1_000_000);
        match client.send("marie@tay.example", "ann@moon.uucp", &text) {
            Ok(()) => held.push(text),
            Err(error) => break error.to_string(),
        }
        assert!(held.len() < 32, "more than the disk holds");
    };
    assert!(refusal.contains(": 452 4.3.1"), "{refusal}");
    assert!(held.len() > 10, "{}", held.len());

    for leave in [disk.free().min(3 * MEBIBYTE), 0] {
        disk.fill(leave);
        assert_eq!(client.say("RSET").expect("the session goes on").get(..3), Some("250"));
        client.ask("MAIL FROM:<marie@tay.example>", "452 4.3.1").expect("the session goes on");
        client.ask("MAIL FROM:<marie@tay.example> SIZE=1000", "452 4.3.1").expect("the session goes on");
        sites.commands_are_put_off();
        let (by_leaf, by_tay) = (sites.leaf_calls(), sites.tay_calls());
        // Where nothing at all is left, the record of a call is written if the log of writes has room from before.
        let is_unwritten = leave == 0 && by_leaf.0 == Some(75) && by_tay.0 != Some(0);
        assert!(is_unwritten || (by_leaf, by_tay) == (done, done), "{}\n{}", tay.log(), polux.log());
        assert_eq!((leaf.waiting().0, tay.jobs_waiting()), (2, 2), "{}", tay.log());
        assert!(polux.mailbox("ann").is_empty());
        disk.relieve();
    }

    // The other fetches its mail, which makes room; the next polls bring the rest.
    let moon = Node::new(folder.path(), "moon", &neighbour("polux", ""));
    let (caller, called) = support::join(&mut moon.caller("polux"), &mut polux.called());
    assert!(caller.success() && called.success(), "{}", polux.log());
    assert_arrived(&held, moon.mailbox("ann"), true);
    assert_eq!((sites.leaf_calls(), sites.tay_calls()), (done, done), "{}", tay.log());
    wanted.push(message("by smtp", 1000));
    client.send("marie@tay.example", "ann@polux.uucp", &wanted[4]).expect("room again");
    sites.arrived(daemon, &wanted);
}

/// The disk fills after the offer was accepted.
fn filled_in_mid_transfer(sites: &Sites, caller: &mut std::process::Command, after: u64) -> Outcome {
    join_and(caller, &mut sites.polux.called(), after, || sites.disk.fill(MEBIBYTE))
}

#[test]
fn a_disk_that_fills_in_the_middle_of_a_file_ends_the_call_and_loses_nothing() {
    let folder = open_folder();
    let sites = Sites::new(folder.path());
    let Sites { polux, leaf, tay, disk } = &sites;
    let wanted = vec![
        message("leaf first", 300_000),
        message("leaf large", 6_000_000),
        message("tay first", 300_000),
        message("tay large", 6_000_000),
    ];
    let daemon = polux.start();
    for sent in &wanted[..2] {
        leaf.mail("root", &["ann@polux.uucp"], sent);
    }
    for sent in &wanted[2..] {
        tay.mail("jan", &["ann"], sent);
    }
    let by_leaf = filled_in_mid_transfer(&sites, &mut leaf.caller("polux"), 2_000_000);
    println!("leaf: {by_leaf:?}");
    assert_eq!((by_leaf.caller.code(), by_leaf.called.code()), (Some(75), Some(75)), "{}", polux.log());
    assert_eq!(leaf.waiting().0, 1, "the large one waits");
    disk.relieve();
    let by_tay = filled_in_mid_transfer(&sites, &mut tay.caller(), 2_000_000);
    println!("tay: {by_tay:?}\n{}", tay.log());
    assert!(by_tay.called.code() == Some(75) && by_tay.caller.code().is_some(), "{}", polux.log());
    assert_eq!(tay.jobs_waiting(), 1, "{}", tay.log());
    // While it is full the large one is put off by its size, and the call is a good one.
    assert_eq!(sites.tay_calls(), (Some(0), Some(0)), "{}", tay.log());
    assert_eq!((leaf.waiting().0, tay.jobs_waiting()), (1, 1));
    disk.relieve();
    assert_eq!((sites.leaf_calls(), sites.tay_calls()), ((Some(0), Some(0)), (Some(0), Some(0))));
    sites.arrived(daemon, &wanted);
}

/// An old system tells no sizes and knows no "too large for now".
#[test]
fn an_old_system_that_tells_no_size_keeps_its_job() {
    let folder = open_folder();
    let sites = Sites::new(folder.path());
    let Sites { polux, tay, disk, .. } = &sites;
    let wanted = vec![message("old one", 100_000), message("old two", 1000)];
    let daemon = polux.start();
    for sent in &wanted {
        tay.mail("jan", &["ann"], sent);
    }
    disk.fill(MEBIBYTE);
    let ended = join_without_options(&mut tay.caller(), &mut polux.called());
    println!("{ended:?}\n{}", tay.log());
    assert_eq!(tay.jobs_waiting(), 2, "{}", tay.log());
    disk.relieve();
    join_without_options(&mut tay.caller(), &mut polux.called());
    sites.arrived(daemon, &wanted);
}
