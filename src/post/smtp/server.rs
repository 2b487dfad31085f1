//! The server machine: one client's conversation.

use super::{Event, MailFrom, Refusal, Settings, reply};
use crate::lines::{Line, LineReader};
use crate::post::address::Address;
use crate::post::mail::Sender;
use crate::post::mail::command::{Command, CommandError, Parameter};
use crate::post::mail::dots::{Ends, Unstuffer};
use std::collections::VecDeque;
use std::time::Instant;

/// How much may wait for an answer of the driver, in bytes, before the client counts as flooding. A driver that
/// answers before it reads on never gets there.
const BACKLOG_MAX: usize = 256 * 1024;

/// One client's conversation.
///
/// After every call take out all of [`Server::poll_event`], answering each as it comes, and then all of
/// [`Server::poll_transmit`], and only then read on; when [`Server::is_closed`] and everything is sent, close the
/// connection. Time never runs backwards.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    lines: LineReader,
    awaiting: Awaiting,
    /// What the client called itself, and whether with EHLO.
    greeted: Option<(String, bool)>,
    /// Recipients of the message on offer that were accepted; `None` without a message.
    recipients: Option<usize>,
    errors: u32,
    deadline: Option<Instant>,
    output: Vec<u8>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Awaiting {
    Command,
    SenderAnswer,
    RecipientAnswer,
    BeginAnswer,
    Text(Text),
    EndAnswer,
    /// The connection is over.
    Nothing,
}

/// The text of a message that is coming in.
#[derive(Debug)]
struct Text {
    unstuffer: Unstuffer,
    /// Bytes so far, with LF line ends.
    size: u64,
    /// Bytes so far as they came.
    size_on_wire: u64,
    /// Why it will be refused when it has ended; from then on it is dropped.
    refusal: Option<Refusal>,
}

impl Server {
    /// Begins with the greeting.
    pub fn new(settings: Settings, now: Instant) -> Server {
        let mut server = Server {
            lines: LineReader::new(b"\n", settings.line_max + 1),
            awaiting: Awaiting::Command,
            greeted: None,
            recipients: None,
            errors: 0,
            deadline: None,
            output: Vec::new(),
            events: VecDeque::new(),
            settings,
        };
        server.heard(now);
        let greeting = format!("{} ESMTP", server.settings.host);
        server.say(220, "", &greeting);
        server
    }

    /// Bytes of the client.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.lines.feed(bytes);
        self.run(now);
        if self.lines.partial().len() > BACKLOG_MAX {
            self.hang_up("4.7.0", "too much at once");
        }
    }

    /// The deadline of [`Server::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.hang_up("4.4.2", "nothing heard for too long");
        }
    }

    /// The client has gone.
    pub fn handle_gone(&mut self) {
        self.abandon();
        self.close();
    }

    /// This node stops; what was not acknowledged was not taken.
    pub fn shut_down(&mut self) {
        if !self.is_closed() {
            self.hang_up("4.3.2", "the system goes down");
        }
    }

    /// What to send, all that is there.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// When [`Server::handle_timeout`] wants to be called. Never while an answer of the driver is awaited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The conversation is over; only what [`Server::poll_transmit`] still has is to be sent.
    pub fn is_closed(&self) -> bool {
        matches!(self.awaiting, Awaiting::Nothing)
    }

    /// Says yes to the sender, the recipient or the beginning of the text.
    pub fn accept(&mut self, now: Instant) {
        match std::mem::replace(&mut self.awaiting, Awaiting::Command) {
            Awaiting::SenderAnswer => {
                self.recipients = Some(0);
                self.say(250, "2.1.0", "sender ok");
            }
            Awaiting::RecipientAnswer => {
                self.recipients = self.recipients.map(|count| count + 1);
                self.say(250, "2.1.5", "recipient ok");
            }
            Awaiting::BeginAnswer => {
                self.say(354, "", "send the message, end with a line of one dot");
                let unstuffer = Unstuffer::new(Ends::Crlf);
                self.awaiting = Awaiting::Text(Text { unstuffer, size: 0, size_on_wire: 0, refusal: None });
            }
            other => {
                self.awaiting = other;
                return;
            }
        }
        self.heard(now);
        self.run(now);
    }

    /// The message is durable; `id` is told to the client.
    pub fn kept(&mut self, now: Instant, id: &str) {
        if matches!(self.awaiting, Awaiting::EndAnswer) {
            self.awaiting = Awaiting::Command;
            self.recipients = None;
            self.say(250, "2.0.0", &format!("kept as {id}"));
            self.heard(now);
            self.run(now);
        }
    }

    /// Says no to what was asked; in the middle of the text, when the text has ended.
    pub fn refuse(&mut self, now: Instant, refusal: Refusal) {
        match std::mem::replace(&mut self.awaiting, Awaiting::Command) {
            Awaiting::SenderAnswer => self.recipients = None,
            Awaiting::RecipientAnswer => self.errors += 1,
            // The message is over for the driver, which refused it itself; it hears no more of it, even if
            // the end of the text came together with the piece that it could not keep.
            Awaiting::BeginAnswer | Awaiting::EndAnswer => {
                self.recipients = None;
                self.events.clear();
            }
            Awaiting::Text(mut text) => {
                text.refusal.get_or_insert(refusal);
                self.awaiting = Awaiting::Text(text);
                self.recipients = None;
                self.events.clear();
                return;
            }
            Awaiting::Command | Awaiting::Nothing => return,
        }
        self.push_line(&refusal.line());
        self.heard(now);
        self.check_errors();
        self.run(now);
    }

    /// Does all that can be done with the input that is there.
    fn run(&mut self, now: Instant) {
        loop {
            match &mut self.awaiting {
                Awaiting::Command => match self.lines.next_line() {
                    None => return,
                    Some(line) => {
                        self.heard(now);
                        self.line(line);
                    }
                },
                Awaiting::Text(_) => {
                    let input = self.lines.take_rest();
                    if input.is_empty() {
                        return;
                    }
                    self.heard(now);
                    self.text(&input);
                }
                _ => {
                    // The driver takes its own time; the client is not to blame for it.
                    self.deadline = None;
                    return;
                }
            }
        }
    }

    fn line(&mut self, line: Line) {
        let Line::Whole { text, .. } = line else { return self.wrong(500, "5.5.2", "the line is too long") };
        let Some(text) = text.strip_suffix(b"\r") else {
            return self.wrong(500, "5.5.2", "a line ends with CR and LF");
        };
        match Command::parse(text) {
            Ok(command) => self.command(command),
            Err(CommandError::Unknown(verb)) if is_http(&verb) => {
                self.hang_up("4.7.0", "this is a mail server")
            }
            Err(error) => {
                let (code, status) = match &error {
                    CommandError::Character | CommandError::Unknown(_) => (500, "5.5.2"),
                    CommandError::Syntax(_) => (501, "5.5.4"),
                    CommandError::Sender(_) => (553, "5.1.7"),
                    CommandError::Recipient { .. } => (553, "5.1.3"),
                };
                self.wrong(code, status, &error.to_string());
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Helo(client) => {
                self.abandon();
                self.greeted = Some((client, false));
                let host = self.settings.host.clone();
                self.say(250, "", &host);
            }
            Command::Ehlo(client) => {
                self.abandon();
                self.greeted = Some((client, true));
                self.say_extensions();
            }
            Command::Mail { sender, parameters } => self.mail(sender, &parameters),
            Command::Rcpt { recipient, parameters } => self.rcpt(recipient, &parameters),
            Command::Data => self.data(),
            Command::Reset => {
                self.abandon();
                self.say(250, "2.0.0", "forgotten");
            }
            Command::Noop | Command::Ignored => self.say(250, "2.0.0", "ok"),
            Command::Verify => self.say(252, "2.5.0", "send mail and see"),
            Command::Help => self.say(214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"),
            Command::Quit => {
                self.abandon();
                self.say(221, "2.0.0", "goodbye");
                self.close();
            }
            Command::NotOffered("BDAT") => {
                // What follows is message text that could be taken for commands.
                self.abandon();
                self.say(502, "5.5.1", "CHUNKING is not offered; closing");
                self.close();
            }
            Command::NotOffered(verb) => self.wrong(502, "5.5.1", &format!("{verb} is not offered")),
        }
    }

    fn mail(&mut self, sender: Sender, parameters: &[Parameter]) {
        let Some((client, extended)) = self.greeted.clone() else {
            return self.wrong(503, "5.5.1", "say EHLO first");
        };
        if self.recipients.is_some() {
            return self.wrong(503, "5.5.1", "a message is on offer already");
        }
        let mut size = None;
        for parameter in parameters {
            let value = parameter.value.as_deref().unwrap_or_default();
            match parameter.keyword.as_str() {
                "SIZE" => match value.parse::<u64>() {
                    Ok(told) if told <= self.settings.message_max => size = Some(told),
                    Ok(_) => return self.wrong(552, "5.3.4", &self.too_large()),
                    Err(_) => return self.wrong(501, "5.5.4", "SIZE is a number of bytes"),
                },
                "BODY" if value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME") => {}
                other => return self.wrong(555, "5.5.4", &format!("MAIL with {other} is not offered")),
            }
        }
        self.events.push_back(Event::Sender(MailFrom { sender, client, extended, size }));
        self.awaiting = Awaiting::SenderAnswer;
    }

    fn rcpt(&mut self, recipient: Address, parameters: &[Parameter]) {
        let Some(count) = self.recipients else { return self.wrong(503, "5.5.1", "say MAIL first") };
        if let Some(parameter) = parameters.first() {
            return self.wrong(555, "5.5.4", &format!("RCPT with {} is not offered", parameter.keyword));
        }
        if count >= self.settings.recipients_max {
            // Not counted as wrong: a client with a long list goes on with the rest in another message.
            return self.say(452, "4.5.3", "too many recipients, send to the others in another message");
        }
        self.events.push_back(Event::Recipient(recipient));
        self.awaiting = Awaiting::RecipientAnswer;
    }

    fn data(&mut self) {
        match self.recipients {
            None => self.wrong(503, "5.5.1", "say MAIL first"),
            Some(0) => self.wrong(554, "5.5.1", "no recipient was accepted"),
            Some(_) => {
                self.events.push_back(Event::Begin);
                self.awaiting = Awaiting::BeginAnswer;
            }
        }
    }

    /// A piece of message text.
    fn text(&mut self, input: &[u8]) {
        let Awaiting::Text(text) = &mut self.awaiting else { return };
        let mut piece = Vec::with_capacity(input.len());
        let progress = text.unstuffer.push(input, &mut piece);
        text.size += piece.len() as u64;
        text.size_on_wire += progress.consumed as u64;
        let had_refusal = text.refusal.is_some();
        if let Some(lone) = text.unstuffer.lone_end() {
            text.refusal.get_or_insert(Refusal::new(554, "5.6.0", lone.to_string()));
        }
        let (size, size_on_wire, limit) = (text.size, text.size_on_wire, self.settings.message_max);
        if size > limit {
            let refusal = || Refusal::new(552, "5.3.4", format!("a message may have {limit} bytes"));
            text.refusal.get_or_insert_with(refusal);
        }
        let refusal = text.refusal.clone();
        match &refusal {
            None if !piece.is_empty() => self.events.push_back(Event::Data(piece)),
            Some(_) if !had_refusal => self.abandon(),
            _ => {}
        }
        if progress.ended {
            self.lines.feed(input.get(progress.consumed..).unwrap_or_default());
            match refusal {
                None => {
                    self.events.push_back(Event::End);
                    self.awaiting = Awaiting::EndAnswer;
                }
                Some(refusal) => {
                    self.awaiting = Awaiting::Command;
                    self.push_line(&refusal.line());
                    self.errors += 1;
                    self.check_errors();
                }
            }
        } else if size_on_wire / 3 > limit {
            // Even a message of empty lines would have been complete: this one is refused already and not worth waiting for.
            self.hang_up("4.3.4", "the message does not end");
        }
    }

    fn too_large(&self) -> String {
        format!("a message may have {} bytes", self.settings.message_max)
    }

    fn say_extensions(&mut self) {
        let size = self.settings.message_max;
        let text = format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE {size}\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 HELP",
            self.settings.host
        );
        self.push_line(&text);
    }

    /// Refuses a command, and hangs up on a client that does nothing right.
    fn wrong(&mut self, code: u16, status: &str, text: &str) {
        self.say(code, status, text);
        self.errors += 1;
        self.check_errors();
    }

    fn check_errors(&mut self) {
        if self.errors > self.settings.errors_max {
            self.hang_up("4.7.0", "too many errors");
        }
    }

    fn hang_up(&mut self, status: &str, text: &str) {
        self.abandon();
        let text = format!("{} {text}", self.settings.host);
        self.say(421, status, &text);
        self.close();
    }

    /// Tells the driver to forget the message on offer, if there is one.
    fn abandon(&mut self) {
        let offered = self.recipients.take().is_some() || matches!(self.awaiting, Awaiting::SenderAnswer);
        if offered {
            self.events.push_back(Event::Abandoned);
        }
    }

    fn close(&mut self) {
        self.awaiting = Awaiting::Nothing;
        self.deadline = None;
        self.lines.take_rest();
    }

    fn heard(&mut self, now: Instant) {
        self.deadline = Some(now + self.settings.idle_max);
    }

    fn say(&mut self, code: u16, status: &str, text: &str) {
        self.push_line(&reply::line(code, status, text));
    }

    fn push_line(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }
}

/// A web page can make a browser send a form here; the text of the form must not be read as commands.
fn is_http(verb: &str) -> bool {
    ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"].iter().any(|name| verb.eq_ignore_ascii_case(name))
}
