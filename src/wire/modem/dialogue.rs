//! The dialogue with a modem in command state, from reset to hang-up. Every stage is bounded in time.
//!
//! ```text
//! set_up:  AT until OK (escaping from a call that was left open), quiet, reset, init ... -> Ready
//! dial:    ATDT number -> Connected | Failed
//! wait_for_call: RING ... -> ATA -> Connected | Failed
//! hang_up: drop DTR and see the carrier fall, or guard, +++, guard, OK, ATH, OK -> HungUp | Failed
//! ```
//!
//! Between `Connected` and `hang_up` the bytes of the line belong to the session, not to this machine.

use super::reply::{self, Connect, Reply};
use super::{HangUp, ModemError, Number, Profile};
use crate::lines::{Line, LineReader};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest line that a modem may say, in bytes; answers to `ATI` and `AT&V` stay below.
const LONGEST_LINE: usize = 256;
/// How many of the last bytes an error shows.
const SHOWN: usize = 80;
/// How long DTR stays low at least: V.250 modems look after S25 (50 ms), old ones after up to a second.
const DTR_LOW: Duration = Duration::from_secs(1);
/// A modem that never falls quiet (a call still open, say) is talked to all the same after so many quiet times.
const LONGEST_QUIET: u32 = 10;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The modem is set up.
    Ready,
    /// It rings; `count` since the caller began.
    Ring { count: u32 },
    /// The number of the caller, as the exchange tells it: a hint, not a proof.
    Caller { number: String },
    /// The call is up; what came in behind `CONNECT` is in [`Modem::take_rest`].
    Connected(Connect),
    /// Set the DTR signal so.
    Dtr(bool),
    /// The modem was seen to have hung up, and takes commands.
    HungUp,
    /// What was asked for failed. Before the next call: `hang_up`, or `set_up`.
    Failed(ModemError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    SetUp,
    HangUp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing was asked for.
    Idle,
    ExpectAttention {
        tries: u32,
        deadline: Instant,
    },
    ExpectQuiet {
        until: Instant,
        limit: Instant,
    },
    /// `command` was sent, `left` follow.
    ExpectOk {
        command: String,
        left: VecDeque<String>,
        deadline: Instant,
    },
    ExpectRing,
    ExpectConnect {
        deadline: Instant,
        limit: Duration,
    },
    Online,
    ExpectCarrierFall {
        earliest: Instant,
        deadline: Instant,
    },
    /// Silence before the escape.
    ExpectGuard {
        purpose: Purpose,
        until: Instant,
    },
    ExpectEscaped {
        purpose: Purpose,
        deadline: Instant,
    },
    ExpectHungUp {
        purpose: Purpose,
        deadline: Instant,
    },
}

/// One modem of ours.
#[derive(Debug)]
pub struct Modem {
    profile: Profile,
    signals: bool,
    carrier: Option<bool>,
    state: State,
    escape_tried: bool,
    lines: LineReader,
    seen: String,
    reported: Connect,
    rings: u32,
    last_ring: Option<Instant>,
    transmit: Vec<u8>,
    events: VecDeque<Event>,
}

impl Modem {
    /// `signals`: whether the line has modem signals (DTR, carrier). Without them a hang-up goes by escape.
    pub fn new(profile: Profile, signals: bool) -> Self {
        Modem {
            profile,
            signals,
            carrier: None,
            state: State::Idle,
            escape_tried: false,
            lines: LineReader::new(b"\r\n", LONGEST_LINE),
            seen: String::new(),
            reported: Connect::default(),
            rings: 0,
            last_ring: None,
            transmit: Vec::new(),
            events: VecDeque::new(),
        }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Resets the modem and sends the init strings; ends in `Ready` or `Failed`.
    pub fn set_up(&mut self, now: Instant) {
        self.forget();
        self.escape_tried = false;
        self.attention(now, self.profile.timeouts.tries);
    }

    /// Dials; ends in `Connected` or `Failed`.
    pub fn dial(&mut self, now: Instant, number: &Number) {
        self.forget();
        self.send(&format!("{}{number}", self.profile.dial));
        let limit = self.profile.timeouts.dial;
        self.state = State::ExpectConnect { deadline: now + limit, limit };
    }

    /// Waits for a call and answers it after the profile's rings; ends in `Connected` or `Failed`. Anything else
    /// may be asked for meanwhile.
    pub fn wait_for_call(&mut self, _now: Instant) {
        self.forget();
        self.rings = 0;
        self.state = State::ExpectRing;
    }

    /// Answers now, however often it rang; ends in `Connected` or `Failed`.
    pub fn answer(&mut self, now: Instant) {
        self.send(&self.profile.answer.clone());
        let limit = self.profile.timeouts.answer;
        self.state = State::ExpectConnect { deadline: now + limit, limit };
    }

    /// Ends a call, or an attempt at one; ends in `HungUp`, or in `Failed` if that was not seen.
    pub fn hang_up(&mut self, now: Instant) {
        self.forget();
        if self.profile.hang_up == HangUp::Dtr && self.signals {
            self.events.push_back(Event::Dtr(false));
            let earliest = now + DTR_LOW;
            self.state =
                State::ExpectCarrierFall { earliest, deadline: earliest + self.profile.timeouts.hang_up };
        } else {
            self.escape(now, Purpose::HangUp);
        }
    }

    /// What the line's carrier signal says. Lines without one never call this.
    pub fn handle_carrier(&mut self, now: Instant, carrier: bool) {
        self.carrier = Some(carrier);
        self.handle_timeout(now);
    }

    /// Bytes from the modem, while it is in command state.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.remember(bytes);
        if let State::ExpectQuiet { until, limit } = &mut self.state {
            *until = (now + self.profile.timeouts.quiet).min(*limit);
        }
        self.lines.feed(bytes);
        while self.state != State::Online {
            let Some(line) = self.lines.next_line() else { break };
            if let Line::Whole { text, .. } = line
                && !text.is_empty()
            {
                self.handle_reply(now, reply::parse(&text));
            }
        }
        self.handle_timeout(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state.clone() {
            State::ExpectAttention { tries, deadline } if now >= deadline => self.attention(now, tries),
            State::ExpectQuiet { until, .. } if now >= until => {
                let mut commands = VecDeque::from([self.profile.reset.clone()]);
                commands.extend(self.profile.init.iter().cloned());
                commands.push_back(format!("ATS0={}", self.profile.auto_answer));
                self.next_command(now, commands);
            }
            State::ExpectOk { command, deadline, .. } if now >= deadline => self.silent(command),
            State::ExpectConnect { deadline, limit } if now >= deadline => {
                // Any character makes a modem give up a dial.
                self.transmit.push(b'\r');
                self.fail(ModemError::NotConnected { seconds: limit.as_secs() });
            }
            State::ExpectCarrierFall { earliest, deadline } => {
                if now >= earliest && self.carrier == Some(false) {
                    self.events.push_back(Event::Dtr(true));
                    self.hung_up(now, Purpose::HangUp);
                } else if now >= deadline {
                    // The carrier stays: the modem ignores DTR.
                    self.events.push_back(Event::Dtr(true));
                    self.escape(now, Purpose::HangUp);
                }
            }
            State::ExpectGuard { purpose, until } if now >= until => {
                self.transmit.extend_from_slice(self.profile.escape.as_bytes());
                let deadline = now + self.profile.timeouts.guard + self.profile.timeouts.command;
                self.state = State::ExpectEscaped { purpose, deadline };
            }
            State::ExpectEscaped { purpose, deadline } if now >= deadline => {
                // No answer: it was in command state already, most likely; it can still be told.
                self.send_hang_up(now, purpose);
            }
            State::ExpectHungUp { purpose: Purpose::SetUp, deadline } if now >= deadline => {
                self.attention(now, self.profile.timeouts.tries / 2);
            }
            State::ExpectHungUp { purpose: Purpose::HangUp, deadline } if now >= deadline => {
                self.fail(ModemError::NotHungUp);
            }
            _ => {}
        }
    }

    /// Moves bytes to be sent to the end of `out`; true if there were any.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.transmit.is_empty();
        out.append(&mut self.transmit);
        any
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::ExpectRing | State::Online => None,
            State::ExpectAttention { deadline, .. }
            | State::ExpectOk { deadline, .. }
            | State::ExpectConnect { deadline, .. }
            | State::ExpectEscaped { deadline, .. }
            | State::ExpectHungUp { deadline, .. } => Some(*deadline),
            State::ExpectQuiet { until, .. } | State::ExpectGuard { until, .. } => Some(*until),
            State::ExpectCarrierFall { earliest, deadline } => {
                Some(if self.carrier == Some(false) { *earliest } else { *deadline })
            }
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// After `Connected`: what came in behind it; it belongs to the session. The line feed that ends `CONNECT`
    /// may be its first byte, or may still come.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.lines.take_rest()
    }

    fn handle_reply(&mut self, now: Instant, reply: Reply) {
        match reply {
            Reply::Ring => return self.ring(now),
            Reply::Caller(number) => return self.events.push_back(Event::Caller { number }),
            Reply::Report(report) => {
                let earlier = std::mem::take(&mut self.reported);
                self.reported = report.or(earlier);
                return;
            }
            _ => {}
        }
        match (self.state.clone(), reply) {
            (State::ExpectAttention { .. }, Reply::Ok) => {
                let quiet = self.profile.timeouts.quiet;
                self.state = State::ExpectQuiet { until: now + quiet, limit: now + quiet * LONGEST_QUIET };
            }
            (State::ExpectOk { left, .. }, Reply::Ok) => self.next_command(now, left),
            (State::ExpectOk { command, .. }, Reply::Error) => {
                self.fail(ModemError::Refused { command, reply: "ERROR".to_owned() });
            }
            (State::ExpectConnect { .. } | State::ExpectRing | State::Idle, Reply::Connect(connect)) => {
                let connect = connect.or(std::mem::take(&mut self.reported));
                self.state = State::Online;
                self.events.push_back(Event::Connected(connect));
            }
            (State::ExpectConnect { .. }, reply) => match reply {
                Reply::Busy => self.fail(ModemError::Busy),
                Reply::NoAnswer => self.fail(ModemError::NoAnswer),
                Reply::NoDialtone => self.fail(ModemError::NoDialtone),
                Reply::NoCarrier => self.fail(ModemError::NoCarrier),
                Reply::Barred(reply) => self.fail(ModemError::Barred { reply }),
                Reply::Error => {
                    let command = self.profile.dial.clone();
                    self.fail(ModemError::Refused { command, reply: "ERROR".to_owned() });
                }
                // An echo of the command, or a word that this modem has and we do not know.
                _ => {}
            },
            (State::ExpectEscaped { purpose, .. }, Reply::Ok) => self.send_hang_up(now, purpose),
            (State::ExpectGuard { purpose, .. } | State::ExpectEscaped { purpose, .. }, Reply::NoCarrier) => {
                self.hung_up(now, purpose)
            }
            (State::ExpectHungUp { purpose, .. }, Reply::Ok | Reply::NoCarrier) => self.hung_up(now, purpose),
            _ => {}
        }
    }

    fn ring(&mut self, now: Instant) {
        let gap = self.profile.timeouts.ring_gap;
        if self.last_ring.is_none_or(|last| now.saturating_duration_since(last) > gap) {
            self.rings = 0;
        }
        self.last_ring = Some(now);
        self.rings = self.rings.saturating_add(1);
        self.events.push_back(Event::Ring { count: self.rings });
        let told_to = self.profile.auto_answer == 0;
        if self.state == State::ExpectRing && told_to && self.rings >= self.profile.rings {
            self.answer(now);
        }
    }

    /// Says `AT`, or gives up; half-way it takes the modem for being in a call, and escapes from that.
    fn attention(&mut self, now: Instant, tries: u32) {
        if tries == 0 {
            return self.silent("AT".to_owned());
        }
        if tries <= self.profile.timeouts.tries / 2 && !self.escape_tried {
            self.escape_tried = true;
            return self.escape(now, Purpose::SetUp);
        }
        self.send("AT");
        self.state =
            State::ExpectAttention { tries: tries - 1, deadline: now + self.profile.timeouts.command };
    }

    fn next_command(&mut self, now: Instant, mut commands: VecDeque<String>) {
        match commands.pop_front() {
            Some(command) => {
                self.send(&command);
                let deadline = now + self.profile.timeouts.command;
                self.state = State::ExpectOk { command, left: commands, deadline };
            }
            None => {
                self.state = State::Idle;
                self.events.push_back(Event::Ready);
            }
        }
    }

    fn escape(&mut self, now: Instant, purpose: Purpose) {
        self.state = State::ExpectGuard { purpose, until: now + self.profile.timeouts.guard };
    }

    fn send_hang_up(&mut self, now: Instant, purpose: Purpose) {
        self.send(&self.profile.hang_up_command.clone());
        self.state = State::ExpectHungUp { purpose, deadline: now + self.profile.timeouts.command };
    }

    fn hung_up(&mut self, now: Instant, purpose: Purpose) {
        match purpose {
            Purpose::HangUp => {
                self.state = State::Idle;
                self.events.push_back(Event::HungUp);
            }
            Purpose::SetUp => self.attention(now, self.profile.timeouts.tries / 2),
        }
    }

    fn silent(&mut self, command: String) {
        self.fail(ModemError::Silent { command, seen: self.seen.clone() });
    }

    fn fail(&mut self, error: ModemError) {
        self.state = State::Idle;
        self.events.push_back(Event::Failed(error));
    }

    fn send(&mut self, command: &str) {
        self.transmit.extend_from_slice(command.as_bytes());
        self.transmit.push(b'\r');
    }

    /// What came before belongs to what was asked for before.
    fn forget(&mut self) {
        self.lines.take_rest();
        self.seen.clear();
        self.reported = Connect::default();
    }

    fn remember(&mut self, bytes: &[u8]) {
        let tail = bytes.get(bytes.len().saturating_sub(SHOWN)..).unwrap_or_default();
        self.seen.push_str(&tail.escape_ascii().to_string());
        let excess = self.seen.len().saturating_sub(SHOWN);
        self.seen.drain(..excess);
    }
}

#[cfg(test)]
mod tests;
