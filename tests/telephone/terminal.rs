//! `uugate terminal`: a modem and a system by hand.

use super::pair;
use crate::support::open_folder;
use crate::support::telephone::{LOGIN, Telephone};
use std::io::{BufRead, BufReader, Write};
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

#[test]
fn a_modem_and_a_system_behind_it_are_talked_to_by_hand() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let feed_daemon = feed.start();
    let log = leaf.path("log");
    for (name, talk) in [
        ("modem", [("", "AT\r"), ("OK\r\n", "ATI\r"), ("OK\r\n", "~.")]),
        ("feed", [("login: ", LOGIN), ("", "\r"), ("word:", "\r~.")]),
    ] {
        let mut terminal = leaf.command("terminal");
        terminal.args([name, "--log", log.to_str().expect("a path")]);
        let mut terminal =
            terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uugate terminal");
        let mut input = terminal.stdin.take().expect("its input");
        let mut out = BufReader::new(terminal.stdout.take().expect("its output"));
        for (heard, said) in talk {
            expect(&mut out, heard);
            input.write_all(said.as_bytes()).expect("it listens");
        }
        expect(&mut out, "ended\n");
        assert!(terminal.wait().expect("it ends").success());
    }
    let log = std::fs::read_to_string(log).expect("the log");
    assert!(log.contains("OK\r\n") && log.contains("login: "), "{log:?}");
    assert!(feed_daemon.stop().success());
}
