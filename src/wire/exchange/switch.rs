//! The exchange in virtual time: who calls whom, and what the modems are told of it.

mod circuit;

use super::firmware::{Firmware, Refusal, Request};
use super::spec::Settings;
use crate::wire::noise::Spoiled;
use circuit::{Call, Stage};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub number: String,
    pub digital: bool,
}

/// What happened on the exchange. Ports are counted from 0 in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Dialled {
        port: usize,
        number: String,
    },
    /// The call came to nothing.
    Refused {
        port: usize,
        reason: &'static str,
    },
    Ringing {
        from: usize,
        to: usize,
    },
    /// `up` is the rate from the caller, `down` to the caller, in bit/s.
    Connected {
        from: usize,
        to: usize,
        up: u32,
        down: u32,
        modulation: &'static str,
        corrected: bool,
    },
    /// `sent` bytes from the caller arrived at the called modem, `received` the other way.
    Ended {
        from: usize,
        to: usize,
        sent: u64,
        received: u64,
        dropped: bool,
        /// What the line spoiled, both directions together.
        spoiled: Spoiled,
    },
    /// The carrier at this port is gone by no doing of its own terminal. `orderly`: what the other end sent and
    /// `NO CARRIER` are to be read first.
    CarrierLost {
        port: usize,
        orderly: bool,
    },
}

#[derive(Debug)]
struct Port {
    line: Line,
    modem: Firmware,
    /// Dialling: when the number is complete.
    dialling: Option<(Instant, String)>,
    /// It rings at a person's, who takes the call then.
    ringing_person: Option<Instant>,
}

/// The exchange. Drive it as every machine: after each call take out `poll_transmit` of each port and
/// `poll_event`; then wait for input of a port with `room`, or for `poll_timeout`.
#[derive(Debug)]
pub struct Switch {
    settings: Settings,
    ports: Vec<Port>,
    calls: Vec<Call>,
    /// How many calls there were: each line has its own seed.
    calls_made: u64,
    carried: u64,
    /// The carrier is lost when `carried` reaches this; once.
    drop_at: Option<u64>,
    events: VecDeque<Event>,
}

impl Switch {
    pub fn new(settings: Settings, lines: Vec<Line>) -> Self {
        let (follows, timeless) = (settings.carrier_follows, settings.time_independent_escape);
        let modem = || Firmware::new(follows).with_time_independent_escape(timeless);
        let port = |line| Port { line, modem: modem(), dialling: None, ringing_person: None };
        Switch {
            ports: lines.into_iter().map(port).collect(),
            calls: Vec::new(),
            calls_made: 0,
            carried: 0,
            drop_at: settings.drop_carrier_after,
            events: VecDeque::new(),
            settings,
        }
    }

    /// Bytes from the terminal at a port, no more than [`Switch::room`].
    pub fn handle_input(&mut self, now: Instant, port: usize, bytes: &[u8]) {
        if let Some(port) = self.ports.get_mut(port) {
            port.modem.handle_input(now, bytes);
        }
        self.handle_timeout(now);
    }

    /// The DTR signal of a port.
    pub fn handle_dtr(&mut self, now: Instant, port: usize, dtr: bool) {
        if let Some(port) = self.ports.get_mut(port) {
            port.modem.handle_dtr(now, dtr);
        }
        self.handle_timeout(now);
    }

    /// The terminal at a port is gone: DTR fell for good.
    pub fn terminal_gone(&mut self, now: Instant, port: usize) {
        if let Some(port) = self.ports.get_mut(port) {
            port.modem.terminal_gone();
        }
        self.handle_timeout(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        for port in &mut self.ports {
            port.modem.handle_timeout(now);
        }
        self.requests(now);
        self.dialled(now);
        self.taken_by_people(now);
        let mut calls = std::mem::take(&mut self.calls);
        for call in &mut calls {
            self.advance(now, call);
        }
        calls.retain(|call| !matches!(call.stage, Stage::Over));
        self.calls.append(&mut calls);
        // A ring that was answered by the modem itself.
        self.requests(now);
    }

    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let ports = self.ports.iter().flat_map(|port| {
            let dialled = port.dialling.as_ref().map(|(until, _)| *until);
            [port.modem.poll_timeout(), dialled, port.ringing_person]
        });
        let calls = self.calls.iter().map(|call| self.wakes(now, call));
        ports.chain(calls).flatten().min()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Moves at most `limit` bytes for the terminal at a port to the end of `out`.
    pub fn poll_transmit(&mut self, port: usize, limit: usize, out: &mut Vec<u8>) {
        if let Some(port) = self.ports.get_mut(port) {
            port.modem.poll_transmit(limit, out);
        }
    }

    /// How many bytes the terminal at a port may send now.
    pub fn room(&self, port: usize) -> usize {
        self.ports.get(port).map_or(0, |port| port.modem.room())
    }

    /// Whether the terminal at a port got everything.
    pub fn drained(&self, port: usize) -> bool {
        self.ports.get(port).is_none_or(|port| port.modem.drained())
    }

    /// Whether the end of a call is shown at a port as a loss of carrier.
    pub fn carrier_follows(&self, port: usize) -> bool {
        self.ports.get(port).is_some_and(|port| port.modem.carrier_follows())
    }

    /// Ends every call, as a power failure would.
    pub fn hang_up_all(&mut self) {
        let mut calls = std::mem::take(&mut self.calls);
        for call in &mut calls {
            self.drop_carrier(call);
        }
    }

    fn requests(&mut self, now: Instant) {
        for port in 0..self.ports.len() {
            while let Some(request) = self.ports.get_mut(port).and_then(|port| port.modem.poll_request()) {
                match request {
                    Request::Dial { number, pause } => self.dial(now, port, number, pause),
                    Request::Answer => self.answer(now, port),
                    Request::HangUp => self.hang_up(now, port),
                }
            }
        }
    }

    fn dial(&mut self, now: Instant, port: usize, number: String, pause: Duration) {
        self.events.push_back(Event::Dialled { port, number: number.clone() });
        if self.call_of(port).is_some() {
            return self.refuse(port, Refusal::NoDialtone);
        }
        if let Some(port) = self.ports.get_mut(port) {
            port.dialling = Some((now + pause + self.settings.dialling, number));
        }
    }

    /// Puts through the numbers that are complete.
    fn dialled(&mut self, now: Instant) {
        for from in 0..self.ports.len() {
            let Some(port) = self.ports.get_mut(from) else { continue };
            let Some((_, number)) = port.dialling.take_if(|(until, _)| now >= *until) else { continue };
            if self.settings.people.contains(&number) {
                port.ringing_person = Some(now + self.settings.ring_every);
                continue;
            }
            match self.ports.iter().position(|port| port.line.number == number) {
                None => self.refuse(from, Refusal::NoCarrier),
                Some(to) if to == from || self.busy(to) => self.refuse(from, Refusal::Busy),
                // Somebody rang here while the number was dialled.
                Some(_) if self.call_of(from).is_some() => self.refuse(from, Refusal::NoDialtone),
                Some(to) => {
                    self.events.push_back(Event::Ringing { from, to });
                    let stage = Stage::Ringing { next: now };
                    self.calls.push(Call { ends: [from, to], stage, lines: None, arrived: [0; 2] });
                }
            }
        }
    }

    /// Where a person has taken the call, no modem will be heard.
    fn taken_by_people(&mut self, now: Instant) {
        for from in 0..self.ports.len() {
            let ringing = self.ports.get_mut(from).map(|port| &mut port.ringing_person);
            if ringing.and_then(|ringing| ringing.take_if(|until| now >= *until)).is_some() {
                self.refuse(from, Refusal::Voice);
            }
        }
    }

    fn busy(&self, port: usize) -> bool {
        let off_hook = |port: &Port| {
            port.dialling.is_some() || port.ringing_person.is_some() || port.modem.is_off_hook()
        };
        self.call_of(port).is_some() || self.ports.get(port).is_some_and(off_hook)
    }

    /// The call that a port is in; one that it has left, while the other end still gets its bytes, is none.
    fn call_of(&self, port: usize) -> Option<usize> {
        self.calls.iter().position(|call| match &call.stage {
            Stage::Over => false,
            Stage::Ending { other, .. } => *other == port,
            _ => call.ends.contains(&port),
        })
    }

    fn refuse(&mut self, port: usize, why: Refusal) {
        let reason = match why {
            Refusal::NoDialtone => "no dial tone",
            Refusal::Busy => "busy",
            Refusal::NoCarrier => "no such number, or no modem there",
            Refusal::Voice => "a person speaks",
        };
        self.events.push_back(Event::Refused { port, reason });
        if let Some(port) = self.ports.get_mut(port) {
            port.modem.refused(why);
        }
    }

    fn answer(&mut self, now: Instant, port: usize) {
        let call = self.call_of(port).and_then(|at| self.calls.get_mut(at));
        match call {
            Some(Call { ends: [from, to], stage: stage @ Stage::Ringing { .. }, .. }) if *to == port => {
                *stage = Stage::Training { until: now + self.settings.training };
                let from = *from;
                if let Some(caller) = self.ports.get_mut(from) {
                    caller.modem.answered();
                }
            }
            _ => self.refuse(port, Refusal::NoCarrier),
        }
    }

    /// A terminal gave its line back.
    fn hang_up(&mut self, now: Instant, port: usize) {
        if let Some(port) = self.ports.get_mut(port) {
            (port.dialling, port.ringing_person) = (None, None);
        }
        let Some(at) = self.call_of(port) else { return };
        if matches!(self.calls.get(at).map(|call| &call.stage), Some(Stage::Up)) {
            let left =
                self.ports.get_mut(port).map(|port| port.modem.poll_data(usize::MAX)).unwrap_or_default();
            if let Some(call) = self.calls.get_mut(at) {
                let other = if call.ends[0] == port { call.ends[1] } else { call.ends[0] };
                let deadline = now + self.settings.drain;
                call.stage = Stage::Ending { left: left.into(), other, deadline };
            }
            return;
        }
        let mut call = self.calls.remove(at);
        match call.stage {
            Stage::Ending { .. } => self.end(&mut call, false),
            _ => {
                let [from, to] = call.ends;
                let reason = if port == from { "the caller gave up" } else { "the called modem gave up" };
                self.events.push_back(Event::Refused { port: from, reason });
                let other = if port == from { to } else { from };
                if let Some(other) = self.ports.get_mut(other) {
                    other.modem.refused(Refusal::NoCarrier);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
