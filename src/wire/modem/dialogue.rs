//! The dialogue with a modem in command state, from reset to hang-up. Every stage is bounded in time.
//!
//! ```text
//! set_up:  out of any call, the first time; AT until OK, quiet, reset, init ..., the escape off or elsewhere -> Ready
//! dial:    ATDT number -> Connected | Failed
//! wait_for_call: RING ... -> ATA -> Connected | Failed
//! take_out: no answer by itself, off hook for good -> Ready | Failed
//! hang_up: drop DTR and see the carrier fall (the first time AT, OK), or guard, +++, guard, OK, ATH, OK -> HungUp | Failed
//! ```
//!
//! Between `Connected` and `hang_up` the bytes of the line belong to the session, not to this machine. So nobody who sends us
//! data can have the modem obey it: where DTR was seen to end calls (the carrier fell with it, and the modem took a command), the
//! escape is switched off and DTR alone ends them; elsewhere it stays, by a character that is seldom met, and
//! [`super::EscapeGuard`] keeps data from forming it. Plugs that join DTR to DSR and DCD are common: so DSR proves nothing, and
//! DCD is no carrier signal if it is high while nobody is connected.
//!
//! A program before this one may have died in a call, and whoever is at the other end could play the modem to us: say OK, say
//! CONNECT, and be told a password. So the first set-up ends whatever call there is before it believes a word: by DTR, and by
//! every escape that the modem may know and ATH, whatever is heard meanwhile. One of them brings every modem to command state
//! that was set up as above, and from then on what is heard is its own.

mod hang_up;
mod report;
mod set_up;

use super::reply::{self, Reply};
use super::{CallReport, CallerId, Connect, HangUp, ModemError, Number, Profile};
use crate::lines::{Line, LineReader};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Longest line that a modem may say, in bytes; answers to `ATI` and `AT&V` stay below.
const LONGEST_LINE: usize = 256;
/// How many of the last bytes an error shows.
const SHOWN: usize = 80;
/// A modem that never falls quiet (a call still open, say) is talked to all the same after so many quiet times.
const LONGEST_QUIET: u32 = 10;
/// A modem that was to answer by itself is told to, so many rings later: it was reset behind our back, and S0 with it.
const LATE_RINGS: u32 = 2;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The modem is set up.
    Ready,
    /// It rings; `count` since the caller began.
    Ring { count: u32 },
    /// It rings no more, and was not answered.
    RungOff,
    /// The number of the caller, as the exchange tells it: a hint, not a proof.
    Caller { number: String },
    /// The call is up; what came in behind `CONNECT` is in [`Modem::take_rest`].
    Connected(Connect),
    /// Set the DTR signal so.
    Dtr(bool),
    /// The modem was seen to have hung up, and takes commands.
    HungUp,
    /// What the modem tells of the last call.
    Report(Box<CallReport>),
    /// What was asked for failed. Before the next call: `hang_up`, or `set_up`.
    Failed(ModemError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    SetUp,
    HangUp,
}

/// How a modem is brought back to command state in mid-call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// Three of these between two silences.
    Character(u8),
    /// It is switched off.
    Off,
}

/// One command of the set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Command {
    text: String,
    meaning: Meaning,
}

/// What a command is for. All but the plain ones may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Plain,
    /// The guard time.
    Guard,
    /// The escape is so from now on; it stays as it is if that is refused.
    Sets(Escape),
    /// Asks what the escape is: some that may not have a character keep the nearest one, and say OK.
    AsksEscape,
    /// The modem is to say who calls; if it is refused, by one of these.
    CallerId {
        others: CallerId,
    },
}

impl Command {
    /// The first of these that the modem takes.
    fn caller_id(commands: CallerId) -> Option<Command> {
        let (first, others) = commands.split_first()?;
        Some(Command::new(*first, Meaning::CallerId { others }))
    }

    fn plain(text: impl Into<String>) -> Command {
        Command::new(text, Meaning::Plain)
    }

    fn new(text: impl Into<String>, meaning: Meaning) -> Command {
        Command { text: text.into(), meaning }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Nothing was asked for.
    Idle,
    ExpectAttention {
        tries: u32,
        deadline: Instant,
    },
    /// These commands follow.
    ExpectQuiet {
        until: Instant,
        limit: Instant,
        commands: VecDeque<Command>,
    },
    /// `command` was sent, `left` follow.
    ExpectOk {
        command: Command,
        left: VecDeque<Command>,
        deadline: Instant,
    },
    /// DTR is low, to end a call before anything else is done.
    ExpectDtrLow {
        until: Instant,
    },
    /// Lines of a report come, up to OK; so many `pages` more may be asked for.
    ExpectReport {
        answer: Vec<u8>,
        pages: u32,
        deadline: Instant,
    },
    ExpectRing,
    /// `told` to dial, or to answer.
    ExpectConnect {
        told: String,
        deadline: Instant,
        limit: Duration,
    },
    Online,
    ExpectCarrierFall {
        earliest: Instant,
        deadline: Instant,
    },
    /// The carrier fell with DTR; whether the modem takes commands shows that the call did too.
    ExpectOnHook {
        tries: u32,
        deadline: Instant,
    },
    /// Silence before the escape.
    ExpectGuard {
        purpose: Purpose,
        until: Instant,
    },
    /// The escape is said. What is heard within the guard time behind it may be of the other end.
    ExpectEscaped {
        purpose: Purpose,
        answered: bool,
        earliest: Instant,
        deadline: Instant,
    },
    /// `told`: the modem says that it has hung up.
    ExpectHungUp {
        purpose: Purpose,
        told: bool,
        deadline: Instant,
    },
}

/// One modem of ours.
#[derive(Debug)]
pub struct Modem {
    profile: Profile,
    signals: bool,
    carrier: Option<bool>,
    /// The carrier signal was low while nobody was connected.
    shows_carrier: bool,
    /// DTR was seen to end a call.
    dtr_heeded: bool,
    /// The line may be off hook without a call: we made it so.
    busied_out: bool,
    escape: Escape,
    /// Escape characters to be tried; for a modem in a call of which nobody knows any more.
    candidates: VecDeque<u8>,
    state: State,
    /// It was set up before, and so was on hook, its escape as told; since then only calls of ours were made.
    met: bool,
    escape_tried: bool,
    lines: LineReader,
    seen: String,
    agreed: Connect,
    rings: u32,
    last_ring: Option<Instant>,
    transmit: Vec<u8>,
    events: VecDeque<Event>,
}

impl Modem {
    /// `signals`: whether the line has modem signals (DTR, carrier). Without them a hang-up goes by escape.
    pub fn new(profile: Profile, signals: bool) -> Self {
        Modem {
            escape: Escape::Character(profile.escape),
            busied_out: false,
            profile,
            signals,
            carrier: None,
            shows_carrier: signals,
            dtr_heeded: false,
            candidates: VecDeque::new(),
            state: State::Idle,
            met: false,
            escape_tried: false,
            lines: LineReader::new(b"\r\n", LONGEST_LINE),
            seen: String::new(),
            agreed: Connect::default(),
            rings: 0,
            last_ring: None,
            transmit: Vec::new(),
            events: VecDeque::new(),
        }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Ends a call as [`Modem::hang_up`] does, but by the escape and in words alone: where DTR was low already, and nothing shows
    /// whether that ended the call.
    pub fn tell_to_hang_up(&mut self, now: Instant) {
        self.forget();
        self.leave_call(now, Purpose::HangUp);
    }

    /// The character that, three times between silences, has the modem leave a call; `None`: it has no such.
    pub fn escape(&self) -> Option<u8> {
        match self.escape {
            Escape::Character(character) => Some(character),
            Escape::Off => None,
        }
    }

    /// What the carrier signal says while nobody is connected.
    pub fn handle_idle_carrier(&mut self, carrier: bool) {
        self.shows_carrier = !carrier;
        self.carrier = self.shows_carrier.then_some(carrier);
    }

    /// Whether there is a signal that shows the carrier.
    pub fn shows_carrier(&self) -> bool {
        self.shows_carrier
    }

    /// DTR is high again, and the carrier fell with it. Ends as `hang_up` does.
    pub fn carrier_fell_with_dtr(&mut self, now: Instant) {
        self.forget();
        match self.dtr_heeded {
            true => self.hung_up(now, Purpose::HangUp),
            false => self.expect_on_hook(now, self.profile.timeouts.tries / 2),
        }
    }

    /// Resets the modem and sends the init strings; ends in `Ready` or `Failed`.
    pub fn set_up(&mut self, now: Instant) {
        self.forget();
        self.escape_tried = !self.met;
        match self.met {
            true => self.attention(now, self.profile.timeouts.tries),
            false if self.signals && self.profile.hang_up == HangUp::Dtr => {
                self.events.push_back(Event::Dtr(false));
                self.state = State::ExpectDtrLow { until: now + self.profile.timeouts.dtr_low };
            }
            false => self.leave_call(now, Purpose::SetUp),
        }
    }

    /// Takes a modem that was set up out of use: it answers nothing by itself, and if it is to be `busy`, and can, callers find it
    /// so; else it is on hook. Ends in `Ready` or `Failed`; `set_up` takes it back.
    pub fn take_out(&mut self, now: Instant, busy: bool) {
        self.forget();
        let mut commands = VecDeque::from([Command::plain("ATS0=0")]);
        match self.profile.busy_out.clone().filter(|_| busy) {
            Some(command) => {
                self.busied_out = true;
                commands.push_back(Command::plain(command));
            }
            None if self.busied_out => {
                commands.push_back(Command::plain(self.profile.hang_up_command.clone()))
            }
            None => {}
        }
        self.next_command(now, commands);
    }

    /// Dials; ends in `Connected` or `Failed`.
    pub fn dial(&mut self, now: Instant, number: &Number) {
        self.forget();
        self.send(&format!("{}{number}", self.profile.dial));
        let (told, limit) = (self.profile.dial.clone(), self.profile.timeouts.dial);
        self.state = State::ExpectConnect { told, deadline: now + limit, limit };
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
        let (told, limit) = (self.profile.answer.clone(), self.profile.timeouts.answer);
        self.send(&told);
        self.state = State::ExpectConnect { told, deadline: now + limit, limit };
    }

    /// Ends a call, or an attempt at one; ends in `HungUp`, or in `Failed` if that was not seen.
    pub fn hang_up(&mut self, now: Instant) {
        self.forget();
        if self.profile.hang_up == HangUp::Dtr && self.signals && self.shows_carrier {
            self.events.push_back(Event::Dtr(false));
            let earliest = now + self.profile.timeouts.dtr_low;
            self.state =
                State::ExpectCarrierFall { earliest, deadline: earliest + self.profile.timeouts.hang_up };
        } else {
            self.leave_call(now, Purpose::HangUp);
        }
    }

    /// What the line's carrier signal says. Lines without it never call this.
    pub fn handle_carrier(&mut self, now: Instant, carrier: bool) {
        self.carrier = self.shows_carrier.then_some(carrier);
        self.handle_timeout(now);
    }

    /// Bytes from the modem, while it is in command state.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.remember(bytes);
        if let State::ExpectQuiet { until, limit, .. } = &mut self.state {
            *until = (now + self.profile.timeouts.quiet).min(*limit);
        }
        self.lines.feed(bytes);
        while self.state != State::Online {
            let Some(line) = self.lines.next_line() else { break };
            if let Line::Whole { text, .. } = line
                && !text.is_empty()
            {
                self.take_report_line(now, &text);
                if !self.take_escape(&text) {
                    self.handle_reply(now, reply::parse_with(&text, self.profile.codes));
                }
            }
        }
        self.turn_page(now);
        self.handle_timeout(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state.clone() {
            State::ExpectAttention { tries, deadline } if now >= deadline => self.attention(now, tries),
            State::ExpectQuiet { until, commands, .. } if now >= until => self.next_command(now, commands),
            // It may have brought back a profile that keeps result codes to itself; the next command ends that.
            State::ExpectOk { command, left, deadline }
                if now >= deadline && command.text == self.profile.reset && !left.is_empty() =>
            {
                self.next_command(now, left);
            }
            State::ExpectOk { command, left, deadline } if now >= deadline => match command.meaning {
                Meaning::AsksEscape => self.next_command(now, left),
                _ => self.silent(command.text),
            },
            State::ExpectDtrLow { until } if now >= until => {
                self.events.push_back(Event::Dtr(true));
                // A plug may join DTR to DSR and DCD: their fall would prove nothing.
                self.leave_call(now, Purpose::SetUp);
            }
            State::ExpectRing if self.rung_off_at().is_some_and(|at| now >= at) => {
                self.rings = 0;
                self.events.push_back(Event::RungOff);
            }
            State::ExpectReport { answer, deadline, .. } if now >= deadline => self.reported(&answer),
            State::ExpectConnect { deadline, limit, .. } if now >= deadline => {
                // Any character makes a modem give up a dial.
                self.transmit.push(b'\r');
                self.fail(ModemError::NotConnected { seconds: limit.as_secs() });
            }
            State::ExpectCarrierFall { earliest, deadline } => {
                if now >= earliest && self.carrier == Some(false) {
                    self.events.push_back(Event::Dtr(true));
                    self.carrier_fell_with_dtr(now);
                } else if now >= deadline {
                    // The carrier stays: the modem ignores DTR.
                    self.dtr_heeded = false;
                    self.events.push_back(Event::Dtr(true));
                    self.leave_call(now, Purpose::HangUp);
                }
            }
            State::ExpectOnHook { tries, deadline } if now >= deadline => self.expect_on_hook(now, tries),
            State::ExpectGuard { purpose, until } if now >= until => {
                self.say_escape(now, purpose);
            }
            // Who answers cannot be told: the other escapes are said all the same.
            State::ExpectEscaped { purpose, earliest, .. }
                if now >= earliest && !self.candidates.is_empty() =>
            {
                self.say_escape(now, purpose);
            }
            State::ExpectEscaped { purpose, answered: true, earliest, .. } if now >= earliest => {
                self.send_hang_up(now, purpose);
            }
            State::ExpectEscaped { purpose, deadline, .. } if now >= deadline => {
                // No answer: it was in command state already, most likely; it can still be told.
                self.send_hang_up(now, purpose);
            }
            // The signal is the better witness, where there is one.
            State::ExpectHungUp { purpose, told: true, .. } if self.carrier != Some(true) => {
                self.hung_up(now, purpose);
            }
            State::ExpectHungUp { purpose: Purpose::SetUp, deadline, .. } if now >= deadline => {
                self.attention(now, self.profile.timeouts.tries / 2);
            }
            State::ExpectHungUp { purpose: Purpose::HangUp, deadline, .. } if now >= deadline => {
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
            State::ExpectRing => self.rung_off_at(),
            State::Idle | State::Online => None,
            State::ExpectAttention { deadline, .. }
            | State::ExpectOk { deadline, .. }
            | State::ExpectReport { deadline, .. }
            | State::ExpectConnect { deadline, .. }
            | State::ExpectOnHook { deadline, .. }
            | State::ExpectHungUp { deadline, .. } => Some(*deadline),
            State::ExpectEscaped { answered, earliest, deadline, .. } => {
                Some(if *answered || !self.candidates.is_empty() { *earliest } else { *deadline })
            }
            State::ExpectQuiet { until, .. }
            | State::ExpectDtrLow { until }
            | State::ExpectGuard { until, .. } => Some(*until),
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
                let earlier = std::mem::take(&mut self.agreed);
                self.agreed = report.or(earlier);
                return;
            }
            _ => {}
        }
        match (self.state.clone(), reply) {
            (State::ExpectAttention { .. }, Reply::Ok) => {
                let mut commands = VecDeque::new();
                if std::mem::take(&mut self.busied_out) {
                    commands.push_back(Command::plain(self.profile.hang_up_command.clone()));
                }
                commands.push_back(Command::plain(self.profile.reset.clone()));
                commands.extend(self.profile.init.iter().map(Command::plain));
                commands
                    .extend(Command::caller_id(self.profile.caller_id).filter(|_| self.profile.asks_caller));
                commands.push_back(Command::plain(format!("ATS0={}", self.profile.auto_answer)));
                commands.extend(self.escape_commands());
                self.escape = Escape::Character(self.profile.escape);
                self.expect_quiet(now, commands);
            }
            (State::ExpectOk { command, left, .. }, Reply::Ok) => {
                if let Meaning::Sets(escape) = command.meaning {
                    self.escape = escape;
                }
                self.next_command(now, left);
            }
            (State::ExpectOk { command, mut left, .. }, Reply::Error) => match command.meaning {
                Meaning::Guard | Meaning::Sets(_) | Meaning::AsksEscape => self.next_command(now, left),
                Meaning::CallerId { others } => {
                    match Command::caller_id(others) {
                        Some(other) => left.push_front(other),
                        None => tracing::warn!(command.text, "the modem does not say who calls"),
                    }
                    self.next_command(now, left);
                }
                Meaning::Plain => {
                    let (command, reply) = (command.text, "ERROR".to_owned());
                    self.fail(ModemError::Refused { command, reply });
                }
            },
            (State::ExpectReport { answer, .. }, Reply::Ok | Reply::Error) => self.reported(&answer),
            (State::ExpectConnect { .. } | State::ExpectRing | State::Idle, Reply::Connect(connect)) => {
                let connect = connect.or(std::mem::take(&mut self.agreed));
                self.state = State::Online;
                self.events.push_back(Event::Connected(connect));
            }
            (State::ExpectConnect { told, .. }, reply) => match reply {
                Reply::Busy => self.fail(ModemError::Busy),
                Reply::NoAnswer => self.fail(ModemError::NoAnswer),
                Reply::NoDialtone => self.fail(ModemError::NoDialtone),
                Reply::NoCarrier => self.fail(ModemError::NoCarrier),
                Reply::Voice => self.fail(ModemError::Voice),
                Reply::Barred(reply) => self.fail(ModemError::Barred { reply }),
                Reply::Error if told == self.profile.dial => self.fail(ModemError::NotDialled),
                Reply::Error => self.fail(ModemError::Refused { command: told, reply: "ERROR".to_owned() }),
                // An echo of the command, or a word that this modem has and we do not know.
                _ => {}
            },
            (State::ExpectOnHook { .. }, Reply::Ok) => {
                self.dtr_heeded = true;
                self.hung_up(now, Purpose::HangUp);
            }
            (State::ExpectEscaped { purpose, earliest, deadline, .. }, Reply::Ok | Reply::NoCarrier) => {
                self.state = State::ExpectEscaped { purpose, answered: true, earliest, deadline };
            }
            (State::ExpectHungUp { purpose, deadline, .. }, Reply::Ok | Reply::NoCarrier) => {
                self.state = State::ExpectHungUp { purpose, told: true, deadline };
            }
            _ => {}
        }
    }

    /// When a caller that was not answered has given up.
    fn rung_off_at(&self) -> Option<Instant> {
        // A modem that answers by itself says nothing more until it is connected.
        let patience = match self.profile.auto_answer {
            0 => self.profile.timeouts.ring_gap,
            _ => self.profile.timeouts.answer,
        };
        self.last_ring.filter(|_| self.rings > 0).map(|last| last + patience)
    }

    fn ring(&mut self, now: Instant) {
        let gap = self.profile.timeouts.ring_gap;
        if self.last_ring.is_none_or(|last| now.saturating_duration_since(last) > gap) {
            self.rings = 0;
        }
        self.last_ring = Some(now);
        self.rings = self.rings.saturating_add(1);
        self.events.push_back(Event::Ring { count: self.rings });
        let due = match self.profile.auto_answer {
            0 => self.profile.rings,
            by_itself => u32::from(by_itself) + LATE_RINGS,
        };
        if self.state == State::ExpectRing && self.rings >= due {
            self.answer(now);
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
        self.agreed = Connect::default();
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
