//! The client machine: one connection to a server.

use super::exchange::Exchange;
use super::extensions::Extensions;
use super::login::Lines;
use super::{Answer, ClientError, Offer, Protocol, Reply, ReplyReader, Settings, Step, Tls};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many commands may wait for their answers with PIPELINING. Bounds what either side has to keep.
const WINDOW: usize = 50;

/// What happened, or is wanted.
#[derive(Debug)]
pub enum Event {
    /// Nothing is under way: [`Client::offer`] a message, or [`Client::quit`].
    Ready,
    /// Secure the connection, then say [`Client::secured`] or [`Client::not_secured`]. Nothing was read beyond the server's answer.
    StartTls,
    /// The next piece of the text is wanted: [`Client::write`] or [`Client::finish`].
    Text,
    /// What was answered for each recipient of the offer, in its order; `None` where the connection ended first.
    Ended(Vec<Option<Answer>>),
    /// The connection is of no more use.
    Failed(ClientError),
    /// The connection was ended in good order.
    Closed,
}

/// One connection to a server.
///
/// After every call take out all of [`Client::poll_event`], then all of [`Client::poll_transmit`]; when that is sent, say
/// [`Client::handle_sent`]. Time never runs backwards.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    replies: ReplyReader,
    extensions: Extensions,
    is_secured: bool,
    /// What is left to say of a login that has begun.
    login: Option<Lines>,
    turn: Turn,
    /// Commands of the message that were not said yet. Numbers are those of recipients.
    commands: VecDeque<(Step, usize)>,
    /// What was said and not answered yet.
    awaiting: VecDeque<(Step, usize)>,
    exchange: Option<Exchange>,
    output: Vec<u8>,
    deadline: Option<Instant>,
    events: VecDeque<Event>,
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Server,
    /// The driver's, with TLS.
    Securing,
    /// The driver's, with the next message.
    Idle,
    /// The driver's with the next piece of text, if it was asked for it.
    Text {
        asked: bool,
    },
    Closed,
}

impl Client {
    /// Begins on a connection that was just made.
    pub fn new(settings: Settings, now: Instant) -> Client {
        let mut client = Client {
            replies: ReplyReader::default(),
            extensions: Extensions::default(),
            is_secured: settings.tls == Tls::FromStart,
            login: None,
            turn: Turn::Server,
            commands: VecDeque::new(),
            awaiting: VecDeque::from([(Step::Greeting, 0)]),
            exchange: None,
            output: Vec::new(),
            deadline: None,
            events: VecDeque::new(),
            settings,
        };
        client.wait(now);
        client
    }

    /// Bytes of the server.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        match self.turn {
            Turn::Closed => return,
            Turn::Securing => return self.fail(ClientError::Injected),
            _ => self.replies.feed(bytes),
        }
        while !matches!(self.turn, Turn::Closed | Turn::Securing) {
            match self.replies.next_reply() {
                Ok(Some(reply)) => self.reply(now, reply),
                Ok(None) => return,
                Err(what) => self.fail(ClientError::Nonsense { step: self.step(), what }),
            }
        }
    }

    /// The server has gone.
    pub fn handle_gone(&mut self) {
        match self.step() {
            Step::Quit => self.close(),
            step => self.fail(ClientError::Gone { step }),
        }
    }

    /// The deadline of [`Client::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.step() {
            Step::Quit => self.close(),
            step => self.fail(ClientError::Silent { step, seconds: self.patience(step).as_secs() }),
        }
    }

    /// What [`Client::poll_transmit`] gave is sent.
    pub fn handle_sent(&mut self, now: Instant) {
        if self.turn == (Turn::Text { asked: false }) {
            self.ask_for_text();
        } else {
            self.wait(now);
        }
    }

    /// What to send, all that is there.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// When [`Client::handle_timeout`] wants to be called. Never while the driver is asked for something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The connection is to be closed.
    pub fn is_closed(&self) -> bool {
        self.turn == Turn::Closed
    }

    /// The connection is secured now. What the server said before counts no more.
    pub fn secured(&mut self, now: Instant) {
        if self.turn == Turn::Securing {
            self.turn = Turn::Server;
            self.is_secured = true;
            self.hello();
            self.wait(now);
        }
    }

    /// The connection cannot be secured.
    pub fn not_secured(&mut self, why: String) {
        self.fail(ClientError::Tls(why));
    }

    /// Offers a message, after [`Event::Ready`].
    pub fn offer(&mut self, now: Instant, offer: Offer) {
        if self.turn != Turn::Idle {
            return;
        }
        let mut exchange = Exchange::new(offer);
        let count = exchange.offer.recipients.len();
        let size = exchange.offer.size;
        if let Some(limit) = self.extensions.too_small_for(size) {
            (0..count).for_each(|recipient| exchange.answer(recipient, Answer::TooLarge { size, limit }));
        } else {
            self.commands.push_back((Step::Mail, 0));
            self.commands.extend((0..count).map(|recipient| (Step::Rcpt, recipient)));
            self.commands.push_back((Step::Data, 0));
        }
        self.exchange = Some(exchange);
        self.turn = Turn::Server;
        self.go_on();
        self.wait(now);
    }

    /// More of the text, with LF line ends, after [`Event::Text`].
    pub fn write(&mut self, now: Instant, text: &[u8]) {
        let (Turn::Text { .. }, Some(exchange)) = (self.turn, &mut self.exchange) else { return };
        exchange.put_text(text, &mut self.output);
        self.turn = Turn::Text { asked: false };
        if self.output.is_empty() {
            self.ask_for_text();
        } else {
            self.deadline = Some(now + self.settings.timeouts.text);
        }
    }

    /// The text is complete, after [`Event::Text`].
    pub fn finish(&mut self, now: Instant) {
        if matches!(self.turn, Turn::Text { .. }) {
            self.turn = Turn::Server;
            self.end_text();
            // The time for the answer runs from when the end is sent.
            self.deadline = Some(now + self.settings.timeouts.text);
        }
    }

    /// The message cannot be sent to its end, so the connection is given up: the server must not take what it has for the whole.
    pub fn give_up(&mut self, error: ClientError) {
        self.fail(error);
    }

    /// Ends the connection, after [`Event::Ready`].
    pub fn quit(&mut self, now: Instant) {
        if self.turn == Turn::Idle {
            self.turn = Turn::Server;
            self.say(Step::Quit, "QUIT");
            self.wait(now);
        }
    }

    fn reply(&mut self, now: Instant, reply: Reply) {
        let step = self.step();
        // RFC 5321 section 3.8: it may come in answer to any command, and unasked.
        if reply.code == 421 && step != Step::Quit {
            return self.fail(ClientError::Closing { step, reply });
        }
        match (self.awaiting.pop_front(), &mut self.exchange) {
            (Some((step, recipient)), _) => self.answered(step, recipient, reply),
            // The server will not hear the text to its end.
            (None, Some(exchange)) if reply.is_temporary() || reply.is_permanent() => {
                exchange.answer_taken(&Answer::refused(step, &reply));
                self.fail(ClientError::Closing { step, reply });
            }
            (None, _) => self.fail(ClientError::Unfit { step, reply }),
        }
        if self.turn == Turn::Server {
            self.go_on();
            self.wait(now);
        }
    }

    fn answered(&mut self, step: Step, recipient: usize, reply: Reply) {
        match step {
            Step::Greeting if reply.is_good() => self.hello(),
            Step::Greeting => self.fail(ClientError::Greeting(reply)),
            Step::Ehlo | Step::Lhlo | Step::Helo if reply.is_good() => self.greeted(step, &reply),
            // A server that knows no EHLO: RFC 5321 section 3.2.
            Step::Ehlo if reply.is_permanent() => {
                self.say(Step::Helo, &format!("HELO {}", self.settings.hello))
            }
            Step::StartTls if reply.code == 220 => self.secure(),
            Step::StartTls if self.settings.tls == Tls::IfOffered => self.log_in(),
            Step::Login => self.logging_in(reply),
            Step::Mail | Step::Rcpt | Step::Data | Step::End => self.about_message(step, recipient, reply),
            Step::Reset if reply.is_good() => {}
            Step::Quit => self.close(),
            step => self.fail(ClientError::Refused { step, reply }),
        }
    }

    fn hello(&mut self) {
        let (step, verb) = match self.settings.protocol {
            Protocol::Smtp => (Step::Ehlo, "EHLO"),
            Protocol::Lmtp => (Step::Lhlo, "LHLO"),
        };
        self.say(step, &format!("{verb} {}", self.settings.hello));
    }

    fn greeted(&mut self, step: Step, reply: &Reply) {
        let name = reply.lines.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        if self.settings.find_loops && name.eq_ignore_ascii_case(&self.settings.hello) {
            return self.fail(ClientError::Ourselves);
        }
        // HELO is answered with a greeting and nothing else.
        self.extensions =
            if step == Step::Helo { Extensions::default() } else { Extensions::parse(&reply.lines) };
        let offers_tls = self.extensions.start_tls;
        match self.settings.tls {
            Tls::IfOffered | Tls::Required if self.is_secured => self.log_in(),
            Tls::IfOffered | Tls::Required if offers_tls => self.say(Step::StartTls, "STARTTLS"),
            Tls::Required => self.fail(ClientError::NoTls),
            Tls::Never | Tls::IfOffered | Tls::FromStart => self.log_in(),
        }
    }

    /// Hands the connection to the driver. Whoever sits in between could have put words behind the answer that would pass for the
    /// server's once the connection is secured (CVE-2011-0411 and its kin).
    fn secure(&mut self) {
        if self.replies.is_empty() {
            self.turn = Turn::Securing;
            self.deadline = None;
            self.events.push_back(Event::StartTls);
        } else {
            self.fail(ClientError::Injected);
        }
    }

    fn log_in(&mut self) {
        let Some(login) = &self.settings.login else { return self.be_ready() };
        match Lines::of(login, &self.extensions) {
            _ if !self.is_secured => self.fail(ClientError::OpenLogin),
            None => self.fail(ClientError::NoLogin),
            Some(lines) => {
                self.login = Some(lines);
                self.say_login();
            }
        }
    }

    fn logging_in(&mut self, reply: Reply) {
        match reply.code {
            200..300 => self.be_ready(),
            334 if self.say_login() => {}
            _ => self.fail(ClientError::Login(reply)),
        }
    }

    /// Says the next line of the login; false: there is none.
    fn say_login(&mut self) -> bool {
        let line = self.login.as_mut().and_then(Lines::next_line);
        if let Some(line) = &line {
            self.say(Step::Login, line.expose());
        }
        line.is_some()
    }

    fn be_ready(&mut self) {
        self.login = None;
        self.turn = Turn::Idle;
        self.deadline = None;
        self.events.push_back(Event::Ready);
    }

    fn about_message(&mut self, step: Step, recipient: usize, reply: Reply) {
        let Some(exchange) = &mut self.exchange else { return };
        let is_refused = reply.is_temporary() || reply.is_permanent();
        match step {
            Step::Mail if reply.is_good() => exchange.is_open = true,
            Step::Mail if is_refused => {
                exchange.refuse_all(step, &reply);
                self.commands.clear();
            }
            Step::Rcpt if reply.is_good() => exchange.take(recipient),
            Step::Rcpt if is_refused => exchange.answer(recipient, Answer::refused(step, &reply)),
            // It was said before it was known that nobody would be taken; an empty text ends it.
            Step::Data if (300..400).contains(&reply.code) && !exchange.has_taken() => self.end_text(),
            Step::Data if (300..400).contains(&reply.code) => self.ask_for_text(),
            Step::Data if is_refused => exchange.answer_taken(&Answer::refused(step, &reply)),
            Step::End if reply.is_good() || is_refused => {
                exchange.is_open = false;
                let answer = match reply.is_good() {
                    true => Answer::Accepted(reply),
                    false => Answer::refused(step, &reply),
                };
                match self.settings.protocol {
                    Protocol::Smtp => exchange.answer_taken(&answer),
                    Protocol::Lmtp => exchange.answer(recipient, answer),
                }
            }
            step => self.fail(ClientError::Unfit { step, reply }),
        }
    }

    /// Says as much of the message as may be said now; ends it when there is nothing more to say or to hear.
    fn go_on(&mut self) {
        let window = if self.extensions.pipelining { WINDOW } else { 1 };
        while self.awaiting.len() < window
            && let Some(exchange) = &self.exchange
            && let Some((step, recipient)) = self.commands.pop_front()
        {
            let line = match (step, exchange.offer.recipients.get(recipient)) {
                (Step::Mail, _) => exchange.offer.mail(&self.extensions),
                (Step::Rcpt, Some(to)) => to.rcpt(&self.extensions),
                // Everybody was refused.
                (_, _) if self.awaiting.is_empty() && !exchange.has_taken() => break,
                (_, _) => "DATA".to_owned(),
            };
            self.awaiting.push_back((step, recipient));
            self.put_line(&line);
        }
        let is_over = self.awaiting.is_empty() && self.turn == Turn::Server;
        let Some(exchange) = self.exchange.as_mut().filter(|_| is_over) else { return };
        if std::mem::take(&mut exchange.is_open) {
            return self.say(Step::Reset, "RSET");
        }
        if let Some(exchange) = self.exchange.take() {
            self.events.push_back(Event::Ended(exchange.into_answers()));
            self.be_ready();
        }
    }

    fn ask_for_text(&mut self) {
        self.turn = Turn::Text { asked: true };
        self.deadline = None;
        self.events.push_back(Event::Text);
    }

    fn end_text(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        exchange.put_end(&mut self.output);
        match self.settings.protocol {
            Protocol::Smtp => self.awaiting.push_back((Step::End, 0)),
            Protocol::Lmtp => self.awaiting.extend(exchange.taken().iter().map(|taken| (Step::End, *taken))),
        }
    }

    fn say(&mut self, step: Step, line: &str) {
        self.awaiting.push_back((step, 0));
        self.put_line(line);
    }

    fn put_line(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// What is under way.
    fn step(&self) -> Step {
        match (self.awaiting.front(), self.turn) {
            (Some((step, _)), _) => *step,
            (None, Turn::Text { .. }) => Step::Text,
            (None, Turn::Securing) => Step::StartTls,
            (None, _) => Step::Idle,
        }
    }

    /// Sets the time for what is awaited.
    fn wait(&mut self, now: Instant) {
        if self.turn == Turn::Server {
            self.deadline = self.awaiting.front().map(|(step, _)| now + self.patience(*step));
        }
    }

    fn patience(&self, step: Step) -> Duration {
        let timeouts = &self.settings.timeouts;
        match step {
            Step::Data => timeouts.data,
            Step::Text => timeouts.text,
            Step::End => timeouts.end,
            Step::Quit => timeouts.quit,
            _ => timeouts.command,
        }
    }

    fn fail(&mut self, error: ClientError) {
        if self.is_closed() {
            return;
        }
        self.events.retain(|event| !matches!(event, Event::Text | Event::StartTls | Event::Ready));
        if let Some(exchange) = self.exchange.take() {
            self.events.push_back(Event::Ended(exchange.into_answers()));
        }
        self.events.push_back(Event::Failed(error));
        self.stop();
    }

    fn close(&mut self) {
        if !self.is_closed() {
            self.events.push_back(Event::Closed);
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.turn = Turn::Closed;
        self.deadline = None;
        self.output.clear();
        self.commands.clear();
        self.awaiting.clear();
    }
}
