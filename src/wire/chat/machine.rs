//! Runs a chat script: bytes and time in; bytes, breaks and an outcome out.

use super::redact::redact;
use super::script::{Expect, Piece, Script, Step};
use super::{ChatError, printable};
use crate::observe::Secret;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes that may wait unread while the script sends or pauses; of more, the oldest are dropped.
const WAITING: usize = 16 * 1024;
/// How many of the last bytes an error shows.
const SHOWN: usize = 80;
/// How long a byte sent with echo checking may take to come back.
const ECHO_TIME: Duration = Duration::from_secs(5);
/// A break is about a quarter of a second; nothing is sent for this long after it was asked for.
const BREAK_TIME: Duration = Duration::from_millis(500);

/// How a script is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `chat-timeout`: how long to wait for an expect string without a `\W` of its own. The manual's default is
    /// 10 s for a login chat, 60 s for any other.
    pub timeout: Duration,
    /// `chat-fail`, parsed with [`super::fail_string`]: seeing one ends the chat.
    pub fail: Vec<Vec<u8>>,
    /// `chat-seven-bit`: the eighth bit of what comes in is ignored.
    pub seven_bit: bool,
}

impl Settings {
    pub fn login() -> Self {
        Settings { timeout: Duration::from_secs(10), fail: Vec::new(), seven_bit: true }
    }

    pub fn other() -> Self {
        Settings { timeout: Duration::from_secs(60), ..Settings::login() }
    }
}

/// What the escapes of send strings stand for in this call. One that a script needs and that is not here ends
/// the chat with [`ChatError::Missing`].
#[derive(Debug, Clone, Default)]
pub struct Values {
    pub login: Option<String>,
    pub password: Option<Secret>,
    pub number: Option<String>,
    pub translated_number: Option<String>,
    pub device: Option<String>,
    pub speed: Option<String>,
    pub system: Option<String>,
}

/// What happened. `Done` and `Failed` come last and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Send a break now, about a quarter of a second long.
    Break,
    /// The script ran to its end.
    Done,
    Failed(ChatError),
}

#[derive(Debug)]
enum State {
    /// Waiting for the expect string; `attempt` counts the subsends tried.
    ExpectString {
        attempt: usize,
        deadline: Instant,
    },
    /// Working through the pieces to send; `attempt` as above if they are a subsend.
    Sending {
        pieces: VecDeque<Piece>,
        subsend: Option<usize>,
        until: Option<Instant>,
    },
    /// Waiting for a byte that was sent to come back.
    ExpectEcho {
        byte: u8,
        left: VecDeque<u8>,
        pieces: VecDeque<Piece>,
        subsend: Option<usize>,
        deadline: Instant,
    },
    Ended,
}

/// A chat under way. Drive it as every machine: after each call take out `poll_transmit`, then `poll_event`,
/// then wait for input or `poll_timeout`. `Event::Break` is asked for after the bytes before it were taken out.
pub struct Chat {
    steps: VecDeque<Step>,
    settings: Settings,
    values: Values,
    state: State,
    waiting: VecDeque<u8>,
    /// What was read since the last send: matched against, and shown in errors.
    seen: Vec<u8>,
    echo_check: bool,
    carrier: Option<bool>,
    carrier_required: bool,
    transmit: Vec<u8>,
    events: VecDeque<Event>,
}

impl Chat {
    pub fn new(script: Script, settings: Settings, values: Values, now: Instant) -> Self {
        let mut chat = Chat {
            steps: script.steps.into(),
            settings,
            values,
            state: State::Ended,
            waiting: VecDeque::new(),
            seen: Vec::new(),
            echo_check: false,
            carrier: None,
            carrier_required: false,
            transmit: Vec::new(),
            events: VecDeque::new(),
        };
        chat.begin_step(now);
        chat.run(now);
        chat
    }

    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.waiting.extend(bytes);
        self.run(now);
        if self.waiting.len() > WAITING && !matches!(self.state, State::Ended) {
            self.waiting.drain(..self.waiting.len() - WAITING);
        }
    }

    /// What the line says of the carrier; `None` (the start) where it cannot tell, and then `\m` means nothing.
    pub fn handle_carrier(&mut self, now: Instant, carrier: Option<bool>) {
        self.carrier = carrier;
        self.run(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.run(now);
    }

    /// Moves bytes to be sent to the end of `out`; true if there were any.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.transmit.is_empty();
        out.append(&mut self.transmit);
        any
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::ExpectString { deadline, .. } | State::ExpectEcho { deadline, .. } => Some(*deadline),
            State::Sending { until, .. } => *until,
            State::Ended => None,
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// After `Done`: what came in behind the last string waited for; it belongs to whatever follows the chat.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting).into()
    }

    /// Goes on as far as bytes and time allow. Ends because every turn consumes a byte, a piece or a step.
    fn run(&mut self, now: Instant) {
        loop {
            if self.carrier_required && self.carrier == Some(false) && !matches!(self.state, State::Ended) {
                self.fail(|seen| ChatError::CarrierLost { seen });
            }
            let go_on = match std::mem::replace(&mut self.state, State::Ended) {
                State::ExpectString { attempt, deadline } => self.expect(now, attempt, deadline),
                State::Sending { until: Some(until), pieces, subsend } if now < until => {
                    self.state = State::Sending { pieces, subsend, until: Some(until) };
                    false
                }
                State::Sending { pieces, subsend, .. } => self.send(now, pieces, subsend),
                State::ExpectEcho { byte, left, pieces, subsend, deadline } => {
                    self.echo(now, byte, left, pieces, subsend, deadline)
                }
                State::Ended => false,
            };
            if !go_on {
                return;
            }
        }
    }

    fn begin_step(&mut self, now: Instant) {
        self.state = match self.steps.front() {
            Some(step) => State::ExpectString { attempt: 0, deadline: self.deadline(now, &step.expect) },
            None => {
                self.events.push_back(Event::Done);
                State::Ended
            }
        };
    }

    fn deadline(&self, now: Instant, expect: &Expect) -> Instant {
        now + expect.timeout.unwrap_or(self.settings.timeout)
    }

    /// The string waited for at the front step after `attempt` subsends.
    fn awaited(&self, attempt: usize) -> Option<&Expect> {
        let step = self.steps.front()?;
        match attempt.checked_sub(1) {
            None => Some(&step.expect),
            Some(index) => step.instead.get(index).map(|(_, expect)| expect),
        }
    }

    fn expect(&mut self, now: Instant, attempt: usize, deadline: Instant) -> bool {
        let pattern = self.awaited(attempt).map(|expect| expect.pattern.clone()).unwrap_or_default();
        loop {
            if pattern.is_empty() || (self.seen.ends_with(&pattern) && !self.seen.is_empty()) {
                let pieces = self.steps.front_mut().map(|step| std::mem::take(&mut step.send));
                self.seen.clear();
                self.state =
                    State::Sending { pieces: pieces.unwrap_or_default().into(), subsend: None, until: None };
                return true;
            }
            if let Some(string) =
                self.settings.fail.iter().find(|string| self.seen.ends_with(string)).cloned()
            {
                self.fail(|seen| ChatError::FailString { string: printable(&string), seen });
                return false;
            }
            if !self.read_one() {
                break;
            }
        }
        if now < deadline {
            self.state = State::ExpectString { attempt, deadline };
            return false;
        }
        match self.steps.front().and_then(|step| step.instead.get(attempt)) {
            Some((subsend, _)) => {
                let pieces = subsend.clone().into();
                self.state = State::Sending { pieces, subsend: Some(attempt + 1), until: None };
                true
            }
            None => {
                self.fail(|seen| ChatError::TimedOut { expected: printable(&pattern), seen });
                false
            }
        }
    }

    /// Moves one byte from what waits to what was seen.
    fn read_one(&mut self) -> bool {
        let Some(byte) = self.waiting.pop_front() else { return false };
        self.seen.push(if self.settings.seven_bit { byte & 0x7f } else { byte });
        let longest = self.awaited_longest().max(SHOWN + self.password().len());
        if self.seen.len() > 2 * longest {
            self.seen.drain(..self.seen.len() - longest);
        }
        true
    }

    fn awaited_longest(&self) -> usize {
        let step = self.steps.front().map_or(0, |step| {
            let others = step.instead.iter().map(|(_, expect)| expect.pattern.len());
            others.chain([step.expect.pattern.len()]).max().unwrap_or(0)
        });
        self.settings.fail.iter().map(Vec::len).chain([step]).max().unwrap_or(0)
    }

    fn send(&mut self, now: Instant, mut pieces: VecDeque<Piece>, subsend: Option<usize>) -> bool {
        let Some(piece) = pieces.pop_front() else {
            match subsend.and_then(|attempt| Some((attempt, self.awaited(attempt)?))) {
                Some((attempt, expect)) => {
                    let deadline = self.deadline(now, expect);
                    self.state = State::ExpectString { attempt, deadline };
                }
                None => {
                    self.steps.pop_front();
                    self.begin_step(now);
                }
            }
            return true;
        };
        let text = |value: &Option<String>| value.as_ref().map(|text| text.clone().into_bytes());
        let (bytes, what) = match piece {
            Piece::Bytes(bytes) => (Some(bytes), ""),
            Piece::Login => (text(&self.values.login), "a login name (\\L)"),
            Piece::Password => {
                (self.values.password.as_ref().map(|p| p.expose().as_bytes().to_vec()), "a password (\\P)")
            }
            Piece::Number => (text(&self.values.number), "a telephone number (\\D)"),
            Piece::TranslatedNumber => (text(&self.values.translated_number), "a telephone number (\\T)"),
            Piece::Device => (text(&self.values.device), "the device (\\Y)"),
            Piece::Speed => (text(&self.values.speed), "the speed (\\S)"),
            Piece::System => (text(&self.values.system), "the name of the system (\\Z)"),
            Piece::Wait(time) => {
                self.state = State::Sending { pieces, subsend, until: Some(now + time) };
                return true;
            }
            Piece::Break => {
                self.events.push_back(Event::Break);
                self.state = State::Sending { pieces, subsend, until: Some(now + BREAK_TIME) };
                return true;
            }
            Piece::EchoCheck(check) => {
                self.echo_check = check;
                (Some(Vec::new()), "")
            }
            Piece::RequireCarrier(required) => {
                self.carrier_required = required;
                (Some(Vec::new()), "")
            }
        };
        let Some(bytes) = bytes else {
            self.events.push_back(Event::Failed(ChatError::Missing { what }));
            return false;
        };
        if self.echo_check {
            self.send_next(now, bytes.into(), pieces, subsend);
        } else {
            self.transmit.extend(bytes);
            self.state = State::Sending { pieces, subsend, until: None };
        }
        true
    }

    /// Sends the next byte of a string under echo checking, or goes on to the next piece.
    fn send_next(
        &mut self,
        now: Instant,
        mut left: VecDeque<u8>,
        pieces: VecDeque<Piece>,
        subsend: Option<usize>,
    ) {
        self.state = match left.pop_front() {
            Some(byte) => {
                self.transmit.push(byte);
                State::ExpectEcho { byte, left, pieces, subsend, deadline: now + ECHO_TIME }
            }
            None => State::Sending { pieces, subsend, until: None },
        };
    }

    fn echo(
        &mut self,
        now: Instant,
        byte: u8,
        left: VecDeque<u8>,
        pieces: VecDeque<Piece>,
        subsend: Option<usize>,
        deadline: Instant,
    ) -> bool {
        let wanted = if self.settings.seven_bit { byte & 0x7f } else { byte };
        while self.read_one() {
            if self.seen.last() == Some(&wanted) {
                self.send_next(now, left, pieces, subsend);
                return true;
            }
        }
        if now >= deadline {
            self.fail(|seen| ChatError::NoEcho { seen });
            return false;
        }
        self.state = State::ExpectEcho { byte, left, pieces, subsend, deadline };
        false
    }

    fn password(&self) -> &[u8] {
        self.values.password.as_ref().map_or(b"", |password| password.expose().as_bytes())
    }

    /// Ends the chat with an error that shows the last bytes seen, without the password.
    fn fail(&mut self, error: impl FnOnce(String) -> ChatError) {
        let mut password = self.password().to_vec();
        if self.settings.seven_bit {
            password.iter_mut().for_each(|byte| *byte &= 0x7f);
        }
        let seen = redact(&self.seen, &password);
        let shown = seen.get(seen.len().saturating_sub(SHOWN)..).unwrap_or_default();
        self.events.push_back(Event::Failed(error(printable(shown))));
        self.state = State::Ended;
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::ExpectString { .. } => "ExpectString",
            State::Sending { .. } => "Sending",
            State::ExpectEcho { .. } => "ExpectEcho",
            State::Ended => "Ended",
        };
        f.debug_struct("Chat")
            .field("state", &state)
            .field("steps_left", &self.steps.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
