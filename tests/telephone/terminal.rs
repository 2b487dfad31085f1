//! `uugate terminal`: a modem and a system by hand.

use super::pair;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{LOGIN, Telephone};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdout, Stdio};
use uugate::wire::exchange::Settings;

/// Reads until this has come.
#[track_caller]
fn expect(out: &mut BufReader<ChildStdout>, end: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        let piece = out.fill_buf().expect("it speaks");
        let byte = *piece.first().unwrap_or_else(|| panic!("{end:?} never came: {}", seen.escape_ascii()));
        out.consume(1);
        seen.push(byte);
    }
}

/// Talks to a line or a system: waits for the one, and says the other.
fn talk(leaf: &Node, arguments: &[&str], talk: &[(&str, &str)]) -> String {
    let mut terminal = leaf.command("terminal");
    terminal.args(arguments);
    let mut terminal =
        terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uugate terminal");
    let mut input = terminal.stdin.take().expect("its input");
    let mut out = BufReader::new(terminal.stdout.take().expect("its output"));
    for (heard, said) in talk {
        expect(&mut out, heard);
        input.write_all(said.as_bytes()).expect("it listens");
    }
    expect(&mut out, "ended\n");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(terminal.wait().expect("it ends").success());
    rest
}

#[test]
fn a_call_by_hand_is_in_the_account_of_its_line_and_fulfils_no_wish() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "times = \"Never\"");
    let config = std::fs::read_to_string(leaf.path("uugate.toml")).expect("its configuration");
    let tariff = "modem = \"exchange\"\ntariff = { per-minute = \"6\", budget = \"100\" }\n";
    std::fs::write(leaf.path("uugate.toml"), config.replace("modem = \"exchange\"\n", tariff)).expect("it");
    let feed_daemon = feed.start();
    leaf.run("uux", &["-", "feed!rmail", "ann"], b"Subject: waits\n\ntext\n");
    let mut told = 0;
    // By the daemon, and without one.
    for daemon in [true, false] {
        let daemon = daemon.then(|| leaf.start());
        let said = talk(&leaf, &["feed"], &[("login: ", "~.")]);
        telephone.until_hung_up();
        told += 1;
        let calls = leaf.report("calls", &[])["calls"]["calls"].take();
        assert_eq!(calls.as_array().map(Vec::len), Some(told), "{calls}");
        assert_eq!(calls[0]["record"]["by_hand"], true, "{calls}");
        let seconds = calls[0]["record"]["charge"]["seconds"].as_u64().expect("a number");
        assert!(said.ends_with(&format!(" for {seconds} s\n")), "{said:?}");
        let when = leaf.report("when", &["feed"])["when"]["systems"][0].take();
        assert_eq!(when["lines"][0]["spent"]["calls"], told, "{when}");
        assert_eq!(when["why"]["text"], "a command asked for it", "it was not called to carry that: {when}");
        assert!(daemon.is_none_or(|daemon| daemon.stop().success()));
    }
    assert!(feed_daemon.stop().success());
}

#[test]
fn a_modem_and_a_system_behind_it_are_talked_to_by_hand() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let feed_daemon = feed.start();
    let log = leaf.path("log");
    for (name, said) in [
        ("modem", [("", "AT\r"), ("OK\r\n", "ATI\r"), ("OK\r\n", "~.")]),
        ("feed", [("login: ", LOGIN), ("", "\r"), ("word:", "\r~.")]),
    ] {
        talk(&leaf, &[name, "--log", log.to_str().expect("a path")], &said);
    }
    let log = std::fs::read_to_string(log).expect("the log");
    assert!(log.contains("OK\r\n") && log.contains("login: "), "{log:?}");
    assert!(feed_daemon.stop().success());
}
