//! A line in virtual time: one direction of a serial line or telephone circuit that delays, spoils, loses and
//! invents bytes, all from a seed.
//!
//! Used by tests (two machines, time handed from event to event), by `wire::exchange` and by the demo (real
//! time: the same machine, driven by the real clock). Bytes leave in the order in which they came; a byte
//! takes its time on the line (start bit, eight bits, stop bit), then the delay. The sender is held back, as by
//! RTS/CTS, once [`Settings::buffer`] bytes wait.

mod random;

pub use random::Random;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How good or bad one direction of a line is. The default is a clean line of unlimited speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Speed in bit/s; without one, bytes take no time.
    pub rate: Option<u32>,
    /// Bits that one byte takes on the line: 10 on an asynchronous line; about 8.42 (8 / 0.95) behind modems with
    /// error correction, which carry bytes without start and stop bits.
    pub bits_per_byte: f64,
    /// Time between the last bit of a byte leaving and its arrival.
    pub delay: Duration,
    /// Probability, per bit, that it arrives inverted.
    pub bit_errors: f64,
    /// Probability, per byte, that a burst begins with it; all bytes of a burst arrive as random ones.
    pub bursts: f64,
    /// The longest burst, in bytes; lengths are spread evenly from 1 up to it.
    pub burst_length: u32,
    /// Probability, per byte, that it never arrives.
    pub lost: f64,
    /// Probability, per byte, that a random one arrives before it.
    pub inserted: f64,
    /// Probability, per byte, that the line stands still before it.
    pub stalls: f64,
    /// How long the line stands still.
    pub stall_time: Duration,
    /// Bytes that the line takes for itself: XON and XOFF, where somebody left software flow control on.
    pub eaten: Vec<u8>,
    /// Probability, per byte, that the far end begins to send back what arrives, like a terminal that echoes.
    pub echoes: f64,
    /// The longest echo, in bytes; lengths are spread evenly from 1 up to it.
    pub echo_length: u32,
    /// The carrier is lost once this many bytes have arrived.
    pub carrier_after: Option<u64>,
    /// Bytes that may wait to be clocked out, or lie unread at the far end, before the sender is held back.
    pub buffer: usize,
    /// How many bytes come together before the receiver is told (a 16550 UART interrupts at 14 of 16 or when the
    /// line falls silent). Bears on [`Noise::poll_timeout`] alone.
    pub gather: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rate: None,
            bits_per_byte: 10.0,
            delay: Duration::ZERO,
            bit_errors: 0.0,
            bursts: 0.0,
            burst_length: 8,
            lost: 0.0,
            inserted: 0.0,
            stalls: 0.0,
            stall_time: Duration::from_millis(500),
            eaten: Vec::new(),
            echoes: 0.0,
            echo_length: 200,
            carrier_after: None,
            buffer: 4096,
            gather: 14,
        }
    }
}

/// What the line did to the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spoiled {
    /// Bytes with at least one inverted bit.
    pub flipped: u64,
    pub bursts: u64,
    /// Bytes that a burst replaced.
    pub burst_bytes: u64,
    pub lost: u64,
    pub inserted: u64,
    pub stalls: u64,
    pub eaten: u64,
    pub echoes: u64,
}

impl Spoiled {
    /// How often anything happened to the line.
    pub fn total(&self) -> u64 {
        self.flipped + self.bursts + self.lost + self.inserted + self.stalls + self.eaten + self.echoes
    }
}

/// Bytes that follow each other on the line without a pause.
#[derive(Debug)]
struct Run {
    /// When the first bit of the first byte leaves.
    start: Instant,
    length: usize,
    /// How many of them were handed out already.
    taken: usize,
}

/// One direction of a line.
#[derive(Debug)]
pub struct Noise {
    settings: Settings,
    /// Time of one byte on the line, in nanoseconds.
    byte_time: f64,
    random: Random,
    /// Every byte that was not handed out yet, in order; `runs` says when each arrives.
    bytes: VecDeque<u8>,
    runs: VecDeque<Run>,
    /// When the line is free for the next byte.
    free: Instant,
    /// What is still to come before the next mishap of each kind.
    good_bits: u64,
    until_burst: u64,
    until_lost: u64,
    until_inserted: u64,
    until_stall: u64,
    in_burst: u32,
    /// Echoes begin at the far end, so what is drawn for them is apart.
    echo_random: Random,
    until_echo: u64,
    in_echo: u32,
    echo: Vec<u8>,
    sent: u64,
    arrived: u64,
    spoiled: Spoiled,
}

impl Noise {
    /// A silent line. The same settings, seed and bytes give the same mishaps.
    pub fn new(settings: Settings, seed: u64, now: Instant) -> Self {
        let (mut random, mut echo_random) = (Random::new(seed), Random::new(!seed));
        let byte_time = match settings.rate {
            Some(rate) if rate > 0 => settings.bits_per_byte * 1e9 / f64::from(rate),
            _ => 0.0,
        };
        Noise {
            byte_time,
            bytes: VecDeque::new(),
            runs: VecDeque::new(),
            free: now,
            good_bits: random.gap(settings.bit_errors),
            until_burst: random.gap(settings.bursts),
            until_lost: random.gap(settings.lost),
            until_inserted: random.gap(settings.inserted),
            until_stall: random.gap(settings.stalls),
            in_burst: 0,
            until_echo: echo_random.gap(settings.echoes),
            in_echo: 0,
            echo: Vec::new(),
            echo_random,
            sent: 0,
            arrived: 0,
            spoiled: Spoiled::default(),
            random,
            settings,
        }
    }

    /// How many bytes the sender may hand in now.
    pub fn room(&self, now: Instant) -> usize {
        let waiting: usize = self.runs.iter().map(|run| self.waiting(run, now) + self.unread(run, now)).sum();
        self.settings.buffer.saturating_sub(waiting)
    }

    /// When [`Noise::room`] becomes `wanted` (or the whole buffer, if that is less), if nothing more is handed
    /// in; nothing when there is room already or when the receiver has to read first.
    pub fn room_timeout(&self, now: Instant, wanted: usize) -> Option<Instant> {
        let missing = wanted.min(self.settings.buffer).saturating_sub(self.room(now));
        if missing == 0 {
            return None;
        }
        let mut left = missing;
        for run in &self.runs {
            let waiting = self.waiting(run, now);
            if waiting >= left {
                return Some(self.leaves(run, run.length - waiting + left));
            }
            left -= waiting;
        }
        None
    }

    /// Hands bytes in; returns how many were taken (no more than [`Noise::room`]). On a line whose carrier is
    /// lost all are taken and go nowhere.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> usize {
        if !self.carrier() {
            return bytes.len();
        }
        let take = bytes.len().min(self.room(now));
        self.free = self.free.max(now);
        for byte in bytes.iter().take(take) {
            self.carry(*byte);
        }
        take
    }

    /// Takes out every byte that has arrived by now.
    pub fn poll_arrived(&mut self, now: Instant) -> Vec<u8> {
        let mut count = 0;
        while let Some(run) = self.runs.front() {
            let unread = self.unread(run, now);
            count += unread;
            let all = run.taken + unread == run.length;
            if all {
                self.runs.pop_front();
                continue;
            }
            if let Some(run) = self.runs.front_mut() {
                run.taken += unread;
            }
            break;
        }
        if let Some(limit) = self.settings.carrier_after {
            let left = usize::try_from(limit - self.arrived).unwrap_or(usize::MAX);
            if count >= left {
                let last = self.bytes.drain(..left).collect();
                self.arrived = limit;
                self.bytes.clear();
                self.runs.clear();
                return last;
            }
        }
        self.arrived += count as u64;
        let arrived: Vec<u8> = self.bytes.drain(..count).collect();
        self.send_back(&arrived);
        arrived
    }

    /// Takes out what the far end has sent back of what arrived: it goes into the other direction.
    pub fn take_echo(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.echo)
    }

    /// When [`Noise::poll_arrived`] has something worth taking.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let run = self.runs.front()?;
        let next = (run.taken + self.settings.gather.max(1)).min(run.length);
        Some(self.leaves(run, next) + self.settings.delay)
    }

    /// Whether the carrier is still there, as the receiver sees it.
    pub fn carrier(&self) -> bool {
        self.settings.carrier_after.is_none_or(|limit| self.arrived < limit)
    }

    /// What went wrong so far.
    pub fn spoiled(&self) -> Spoiled {
        self.spoiled
    }

    /// Bytes handed in and bytes handed out so far.
    pub fn carried(&self) -> (u64, u64) {
        (self.sent, self.arrived)
    }

    /// When the byte before place `count` of a run has left.
    fn leaves(&self, run: &Run, count: usize) -> Instant {
        run.start + Duration::from_nanos((count as f64 * self.byte_time).ceil() as u64)
    }

    /// How many bytes of a run have left by a time.
    fn gone(&self, run: &Run, at: Instant) -> usize {
        let Some(time) = at.checked_duration_since(run.start) else { return 0 };
        if self.byte_time == 0.0 {
            return run.length;
        }
        // The small addition makes the rounding that of `leaves`: at the instant it names, the byte has left.
        let count = (time.as_nanos() as f64 + 0.5) / self.byte_time;
        (count as usize).min(run.length)
    }

    fn waiting(&self, run: &Run, now: Instant) -> usize {
        run.length - self.gone(run, now)
    }

    fn unread(&self, run: &Run, now: Instant) -> usize {
        match now.checked_sub(self.settings.delay) {
            Some(left_by) => self.gone(run, left_by).saturating_sub(run.taken),
            None => 0,
        }
    }

    /// One byte meets the line.
    fn carry(&mut self, mut byte: u8) {
        self.sent += 1;
        if due(&mut self.until_stall) {
            self.until_stall = self.random.gap(self.settings.stalls);
            self.spoiled.stalls += 1;
            self.free += self.settings.stall_time;
        }
        if due(&mut self.until_inserted) {
            self.until_inserted = self.random.gap(self.settings.inserted);
            self.spoiled.inserted += 1;
            let stray = self.random.byte();
            self.put(stray);
        }
        if due(&mut self.until_lost) {
            self.until_lost = self.random.gap(self.settings.lost);
            self.spoiled.lost += 1;
            return;
        }
        if due(&mut self.until_burst) {
            self.until_burst = self.random.gap(self.settings.bursts);
            self.spoiled.bursts += 1;
            self.in_burst = 1 + self.random.below(self.settings.burst_length.max(1));
        }
        if self.in_burst > 0 {
            self.in_burst -= 1;
            self.spoiled.burst_bytes += 1;
            byte = self.random.byte();
        }
        let whole = byte;
        while self.good_bits < 8 {
            byte ^= 1 << self.good_bits;
            self.good_bits =
                self.good_bits.saturating_add(1).saturating_add(self.random.gap(self.settings.bit_errors));
        }
        self.good_bits -= 8;
        self.spoiled.flipped += u64::from(byte != whole);
        self.put(byte);
    }

    fn send_back(&mut self, arrived: &[u8]) {
        for byte in arrived {
            if due(&mut self.until_echo) {
                self.until_echo = self.echo_random.gap(self.settings.echoes);
                self.spoiled.echoes += 1;
                self.in_echo = 1 + self.echo_random.below(self.settings.echo_length.max(1));
            }
            if self.in_echo > 0 {
                self.in_echo -= 1;
                if self.echo.len() < self.settings.buffer {
                    self.echo.push(*byte);
                }
            }
        }
    }

    fn put(&mut self, byte: u8) {
        if self.settings.eaten.contains(&byte) {
            self.spoiled.eaten += 1;
            return;
        }
        self.bytes.push_back(byte);
        match self.runs.back().map(|run| self.leaves(run, run.length)) {
            Some(end) if end >= self.free => {
                if let Some(run) = self.runs.back_mut() {
                    run.length += 1;
                }
            }
            _ => self.runs.push_back(Run { start: self.free, length: 1, taken: 0 }),
        }
        if let Some(end) = self.runs.back().map(|run| self.leaves(run, run.length)) {
            self.free = end;
        }
    }
}

/// Counts down to a mishap; true when it is its turn.
fn due(left: &mut u64) -> bool {
    if *left == 0 {
        return true;
    }
    *left -= 1;
    false
}

#[cfg(test)]
mod tests;
