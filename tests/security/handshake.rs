//! What may come where a handshake should.

use crate::support::node::{Node, neighbour};
use crate::support::{self, open_folder, output_with_input};
use std::path::Path;
use std::process::{Command, Output};

struct Pair {
    polux: Node,
    leaf: Node,
}

/// Two nodes; a message waits at each.
fn pair(folder: &Path) -> Pair {
    let polux = Node::new(folder, "polux", &neighbour("leaf", ""));
    let leaf = Node::new(folder, "leaf", &neighbour("polux", ""));
    polux.mail("root", &["ann@leaf.uucp"], b"Subject: back 0\n\nhello\n");
    leaf.mail("root", &["ann@polux.uucp"], b"Subject: there 0\n\nhello\n");
    Pair { polux, leaf }
}

impl Pair {
    /// Whatever was before, a call goes through and brings everything, once.
    fn next_call_works(&self) {
        let (caller, called) = support::join(&mut self.leaf.caller("polux"), &mut self.polux.called());
        assert!(caller.success() && called.success(), "{caller} {called}");
        assert_eq!((self.polux.mailbox("ann").len(), self.leaf.mailbox("ann").len()), (1, 1));
    }
}

/// One line that says what went wrong, and the exit code of a fault that may pass.
#[track_caller]
fn clear(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("uucico: ")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert!(errors[0].len() < 400 && !errors[0].chars().any(char::is_control), "{said}");
    assert_eq!(output.status.code(), Some(75), "{said}");
}

#[test]
fn callers_that_talk_nonsense_are_told_no_more() {
    let folder = open_folder();
    let pair = pair(folder.path());
    let nonsense: [&[u8]; 8] = [
        b"",
        b"\r\nlogin: root\r\n",
        b"GET / HTTP/1.1\r\nHost: polux\r\n\r\n",
        b"\x10\0\x10\0\x10\0",
        b"\x10Sstranger -R -N07\0",
        b"\x10S../../etc/passwd\0",
        b"\x10Sleaf -N99999999999999\0",
        b"\x10Sleaf -R -N07\0\x10Ux\0\x10Ui\0",
    ];
    for bytes in nonsense {
        let output = output_with_input(&mut pair.polux.called(), bytes);
        clear(&output);
        assert!(output.stdout.starts_with(b"\x10Shere=polux\0"), "{bytes:?}");
        assert!(output.stdout.len() < 200, "{bytes:?}: {:?}", String::from_utf8_lossy(&output.stdout));
    }
    let stranger = output_with_input(&mut pair.polux.called(), b"\x10Sstranger -R -N07\0");
    let answer = String::from_utf8_lossy(&stranger.stdout).into_owned();
    assert!(answer.contains("RYou are unknown to me"), "{answer:?}");
    assert_eq!(pair.polux.mailbox("root").len(), 0);
    pair.next_call_works();
}

/// The called side of the next call, after so many bytes of something else.
fn noisy(node: &Node, bytes: usize) -> Command {
    let mut command = Command::new("sh");
    let noise = format!("head -c {bytes} /dev/zero | tr '\\0' '\\252'; exec \"$@\"");
    command.args(["-c", &noise, "noisy"]).arg(node.called().get_program()).args(node.called().get_args());
    command
}

#[test]
fn ten_megabytes_before_the_greeting_are_read_over() {
    let folder = open_folder();
    let pair = pair(folder.path());
    let (caller, called) = support::join(&mut pair.leaf.caller("polux"), &mut noisy(&pair.polux, 10_000_000));
    assert!(caller.success() && called.success(), "{caller} {called}");
    assert_eq!((pair.polux.mailbox("ann").len(), pair.leaf.mailbox("ann").len()), (1, 1));
}

#[test]
fn more_than_any_banner_ends_the_call() {
    let folder = open_folder();
    let pair = pair(folder.path());
    let mut called = Command::new("sh");
    called.args(["-c", "head -c 30000000 /dev/zero | tr '\\0' x"]);
    let (caller, _) = support::join(&mut pair.leaf.caller("polux"), &mut called);
    assert_eq!(caller.code(), Some(75));
    pair.next_call_works();
}

/// It hangs up, or talks nonsense, when it is called.
#[test]
fn systems_that_answer_with_nonsense_are_called_again() {
    let folder = open_folder();
    let pair = pair(folder.path());
    for said in [
        "",
        "\\020Shere=other\\000",
        "\\020Shere=polux\\000\\020RLCK\\000",
        "\\020Shere=polux\\000\\020ROKN9\\000",
    ] {
        let mut called = Command::new("printf");
        called.arg(said);
        let (caller, _) = support::join(&mut pair.leaf.caller("polux"), &mut called);
        assert_eq!(caller.code(), Some(75), "{said}");
    }
    pair.next_call_works();
}
