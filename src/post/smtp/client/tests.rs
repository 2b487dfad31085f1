use super::*;
use crate::clock;
use crate::fault::{Retry, ToFault};
use crate::observe::Secret;
use crate::post::address::Address;
use crate::post::mail::Sender;
use crate::post::mail::dots::{Ends, Unstuffer};
use crate::post::smtp::Server;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// A client, the time, and what it said.
struct Talk {
    client: Client,
    now: Instant,
    ended: Option<Vec<Option<Answer>>>,
    error: Option<ClientError>,
    closed: bool,
    starts_tls: bool,
    ready: bool,
    wants_text: bool,
}

const HELLO: &str = "250-mx.far\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 DSN\r\n";

impl Talk {
    fn new(settings: Settings) -> Talk {
        let now = clock::now();
        let client = Client::new(settings, now);
        Talk {
            client,
            now,
            ended: None,
            error: None,
            closed: false,
            starts_tls: false,
            ready: false,
            wants_text: false,
        }
    }

    fn plain() -> Talk {
        Talk::new(Settings::new("leaf.example".to_owned()))
    }

    /// Greeted by a server that offers what `hello` says.
    fn greeted(hello: &str) -> Talk {
        let mut talk = Talk::plain();
        assert_eq!(talk.hear("220 mx.far ESMTP\r\n"), "EHLO leaf.example\r\n");
        assert_eq!(talk.hear(hello), "");
        assert!(talk.ready);
        talk
    }

    fn lmtp() -> Talk {
        let mut talk =
            Talk::new(Settings { protocol: Protocol::Lmtp, ..Settings::new("leaf.example".to_owned()) });
        assert_eq!(talk.hear("220 box LMTP\r\n"), "LHLO leaf.example\r\n");
        talk.hear("250-box\r\n250 PIPELINING\r\n");
        talk
    }

    /// The server says something; what the client says to it.
    fn hear(&mut self, text: &str) -> String {
        self.client.handle_input(self.now, text.as_bytes());
        self.look()
    }

    fn offer(&mut self, to: &[&str]) -> String {
        self.ready = false;
        self.ended = None;
        self.client.offer(self.now, offer(to));
        self.look()
    }

    fn text(&mut self, text: &[u8]) -> String {
        assert!(std::mem::take(&mut self.wants_text), "text is wanted");
        self.client.write(self.now, text);
        self.look()
    }

    fn end(&mut self) -> String {
        assert!(std::mem::take(&mut self.wants_text), "text is wanted");
        self.client.finish(self.now);
        self.look()
    }

    fn look(&mut self) -> String {
        let mut said = Vec::new();
        loop {
            while let Some(event) = self.client.poll_event() {
                match event {
                    Event::Ready => self.ready = true,
                    Event::StartTls => self.starts_tls = true,
                    Event::Text => self.wants_text = true,
                    Event::Ended(answers) => self.ended = Some(answers),
                    Event::Failed(error) => self.error = Some(error),
                    Event::Closed => self.closed = true,
                }
            }
            let Some(bytes) = self.client.poll_transmit() else { break };
            said.extend(bytes);
            self.client.handle_sent(self.now);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Nothing comes until the client gives up; how long that took.
    fn starve(&mut self) -> u64 {
        let deadline = self.client.poll_timeout().expect("no wait is without an end");
        self.client.handle_timeout(deadline - Duration::from_millis(1));
        assert!(!self.client.is_closed(), "not before its time");
        self.client.handle_timeout(deadline);
        self.look();
        (deadline - self.now).as_secs()
    }

    /// What was answered, in short: `ok`, `later`, `never` or `-`.
    fn answers(&mut self) -> Vec<&'static str> {
        let ended = self.ended.take().expect("the message has ended");
        let short = |answer: &Option<Answer>| match answer.as_ref().map(Answer::retry) {
            None => "-",
            Some(None) => "ok",
            Some(Some(Retry::Later)) => "later",
            Some(Some(Retry::Never)) => "never",
        };
        ended.iter().map(short).collect()
    }

    #[track_caller]
    fn failed(&mut self) -> String {
        assert!(self.client.is_closed() && self.client.poll_timeout().is_none());
        self.error.take().expect("it failed").to_string()
    }
}

fn offer(to: &[&str]) -> Offer {
    let recipient = |to: &&str| Recipient { address: Address::parse(to).unwrap(), original: None };
    Offer {
        sender: Sender::parse("joe@leaf").unwrap(),
        recipients: to.iter().map(recipient).collect(),
        size: 100,
        eight_bit: false,
    }
}

#[test]
fn a_message_is_sent_command_by_command() {
    let mut talk = Talk::greeted("250 mx.far\r\n");
    assert_eq!(talk.offer(&["a@far", "b@far"]), "MAIL FROM:<joe@leaf>\r\n");
    assert_eq!(talk.hear("250 ok\r\n"), "RCPT TO:<a@far>\r\n");
    assert_eq!(talk.hear("250 ok\r\n"), "RCPT TO:<b@far>\r\n");
    assert_eq!(talk.hear("251 ok\r\n"), "DATA\r\n");
    assert_eq!(talk.hear("354 go\r\n"), "");
    assert_eq!(talk.text(b"Subject: x\n\n.dot\n"), "Subject: x\r\n\r\n..dot\r\n");
    assert_eq!(talk.text(b"no end"), "no end");
    assert_eq!(talk.end(), "\r\n.\r\n");
    assert!(talk.ended.is_none(), "nothing is said before the server has answered");
    talk.hear("250 2.0.0 queued as 7\r\n");
    let accepted = Answer::Accepted(Reply {
        code: 250,
        status: Some("2.0.0".to_owned()),
        lines: vec!["queued as 7".to_owned()],
    });
    assert_eq!(talk.ended, Some(vec![Some(accepted.clone()), Some(accepted)]));
    // The same connection takes the next one.
    assert!(talk.ready);
    assert_eq!(talk.offer(&["c@far"]), "MAIL FROM:<joe@leaf>\r\n");
    talk.hear("250 ok\r\n250 ok\r\n");
    talk.hear("354 go\r\n");
    talk.text(b"x\n");
    talk.end();
    talk.hear("250 ok\r\n");
    assert_eq!(talk.answers(), ["ok"]);
    talk.client.quit(talk.now);
    assert_eq!(talk.look(), "QUIT\r\n");
    talk.hear("221 bye\r\n");
    assert!(talk.closed && talk.client.is_closed());
}

#[test]
fn with_pipelining_all_is_said_at_once_and_answers_in_pieces_find_their_recipients() {
    let mut talk = Talk::greeted(HELLO);
    let said = talk.offer(&["a@far", "b@far", "c@far", "d@far", "e@far"]);
    let rcpt: String = ["a", "b", "c", "d", "e"].map(|name| format!("RCPT TO:<{name}@far>\r\n")).concat();
    assert_eq!(said, format!("MAIL FROM:<joe@leaf> SIZE=100\r\n{rcpt}DATA\r\n"));
    let answers =
        "250 ok\r\n250 a\r\n250 b\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n250 d\r\n250 e\r\n354 go\r\n";
    for byte in answers.bytes() {
        assert_eq!(talk.hear(&char::from(byte).to_string()), "");
    }
    talk.text(b"x\n");
    talk.end();
    talk.hear("250 ok\r\n");
    let ended = talk.ended.clone().unwrap();
    let Some(Answer::Refused { step: Step::Rcpt, reply }) = &ended[2] else { panic!("{ended:?}") };
    assert_eq!(
        (reply.to_string(), reply.status.as_deref()),
        ("550 5.1.1 no such user".to_owned(), Some("5.1.1"))
    );
    assert_eq!(talk.answers(), ["ok", "ok", "never", "ok", "ok"]);
}

#[test]
fn a_long_list_is_said_in_a_window() {
    let mut talk = Talk::greeted(HELLO);
    let names: Vec<String> = (0..120).map(|number| format!("u{number}@far")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut said = talk.offer(&names);
    assert_eq!(said.lines().count(), 50);
    said += &talk.hear("250 ok\r\n");
    assert_eq!(said.lines().count(), 51);
    for _ in 0..120 {
        said += &talk.hear("250 ok\r\n");
    }
    assert!(said.ends_with("RCPT TO:<u119@far>\r\nDATA\r\n"));
    talk.hear("354 go\r\n");
    talk.end();
    talk.hear("250 ok\r\n");
    assert_eq!(talk.answers(), ["ok"; 120]);
}

#[test]
fn who_is_refused_to_the_last_gets_no_text() {
    // One by one: DATA is not even said.
    let mut talk = Talk::greeted("250 mx.far\r\n");
    talk.offer(&["a@far", "b@far"]);
    talk.hear("250 ok\r\n");
    talk.hear("450 4.2.0 greylisted, come back\r\n");
    assert_eq!(talk.hear("550 no\r\n"), "RSET\r\n");
    assert!(talk.ended.is_none());
    talk.hear("250 ok\r\n");
    assert_eq!(talk.answers(), ["later", "never"]);
    assert!(talk.ready);
    // All at once: it is, and a server that goes along gets an empty text.
    for (data, rest) in [("354 go\r\n", "250 ok\r\n"), ("503 no\r\n", "250 ok\r\n")] {
        let mut talk = Talk::greeted(HELLO);
        talk.offer(&["a@far"]);
        let said = talk.hear(&format!("250 ok\r\n550 no\r\n{data}"));
        assert_eq!(said, if data.starts_with('3') { ".\r\n" } else { "RSET\r\n" });
        assert!(!talk.wants_text);
        talk.hear(rest);
        assert_eq!(talk.answers(), ["never"], "the answer to the empty text is nobody's");
        assert!(talk.ready);
    }
}

#[test]
fn a_sender_that_is_refused_is_so_for_every_recipient() {
    for (hello, rest) in [("250 mx\r\n", ""), (HELLO, "503 no\r\n503 no\r\n503 no\r\n")] {
        let mut talk = Talk::greeted(hello);
        talk.offer(&["a@far", "b@far"]);
        assert_eq!(talk.hear(&format!("552 5.3.4 too large\r\n{rest}")), "");
        assert_eq!(talk.answers(), ["never", "never"]);
        assert!(talk.ready);
    }
    let mut talk = Talk::greeted(HELLO);
    let mut large = offer(&["a@far"]);
    large.size = 1001;
    talk.client.offer(talk.now, large);
    assert_eq!(talk.look(), "", "the server has said what it takes");
    assert_eq!(talk.ended, Some(vec![Some(Answer::TooLarge { size: 1001, limit: 1000 })]));
}

#[test]
fn the_answer_to_the_text_is_that_of_every_recipient_who_was_taken() {
    for (answer, expected) in
        [("451 4.3.0 disk full", "later"), ("554 5.7.1 spam", "never"), ("250 ok", "ok")]
    {
        let mut talk = Talk::greeted(HELLO);
        talk.offer(&["a@far", "b@far"]);
        talk.hear("250 ok\r\n250 ok\r\n450 wait\r\n354 go\r\n");
        talk.end();
        talk.hear(&format!("{answer}\r\n"));
        assert_eq!(talk.answers(), [expected, "later"]);
        assert!(talk.ready, "the connection is as good as before");
    }
    let mut talk = Talk::greeted(HELLO);
    talk.offer(&["a@far", "b@far"]);
    assert_eq!(talk.hear("250 ok\r\n250 ok\r\n550 no\r\n451 not now\r\n"), "RSET\r\n");
    talk.hear("250 ok\r\n");
    assert_eq!(talk.answers(), ["later", "never"]);
}

#[test]
fn lmtp_answers_for_each_recipient_after_the_text() {
    let mut talk = Talk::lmtp();
    talk.offer(&["a@far", "b@far", "c@far", "d@far"]);
    talk.hear("250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    talk.end();
    talk.hear("250 a has it\r\n452 4.2.2 c is full\r\n");
    assert!(talk.ended.is_none(), "one answer is missing");
    talk.hear("550 5.2.1 d is gone\r\n");
    assert_eq!(talk.answers(), ["ok", "never", "later", "never"]);
    // Nobody to answer for.
    talk.offer(&["a@far"]);
    assert_eq!(talk.hear("250 ok\r\n550 no\r\n354 go\r\n"), ".\r\nRSET\r\n");
    talk.hear("250 ok\r\n");
    assert_eq!(talk.answers(), ["never"]);
    // It hangs up in the middle: what was answered counts.
    talk.offer(&["a@far", "b@far"]);
    talk.hear("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    talk.end();
    talk.hear("250 a has it\r\n");
    talk.client.handle_gone();
    talk.look();
    assert_eq!(talk.answers(), ["ok", "-"]);
    // A server that refuses LHLO is none for LMTP.
    let mut talk = Talk::new(Settings { protocol: Protocol::Lmtp, ..Settings::new("leaf".to_owned()) });
    talk.hear("220 mx\r\n");
    talk.hear("500 what\r\n");
    assert_eq!(talk.failed(), "the server refused LHLO: 500 what");
}

#[test]
fn an_old_server_is_greeted_with_helo() {
    let mut talk = Talk::plain();
    talk.hear("220 old\r\n");
    assert_eq!(talk.hear("502 what?\r\n"), "HELO leaf.example\r\n");
    talk.hear("250 old STARTTLS\r\n");
    assert!(talk.ready);
    assert_eq!(talk.offer(&["a@far"]), "MAIL FROM:<joe@leaf>\r\n");
}

#[test]
fn a_server_that_ends_the_connection_at_any_point_leaves_the_rest_for_later() {
    let shut = "421 4.3.2 going down\r\n";
    let mut talk = Talk::plain();
    talk.hear(shut);
    assert_eq!(
        talk.failed(),
        "the server ended the connection in answer to the connection: 421 4.3.2 going down"
    );
    let mut talk = Talk::greeted(HELLO);
    talk.hear(shut);
    assert_eq!(talk.failed(), "the server ended the connection in answer to nothing: 421 4.3.2 going down");
    let mut talk = Talk::greeted(HELLO);
    talk.offer(&["a@far", "b@far", "c@far"]);
    talk.hear("250 ok\r\n550 no\r\n250 ok\r\n");
    talk.hear(shut);
    assert_eq!(talk.answers(), ["never", "-", "-"]);
    assert_eq!(talk.failed(), "the server ended the connection in answer to RCPT: 421 4.3.2 going down");
    // In the middle of the text, and in place of an answer to it.
    let text_begun = || {
        let mut talk = Talk::greeted(HELLO);
        talk.offer(&["a@far"]);
        talk.hear("250 ok\r\n250 ok\r\n354 go\r\n");
        talk.text(b"x\n");
        talk
    };
    let mut talk = text_begun();
    talk.hear(shut);
    assert_eq!((talk.answers(), talk.error.take().unwrap().leaves_doubt()), (vec!["-"], false));
    let mut talk = text_begun();
    talk.hear("552 5.3.4 too much\r\n");
    assert_eq!(talk.answers(), ["never"], "an answer that comes early is one");
    assert!(talk.client.is_closed());
    let mut talk = text_begun();
    talk.client.handle_gone();
    talk.look();
    assert_eq!((talk.answers(), talk.error.take().unwrap().leaves_doubt()), (vec!["-"], false));
    let mut talk = text_begun();
    talk.end();
    talk.client.handle_gone();
    talk.look();
    assert_eq!(talk.answers(), ["-"]);
    let error = talk.error.take().unwrap();
    assert!(error.leaves_doubt() && error.to_string().contains("it may get it twice"), "{error}");
    assert_eq!(error.fault().retry, Retry::Later);
}

#[test]
fn a_server_that_hangs_is_given_the_time_of_the_standard() {
    assert_eq!(Talk::plain().starve(), 300, "the greeting");
    let mut talk = Talk::plain();
    talk.hear("220 mx\r\n");
    assert_eq!(talk.starve(), 300, "EHLO");
    assert_eq!(talk.failed(), "the server was silent for 300 s after EHLO");
    // Between two messages it is we who are slow.
    let mut talk = Talk::greeted("250 mx\r\n");
    assert_eq!(talk.client.poll_timeout(), None);
    for (heard, seconds, step) in [
        ("", 300, "MAIL"),
        ("250 ok\r\n", 300, "RCPT"),
        ("250 ok\r\n250 ok\r\n", 120, "DATA"),
        ("250 ok\r\n250 ok\r\n354 go\r\n", 180, "the text of a message"),
    ] {
        let mut talk = Talk::greeted("250 mx\r\n");
        talk.offer(&["a@far"]);
        talk.hear(heard);
        if talk.wants_text {
            assert_eq!(talk.client.poll_timeout(), None, "the driver takes its own time");
            talk.client.write(talk.now, b"x\n");
        }
        assert_eq!(talk.starve(), seconds, "{step}");
        assert_eq!(talk.answers(), ["-"]);
        assert!(talk.failed().starts_with(&format!("the server was silent for {seconds} s after {step}")));
    }
    talk.offer(&["a@far"]);
    talk.hear("250 ok\r\n250 ok\r\n");
    talk.hear("354 go\r\n");
    talk.text(b"x\n");
    talk.end();
    assert_eq!(talk.starve(), 600, "the end of the text");
    assert!(talk.error.take().unwrap().leaves_doubt());
    // Nothing hangs on the answer to QUIT.
    let mut talk = Talk::greeted("250 mx\r\n");
    talk.client.quit(talk.now);
    talk.look();
    assert_eq!(talk.starve(), 10);
    assert!(talk.closed && talk.error.is_none());
}

fn with_tls(tls: Tls) -> Talk {
    let mut talk = Talk::new(Settings { tls, ..Settings::new("leaf.example".to_owned()) });
    talk.hear("220 mx\r\n");
    talk
}

#[test]
fn tls_begins_where_it_is_offered_and_what_was_said_before_counts_no_more() {
    for tls in [Tls::IfOffered, Tls::Required] {
        let mut talk = with_tls(tls);
        assert_eq!(talk.hear("250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
        assert_eq!(talk.hear("220 go\r\n"), "");
        assert!(talk.starts_tls && !talk.ready);
        talk.client.secured(talk.now);
        assert_eq!(talk.look(), "EHLO leaf.example\r\n");
        talk.hear("250 mx\r\n");
        assert!(talk.ready);
        assert_eq!(talk.offer(&["a@far"]), "MAIL FROM:<joe@leaf>\r\n", "no pipelining any more");
    }
    let mut talk = with_tls(Tls::Never);
    talk.hear("250-mx\r\n250 STARTTLS\r\n");
    assert!(talk.ready);
    let mut talk = with_tls(Tls::FromStart);
    talk.hear("250-mx\r\n250 STARTTLS\r\n");
    assert!(talk.ready);
}

#[test]
fn a_stripped_starttls_stops_only_who_requires_it() {
    let mut talk = with_tls(Tls::IfOffered);
    talk.hear("250-mx\r\n250 XXXXXXXX\r\n");
    assert!(talk.ready);
    let mut talk = with_tls(Tls::IfOffered);
    talk.hear("250-mx\r\n250 STARTTLS\r\n");
    talk.hear("454 4.7.0 not now\r\n");
    assert!(talk.ready);
    let mut talk = with_tls(Tls::Required);
    assert_eq!(talk.hear("250-mx\r\n250 XXXXXXXX\r\n"), "");
    let error = talk.error.take().unwrap();
    assert!(matches!(error, ClientError::NoTls) && error.fault().retry == Retry::Later);
    let mut talk = with_tls(Tls::Required);
    talk.hear("502 what\r\n");
    talk.hear("250 mx\r\n");
    assert_eq!(talk.failed(), "the server does not offer STARTTLS, and TLS is required");
    let mut talk = with_tls(Tls::Required);
    talk.hear("250-mx\r\n250 STARTTLS\r\n");
    talk.hear("454 4.7.0 not now\r\n");
    assert_eq!(talk.failed(), "the server refused STARTTLS: 454 4.7.0 not now");
    let mut talk = with_tls(Tls::Required);
    talk.hear("250-mx\r\n250 STARTTLS\r\n");
    talk.hear("220 go\r\n");
    talk.client.not_secured("its certificate is of another".to_owned());
    talk.look();
    assert_eq!(talk.failed(), "TLS failed: its certificate is of another");
}

#[test]
fn nothing_that_came_before_tls_passes_for_the_servers() {
    for behind in ["250 mx\r\n", "x", "\r\n"] {
        let mut talk = with_tls(Tls::IfOffered);
        talk.hear("250-mx\r\n250 STARTTLS\r\n");
        talk.hear(&format!("220 go\r\n{behind}"));
        assert!(matches!(talk.error.take(), Some(ClientError::Injected)) && !talk.starts_tls, "{behind:?}");
    }
}

#[test]
fn a_password_is_said_over_tls_alone() {
    let login = Some(Login { user: "jan".to_owned(), password: Secret::new("s3cret") });
    let settings = Settings { login, ..Settings::new("leaf.example".to_owned()) };
    let secured = |hello: &str| {
        let mut talk = Talk::new(Settings { tls: Tls::FromStart, ..settings.clone() });
        talk.hear("220 mx\r\n");
        let said = talk.hear(hello);
        (talk, said)
    };
    let (mut talk, said) = secured("250-mx\r\n250 AUTH LOGIN PLAIN\r\n");
    assert_eq!(said, "AUTH PLAIN AGphbgBzM2NyZXQ=\r\n");
    talk.hear("235 2.7.0 welcome\r\n");
    assert!(talk.ready);
    let (mut talk, said) = secured("250-mx\r\n250 AUTH=LOGIN\r\n");
    assert_eq!(said, "AUTH LOGIN\r\n");
    assert_eq!(talk.hear("334 VXNlcm5hbWU6\r\n"), "amFu\r\n");
    assert_eq!(talk.hear("334 UGFzc3dvcmQ6\r\n"), "czNjcmV0\r\n");
    talk.hear("535 5.7.8 wrong\r\n");
    let error = talk.error.take().unwrap();
    assert!(matches!(error, ClientError::Login(_)) && error.fault().retry == Retry::Later, "{error}");
    let (mut talk, _) = secured("250-mx\r\n250 AUTH PLAIN\r\n");
    talk.hear("334 more?\r\n");
    assert_eq!(talk.failed(), "the server did not accept our name and password: 334 more?");
    let (mut talk, _) = secured("250-mx\r\n250 AUTH CRAM-MD5\r\n");
    assert_eq!(talk.failed(), "the server offers neither AUTH PLAIN nor AUTH LOGIN");
    let mut talk = Talk::new(settings);
    talk.hear("220 mx\r\n");
    assert_eq!(talk.hear("250-mx\r\n250 AUTH PLAIN\r\n"), "");
    assert_eq!(talk.failed(), "a password is not said without TLS");
}

#[test]
fn a_server_by_our_own_name_is_ourselves() {
    for (find_loops, is_loop) in [(true, true), (false, false)] {
        let mut talk = Talk::new(Settings { find_loops, ..Settings::new("leaf.example".to_owned()) });
        talk.hear("220 mx\r\n");
        talk.hear("250-LEAF.example greets you\r\n250 SIZE\r\n");
        assert_eq!(talk.ready, !is_loop);
        assert_eq!(talk.error.take().map(|error| error.fault().retry), is_loop.then_some(Retry::Never));
    }
}

#[test]
fn what_is_no_reply_ends_the_connection() {
    for (bad, why) in [
        ("SSH-2.0-x\r\n".to_owned(), "begins with no code"),
        ("199 x\r\n".to_owned(), "begins with no code"),
        ("2200 x\r\n".to_owned(), "begins with no code"),
        ("220-x\r\n221 y\r\n".to_owned(), "the codes 220 and 221"),
        (format!("220 {}\r\n", "x".repeat(3000)), "a line of more than 2048 bytes"),
        ("x".repeat(3000), "a line of more than 2048 bytes"),
        ("220-x\r\n".repeat(65), "more than 64 lines"),
    ] {
        let mut talk = Talk::plain();
        talk.hear(&bad);
        let failed = talk.failed();
        assert!(failed.contains(why), "{failed}");
    }
    let mut talk = Talk::greeted(HELLO);
    talk.hear("250 unasked\r\n");
    assert_eq!(talk.failed(), "the server said 250 unasked in answer to nothing");
    let mut talk = Talk::greeted("250 mx\r\n");
    talk.offer(&["a@far"]);
    talk.hear("354 go\r\n");
    assert_eq!(talk.failed(), "the server said 354 go in answer to MAIL");
}

#[test]
fn what_is_told_of_a_reply_is_printable_and_bounded() {
    let mut reader = ReplyReader::default();
    reader.feed("550-5.1.1 no\x1b[2J\r\n".as_bytes());
    reader.feed(format!("550-5.1.1 {}\n", "x".repeat(600)).as_bytes());
    reader.feed(format!("550-{}\n", "y".repeat(600)).as_bytes());
    reader.feed(b"550\r\n250 5.1.1 no status of ours\r\n250 2.1 x\r\n");
    let reply = reader.next_reply().unwrap().unwrap();
    assert_eq!((reply.code, reply.status.as_deref()), (550, Some("5.1.1")));
    let told = reply.to_string();
    assert!(told.starts_with(r"550 5.1.1 no\x1b[2J xxx") && told.ends_with("y..."), "{told}");
    assert!(told.len() < 850 && told.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    for _ in 0..2 {
        assert_eq!(reader.next_reply().unwrap().unwrap().status, None);
    }
    assert!(reader.is_empty());
}

/// What some program takes for the end of a message, and what follows it there.
const ENDINGS: [&[u8]; 14] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n.\r\r\n",
    b"\n\0.\n",
    b"\n.\0\n",
    b"\n\0.\0\r\n",
    b"\n.\r",
    b"\r\r\n.\n",
    b"\n\r.\r\n",
];

/// The text as it goes out, whole, in pieces of this length.
fn on_the_wire(text: &[u8], piece: usize) -> Vec<u8> {
    let mut talk = Talk::greeted(HELLO);
    talk.offer(&["a@far"]);
    talk.hear("250 ok\r\n250 ok\r\n354 go\r\n");
    let mut out = Vec::new();
    let now = talk.now;
    for piece in text.chunks(piece) {
        talk.client.write(now, piece);
        out.extend(talk.client.poll_transmit().unwrap_or_default());
        talk.client.handle_sent(now);
    }
    talk.client.finish(now);
    out.extend(talk.client.poll_transmit().unwrap_or_default());
    out
}

/// No program, however it reads line ends and NUL, finds an end in it but the last.
fn has_one_end(wire: &[u8]) {
    let body = wire.strip_suffix(b".\r\n").expect("it ends");
    assert!(body.is_empty() || body.ends_with(b"\r\n"));
    assert!(!wire.contains(&0), "no NUL goes out");
    let lone = |(at, byte): (usize, &u8)| match byte {
        b'\r' => wire.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || wire[at - 1] != b'\r',
        _ => false,
    };
    assert!(!wire.iter().enumerate().any(lone), "no CR or LF stands alone: {}", wire.escape_ascii());
    let lines = body.split(|byte| matches!(byte, b'\r' | b'\n'));
    assert!(lines.filter(|line| *line == b".").count() == 0, "{}", wire.escape_ascii());
    let mut text = Vec::new();
    let progress = Unstuffer::new(Ends::Crlf).push(wire, &mut text);
    assert_eq!((progress.consumed, progress.ended), (wire.len(), true));
}

#[test]
fn no_text_smuggles_a_second_message_out() {
    for ending in ENDINGS {
        let text = [b"Subject: x\n\none", ending, b"MAIL FROM:<evil@far>\nRCPT TO:<b@far>\nDATA\n"].concat();
        for piece in [1, 2, 3, text.len()] {
            has_one_end(&on_the_wire(&text, piece));
        }
    }
    has_one_end(&on_the_wire(b".\n", 1));
    has_one_end(&on_the_wire(b"\0.\n", 1));
}

#[test]
fn eight_bit_text_and_long_lines_go_out_as_they_are() {
    let long = [b"Subject: x\n\n", "\u{e9}".repeat(5000).as_bytes(), b"\n"].concat();
    let wire = on_the_wire(&long, 4096);
    assert_eq!(wire, [b"Subject: x\r\n\r\n", "\u{e9}".repeat(5000).as_bytes(), b"\r\n.\r\n"].concat());
    // That it is 8-bit is said to whom it means something.
    for (hello, expected) in [(HELLO, " SIZE=100 BODY=8BITMIME\r\n"), ("250 mx\r\n", "\r\n")] {
        let mut talk = Talk::greeted(hello);
        talk.client.offer(talk.now, Offer { eight_bit: true, ..offer(&["a@far"]) });
        let said = talk.look();
        assert!(said.starts_with(&format!("MAIL FROM:<joe@leaf>{expected}")), "{said}");
    }
}

/// Our two ends of SMTP understand each other, whatever is sent.
#[test]
fn the_server_machine_takes_what_the_client_machine_sends() {
    let text = b"Subject: x\n\n.\n..\nFrom here\n.x\nend\n";
    let settings = crate::post::smtp::Settings { host: "polux".to_owned(), ..Default::default() };
    let mut talk = Talk::plain();
    let mut server = Server::new(settings, talk.now);
    let (mut kept, mut coming) = (Vec::new(), Vec::new());
    let mut sent = 0;
    while sent < 3 || !talk.ready {
        let heard = String::from_utf8(server.poll_transmit().unwrap_or_default()).unwrap();
        let mut said = talk.hear(&heard);
        if sent < 3 && std::mem::take(&mut talk.ready) {
            sent += 1;
            said += &talk.offer(&["a@polux", "b@polux"]);
        }
        if talk.wants_text {
            said += &talk.text(text);
            said += &talk.end();
        }
        server.handle_input(talk.now, said.as_bytes());
        while let Some(event) = server.poll_event() {
            match event {
                crate::post::smtp::Event::Data(data) => coming.extend(data),
                crate::post::smtp::Event::End => {
                    kept.push(std::mem::take(&mut coming));
                    server.kept(talk.now, "1");
                }
                _ => server.accept(talk.now),
            }
        }
        assert!(talk.error.is_none(), "{:?}", talk.error);
    }
    assert_eq!(kept, [text, text, text]);
    assert_eq!(talk.answers(), ["ok", "ok"]);
}

proptest! {
    #[test]
    fn any_text_has_one_end(text: Vec<u8>, piece in 1usize..9) {
        has_one_end(&on_the_wire(&text, piece));
    }

    #[test]
    fn texts_of_line_ends_and_dots_have_one_end(text in "[a.\r\n\0]{0,40}", piece in 1usize..9) {
        has_one_end(&on_the_wire(text.as_bytes(), piece));
    }

    #[test]
    fn no_server_breaks_the_client(
        said in proptest::collection::vec("(220|250|354|421|450|550|334)[ -][A-Z .]{0,12}\r\n|[ -~\r\n]{0,9}", 0..30),
    ) {
        let mut talk = Talk::plain();
        for line in said {
            talk.hear(&line);
            if std::mem::take(&mut talk.ready) {
                talk.offer(&["a@far", "b@far"]);
            }
            if std::mem::take(&mut talk.wants_text) {
                talk.client.finish(talk.now);
                talk.look();
            }
            prop_assert!(talk.client.is_closed() || talk.ready || talk.starts_tls || talk.client.poll_timeout().is_some());
        }
    }
}
