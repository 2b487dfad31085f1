//! The streaming protocols: `t` and `e` for lines that lose and change nothing, `f` for seven bits, `y` with a checksum a
//! packet. None of them waits for acknowledgements while a file goes out, and none repeats less than a file.
//! Taylor UUCP manual, sections "UUCP `f' Protocol", "UUCP `t' Protocol", "UUCP `e' Protocol", "UUCP `y' Protocol".
//!
//! What differs between them is a [`Code`]. Commands and files look so different on the line that what comes can only be
//! read by who knows which of them is due ([`Link::expect`]); so it is read when the session polls, and no earlier.

mod e;
mod f;
mod input;
mod sum;
mod t;
mod y;

pub use e::E;
pub use f::F;
pub use input::Input;
pub use t::T;
pub use y::Y;

use super::{Abilities, Channel, Counters, Event, Expect, Link, LinkError};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many bytes of file data may wait to be taken: with what the code adds to them, as many as a driver writes at once.
const QUEUE: usize = 60 * 1024;

/// The slowest line that a peer's patience is reckoned with, in bytes a second: 1200 bit/s.
const SLOWEST: u64 = 120;

/// The most that modems and networks between the two ends are believed to hold, in bytes.
const MOST_BUFFERED: u64 = 256 * 1024;

/// The longest command, in bytes, that is looked through for its end; the session bears less. No more is kept of what comes
/// after the protocol was closed.
const LONGEST_COMMAND: usize = 64 * 1024;

/// How the final handshake begins. No command does.
const FAREWELL: &[u8] = b"\x10O";

/// How a protocol writes commands and files, and reads them. It appends to `out` what has to be sent.
pub trait Code: Send {
    const LETTER: char;
    /// What a file is made of may be relied on before its end has come.
    const SOUND: bool = true;

    /// What is said first; whether the protocol is up by that.
    fn start(&mut self, out: &mut Vec<u8>) -> bool {
        let _ = out;
        true
    }

    /// A command or an answer, without its NUL.
    fn command(&mut self, text: &[u8], out: &mut Vec<u8>);

    /// So many bytes of a file follow.
    fn begin_file(&mut self, bytes: u64, out: &mut Vec<u8>) {
        let _ = (bytes, out);
    }

    /// Bytes of a file; none of them: its end.
    fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError>;

    /// The next thing that came, if enough of it is there; commands with their NUL, an empty packet for the end of a
    /// file.
    fn read(
        &mut self,
        input: &mut Input,
        expect: Expect,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError>;

    /// Whether what comes where a command is due is the final handshake: a peer that has ended the protocol.
    fn is_farewell(&self, rest: &[u8]) -> bool {
        rest.starts_with(FAREWELL)
    }

    /// The peer has still to say whether it got the file that was sent last.
    fn awaits_verdict(&self) -> bool {
        false
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `start` was not called yet.
    Idle,
    /// Our start is out, the peer's has not come.
    AwaitStart,
    Running,
    /// `close` was called; what waits goes out before.
    AwaitWritten,
    /// It has ended; what remains is what was to be said last, and the events.
    Ended,
}

/// One call by a streaming protocol.
#[derive(Debug)]
pub struct Stream<C> {
    code: C,
    state: State,
    expect: Expect,
    input: Input,
    /// Encoded, but not taken yet, from `taken` on.
    out: Vec<u8>,
    taken: usize,
    events: VecDeque<Event>,
    counters: Counters,
    /// How long to wait for a silent peer.
    timeout: Duration,
    /// When something last came or went.
    moved: Option<Instant>,
    /// Bytes that were taken since the peer was last heard.
    unheard: u64,
    /// A file is out, and nothing was heard since.
    file_out: bool,
}

impl<C: Code> Stream<C> {
    pub fn new(code: C, timeout: Duration) -> Self {
        Stream {
            code,
            state: State::Idle,
            expect: Expect::Command,
            input: Input::default(),
            out: Vec::new(),
            taken: 0,
            events: VecDeque::new(),
            counters: Counters::default(),
            timeout,
            moved: None,
            unheard: 0,
            file_out: false,
        }
    }

    fn waiting(&self) -> usize {
        self.out.len() - self.taken
    }

    fn runs(&self) -> bool {
        matches!(self.state, State::AwaitStart | State::Running)
    }

    fn fail(&mut self, error: LinkError) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.events.push_back(Event::Failed(error));
        }
    }

    /// A silent peer may still be getting what lies between the two ends.
    fn patience(&self) -> Duration {
        self.timeout + Duration::from_secs(self.unheard.min(MOST_BUFFERED) / SLOWEST)
    }

    fn read(&mut self) -> Option<Event> {
        let between = self.state == State::Running && self.expect == Expect::Command;
        if between && self.code.is_farewell(self.input.rest()) {
            self.fail(LinkError::ClosedByPeer { protocol: C::LETTER });
            return self.events.pop_front();
        }
        match self.code.read(&mut self.input, self.expect, &mut self.out) {
            Ok(event) => {
                if event == Some(Event::Started) {
                    self.state = State::Running;
                }
                event
            }
            Err(error) => {
                match error {
                    LinkError::Damaged { .. } => self.counters.bad_checksums += 1,
                    _ => self.counters.bad_headers += 1,
                }
                self.fail(error);
                self.events.pop_front()
            }
        }
    }
}

impl<C: Code> Link for Stream<C> {
    fn start(&mut self, now: Instant) {
        if self.state == State::Idle {
            self.moved = Some(now);
            self.state = State::AwaitStart;
            if self.code.start(&mut self.out) {
                self.state = State::Running;
                self.events.push_back(Event::Started);
            }
        }
    }

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.counters.bytes_received += bytes.len() as u64;
        if !self.runs() {
            // Nothing but the final handshake is of use now, and only what goes out counts as progress.
            let room = LONGEST_COMMAND.saturating_sub(self.input.rest().len()).min(bytes.len());
            self.input.feed(bytes.get(..room).unwrap_or_default());
            return;
        }
        self.input.feed(bytes);
        self.moved = Some(now);
        self.unheard = 0;
        self.file_out = false;
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            let protocol = C::LETTER;
            self.fail(match self.state {
                State::AwaitStart => LinkError::NoStart { protocol },
                _ => LinkError::Silent { protocol, retries: 0 },
            });
        }
    }

    fn poll_transmit(&mut self, now: Instant, limit: usize, out: &mut Vec<u8>) -> bool {
        let end = self.out.len().min(self.taken.saturating_add(limit));
        let bytes = self.out.get(self.taken..end).unwrap_or_default();
        if bytes.is_empty() {
            return false;
        }
        self.counters.bytes_sent += bytes.len() as u64;
        self.unheard += bytes.len() as u64;
        self.moved = Some(now);
        if out.is_empty() && bytes.len() == self.out.len() {
            std::mem::swap(&mut self.out, out);
            return true;
        }
        out.extend_from_slice(bytes);
        self.taken = end;
        if self.taken == self.out.len() {
            self.out.clear();
            self.taken = 0;
        }
        true
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let waits = self.runs() || self.state == State::AwaitWritten;
        self.moved.filter(|_| waits).map(|moved| moved + self.patience())
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() {
            return event;
        }
        match self.state {
            State::AwaitStart | State::Running => self.read(),
            State::AwaitWritten if self.waiting() == 0 => {
                self.state = State::Ended;
                Some(Event::Closed)
            }
            State::Idle | State::AwaitWritten | State::Ended => None,
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities { letter: C::LETTER, channels: 1, sound: C::SOUND, closes: false }
    }

    /// Half of the queue at least, so that blocks are full.
    fn room(&self) -> usize {
        let room = QUEUE.saturating_sub(self.waiting());
        if self.state == State::Running && room >= QUEUE / 2 { room } else { 0 }
    }

    fn send_command(&mut self, _now: Instant, _channel: Channel, text: &[u8]) {
        if self.runs() {
            self.code.command(text, &mut self.out);
        }
    }

    fn begin_file(&mut self, bytes: u64) {
        if self.runs() {
            self.code.begin_file(bytes, &mut self.out);
        }
    }

    fn send_data(&mut self, _now: Instant, _channel: Channel, _position: u64, bytes: &[u8]) {
        if !self.runs() {
            return;
        }
        self.file_out = bytes.is_empty();
        if let Err(error) = self.code.data(bytes, &mut self.out) {
            self.fail(error);
        }
    }

    fn expect(&mut self, what: Expect) {
        self.expect = what;
    }

    fn close(&mut self, _now: Instant) {
        if self.state != State::Ended {
            self.state = State::AwaitWritten;
        }
    }

    fn idle(&self) -> bool {
        self.waiting() == 0 && !self.file_out && !self.code.awaits_verdict()
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.input.take_rest()
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
