mod extensions;
mod smuggling;

use super::drive::{Acceptor, Security, serve};
use super::*;
use crate::clock;
use crate::observe::Secret;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A client, the machine, and a driver that answers in the usual ways.
struct Conversation {
    server: Server,
    now: Instant,
    /// Message texts that ended, with what was collected of each.
    kept: Vec<Vec<u8>>,
    text: Vec<u8>,
    log: Vec<String>,
    /// What the driver does with the text.
    refuse_text: bool,
    /// Replies that were sent before TLS began.
    said: String,
}

impl Conversation {
    fn new(settings: Settings) -> Conversation {
        let now = clock::now();
        let server = Server::new(settings, now);
        let mut all = Conversation {
            server,
            now,
            kept: vec![],
            text: vec![],
            log: vec![],
            refuse_text: false,
            said: String::new(),
        };
        assert!(all.replies().starts_with("220 "));
        all
    }

    fn greeted() -> Conversation {
        let mut all = Conversation::new(Settings { message_max: 1000, ..Settings::default() });
        all.send(b"EHLO leaf\r\n");
        all
    }

    /// Hands in bytes and answers all events; users called `nobody` are refused.
    fn send(&mut self, bytes: &[u8]) -> String {
        self.server.handle_input(self.now, bytes);
        self.answer();
        self.replies()
    }

    fn answer(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Sender(mail) => {
                    self.log
                        .push(format!("from <{}> {}", mail.sender.smtp(), mail.notice).trim_end().to_owned());
                    self.server.accept(self.now);
                }
                Event::Recipient(to) if to.recipient.as_str() == "nobody" => {
                    self.server.refuse(self.now, Refusal::new(550, "5.1.1", "no such user"));
                }
                Event::Recipient(RcptTo { recipient, notice }) => {
                    self.log.push(format!("to <{recipient}> {notice}").trim_end().to_owned());
                    self.server.accept(self.now);
                }
                Event::Begin => {
                    self.text.clear();
                    self.server.accept(self.now);
                }
                Event::Data(_) if self.refuse_text => {
                    self.server.refuse(self.now, Refusal::later("disk full"))
                }
                Event::Data(text) => self.text.extend_from_slice(&text),
                Event::End => {
                    self.kept.push(std::mem::take(&mut self.text));
                    self.server.kept(self.now, "7f");
                }
                Event::Abandoned => self.log.push("abandoned".to_owned()),
                Event::StartTls => {
                    self.log.push("TLS".to_owned());
                    self.said += &self
                        .server
                        .poll_transmit()
                        .map_or(String::new(), |said| String::from_utf8(said).unwrap());
                    self.server.secured(self.now);
                }
                Event::Login { name, password } => match (name.as_str(), password.expose()) {
                    ("joe", "geheim") => {
                        self.log.push("login of joe".to_owned());
                        self.server.accept(self.now);
                    }
                    ("busy", _) => {
                        self.server.refuse(self.now, Refusal::new(454, "4.7.0", "busy"));
                    }
                    _ => self.server.refuse(self.now, Refusal::new(535, "5.7.8", "wrong")),
                },
                Event::Turn(node) if node == "stranger" => {
                    self.server.refuse(self.now, Refusal::new(459, "4.7.1", "not allowed"));
                }
                Event::Turn(node) => self.server.turned(self.now, node == "leaf"),
            }
        }
    }

    fn replies(&mut self) -> String {
        let rest = String::from_utf8(self.server.poll_transmit().unwrap_or_default()).unwrap();
        std::mem::take(&mut self.said) + &rest
    }

    /// The codes of the replies, one for each last line.
    fn codes(&mut self, bytes: &[u8]) -> Vec<String> {
        let replies = self.send(bytes);
        let last = |line: &&str| line.as_bytes().get(3) == Some(&b' ');
        replies.lines().filter(last).map(|line| line[..3].to_owned()).collect()
    }
}

#[test]
fn a_message_is_taken() {
    let mut client = Conversation::new(Settings { host: "polux.example".to_owned(), ..Settings::default() });
    let hello = client.send(b"EHLO leaf.example\r\n");
    assert_eq!(
        hello,
        "250-polux.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250 HELP\r\n"
    );
    assert_eq!(client.send(b"MAIL FROM:<joe@leaf> SIZE=10 BODY=8BITMIME\r\n"), "250 2.1.0 OK\r\n");
    assert_eq!(client.send(b"RCPT TO:<a!b!user>\r\n"), "250 2.1.5 OK\r\n");
    assert!(client.send(b"DATA\r\n").starts_with("354 "));
    assert_eq!(client.send(b"Subject: x\r\n\r\n..dot\r\n\xff\0\r\n"), "");
    assert_eq!(client.send(b".\r\n"), "250 2.0.0 OK, kept as 7f\r\n");
    assert_eq!(client.kept, [b"Subject: x\n\n.dot\n\xff\0\n"]);
    assert_eq!(client.log, ["from <joe@leaf>", "to <a!b!user>"]);
    assert_eq!(client.send(b"QUIT\r\n"), "221 2.0.0 goodbye\r\n");
    assert!(client.server.is_closed());
}

#[test]
fn nothing_is_said_before_the_driver_has_kept_it() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<>\r\nRCPT TO:<joe>\r\nDATA\r\n");
    client.server.handle_input(client.now, b"x\r\n.\r\nNOOP\r\n");
    assert_eq!(client.server.poll_event(), Some(Event::Data(b"x\n".to_vec())));
    assert_eq!(client.server.poll_event(), Some(Event::End));
    assert_eq!(client.server.poll_transmit(), None);
    assert_eq!(client.server.poll_timeout(), None, "our own work has no deadline here");
    client.server.accept(client.now);
    assert_eq!(client.server.poll_transmit(), None, "only `kept` says 250");
    client.server.refuse(client.now, Refusal::later("disk full"));
    assert_eq!(client.replies(), "451 4.3.0 disk full\r\n250 2.0.0 OK\r\n");
    assert!(client.server.poll_timeout().is_some());
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let mut client = Conversation::greeted();
    let all = b"MAIL FROM:<a>\r\nRCPT TO:<nobody>\r\nRCPT TO:<b>\r\nDATA\r\n";
    assert_eq!(client.codes(all), ["250", "550", "250", "354"]);
    let next = b"one\r\n.\r\nMAIL FROM:<c>\r\nRCPT TO:<nobody>\r\nDATA\r\nRSET\r\nQUIT\r\nNOOP\r\n";
    assert_eq!(client.codes(next), ["250", "250", "550", "554", "250", "221"]);
    assert_eq!(client.kept, [b"one\n"]);
    assert_eq!(client.log, ["from <a>", "to <b>", "from <c>", "abandoned"]);
}

#[test]
fn commands_out_of_order_are_refused() {
    let mut client = Conversation::new(Settings::default());
    assert_eq!(client.codes(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n"), ["503", "503", "503"]);
    assert_eq!(client.codes(b"HELO x\r\nRCPT TO:<b>\r\nDATA\r\n"), ["250", "503", "503"]);
    assert_eq!(client.codes(b"MAIL FROM:<a>\r\nMAIL FROM:<a>\r\nDATA\r\n"), ["250", "503", "554"]);
    assert_eq!(client.codes(b"EHLO x\r\nRCPT TO:<b>\r\n"), ["250", "503"]);
    assert_eq!(client.log, ["from <a>", "abandoned"]);
}

#[test]
fn what_is_not_offered_is_said_so() {
    let mut client = Conversation::greeted();
    let codes = client.codes(
        b"VRFY joe\r\nHELP\r\nEXPN x\r\nSTARTTLS\r\nAUTH PLAIN AA==\r\nDEBUG\r\nWIZ\r\nMAIL FROM:<a> SMTPUTF8\r\n\
          MAIL FROM:<a> SIZE=2000\r\nMAIL FROM:<a> SIZE=x\r\nMAIL FROM:<a>\r\nRCPT TO:<b> HOLDFOR=9\r\n",
    );
    assert_eq!(codes, ["252", "214", "502", "502", "502", "500", "500", "555", "552", "501", "250", "555"]);
    assert!(client.send(b"BDAT 5 LAST\r\nRSET\r\n").starts_with("502 5.5.1 CHUNKING"));
    assert!(client.server.is_closed());
}

#[test]
fn a_browser_is_sent_away() {
    let mut client = Conversation::new(Settings::default());
    let post = b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n";
    assert_eq!(client.codes(post), ["421"]);
    assert!(client.log.is_empty());
}

#[test]
fn hostile_addresses_never_reach_the_driver() {
    let mut client = Conversation::new(Settings { errors_max: 100, ..Settings::default() });
    client.send(b"EHLO x\r\nMAIL FROM:<a>\r\n");
    for bad in [
        "<|sh>",
        "<-oQ/tmp>",
        "</etc/passwd>",
        "<a\0b>",
        "<a b>",
        "<a\rb>",
        "<>",
        "<a@b@c>",
        "<",
        "<!>",
        "<.!>",
    ] {
        let codes = client.codes(format!("RCPT TO:{bad}\r\n").as_bytes());
        assert!(matches!(codes[0].as_str(), "500" | "501" | "553"), "{bad:?} {codes:?}");
    }
    assert_eq!(client.log, ["from <a>"]);
}

#[test]
fn a_line_without_cr_is_no_command() {
    let mut client = Conversation::new(Settings::default());
    assert_eq!(client.codes(b"EHLO x\nEHLO x\r\n"), ["500", "250"]);
}

#[test]
fn a_message_too_large_is_dropped_and_refused_at_its_end() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
    assert_eq!(client.send(&b"123456789\r\n".repeat(110)), "");
    assert_eq!(client.log.last().unwrap(), "abandoned");
    assert!(client.send(b".\r\n").starts_with("552 5.3.4 "));
    assert!(client.kept.is_empty());
    // One that never ends is cut off.
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
    for _ in 0..400 {
        client.send(b"123456789\r\n");
    }
    assert!(client.server.is_closed());
}

#[test]
fn a_disk_that_fills_in_mid_message_is_said_at_its_end() {
    for pieces in [&[&b"a\r\n"[..], b"b\r\n.\r\n"][..], &[b"a\r\n.\r\n"]] {
        let mut client = Conversation::greeted();
        client.refuse_text = true;
        client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
        let replies: String = pieces.iter().map(|piece| client.send(piece)).collect();
        assert_eq!(replies, "451 4.3.0 disk full\r\n");
        assert!(client.kept.is_empty());
        assert_eq!(client.log, ["from <a>", "to <b>"]);
        client.refuse_text = false;
        assert_eq!(client.codes(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n"), ["250", "250", "354"]);
        assert_eq!(client.codes(b"again\r\n.\r\n"), ["250"]);
    }
}

#[test]
fn limits_hold() {
    let mut client = Conversation::new(Settings { recipients_max: 2, errors_max: 3, ..Settings::default() });
    client.send(b"EHLO x\r\nMAIL FROM:<a>\r\n");
    assert_eq!(client.codes(b"RCPT TO:<b>\r\nRCPT TO:<c>\r\nRCPT TO:<d>\r\n"), ["250", "250", "452"]);
    assert_eq!(client.codes(&[b'x'; 10_000]), ["500"]);
    assert_eq!(client.codes(b"\r\nRSET\r\nX\r\nRCPT TO:<e>\r\nY\r\n"), ["250", "500", "503", "500", "421"]);
    assert!(client.server.is_closed());
    assert_eq!(client.send(b"NOOP\r\n"), "");
}

#[test]
fn a_silent_client_is_sent_away() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n");
    let deadline = client.server.poll_timeout().unwrap();
    assert_eq!(deadline, client.now + Duration::from_secs(300));
    // Half a line keeps nothing alive.
    let mut other = Conversation::greeted();
    other.now += Duration::from_secs(200);
    other.send(b"NOO");
    assert!(other.server.poll_timeout().unwrap() < other.now + Duration::from_secs(300));
    client.now = deadline;
    client.server.handle_timeout(deadline);
    client.answer();
    assert!(client.replies().starts_with("421 4.4.2 "));
    assert!(client.server.is_closed());
    assert_eq!(client.log.last().unwrap(), "abandoned");
}

#[test]
fn a_client_that_goes_takes_its_message_along() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\r\n.");
    client.server.handle_gone();
    client.answer();
    assert_eq!(client.log.last().unwrap(), "abandoned");
    assert!(client.kept.is_empty());
}

#[test]
fn replies_hold_no_line_of_a_stranger() {
    let mut client = Conversation::greeted();
    client.send(b"MAIL FROM:<a>\r\n");
    client.server.handle_input(client.now, b"RCPT TO:<b>\r\n");
    client.server.poll_event();
    client
        .server
        .refuse(client.now, Refusal::new(550, "5.1.1", "x\r\n250 ok\r\n".to_owned() + &"y".repeat(2000)));
    let replies = client.replies();
    assert_eq!(replies.matches("\r\n").count(), 1);
    assert!(replies.len() <= 512);
}

proptest! {
    #[test]
    fn no_bytes_break_the_machine(pieces in proptest::collection::vec(prop_oneof![
        Just(b"EHLO x\r\n".to_vec()), Just(b"MAIL FROM:<a>\r\n".to_vec()), Just(b"RCPT TO:<b>\r\n".to_vec()),
        Just(b"DATA\r\n".to_vec()), Just(b".\r\n".to_vec()), Just(b"\r".to_vec()), Just(b"RSET\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40)], 0..20)) {
        let mut client = Conversation::greeted();
        for piece in pieces {
            let replies = client.send(&piece);
            prop_assert!(replies.len() <= 512 * (piece.len() + 1));
            prop_assert!(replies.is_empty() || replies.ends_with("\r\n"));
            prop_assert!(client.server.is_closed() || client.server.poll_timeout().is_some());
        }
    }

    #[test]
    fn however_the_input_is_cut_the_answers_are_the_same(cuts in proptest::collection::vec(1usize..30, 1..10)) {
        let input: &[u8] = b"MAIL FROM:<a>\r\nRCPT TO:<nobody>\r\nRCPT TO:<b>\r\nDATA\r\n..x\r\ny\r\n.\r\nMAIL FROM:<c>\r\nQUIT\r\n";
        let mut whole = Conversation::greeted();
        let expected = whole.send(input);
        let mut client = Conversation::greeted();
        let (mut replies, mut rest, mut cuts) = (String::new(), input, cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            replies += &client.send(piece);
            rest = after;
        }
        prop_assert_eq!(replies, expected);
        prop_assert_eq!(client.kept, whole.kept);
    }
}

/// Keeps messages in memory.
#[derive(Default)]
struct Memory {
    text: Vec<u8>,
    kept: Vec<Vec<u8>>,
    abandoned: u32,
}

impl Acceptor for Memory {
    async fn sender(&mut self, _mail: MailFrom) -> Result<(), Refusal> {
        self.text.clear();
        Ok(())
    }
    async fn recipient(&mut self, to: RcptTo) -> Result<(), Refusal> {
        match to.recipient.as_str() {
            "nobody" => Err(Refusal::new(550, "5.1.1", "no such user")),
            _ => Ok(()),
        }
    }
    async fn begin(&mut self) -> Result<(), Refusal> {
        Ok(())
    }
    async fn write(&mut self, text: Vec<u8>) -> Result<(), Refusal> {
        self.text.extend_from_slice(&text);
        Ok(())
    }
    async fn finish(&mut self) -> Result<String, Refusal> {
        self.kept.push(std::mem::take(&mut self.text));
        Ok(format!("m{}", self.kept.len()))
    }
    async fn abandon(&mut self) {
        self.abandoned += 1;
    }
    fn secured(&mut self, _names: Vec<String>) {}
    async fn login(&mut self, _name: String, _password: Secret) -> Result<(), Refusal> {
        Err(Refusal::new(535, "5.7.8", "wrong"))
    }
    async fn turn(&mut self, _node: String) -> Result<bool, Refusal> {
        Ok(false)
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_connection_is_served_to_its_end() {
    block_on(async {
        let (mut client, server) = tokio::io::duplex(1000);
        let mut memory = Memory::default();
        let talk = async {
            client
                .write_all(b"EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<nobody>\r\nRCPT TO:<b>\r\nDATA\r\n")
                .await
                .unwrap();
            client.write_all(&b"0123456789\r\n".repeat(5000)).await.unwrap();
            client.write_all(b".\r\nMAIL FROM:<a>\r\nQUIT\r\n").await.unwrap();
            let mut replies = String::new();
            client.read_to_string(&mut replies).await.unwrap();
            replies
        };
        let served = serve(
            server,
            "client",
            Settings::default(),
            Security::Never,
            &mut memory,
            std::future::pending(),
        );
        let (served, replies) = tokio::join!(served, talk);
        assert_eq!(served.unwrap(), 1);
        assert!(replies.ends_with("354 Start mail input; end with <CRLF>.<CRLF>\r\n250 2.0.0 OK, kept as m1\r\n250 2.1.0 OK\r\n221 2.0.0 goodbye\r\n"), "{replies}");
        assert_eq!(memory.kept, [b"0123456789\n".repeat(5000)]);
        assert_eq!(memory.abandoned, 1);
    });
}

#[test]
fn a_stop_ends_the_connection_with_a_word() {
    block_on(async {
        let (mut client, server) = tokio::io::duplex(1000);
        let mut memory = Memory::default();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let talk = async {
            client.write_all(b"EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nhalf").await.unwrap();
            let mut replies = Vec::new();
            while !String::from_utf8_lossy(&replies).contains("354") {
                client.read_buf(&mut replies).await.unwrap();
            }
            stop.send(()).unwrap();
            let mut rest = String::new();
            client.read_to_string(&mut rest).await.unwrap();
            rest
        };
        let served = serve(server, "client", Settings::default(), Security::Never, &mut memory, async {
            stopped.await.unwrap_or_default()
        });
        let (served, rest) = tokio::join!(served, talk);
        assert_eq!(served.unwrap(), 0);
        assert_eq!(rest, "421 4.3.2 localhost the system goes down\r\n");
        assert_eq!((memory.kept.len(), memory.abandoned), (0, 1));
    });
}

#[test]
fn a_lost_connection_keeps_nothing() {
    block_on(async {
        let (mut client, server) = tokio::io::duplex(1000);
        let mut memory = Memory::default();
        let talk = async move {
            client.write_all(b"EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nhalf\r\n.").await.unwrap();
        };
        let served = serve(
            server,
            "client",
            Settings::default(),
            Security::Never,
            &mut memory,
            std::future::pending(),
        );
        let (_, ()) = tokio::join!(served, talk);
        assert_eq!((memory.kept.len(), memory.abandoned), (0, 1));
    });
}
