//! Other people's programs at both ends: swaks hands mail in by SMTP, Python's mailbox module reads it.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::{open_folder, run_with_input};
use std::fs;
use std::process::{Command, Output};

const SMTP: &str = "[smtp]\nlisten = \"127.0.0.1:0\"\n";

/// Writes each message of the mbox that it is given, as it reads it, into a file of its own.
const READER: &str = r#"
import mailbox, sys
path, out = sys.argv[1:]
box = mailbox.mbox(path, create=False)
for number, key in enumerate(box.keys()):
    with open(f'{out}/{number}', 'wb') as f:
        f.write(box.get_bytes(key))
    print(box[key]['subject'])
"#;

#[test]
fn python_reads_the_messages_that_were_handed_in() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", "");
    let messages = twenty("mail");
    let daemon = node.start();
    for message in &messages {
        node.mail("marie@leaf.example", &["ann"], message);
    }
    node.await_mail("ann", messages.len());
    assert!(daemon.stop().success());
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    let mut python = Command::new("python3");
    python.args(["-c", READER]).arg(node.path("mail/ann")).arg(&out);
    let subjects = run_with_input(&mut python, b"").stdout;
    assert_eq!(String::from_utf8_lossy(&subjects).lines().count(), messages.len());
    // The module leaves `>From ` as it stands; every other byte is as it was sent.
    let read = |number: usize| {
        let bytes = fs::read(out.join(number.to_string())).expect("a message");
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let unquoted = lines.by_ref().map(|line| {
            let bare = line.strip_prefix(b">").unwrap_or(line);
            let quoted = bare.iter().skip_while(|byte| **byte == b'>').take(5).eq(b"From ");
            if quoted { bare } else { line }
        });
        unquoted.flatten().copied().collect::<Vec<u8>>()
    };
    assert_arrived(&messages, (0..messages.len()).map(read), true);
}

fn swaks(node: &Node, more: &[&str]) -> Output {
    let server = node.await_address("listening for SMTP").to_string();
    let mut command = Command::new("swaks");
    command.args(["--server", &server, "--from", "marie@leaf.example", "--to", "ann@polux.uucp"]).args(more);
    crate::support::output_with_input(&mut command, b"")
}

#[test]
fn swaks_hands_in_eight_bit_text_and_dots() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", SMTP);
    let daemon = node.start();
    let message =
        "Subject: mail 0\n\nGr\u{fc}\u{df}e\n.\n..\n.x\nFrom here\nMAIL FROM:<evil@example>\n\n.\nend\n";
    // swaks takes a last line of a dot for the end of the message, so there is none, and ends the last line itself.
    let data = folder.path().join("message");
    fs::write(&data, message.trim_end()).expect("a file");
    let output = swaks(&node, &["--data", &format!("@{}", data.display())]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    for extension in ["PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"] {
        assert!(said.contains(extension), "{said}");
    }
    assert!(!said.contains("STARTTLS"));
    // No TLS: a client that insists is told so and hands nothing in.
    assert!(!swaks(&node, &["--tls"]).status.success());
    let output = swaks(&node, &["--to", "nobody@polux.uucp"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("550"), "an unknown user is refused at once");
    let output = swaks(&node, &["--pipeline", "--data", &format!("@{}", data.display())]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    node.await_mail("ann", 2);
    assert!(daemon.stop().success());
    assert_arrived(&[message.into(), message.into()], node.mailbox("ann"), true);
}
