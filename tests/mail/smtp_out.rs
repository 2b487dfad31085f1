//! Mail that goes out by SMTP: to another uugate, and to servers that behave in ways of their own.

use crate::support::mail_server::{Answer, MailServer, usual};
use crate::support::messages::{assert_arrived, mark_and_body, twenty};
use crate::support::node::Node;
use crate::support::{open_folder, watch};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A site that sends everything by SMTP to one next hop.
pub fn by_smtp(hop: &str) -> String {
    format!("[routes]\nsmart-host = \"smtp:{hop}\"\n")
}

/// As SMTP can say it: no NUL, and no CR or LF that stands alone.
fn as_said(message: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    let mut bytes = message.iter().filter(|byte| **byte != 0).peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'\r' {
            bytes.next_if(|next| **next == b'\n');
        }
        said.push(if *byte == b'\r' { b'\n' } else { *byte });
    }
    said
}

#[test]
fn everything_that_smtp_can_say_crosses_from_uugate_to_uugate() {
    let folder = open_folder();
    let config = "domain = [\"polux.example\"]\n[smtp]\nlisten = \"127.0.0.1:0\"\n";
    let polux = Node::new(folder.path(), "polux", config);
    let daemon = polux.start();
    let server = polux.await_address("listening for SMTP");
    let hop = format!("[{}]:{}", server.ip(), server.port());
    let leaf = Node::new(folder.path(), "leaf", &by_smtp(&hop));
    let messages = twenty("mail");
    for message in &messages {
        leaf.mail("marie@leaf.example", &["ann@polux.example"], message);
    }
    leaf.run("uuxqt", &[], b"");
    assert_eq!(leaf.waiting(), (0, 0), "{}", String::from_utf8_lossy(&leaf.run("mailq", &[], b"").stdout));
    polux.await_mail("ann", messages.len());
    assert!(daemon.stop().success());
    let expected: Vec<Vec<u8>> = messages.iter().map(|message| as_said(message)).collect();
    assert_arrived(&expected, polux.mailbox("ann"), true);
}

#[test]
fn the_sender_hears_of_the_one_who_was_refused_in_the_servers_words() {
    let folder = open_folder();
    let server = MailServer::start(|heard| match heard {
        "RCPT TO:<c@far.example>" => {
            Answer::Say("550-5.7.1 nobody here\r\n550 5.7.1 is called c\x1b[2J".to_owned())
        }
        heard => usual(heard),
    });
    let leaf = Node::new(folder.path(), "leaf", &by_smtp(&server.hop()));
    let to = ["a@far.example", "b@far.example", "c@far.example", "d@far.example", "e@far.example"];
    leaf.mail("ann@leaf.uucp", &to, b"Subject: to five\n\nhello\n");
    leaf.run("uuxqt", &[], b"");
    let texts = server.texts();
    assert_eq!((server.count("RCPT"), texts.len()), (5, 1));
    assert!(texts[0].ends_with(b"Subject: to five\r\n\r\nhello\r\n"), "{}", texts[0].escape_ascii());
    let reports = leaf.mailbox("ann");
    assert_eq!(reports.len(), 1);
    let report = String::from_utf8_lossy(&reports[0]).into_owned();
    let report_in_one_line = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report_in_one_line.contains(r"550 5.7.1 nobody here is called c\x1b[2J"), "{report}");
    assert!(report.contains("Status: 5.7.1"), "{report}");
    assert!(report.contains("c@far.example") && !report.contains("a@far.example"), "{report}");
    assert_eq!(leaf.waiting(), (0, 0));
}

/// The daemon dies while the answer to the second of three messages is awaited. What was answered stays so; the rest comes
/// again, the second one twice.
#[test]
fn a_daemon_that_is_killed_sends_again_what_had_no_answer_and_nothing_else() {
    let folder = open_folder();
    let is_slow = Arc::new(AtomicBool::new(true));
    let slow = is_slow.clone();
    let texts = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let server = MailServer::start(move |heard| {
        let second = heard == "." && texts.fetch_add(1, Ordering::Relaxed) == 1;
        if second && slow.load(Ordering::Relaxed) { Answer::Wait } else { usual(heard) }
    });
    let leaf = Node::new(folder.path(), "leaf", &by_smtp(&server.hop()));
    let daemon = leaf.start();
    for number in 1..=3 {
        leaf.mail("ann@leaf.uucp", &["bob@far.example"], format!("Subject: {number}\n\nhello\n").as_bytes());
    }
    server.await_texts(2);
    daemon.kill();
    is_slow.store(false, Ordering::Relaxed);
    let daemon = leaf.start();
    server.await_texts(4);
    watch::until(&leaf.path("spool"), "an empty queue", || leaf.waiting() == (0, 0));
    assert!(daemon.stop().success(), "{}", leaf.log());
    let mut subjects: Vec<String> = server
        .texts()
        .iter()
        .map(|text| {
            String::from_utf8_lossy(mark_and_body(text)).lines().next().unwrap_or_default().to_owned()
        })
        .collect();
    subjects.sort();
    assert_eq!(subjects, ["Subject: 1", "Subject: 2", "Subject: 2", "Subject: 3"]);
}
