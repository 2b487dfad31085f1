//! A full disk, and a spool that a disk has damaged.

use crate::support::node::{Node, neighbour};
use crate::support::smtp::Client;
use crate::support::{self, open_folder, output_with_input};
use std::fs;
use std::process::Output;

const FULL: &str = "[spool]\nreserve = \"1000000 GiB\"\n";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A subcommand of a subcommand, which finds its node by the environment.
fn own(node: &Node, words: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_uugate"));
    output_with_input(command.args(words).env("UUGATE_CONFIG", node.path("uugate.toml")), b"")
}

#[test]
fn a_full_disk_takes_nothing_new_and_loses_nothing() {
    let folder = open_folder();
    let config = |more: &str| format!("{}[smtp]\nlisten = \"127.0.0.1:0\"\n{more}", neighbour("leaf", ""));
    let polux = Node::new(folder.path(), "polux", &config(""));
    let leaf = Node::new(folder.path(), "leaf", &neighbour("polux", ""));
    polux.mail("root", &["ann@leaf.uucp"], b"Subject: back 0\n\nhello\n");
    leaf.mail("root", &["ann@polux.uucp"], b"Subject: there 0\n\nhello\n");

    polux.configure(&config(FULL));
    for (program, arguments) in
        [("sendmail", &["-i", "ann"][..]), ("uux", &["-", "-r", "leaf!rmail", "x"]), ("rmail", &["ann"])]
    {
        let output = polux.try_run(program, arguments, b"Subject: one\n\ntext\n");
        assert_eq!(output.status.code(), Some(75), "{program}: {}", said(&output));
        assert!(said(&output).contains("free"), "{program}: {}", said(&output));
    }
    let daemon = polux.start();
    let mut client = Client::connect(polux.await_address("listening for SMTP")).expect("a greeting");
    let answer =
        client.send("marie@leaf.example", "ann@polux.uucp", b"Subject: one\n\ntext\n").expect_err("full");
    assert!(answer.to_string().contains(": 45"), "{answer}");
    client.ask("NOOP", "250").expect("the session goes on");
    drop(client);
    assert!(daemon.stop().success());

    // A call takes nothing in, and says so; what waits there waits on.
    support::join(&mut leaf.caller("polux"), &mut polux.called());
    assert_eq!(leaf.waiting().0, 1, "it waits for a better time");
    assert_eq!(polux.mailbox("ann").len(), 0);

    polux.configure(&config(""));
    let (caller, called) = support::join(&mut leaf.caller("polux"), &mut polux.called());
    assert!(caller.success() && called.success(), "{caller} {called}");
    assert_eq!((polux.mailbox("ann").len(), leaf.mailbox("ann").len()), (1, 1));
    assert_eq!((polux.waiting(), leaf.waiting()), ((0, 0), (0, 0)));
}

/// By the numbers of jobs, which a restored spool gives out again, the other end knows what it has had.
#[test]
fn a_spool_from_a_backup_sends_what_is_new_and_nothing_twice() {
    for told in [false, true] {
        let folder = open_folder();
        let polux = Node::new(folder.path(), "polux", &neighbour("leaf", ""));
        let leaf = Node::new(folder.path(), "leaf", &neighbour("polux", ""));
        let mail = |text: &str| {
            polux.mail("root", &["ann@leaf.uucp"], format!("Subject: {text}\n\nhello\n").as_bytes());
        };
        let call = || {
            let (caller, called) = support::join(&mut leaf.caller("polux"), &mut polux.called());
            assert!(caller.success() && called.success(), "{caller} {called}");
        };
        let (spool, backup) = (polux.path("spool"), polux.path("backup"));
        let copy = |from, to| {
            support::run_with_input(std::process::Command::new("cp").arg("-a").arg(from).arg(to), b"");
        };
        mail("before");
        copy(&spool, &backup);
        mail("since");
        call();
        fs::remove_dir_all(&spool).expect("the spool is lost");
        copy(&backup, &spool);
        if told {
            let restored = own(&polux, &["spool", "restored"]);
            assert!(restored.status.success(), "{}", said(&restored));
        }
        mail("after");
        call();
        let mut subjects: Vec<String> = leaf
            .mailbox("ann")
            .iter()
            .filter_map(|message| {
                let text = String::from_utf8_lossy(message);
                text.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned))
            })
            .collect();
        subjects.sort();
        assert_eq!(subjects, ["after", "before", "since"], "{told}");
        assert_eq!(polux.waiting(), (0, 0), "{told}");
    }
}

/// A node with some mail for its neighbour, and the files of its spool.
fn filled(folder: &tempfile::TempDir) -> Node {
    let node = Node::new(folder.path(), "polux", &neighbour("leaf", ""));
    for number in 0..20 {
        let message = format!("Subject: back {number}\n\n{}", "some text\n".repeat(200 * number));
        node.mail("root", &["ann@leaf.uucp"], message.as_bytes());
    }
    node
}

/// Every program ends with an error that names the spool, or works on what is whole; never with a panic or silence.
fn damaged(node: &Node) {
    let before = fs::read(node.path("spool/spool.db")).expect("the spool");
    for (program, arguments) in [
        ("uustat", &["-a"][..]),
        ("uux", &["-", "-r", "leaf!rmail", "x"]),
        ("sendmail", &["-i", "ann"]),
        ("uuxqt", &[]),
        ("uucico", &["-r1", "-s", "leaf"]),
        ("run", &[]),
    ] {
        let output = node.try_run(program, arguments, b"Subject: one\n\ntext\n");
        let text = said(&output);
        assert!(output.status.code().is_some_and(|code| code != 0 && code != 101), "{program}: {text}");
        assert!(text.contains("spool"), "{program}: {text}");
    }
    let verified = own(node, &["spool", "verify"]);
    assert_eq!(verified.status.code(), Some(65), "{}{}", stdout(&verified), said(&verified));
    // It is left as it is for whoever looks into it.
    assert!(
        fs::read(node.path("spool/spool.db")).expect("the spool") == before,
        "the damaged file was changed"
    );
}

#[test]
fn a_truncated_spool_is_refused_and_left_alone() {
    let folder = open_folder();
    let node = filled(&folder);
    let file = fs::File::options().write(true).open(node.path("spool/spool.db")).expect("the spool");
    let size = file.metadata().expect("its size").len();
    file.set_len(size / 3).expect("it is cut");
    damaged(&node);
}

/// Some bits of a spool turn over: what can be read is dumped, and verify says that it is damaged.
#[test]
fn a_spool_with_turned_bits_is_told_of_and_dumped() {
    let folder = open_folder();
    let node = filled(&folder);
    let path = node.path("spool/spool.db");
    let mut bytes = fs::read(&path).expect("the spool");
    let texts: Vec<usize> =
        bytes.windows(9).enumerate().filter(|(_, w)| *w == b"some text").map(|(at, _)| at).collect();
    bytes[texts[texts.len() / 2]] ^= 0x10;
    fs::write(&path, &bytes).expect("the spool");
    let verified = own(&node, &["spool", "verify"]);
    assert_eq!(verified.status.code(), Some(65), "{}{}", stdout(&verified), said(&verified));
    let out = folder.path().join("dump");
    let dumped = own(&node, &["spool", "dump", out.to_str().expect("text")]);
    assert!(out.exists(), "{}", said(&dumped));
    let files = walk(&out);
    assert!(files >= 20, "{files} files of 20 messages");
}

fn walk(folder: &std::path::Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}
