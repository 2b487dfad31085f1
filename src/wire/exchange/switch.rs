//! The exchange in virtual time: who calls whom, at which rate, and what becomes of the bytes.

use super::firmware::{Agreed, Firmware, Refusal, Request};
use super::spec::Settings;
use crate::wire::noise::{self, Noise, Spoiled};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The highest rates, in bit/s: V.90 as line power limits allow, and V.34.
const V90_DOWN: u32 = 53_333;
const V34: u32 = 33_600;
/// Share of the raw rate that V.42 leaves to data.
const CORRECTED_SHARE: f64 = 0.95;
/// Bytes of one V.42 frame (N401), which is what is sent again after a mishap.
const FRAME: u32 = 128;
/// Bytes that may be under way in one direction before the sending modem is held back.
const UNDER_WAY: usize = 1024;
/// Bytes that come together before the receiving side is woken.
const GATHER: usize = 32;

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
}

#[derive(Debug)]
enum Stage {
    Ringing {
        next: Instant,
    },
    Training {
        until: Instant,
    },
    Up,
    /// One end hung up; what it sent still arrives at the other.
    Ending {
        left: VecDeque<u8>,
        other: usize,
        deadline: Instant,
    },
    Over,
}

#[derive(Debug)]
struct Call {
    /// Caller and called.
    ends: [usize; 2],
    stage: Stage,
    /// From the caller, and to the caller; there once the call is up.
    lines: Option<[Noise; 2]>,
    arrived: [u64; 2],
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
        let port = |line| Port { line, modem: Firmware::new(settings.carrier_follows), dialling: None };
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
        let ports = self
            .ports
            .iter()
            .flat_map(|port| [port.modem.poll_timeout(), port.dialling.as_ref().map(|(until, _)| *until)]);
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

    fn busy(&self, port: usize) -> bool {
        self.call_of(port).is_some() || self.ports.get(port).is_some_and(|port| port.dialling.is_some())
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
            port.dialling = None;
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

    fn advance(&mut self, now: Instant, call: &mut Call) {
        let [from, to] = call.ends;
        match &mut call.stage {
            Stage::Ringing { next } if now >= *next => {
                *next = now + self.settings.ring_every;
                let caller = self.ports.get(from).map(|port| port.line.number.clone()).unwrap_or_default();
                if let Some(called) = self.ports.get_mut(to) {
                    called.modem.ring(now, &caller);
                }
            }
            Stage::Training { until } if now >= *until => self.connect(now, call),
            Stage::Up => self.carry(now, call),
            Stage::Ending { .. } => self.drain(now, call),
            _ => {}
        }
    }

    fn connect(&mut self, now: Instant, call: &mut Call) {
        let [from, to] = call.ends;
        let digital = |port: usize| self.ports.get(port).is_some_and(|port| port.line.digital);
        let fastest = self.settings.speed.unwrap_or(u32::MAX);
        let (up, down) = match (digital(from), digital(to)) {
            (false, true) => (V34, V90_DOWN),
            (true, false) => (V90_DOWN, V34),
            _ => (V34, V34),
        };
        let (up, down) = (up.min(fastest), down.min(fastest));
        let modulation = modulation(up.max(down));
        let corrected = self.settings.corrected;
        self.calls_made += 1;
        let line = |rate, direction: u64| {
            // Far apart, so that no two lines have the same mishaps.
            let seed =
                self.settings.seed.wrapping_mul(0x1_0000_0001).wrapping_add(2 * self.calls_made + direction);
            Noise::new(self.quality(rate), seed, now)
        };
        call.lines = Some([line(up, 0), line(down, 1)]);
        call.stage = Stage::Up;
        self.events.push_back(Event::Connected { from, to, up, down, modulation, corrected });
        for (port, transmit, receive) in [(from, up, down), (to, down, up)] {
            if let Some(port) = self.ports.get_mut(port) {
                port.modem.connected(now, Agreed { transmit, receive, modulation, corrected });
            }
        }
    }

    /// The line of one direction.
    fn quality(&self, rate: u32) -> noise::Settings {
        let Settings { corrected, latency, bit_errors, lost, .. } = self.settings;
        let line = noise::Settings {
            rate: Some(rate),
            delay: latency,
            buffer: UNDER_WAY,
            gather: GATHER,
            ..noise::Settings::default()
        };
        if !corrected {
            return noise::Settings { bit_errors, lost, ..line };
        }
        // A mishap costs the way there and back, and the frame once more.
        let frame = Duration::from_secs_f64(f64::from(8 * FRAME) / f64::from(rate));
        noise::Settings {
            bits_per_byte: 8.0 / CORRECTED_SHARE,
            stalls: (8.0 * bit_errors + lost).min(0.5),
            stall_time: 2 * latency + frame,
            ..line
        }
    }

    /// Moves bytes both ways as far as rate and time allow.
    fn carry(&mut self, now: Instant, call: &mut Call) {
        let Some(lines) = &mut call.lines else { return };
        let [from, to] = call.ends;
        let directions = lines.iter_mut().zip(&mut call.arrived).zip([(from, to), (to, from)]);
        for ((line, arrived), (source, sink)) in directions {
            if let Some(source) = self.ports.get_mut(source) {
                let bytes = source.modem.poll_data(line.room(now));
                line.send(now, &bytes);
            }
            let Some(sink) = self.ports.get_mut(sink).filter(|sink| sink.modem.accepts()) else { continue };
            let mut bytes = line.poll_arrived(now);
            let left =
                self.drop_at.map(|at| usize::try_from(at.saturating_sub(self.carried)).unwrap_or(usize::MAX));
            let drop = left.is_some_and(|left| bytes.len() >= left);
            bytes.truncate(left.unwrap_or(usize::MAX));
            self.carried += bytes.len() as u64;
            *arrived += bytes.len() as u64;
            sink.modem.deliver(&bytes);
            if drop {
                self.drop_at = None;
                return self.drop_carrier(call);
            }
        }
    }

    /// The rest of what the end that hung up had sent.
    fn drain(&mut self, now: Instant, call: &mut Call) {
        let Stage::Ending { left, other, deadline } = &mut call.stage else { return };
        let (other, overdue) = (*other, now >= *deadline);
        let direction = usize::from(call.ends[0] == other);
        let Some(line) = call.lines.as_mut().and_then(|lines| lines.get_mut(direction)) else { return };
        let count = line.room(now).min(left.len());
        let bytes: Vec<u8> = left.drain(..count).collect();
        line.send(now, &bytes);
        if let Some(sink) = self.ports.get_mut(other).filter(|sink| sink.modem.accepts()) {
            let bytes = line.poll_arrived(now);
            if let Some(arrived) = call.arrived.get_mut(direction) {
                *arrived += bytes.len() as u64;
            }
            sink.modem.deliver(&bytes);
        }
        if overdue || (left.is_empty() && line.poll_timeout().is_none()) {
            if let Some(other) = self.ports.get_mut(other) {
                other.modem.carrier_lost();
            }
            self.events.push_back(Event::CarrierLost { port: other, orderly: true });
            self.end(call, false);
        }
    }

    /// The line breaks: both ends lose their carrier at once.
    fn drop_carrier(&mut self, call: &mut Call) {
        for end in call.ends {
            // An end that hung up already has no part in this.
            let gone = matches!(call.stage, Stage::Ending { other, .. } if other != end);
            if let Some(port) = self.ports.get_mut(end).filter(|_| !gone) {
                port.modem.poll_data(usize::MAX);
                port.modem.refused(Refusal::NoCarrier);
                if call.lines.is_some() {
                    port.modem.carrier_lost();
                    self.events.push_back(Event::CarrierLost { port: end, orderly: false });
                }
            }
        }
        self.end(call, true);
    }

    fn end(&mut self, call: &mut Call, dropped: bool) {
        call.stage = Stage::Over;
        let [from, to] = call.ends;
        let [sent, received] = call.arrived;
        let mut spoiled = Spoiled::default();
        for line in call.lines.iter().flatten().map(Noise::spoiled) {
            spoiled.flipped += line.flipped;
            spoiled.bursts += line.bursts;
            spoiled.burst_bytes += line.burst_bytes;
            spoiled.lost += line.lost;
            spoiled.inserted += line.inserted;
            spoiled.stalls += line.stalls;
        }
        self.events.push_back(Event::Ended { from, to, sent, received, dropped, spoiled });
    }

    /// When a call has something to do.
    fn wakes(&self, now: Instant, call: &Call) -> Option<Instant> {
        match &call.stage {
            Stage::Ringing { next: at } | Stage::Training { until: at } => Some(*at),
            Stage::Ending { deadline, other, .. } => {
                let line =
                    call.lines.as_ref().and_then(|lines| lines.get(usize::from(call.ends[0] == *other)));
                let accepts = self.ports.get(*other).is_some_and(|port| port.modem.accepts());
                line.filter(|_| accepts).and_then(Noise::poll_timeout).into_iter().chain([*deadline]).min()
            }
            Stage::Up => {
                let [from, to] = call.ends;
                let lines = call.lines.iter().flatten().zip([(from, to), (to, from)]);
                lines
                    .flat_map(|(line, (source, sink))| {
                        let accepts = self.ports.get(sink).is_some_and(|port| port.modem.accepts());
                        let waiting = self.ports.get(source).map_or(0, |port| port.modem.waiting());
                        let arrives = line.poll_timeout().filter(|_| accepts);
                        [arrives, line.room_timeout(now, waiting.min(GATHER))]
                    })
                    .flatten()
                    .min()
            }
            Stage::Over => None,
        }
    }
}

/// The modulation that reaches a rate.
fn modulation(rate: u32) -> &'static str {
    match rate {
        0..=300 => "V21",
        301..=1200 => "V22",
        1201..=2400 => "V22B",
        2401..=14_400 => "V32B",
        14_401..=33_600 => "V34",
        _ => "V90",
    }
}

#[cfg(test)]
mod tests;
