//! Modems that are not on this machine: each behind a terminal server, reached by telnet and RFC 2217. The server's
//! side of the protocol is pyserial's.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{Telephone, caller, dialled};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use uugate::wire::exchange::Settings;

/// It is killed when this is dropped.
struct TerminalServer {
    child: Child,
    port: u16,
}

impl TerminalServer {
    fn start(device: &Path) -> TerminalServer {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/serial_server.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).arg(device).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the terminal server starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("it says its port");
        TerminalServer { child, port: line.trim().parse().expect("a port") }
    }

    fn line(&self, settings: &str) -> String {
        format!(
            "[[line]]\nname = \"modem\"\ntype = \"serial\"\nserver = \"127.0.0.1:{}\"\nmodem = \"exchange\"\n{settings}\n",
            self.port
        )
    }
}

impl Drop for TerminalServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn modems_behind_terminal_servers_call_each_other_twice() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let (ours, theirs) =
        (TerminalServer::start(&telephone.device("leaf")), TerminalServer::start(&telephone.device("feed")));
    let smart = |host: &str| format!("[routes]\nsmart-host = \"{host}\"\n");
    let feed = smart("leaf") + &caller("leaf", "") + &theirs.line("answer = true");
    let leaf = smart("feed") + &dialled("feed", "5552", "") + &ours.line("");
    let feed = Node::new(folder.path(), "feed", &feed);
    let leaf = Node::new(folder.path(), "leaf", &leaf);
    // Without the large ones, which take as long as on any telephone.
    let (mut up, mut down) = (twenty("up"), twenty("down"));
    up.truncate(11);
    down.truncate(11);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    // The second call finds the modems as the first one left them.
    for half in [0..5, 5..11] {
        for message in &up[half.clone()] {
            leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], message);
        }
        for message in &down[half.clone()] {
            feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], message);
        }
        leaf.run("poll", &["feed", "--wait"], b"");
        telephone.until_hung_up();
        feed.await_mail("ann", half.end);
        leaf.await_mail("ann", half.end);
    }
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    assert_arrived(&up, feed.mailbox("ann"), true);
    assert_arrived(&down, leaf.mailbox("ann"), true);
}
