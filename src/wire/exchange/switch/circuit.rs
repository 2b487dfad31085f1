//! One circuit: a call from its first ring to its end, and what becomes of the bytes on it.

use super::{Event, Switch};
use crate::wire::exchange::firmware::{Agreed, Refusal};
use crate::wire::exchange::spec::Settings;
use crate::wire::noise::{self, Noise, Spoiled};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The highest rates, in bit/s: V.90 as line power limits allow, and V.34.
const V90_DOWN: u32 = 53_333;
const V34: u32 = 33_600;
/// No modem connects faster (ITU-T V.90); what does is a digital circuit, rate-adapted by V.120.
const FASTEST_MODEM: u32 = 56_000;
/// Share of the raw rate that V.42 leaves to data.
const CORRECTED_SHARE: f64 = 0.95;
/// Bytes of one V.42 frame (N401), which is what is sent again after a mishap.
const FRAME: u32 = 128;
/// Bytes that may be under way in one direction before the sending modem is held back: those of so long, and so many
/// at least.
const UNDER_WAY: (Duration, usize) = (Duration::from_millis(50), 1024);
/// Bytes that come together before the receiving side is woken, in the same way.
const GATHER: (Duration, usize) = (Duration::from_millis(5), 32);

#[derive(Debug)]
pub(super) enum Stage {
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
pub(super) struct Call {
    /// Caller and called.
    pub(super) ends: [usize; 2],
    pub(super) stage: Stage,
    /// From the caller, and to the caller; there once the call is up.
    pub(super) lines: Option<[Noise; 2]>,
    pub(super) arrived: [u64; 2],
}

impl Switch {
    pub(super) fn advance(&mut self, now: Instant, call: &mut Call) {
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
        let fastest = self.settings.speed.unwrap_or(FASTEST_MODEM);
        let (up, down) = match (digital(from), digital(to)) {
            _ if fastest > FASTEST_MODEM => (fastest, fastest),
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
            buffer: bytes_in(UNDER_WAY, rate),
            gather: bytes_in(GATHER, rate),
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
    pub(super) fn drop_carrier(&mut self, call: &mut Call) {
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

    pub(super) fn end(&mut self, call: &mut Call, dropped: bool) {
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
    pub(super) fn wakes(&self, now: Instant, call: &Call) -> Option<Instant> {
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
                        [arrives, line.room_timeout(now, waiting.min(GATHER.1))]
                    })
                    .flatten()
                    .min()
            }
            Stage::Over => None,
        }
    }
}

/// The bytes that a line carries in a time, and so many at least.
fn bytes_in((time, least): (Duration, usize), rate: u32) -> usize {
    let bytes = f64::from(rate) / 8.0 * time.as_secs_f64();
    (bytes as usize).max(least)
}

/// The modulation that reaches a rate.
fn modulation(rate: u32) -> &'static str {
    match rate {
        0..=300 => "V21",
        301..=1200 => "V22",
        1201..=2400 => "V22B",
        2401..=14_400 => "V32B",
        14_401..=33_600 => "V34",
        33_601..=FASTEST_MODEM => "V90",
        _ => "V120",
    }
}
