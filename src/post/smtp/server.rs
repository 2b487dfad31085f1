//! The server machine: one client's conversation.

mod envelope;
mod login;
mod text;

use super::{Event, Refusal, Settings, reply};
use crate::lines::{Line, LineReader};
use crate::post::mail::command::{Command, CommandError};
use login::Login;
use std::collections::VecDeque;
use std::time::Instant;
use text::Text;

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
    /// The client has shown who it is.
    logged_in: bool,
    wrong_logins: u32,
    deadline: Option<Instant>,
    /// When the connection has lasted long enough.
    ends: Instant,
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
    /// A line of AUTH.
    Login(Login),
    LoginAnswer,
    /// The time when a wrong password is answered, and that answer.
    LoginPause(Refusal),
    TurnAnswer,
    Tls,
    /// The connection is over.
    Nothing,
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
            logged_in: false,
            wrong_logins: 0,
            deadline: None,
            ends: now + settings.session_max,
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
        if matches!(self.awaiting, Awaiting::Text(_)) && self.lines.partial().is_empty() {
            self.heard(now);
            self.text(bytes);
        } else {
            self.lines.feed(bytes);
        }
        self.run(now);
        match self.lines.partial().len() {
            // Most of its time a client says nothing; then it holds no memory for lines.
            0 => drop(self.lines.take_rest()),
            length if length > BACKLOG_MAX => self.hang_up("4.7.0", "too much at once"),
            _ => {}
        }
    }

    /// The deadline of [`Server::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        match std::mem::replace(&mut self.awaiting, Awaiting::Command) {
            Awaiting::LoginPause(refusal) => self.refuse_login(now, &refusal),
            other => {
                self.awaiting = other;
                let over = now >= self.ends;
                self.hang_up(
                    "4.4.2",
                    if over { "this has lasted too long" } else { "nothing heard for too long" },
                );
            }
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

    /// Bytes of buffers, full or not.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.lines.held() + self.output.capacity()
    }

    /// The conversation is over; only what [`Server::poll_transmit`] still has is to be sent.
    pub fn is_closed(&self) -> bool {
        matches!(self.awaiting, Awaiting::Nothing)
    }

    /// Says yes to the sender, the recipient, the beginning of the text, or the login.
    pub fn accept(&mut self, now: Instant) {
        match std::mem::replace(&mut self.awaiting, Awaiting::Command) {
            Awaiting::SenderAnswer => {
                self.recipients = Some(0);
                self.say(250, "2.1.0", "OK");
            }
            Awaiting::RecipientAnswer => {
                self.recipients = self.recipients.map(|count| count + 1);
                self.say(250, "2.1.5", "OK");
            }
            Awaiting::BeginAnswer => {
                self.say(354, "", "Start mail input; end with <CRLF>.<CRLF>");
                self.awaiting = Awaiting::Text(Text::new());
            }
            Awaiting::LoginAnswer => {
                self.logged_in = true;
                self.say(235, "2.7.0", "welcome");
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
            self.say(250, "2.0.0", &format!("OK, kept as {id}"));
            self.heard(now);
            self.run(now);
        }
    }

    /// The mail for the node that was named is sent on its way; or, if `waiting` is false, there is none.
    pub fn turned(&mut self, now: Instant, waiting: bool) {
        if matches!(self.awaiting, Awaiting::TurnAnswer) {
            self.awaiting = Awaiting::Command;
            match waiting {
                true => self.say(250, "2.0.0", "OK, the node is called as soon as that can be"),
                false => self.say(251, "2.0.0", "OK, no messages wait for the node"),
            }
            self.heard(now);
            self.run(now);
        }
    }

    /// The connection is secured from here on; the client begins anew (RFC 3207, section 4.2).
    pub fn secured(&mut self, now: Instant) {
        if matches!(self.awaiting, Awaiting::Tls) {
            self.awaiting = Awaiting::Command;
            self.settings.secured = true;
            self.greeted = None;
            self.lines.take_rest();
            self.heard(now);
        }
    }

    /// Says no to what was asked; in the middle of the text, when the text has ended.
    pub fn refuse(&mut self, now: Instant, refusal: Refusal) {
        match std::mem::replace(&mut self.awaiting, Awaiting::Command) {
            Awaiting::SenderAnswer => self.recipients = None,
            Awaiting::RecipientAnswer | Awaiting::TurnAnswer => self.errors += 1,
            // The message is over for the driver, which refused it itself; it hears no more of it, even if
            // the end of the text came together with the piece that it could not keep.
            Awaiting::BeginAnswer | Awaiting::EndAnswer => {
                self.recipients = None;
                self.events.clear();
            }
            Awaiting::Text(mut text) => {
                text.refuse(refusal);
                self.awaiting = Awaiting::Text(text);
                self.recipients = None;
                self.events.clear();
                return;
            }
            Awaiting::LoginAnswer => return self.pause_login(now, refusal),
            other => {
                self.awaiting = other;
                return;
            }
        }
        self.say_refusal(&refusal);
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
                Awaiting::Login(_) => match self.lines.next_line() {
                    None => return,
                    Some(line) => {
                        self.heard(now);
                        self.login_line(line);
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
                Awaiting::LoginPause(_) => return,
                _ => {
                    // The driver takes its own time; the client is not to blame for it.
                    self.deadline = None;
                    return;
                }
            }
        }
    }

    fn line(&mut self, line: Line) {
        let Some(text) = self.whole(line) else { return };
        match Command::parse(&text) {
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

    /// A line without its end; one that is none is refused.
    fn whole(&mut self, line: Line) -> Option<Vec<u8>> {
        let Line::Whole { mut text, .. } = line else {
            self.wrong(500, "5.5.2", "the line is too long");
            return None;
        };
        if text.pop() != Some(b'\r') {
            self.wrong(500, "5.5.2", "a line ends with CR and LF");
            return None;
        }
        Some(text)
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
            Command::Noop | Command::Ignored => self.say(250, "2.0.0", "OK"),
            Command::Verify => self.say(252, "2.5.0", "send mail and see"),
            Command::Help => {
                let verbs = "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY STARTTLS AUTH ETRN HELP QUIT";
                self.say(214, "2.0.0", verbs);
            }
            Command::Quit => {
                self.abandon();
                self.say(221, "2.0.0", "goodbye");
                self.close();
            }
            Command::StartTls => self.start_tls(),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial),
            Command::Turn(node) => self.turn(node),
            Command::NotOffered("BDAT") => {
                // What follows is message text that could be taken for commands.
                self.abandon();
                self.say(502, "5.5.1", "CHUNKING is not offered; closing");
                self.close();
            }
            Command::NotOffered(verb) => self.wrong(502, "5.5.1", &format!("{verb} is not offered")),
        }
    }

    fn start_tls(&mut self) {
        if self.settings.secured {
            return self.wrong(503, "5.5.1", "the connection is over TLS already");
        }
        if !self.settings.starttls {
            return self.wrong(502, "5.5.1", "STARTTLS is not offered");
        }
        if !self.is_extended() {
            return self.wrong(503, "5.5.1", "say EHLO first");
        }
        self.abandon();
        if !self.lines.partial().is_empty() {
            // It could be somebody else's, put in on the way to be carried out as the client's own once all is secured.
            self.say(503, "5.5.1", "nothing may follow STARTTLS before its answer; closing");
            return self.close();
        }
        self.say(220, "2.0.0", "begin with TLS");
        self.events.push_back(Event::StartTls);
        self.awaiting = Awaiting::Tls;
    }

    fn turn(&mut self, node: String) {
        if !self.settings.turn {
            return self.wrong(502, "5.5.1", "ETRN is not offered");
        }
        if !self.is_extended() {
            return self.wrong(503, "5.5.1", "say EHLO first");
        }
        self.events.push_back(Event::Turn(node));
        self.awaiting = Awaiting::TurnAnswer;
    }

    fn is_extended(&self) -> bool {
        matches!(self.greeted, Some((_, true)))
    }

    fn say_extensions(&mut self) {
        let Settings { host, message_max, starttls, secured, login, turn, .. } = &self.settings;
        let mut text = format!(
            "250-{host}\r\n250-PIPELINING\r\n250-SIZE {message_max}\r\n250-8BITMIME\r\n250-DSN\r\n\
             250-ENHANCEDSTATUSCODES\r\n"
        );
        let offers = [
            (*starttls && !secured, "250-STARTTLS\r\n"),
            (*login && *secured, "250-AUTH PLAIN LOGIN\r\n"),
            (*turn, "250-ETRN\r\n"),
        ];
        text.extend(offers.iter().filter(|(offered, _)| *offered).map(|(_, line)| *line));
        text.push_str("250 HELP");
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
        self.deadline = Some((now + self.settings.idle_max).min(self.ends));
    }

    fn say_refusal(&mut self, refusal: &Refusal) {
        self.say(refusal.code, &refusal.status, &refusal.text);
    }

    /// Who says HELO hears a plain OK; why something is refused he may want to know closely, too.
    fn say(&mut self, code: u16, status: &str, text: &str) {
        let plain = code < 400 && matches!(self.greeted, Some((_, false)));
        let status = if plain { "" } else { status };
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
