//! What is offered beside the mail itself: TLS, logins, notices, calls; and the limits on it.

use super::*;

fn offering(settings: Settings) -> Conversation {
    let mut client = Conversation::new(Settings { starttls: true, login: true, turn: true, ..settings });
    client.send(b"EHLO leaf\r\n");
    client
}

/// A client whose connection came over TLS.
fn secured() -> Conversation {
    offering(Settings { secured: true, ..Settings::default() })
}

/// Lets the time pass that a wrong password waits, and gives what is said then.
fn after_the_pause(client: &mut Conversation) -> (Duration, String) {
    let until = client.server.poll_timeout().unwrap();
    let waited = until - client.now;
    client.now = until;
    client.server.handle_timeout(until);
    client.answer();
    (waited, client.replies())
}

#[test]
fn what_is_offered_depends_on_tls() {
    let mut client = offering(Settings::default());
    let hello = client.send(b"EHLO leaf\r\n");
    assert!(hello.contains("250-STARTTLS\r\n250-ETRN\r\n250 HELP\r\n") && !hello.contains("AUTH"), "{hello}");
    assert_eq!(client.codes(b"AUTH PLAIN AGpvZQBnZWhlaW0=\r\n"), ["538"]);
    assert!(client.send(b"STARTTLS\r\n").starts_with("220 2.0.0 "));
    assert_eq!(client.codes(b"MAIL FROM:<a>\r\nAUTH PLAIN\r\nSTARTTLS\r\n"), ["503", "503", "503"]);
    let hello = client.send(b"EHLO leaf\r\n");
    assert!(hello.contains("250-AUTH PLAIN LOGIN\r\n") && !hello.contains("STARTTLS"), "{hello}");
    assert_eq!(client.codes(b"STARTTLS\r\nSTARTTLS now\r\n"), ["503", "501"]);
    let mut plain = Conversation::greeted();
    assert_eq!(plain.codes(b"STARTTLS\r\nAUTH PLAIN\r\nETRN leaf\r\n"), ["502", "502", "502"]);
}

#[test]
fn tls_begins_everything_anew() {
    let mut client = offering(Settings::default());
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\n");
    client.send(b"STARTTLS\r\n");
    assert_eq!(client.log, ["from <a>", "to <b>", "abandoned", "TLS"]);
    assert_eq!(client.codes(b"RCPT TO:<c>\r\nDATA\r\n"), ["503", "503"]);
    assert_eq!(client.codes(b"EHLO leaf\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\n"), ["250", "250", "250"]);
}

#[test]
fn nothing_that_was_said_in_clear_is_done_over_tls() {
    for behind in [&b"RSET\r\n"[..], b"MAIL FROM:<evil>\r\nRCPT TO:<b>\r\nDATA\r\n", b"x", b"\0", b"\r\n"] {
        let mut client = offering(Settings::default());
        let replies = client.send(&[b"STARTTLS\r\n", behind].concat());
        assert!(replies.starts_with("503 5.5.1 ") && replies.lines().count() == 1, "{replies}");
        assert!(client.server.is_closed() && client.log.is_empty());
        // What comes between our word and the handshake is the handshake's, and never a command.
        let mut client = offering(Settings::default());
        client.server.handle_input(client.now, b"STARTTLS\r\n");
        assert_eq!(client.server.poll_event(), Some(Event::StartTls));
        client.server.handle_input(client.now, behind);
        client.server.secured(client.now);
        assert_eq!(client.replies().lines().count(), 1);
        assert_eq!(client.codes(b"NOOP\r\n"), ["250"]);
        assert!(client.log.is_empty());
    }
}

#[test]
fn a_password_is_taken_by_either_way() {
    let plain = "AGpvZQBnZWhlaW0="; // NUL joe NUL geheim
    for dialogue in [
        vec![format!("AUTH PLAIN {plain}"), "235".into()],
        vec!["auth plain".into(), "334".into(), plain.into(), "235".into()],
        vec!["AUTH PLAIN am9lAGpvZQBnZWhlaW0=".into(), "235".into()],
        vec!["AUTH LOGIN".into(), "334".into(), "am9l".into(), "334".into(), "Z2VoZWlt".into(), "235".into()],
        vec!["AUTH LOGIN am9l".into(), "334".into(), "Z2VoZWlt".into(), "235".into()],
    ] {
        let mut client = secured();
        for pair in dialogue.chunks(2) {
            let codes = client.codes(format!("{}\r\n", pair[0]).as_bytes());
            assert_eq!(codes, [pair[1].as_str()], "{pair:?}");
        }
        assert_eq!(client.log, ["login of joe"]);
        assert_eq!(client.codes(b"AUTH PLAIN\r\n"), ["503"], "once is enough");
        assert_eq!(client.codes(b"MAIL FROM:<joe> AUTH=<>\r\n"), ["250"]);
    }
    let mut client = secured();
    assert_eq!(client.send(b"AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
    assert_eq!(client.send(b"am9l\r\n"), "334 UGFzc3dvcmQ6\r\n");
}

#[test]
fn what_is_no_login_is_refused_and_leaves_nothing_behind() {
    for (said, codes) in [
        ("AUTH PLAIN =", vec!["501"]),
        ("AUTH PLAIN AGpvZQ==", vec!["501"]),
        ("AUTH PLAIN A", vec!["501"]),
        ("AUTH PLAIN AGpvZQBnZWhlaW0", vec!["501"]),
        ("AUTH PLAIN AGpvZQBnZWhlaW0=AA", vec!["501"]),
        // On behalf of root.
        ("AUTH PLAIN cm9vdABqb2UAZ2VoZWlt", vec!["535"]),
        // No password; no name; a line end in the name.
        ("AUTH PLAIN AGpvZQA=", vec!["501"]),
        ("AUTH PLAIN AABnZWhlaW0=", vec!["501"]),
        ("AUTH PLAIN AGpvCmUAZ2VoZWlt", vec!["501"]),
        ("AUTH PLAIN\r\n*", vec!["334", "501"]),
        ("AUTH LOGIN\r\nam9l\r\n*", vec!["334", "334", "501"]),
        ("AUTH LOGIN\r\nam9\u{e9}", vec!["334", "501"]),
        ("AUTH CRAM-MD5", vec!["504"]),
        ("AUTH", vec!["501"]),
    ] {
        let mut client = secured();
        assert_eq!(client.codes(format!("{said}\r\n").as_bytes()), codes, "{said}");
        assert!(client.log.is_empty(), "{said}");
        // The next attempt knows nothing of it.
        let next = client.codes(b"AUTH LOGIN\r\nam9l\r\nZ2VoZWlt\r\nMAIL FROM:<joe>\r\n");
        assert_eq!(next, ["334", "334", "235", "250"]);
    }
    let mut client = secured();
    assert_eq!(client.codes(b"MAIL FROM:<a>\r\nAUTH PLAIN AGpvZQBnZWhlaW0=\r\n"), ["250", "503"]);
    let mut client = Conversation::new(Settings { secured: true, login: true, ..Settings::default() });
    assert_eq!(client.codes(b"AUTH PLAIN\r\nHELO x\r\nAUTH PLAIN\r\n"), ["503", "250", "503"]);
}

#[test]
fn who_guesses_is_slowed_down_and_sent_away() {
    let mut client = secured();
    assert_eq!(client.send(b"AUTH PLAIN AGpvZQB3cm9uZw==\r\nNOOP\r\n"), "", "it is not answered at once");
    assert_eq!(client.send(b"NOOP\r\n"), "");
    let (waited, said) = after_the_pause(&mut client);
    assert_eq!((waited.as_secs(), said.as_str()), (1, "535 5.7.8 wrong\r\n250 2.0.0 OK\r\n250 2.0.0 OK\r\n"));
    // That the machine is busy is nobody's fault.
    assert_eq!(client.codes(b"AUTH LOGIN YnVzeQ==\r\nAA==\r\n"), ["334", "501"]);
    assert_eq!(client.codes(b"AUTH LOGIN YnVzeQ==\r\neA==\r\n"), ["334", "454"]);
    client.send(b"AUTH PLAIN AGpvZQB3cm9uZw==\r\n");
    assert_eq!(after_the_pause(&mut client).0.as_secs(), 2);
    client.send(b"AUTH PLAIN AGpvZQB3cm9uZw==\r\n");
    let (waited, said) = after_the_pause(&mut client);
    assert_eq!(waited.as_secs(), 4);
    assert!(said.starts_with("535 5.7.8 ") && said.contains("\r\n421 4.7.0 "), "{said}");
    assert!(client.server.is_closed() && client.log.is_empty());
}

#[test]
fn a_password_is_printed_nowhere() {
    let mut client = secured();
    client.server.handle_input(client.now, b"AUTH PLAIN AGpvZQBnZWhlaW0=\r\n");
    let shown = format!("{:?}", client.server);
    assert!(shown.contains("joe") && !shown.contains("geheim") && !shown.contains("AGpvZQ"), "{shown}");
}

#[test]
fn mail_is_sent_on_its_way_when_it_is_asked_for() {
    let mut client = offering(Settings::default());
    assert!(client.send(b"ETRN leaf\r\n").starts_with("250 2.0.0 "));
    assert!(client.send(b"etrn @far.example\r\n").starts_with("251 2.0.0 "));
    assert_eq!(client.codes(b"ETRN stranger\r\nETRN\r\nETRN a b\r\n"), ["459", "501", "501"]);
    let mut early = Conversation::new(Settings { turn: true, ..Settings::default() });
    assert_eq!(early.codes(b"ETRN leaf\r\nHELO x\r\nETRN leaf\r\n"), ["503", "250", "503"]);
}

#[test]
fn notices_come_with_the_envelope() {
    let mut client = Conversation::greeted();
    let said = b"MAIL FROM:<a> ret=hdrs ENVID=QQ+2B1 SIZE=10\r\n\
        RCPT TO:<b> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@Dobbs.com\r\nRCPT TO:<c> NOTIFY=NEVER\r\nRCPT TO:<d>\r\n";
    assert_eq!(client.codes(said), ["250"; 4]);
    assert_eq!(
        client.log,
        [
            "from <a> RET=HDRS ENVID=QQ+2B1",
            "to <b> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@Dobbs.com",
            "to <c> NOTIFY=NEVER",
            "to <d>"
        ]
    );
    let mut client = Conversation::greeted();
    for wrong in ["RET=ALL", "RET=FULL RET=FULL", "ENVID=a+0", "SIZE=1 SIZE=1", "SIZE=+1", "BODY=BINARYMIME"]
    {
        assert_eq!(client.codes(format!("MAIL FROM:<a> {wrong}\r\n").as_bytes()), ["501"], "{wrong}");
    }
    assert_eq!(
        client.codes(b"MAIL FROM:<a> SIZE=99999999999999999999999\r\nMAIL FROM:<a> AUTH=<>\r\n"),
        ["552", "555"]
    );
    client.send(b"MAIL FROM:<a>\r\n");
    for wrong in
        ["NOTIFY=NEVER,DELAY", "NOTIFY=", "ORCPT=bob", "ORCPT=rfc822;|sh=x", "NOTIFY=DELAY NOTIFY=DELAY"]
    {
        assert_eq!(client.codes(format!("RCPT TO:<b> {wrong}\r\n").as_bytes()), ["501"], "{wrong}");
    }
    assert!(client.log.iter().all(|line| line == "from <a>"));
}

#[test]
fn every_command_out_of_order_is_refused_with_503() {
    let before_hello = ["MAIL FROM:<a>", "RCPT TO:<b>", "DATA", "STARTTLS", "AUTH PLAIN", "ETRN leaf"];
    for command in before_hello {
        let all = Settings { starttls: true, login: true, turn: true, ..Settings::default() };
        let mut client = Conversation::new(all);
        assert_eq!(client.codes(format!("{command}\r\n").as_bytes()), ["503"], "{command}");
    }
    let mut client = secured();
    for command in ["RCPT TO:<b>", "DATA", "STARTTLS"] {
        assert_eq!(client.codes(format!("{command}\r\n").as_bytes()), ["503"], "{command}");
    }
    client.send(b"MAIL FROM:<a>\r\n");
    for command in ["MAIL FROM:<a>", "AUTH PLAIN", "STARTTLS"] {
        assert_eq!(client.codes(format!("{command}\r\n").as_bytes()), ["503"], "{command}");
    }
    // These come at any time, and leave the message on offer alone.
    assert_eq!(
        client.codes(b"NOOP\r\nNOOP x\r\nHELP\r\nVRFY joe\r\nETRN leaf\r\n"),
        ["250", "250", "214", "252", "250"]
    );
    assert_eq!(client.codes(b"RCPT TO:<b>\r\nRSET\r\nRCPT TO:<b>\r\nRSET\r\n"), ["250", "250", "503", "250"]);
    assert_eq!(
        client.codes(b"EXPN staff\r\nVRFY\r\nTURN\r\nSEND FROM:<a>\r\n"),
        ["502", "501", "502", "502"]
    );
}

#[test]
fn what_is_never_offered_is_refused_clearly() {
    let mut client = Conversation::greeted();
    let refused = client.send(b"MAIL FROM:<a> SMTPUTF8\r\n");
    assert!(refused.starts_with("555 5.6.7 SMTPUTF8"), "{refused}");
    assert_eq!(client.codes("MAIL FROM:<jos\u{e9}@x>\r\n".as_bytes()), ["500"]);
    assert!(client.send(b"BDAT 5 LAST\r\nhello").starts_with("502 5.5.1 CHUNKING"));
    assert!(client.server.is_closed());
}

#[test]
fn a_session_ends_some_time_whatever_is_said() {
    let settings = Settings { session_max: Duration::from_secs(700), ..Settings::default() };
    let mut client = Conversation::new(settings);
    client.send(b"EHLO x\r\n");
    let end = client.now + Duration::from_secs(700);
    for _ in 0..6 {
        client.now += Duration::from_secs(100);
        assert_eq!(client.codes(b"NOOP\r\n"), ["250"]);
    }
    assert_eq!(client.server.poll_timeout(), Some(end));
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nhalf a li");
    client.now = end;
    client.server.handle_timeout(end);
    client.answer();
    assert!(client.replies().starts_with("421 4.4.2 localhost this has lasted too long"));
    assert!(client.kept.is_empty() && client.log.last().unwrap() == "abandoned");
}

#[test]
fn at_rest_a_conversation_holds_no_buffers() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
    client.send(&b"0123456789\r\n".repeat(50));
    client.send(b".\r\n");
    assert_eq!(client.server.held(), 0);
    assert!(std::mem::size_of::<Server>() < 1024, "{} bytes", std::mem::size_of::<Server>());
}
