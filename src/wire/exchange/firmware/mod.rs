//! The virtual modem: AT commands on the side of the terminal (DTE), calls on the side of the exchange.
//!
//! A machine without input or output of its own. What it knows of AT commands is written for users in
//! `firmware-notes/exchange-modem.md`; sources are ITU-T V.250 and, for `&`, `+++` and S12, the Hayes set.

mod command;
mod obey;
mod registers;
mod reply;
mod settings;

use reply::Reply;
use settings::Profile;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes of data that wait to be put on the line before the DTE is held back.
const DATA: usize = 512;
/// Bytes that wait to be read by the DTE before the line is held back.
const UNREAD: usize = 2048;
/// Rings further apart than this belong to different calls (S1 starts again).
const RING_GAP: Duration = Duration::from_secs(8);

/// What the modem wants of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Take the line and dial; `pause` comes from the commas.
    Dial { number: String, pause: Duration },
    /// Take the line and answer.
    Answer,
    /// Give the line back.
    HangUp,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoDialtone,
    Busy,
    NoCarrier,
    /// A person speaks.
    Voice,
}

/// What two modems agreed on, seen from one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// bit/s from this modem to the other, and back.
    pub transmit: u32,
    pub receive: u32,
    /// `V34`, `V90`, ...
    pub modulation: &'static str,
    /// Error correction (LAPM) is on.
    pub corrected: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// On hook, or in a call that was escaped from (`call` is then there).
    ExpectCommand,
    /// Dialled or answered.
    ExpectConnection {
        deadline: Instant,
        answered: bool,
    },
    Online,
}

/// One virtual modem.
#[derive(Debug)]
pub struct Firmware {
    /// What a reset brings back.
    defaults: Profile,
    profile: Profile,
    state: State,
    /// The call that is up, also while it is escaped from.
    call: Option<Agreed>,
    /// Off hook without a call (`H1`).
    off_hook: bool,
    line: Vec<u8>,
    last_line: Vec<u8>,
    dtr: bool,
    dtr_low: Option<Instant>,
    rings: u8,
    last_ring: Option<Instant>,
    /// When the last byte came from the DTE, and how many escape characters stand at the end.
    last_byte: Option<Instant>,
    escapes: u8,
    time_independent_escape: bool,
    escape_at: Option<Instant>,
    data: VecDeque<u8>,
    transmit: Vec<u8>,
    requests: VecDeque<Request>,
}

impl Firmware {
    /// `carrier_follows`: what `&C` is after a reset.
    pub fn new(carrier_follows: bool) -> Self {
        let defaults = Profile { carrier_follows, ..Profile::default() };
        Firmware {
            profile: defaults.clone(),
            defaults,
            state: State::ExpectCommand,
            call: None,
            off_hook: false,
            line: Vec::new(),
            last_line: Vec::new(),
            dtr: false,
            dtr_low: None,
            rings: 0,
            last_ring: None,
            last_byte: None,
            escapes: 0,
            time_independent_escape: false,
            escape_at: None,
            data: VecDeque::new(),
            transmit: Vec::new(),
            requests: VecDeque::new(),
        }
    }

    /// Whether the escape needs no silence, whatever S12 says.
    pub fn with_time_independent_escape(mut self, timeless: bool) -> Self {
        self.time_independent_escape = timeless;
        self
    }

    /// Bytes from the DTE; no more than [`Firmware::room`].
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        for byte in bytes {
            match self.state {
                State::Online => self.take_data(now, *byte),
                State::ExpectConnection { .. } => {
                    // Any character breaks a dial off; the line end behind the command does not count.
                    if !matches!(byte, b'\r' | b'\n' | 0) {
                        self.give_up(Reply::NoCarrier);
                    }
                }
                State::ExpectCommand => self.take_command_byte(now, *byte),
            }
        }
    }

    /// The DTR signal as it is now.
    pub fn handle_dtr(&mut self, now: Instant, dtr: bool) {
        self.handle_timeout(now);
        if dtr != self.dtr {
            self.dtr = dtr;
            self.dtr_low = (!dtr).then(|| now + self.profile.registers.dtr_delay());
            self.handle_timeout(now);
        }
    }

    /// The terminal is gone: DTR fell, and S25 has nothing to wait for.
    pub fn terminal_gone(&mut self) {
        self.dtr_low = None;
        if std::mem::take(&mut self.dtr) {
            self.dtr_fell();
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.dtr_low.is_some_and(|at| now >= at) {
            self.dtr_low = None;
            self.dtr_fell();
        }
        if self.escape_at.is_some_and(|at| now >= at) {
            self.escaped();
        }
        if let State::ExpectConnection { deadline, answered } = self.state
            && now >= deadline
        {
            self.give_up(if answered { Reply::NoCarrier } else { Reply::NoAnswer });
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = match self.state {
            State::ExpectConnection { deadline, .. } => Some(deadline),
            _ => None,
        };
        [deadline, self.dtr_low, self.escape_at].into_iter().flatten().min()
    }

    /// Moves at most `limit` bytes for the DTE to the end of `out`.
    pub fn poll_transmit(&mut self, limit: usize, out: &mut Vec<u8>) {
        let count = limit.min(self.transmit.len());
        out.extend(self.transmit.drain(..count));
    }

    pub fn poll_request(&mut self) -> Option<Request> {
        self.requests.pop_front()
    }

    /// How many bytes may be taken from the DTE now.
    pub fn room(&self) -> usize {
        match self.state {
            State::Online => DATA.saturating_sub(self.data.len()),
            // What is typed is echoed: hold back who does not read the echo.
            _ => UNREAD.saturating_sub(self.transmit.len()),
        }
    }

    /// Whether the other end's bytes may be handed in now.
    pub fn accepts(&self) -> bool {
        self.state == State::Online && self.transmit.len() < UNREAD
    }

    /// Whether everything for the DTE was taken out.
    pub fn drained(&self) -> bool {
        self.transmit.is_empty()
    }

    /// Whether the carrier signal (DCD) follows the carrier (`&C1`).
    pub fn carrier_follows(&self) -> bool {
        self.profile.carrier_follows
    }

    /// Whether callers find it busy though there is no call.
    pub fn is_off_hook(&self) -> bool {
        self.off_hook
    }

    /// Data for the line, at most `limit` bytes.
    pub fn poll_data(&mut self, limit: usize) -> Vec<u8> {
        let count = limit.min(self.data.len());
        self.data.drain(..count).collect()
    }

    /// How much data waits for the line.
    pub fn waiting(&self) -> usize {
        self.data.len()
    }

    /// Data from the line.
    pub fn deliver(&mut self, bytes: &[u8]) {
        self.transmit.extend_from_slice(bytes);
    }

    /// The exchange rings; `caller` is who calls.
    pub fn ring(&mut self, now: Instant, caller: &str) {
        let first = self.last_ring.is_none_or(|last| now.saturating_duration_since(last) > RING_GAP);
        self.rings = if first { 1 } else { self.rings.saturating_add(1) };
        self.last_ring = Some(now);
        if self.state != State::ExpectCommand || self.call.is_some() {
            return;
        }
        self.say(Reply::Ring);
        if first && self.profile.caller_id {
            self.inform(&format!("NMBR = {caller}"));
        }
        let wanted = self.profile.registers.rings_to_answer();
        if self.dtr && wanted > 0 && self.rings >= wanted {
            self.answer(now);
        }
    }

    /// The other end took the call; the modems are training.
    pub fn answered(&mut self) {
        if let State::ExpectConnection { answered, .. } = &mut self.state {
            *answered = true;
        }
    }

    /// There will be no connection.
    pub fn refused(&mut self, why: Refusal) {
        if matches!(self.state, State::ExpectConnection { .. }) {
            self.state = State::ExpectCommand;
            self.say(match why {
                Refusal::NoDialtone => Reply::NoDialtone,
                Refusal::Busy => Reply::Busy,
                Refusal::NoCarrier => Reply::NoCarrier,
                Refusal::Voice => Reply::Voice,
            });
        }
    }

    /// The connection is up.
    pub fn connected(&mut self, now: Instant, agreed: Agreed) {
        self.call = Some(agreed);
        self.data.clear();
        if self.profile.report_modulation {
            self.inform(&format!("+MCR: {}", agreed.modulation));
            let rates = match agreed.transmit == agreed.receive {
                true => agreed.transmit.to_string(),
                false => format!("{},{}", agreed.transmit, agreed.receive),
            };
            self.inform(&format!("+MRR: {rates}"));
        }
        if self.profile.report_correction {
            self.inform(if agreed.corrected { "+ER: LAPM" } else { "+ER: NONE" });
        }
        if self.profile.report_compression {
            self.inform("+DR: NONE");
        }
        self.say(Reply::Connect(agreed));
        self.go_online(now);
    }

    /// The carrier is gone.
    pub fn carrier_lost(&mut self) {
        self.end_call();
        self.say(Reply::NoCarrier);
    }

    fn go_online(&mut self, now: Instant) {
        self.state = State::Online;
        self.last_byte = Some(now);
        self.escapes = 0;
    }

    /// Data goes to the line; three escape characters between two guard times lead back to command state, or three anywhere
    /// if the guard time is 0.
    fn take_data(&mut self, now: Instant, byte: u8) {
        let guard = match self.time_independent_escape {
            true => Duration::ZERO,
            false => self.profile.registers.guard(),
        };
        let pause = self.last_byte.map_or(guard, |last| now.saturating_duration_since(last));
        self.last_byte = Some(now);
        self.data.push_back(byte);
        let counts = match self.escapes {
            0 => pause >= guard,
            1 | 2 => pause <= guard || guard.is_zero(),
            _ => false,
        };
        self.escapes = match self.profile.registers.escape() == Some(byte) && counts {
            true => self.escapes + 1,
            false => 0,
        };
        self.escape_at = (self.escapes == 3).then(|| now + guard);
        if self.escape_at.is_some() && guard.is_zero() {
            self.escaped();
        }
    }

    /// Back to command state, the call still up.
    fn escaped(&mut self) {
        self.escape_at = None;
        self.escapes = 0;
        self.state = State::ExpectCommand;
        self.say(Reply::Ok);
    }

    fn answer(&mut self, now: Instant) {
        self.requests.push_back(Request::Answer);
        let deadline = now + self.profile.registers.carrier_wait();
        self.state = State::ExpectConnection { deadline, answered: true };
    }

    fn give_up(&mut self, reply: Reply) {
        self.requests.push_back(Request::HangUp);
        self.state = State::ExpectCommand;
        self.say(reply);
    }

    /// The local end of the call gives the line back.
    fn hang_up(&mut self) {
        if self.call.is_some() || matches!(self.state, State::ExpectConnection { .. }) {
            self.requests.push_back(Request::HangUp);
        }
        self.end_call();
    }

    fn end_call(&mut self) {
        self.call = None;
        self.off_hook = false;
        self.escapes = 0;
        self.escape_at = None;
        self.state = State::ExpectCommand;
        self.line.clear();
    }

    fn dtr_fell(&mut self) {
        match self.profile.on_dtr_fall {
            0 => {}
            1 if self.state == State::Online => {
                self.state = State::ExpectCommand;
                self.escape_at = None;
                self.say(Reply::Ok);
            }
            1 => {}
            other => {
                self.hang_up();
                self.line.clear();
                if other == 3 {
                    self.profile = self.defaults.clone();
                }
            }
        }
    }

    /// A result code, as E, V, Q and X want it.
    fn say(&mut self, reply: Reply) {
        if self.profile.quiet {
            return;
        }
        let reply = reply.at_level(self.profile.extent);
        let (carriage_return, _) = self.profile.registers.line_end();
        if self.profile.verbose {
            self.inform(&reply.words(self.profile.extent));
        } else {
            self.transmit.extend_from_slice(reply.code().to_string().as_bytes());
            self.transmit.push(carriage_return);
        }
    }

    /// A line of text for the DTE.
    fn inform(&mut self, text: &str) {
        let (carriage_return, line_feed) = self.profile.registers.line_end();
        self.transmit.extend([carriage_return, line_feed]);
        self.transmit.extend_from_slice(text.as_bytes());
        self.transmit.extend([carriage_return, line_feed]);
    }
}

#[cfg(test)]
mod tests;
