//! The queue by hand, and what programs hand mail in with.

use crate::support::node::{Node, neighbour};
use crate::support::open_folder;
use std::process::Output;

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A node without a daemon, with mail for its neighbour.
fn with_mail(folder: &tempfile::TempDir, recipients: &[&str]) -> Node {
    let node = Node::new(folder.path(), "polux", &neighbour("feed", ""));
    for recipient in recipients {
        node.mail("ann@polux.uucp", &[recipient], b"Subject: hello\n\nhello\n");
    }
    node
}

fn first_message(node: &Node) -> String {
    node.report("mailq", &[])["queue"]["entries"][0]["message"].to_string()
}

#[test]
fn the_list_is_as_sendmail_has_it() {
    let folder = open_folder();
    let node = with_mail(&folder, &["feed!joe", "eve@far.example"]);
    for (program, arguments) in [("mailq", &[][..]), ("sendmail", &["-bp"][..]), ("queue", &[][..])] {
        let list = stdout(&node.run(program, arguments, b""));
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(
            lines[0],
            "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------"
        );
        assert_eq!(lines.len(), 8, "{list}");
        assert!(lines[1].ends_with(" <ann@polux.uucp>"), "{list}");
        assert_eq!(lines[2].trim(), "(handed to link feed, waits for a call with feed)");
        assert_eq!(lines[3].trim(), "<feed!joe>");
        assert_eq!(lines[7], "\t\tTotal requests: 2");
    }
    let one = stdout(&node.run("queue", &[&first_message(&node)], b""));
    assert!(one.contains("feed!joe") && !one.contains("eve"), "{one}");
    let summary = node.report("queue", &["--summary"])["queue-summary"].take();
    assert_eq!(
        (summary["messages"].as_u64(), summary["recipients"][0]["number"].as_u64()),
        (Some(2), Some(2))
    );
    let empty = Node::new(folder.path(), "empty", "");
    assert_eq!(stdout(&empty.run("mailq", &[], b"")), "Mail queue is empty\n");
    assert_eq!(empty.report("mailq", &[])["queue"]["entries"].as_array().map(Vec::len), Some(0));
}

#[test]
fn mail_is_held_released_sent_back_and_thrown_away() {
    let folder = open_folder();
    let node = with_mail(&folder, &["feed!joe", "feed!eve", "feed!bob"]);
    let queue = |arguments: &[&str]| stdout(&node.run("queue", arguments, b""));
    assert_eq!(queue(&["hold", "--recipient", "feed!joe"]), "1 recipient held\n");
    assert_eq!(node.waiting(), (2, 3), "its job was taken back");
    assert!(stdout(&node.run("why", &[&first_message(&node)], b"")).contains("held until it is released"));
    assert_eq!(queue(&["release", "--site", "feed"]), "1 recipient released\n");
    assert_eq!(node.waiting(), (3, 3));
    assert_eq!(queue(&["delete", "--recipient", "feed!eve"]), "1 recipient deleted\n");
    let joe = first_message(&node);
    assert_eq!(queue(&["bounce", &joe]), "1 recipient sent back\n");
    let report = String::from_utf8_lossy(&node.mailbox("ann")[0]).into_owned();
    assert!(
        report.contains("Status: 5.0.0") && report.contains("Final-Recipient: rfc822; feed!joe"),
        "{report}"
    );
    assert_eq!(node.waiting(), (1, 1));
    let gone = node.try_run("queue", &["requeue", &joe], b"");
    assert_eq!((gone.status.code(), stdout(&gone).contains("is not here, or not yours")), (Some(75), true));
    let why = stdout(&node.run("why", &[&joe], b""));
    for happened in ["accepted", "handed", "recalled", "held", "released", "bounced"] {
        assert!(happened == "recalled" || why.contains(happened), "{happened}: {why}");
    }
    let nothing = node.try_run("queue", &["delete"], b"");
    assert_eq!(nothing.status.code(), Some(64), "not all of it by a slip");
}

#[test]
fn a_part_of_the_queue_is_run_and_calls_keep_their_hours() {
    let folder = open_folder();
    let systems = |name: &str| {
        format!(
            "[[system]]\nname = \"{name}\"\nline = \"out\"\naddress = \"127.0.0.1:9\"\ntimes = \"Never\"\n"
        )
    };
    let config = format!(
        "[[line]]\nname = \"out\"\ntype = \"tcp\"\n{}{}{}",
        systems("feed"),
        systems("sun"),
        systems("moon")
    );
    let node = Node::new(folder.path(), "polux", &config);
    for to in ["feed!joe", "sun!joe", "moon!joe"] {
        node.mail("ann@polux.uucp", &[to], b"Subject: hello\n\nhello\n");
    }
    node.run("sendmail", &["-qRsun"], b"");
    let when = |system: &str| stdout(&node.run("when", &[system], b""));
    assert!(
        when("sun").contains("the queue was to be run") && when("sun").contains("never called"),
        "{}",
        when("sun")
    );
    assert!(when("feed").contains("there is no reason to call it"), "{}", when("feed"));
    node.run("runq", &[], b"");
    assert!(when("moon").contains("the queue was to be run"));
    assert!(stdout(&node.run("sendmail", &["-q15m"], b"")).contains("uugate run"));
    assert_eq!(node.waiting(), (3, 3));
}

#[test]
fn sendmail_speaks_smtp_on_standard_input() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", "");
    let daemon = node.start();
    let session = b"EHLO mua\r\nMAIL FROM:<ann@polux.uucp>\r\nRCPT TO:<ann>\r\nRCPT TO:<root>\r\nDATA\r\n\
        Subject: by smtp\r\n\r\n..dotted\r\n.\r\nMAIL FROM:<ann>\r\nRCPT TO:<ann>\r\nQUIT\r\n";
    let said = stdout(&node.run("sendmail", &["-bs"], session));
    let codes: Vec<&str> =
        said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect();
    assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "250", "250", "221"], "{said}");
    for user in ["ann", "root"] {
        node.await_mail(user, 1);
        let mail = node.mailbox(user);
        assert_eq!(mail.len(), 1);
        let text = String::from_utf8_lossy(&mail[0]).into_owned();
        assert!(text.contains("Subject: by smtp\n\n.dotted\n") && text.contains("Date: "), "{text}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn addresses_are_verified_and_senders_say_what_they_want_to_hear() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", "");
    let verified = node.try_run("sendmail", &["-bv", "ann", "nobody"], b"");
    assert_eq!(verified.status.code(), Some(67));
    let text = stdout(&verified);
    assert!(text.contains("ann... deliverable: mailer local, host ann, user ann\n"), "{text}");
    let text = b"Subject: hello\n\nhello\n";
    node.run("sendmail", &["-f", "ann", "-N", "never", "nobody"], text);
    assert_eq!(node.mailbox("ann").len(), 0);
    let told =
        node.run("sendmail", &["-v", "-f", "ann", "-N", "success", "-R", "hdrs", "-V", "id7", "root"], text);
    assert!(stdout(&told).starts_with("kept as message "));
    let report = String::from_utf8_lossy(&node.mailbox("ann")[0]).into_owned();
    assert!(report.contains("Original-Envelope-Id: id7") && report.contains("Action: delivered"), "{report}");
}
