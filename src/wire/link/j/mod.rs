//! The `j` protocol: every packet of `i` in a wrapping that avoids the characters which a line keeps for itself.
//! Taylor UUCP manual, section "UUCP `j' Protocol".
//!
//! Each side says first what it wants to be avoided; then `i` begins, as if there were no wrapping. What was lost or
//! spoiled on the way is for `i` to find out.

pub mod avoid;
pub mod packet;

use super::i::{self, I};
use super::reader::{Found, Reader};
use super::{Abilities, Channel, Counters, Event, Expect, JParameters, Link, LinkError, Role};
use avoid::Avoided;
use packet::{ALWAYS_FITS, Wrapped};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Once nothing has come for so long, the rest of a packet that has begun will not come either.
const QUIET: Duration = Duration::from_secs(1);

/// What is looked through for the peer's characters, in bytes.
const MOST_EARLY: usize = 2 * avoid::LONGEST;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `start` was not called yet.
    Idle,
    /// We have told our characters (`tries` times), the peer has not.
    AwaitCharacters {
        tries: u32,
        until: Instant,
    },
    /// The rest is the business of `i`.
    Wrapping,
    Ended,
}

/// One call by the `j` protocol.
#[derive(Debug)]
pub struct J {
    inner: I,
    state: State,
    timeout: Duration,
    retries: u32,
    ours: Avoided,
    /// What both ends avoid.
    avoided: Avoided,
    /// What came before the peer's characters.
    early: Vec<u8>,
    reader: Reader<Wrapped>,
    /// Our characters have to be told, and how often that was because the peer told its own again.
    tell: bool,
    told_again: u32,
    started: bool,
    heard: Option<Instant>,
    events: VecDeque<Event>,
    bytes_sent: u64,
    bytes_received: u64,
    bad_headers: u64,
}

impl J {
    pub fn new(role: Role, parameters: JParameters) -> Self {
        let JParameters { avoid, i } = parameters;
        let ours = Avoided::new(&avoid);
        J {
            state: State::Idle,
            timeout: i.sync_timeout,
            retries: i.sync_retries,
            inner: I::new('j', role, i, ALWAYS_FITS - i::OVERHEAD),
            avoided: ours.clone(),
            ours,
            early: Vec::new(),
            reader: Reader::default(),
            tell: false,
            told_again: 0,
            started: false,
            heard: None,
            events: VecDeque::new(),
            bytes_sent: 0,
            bytes_received: 0,
            bad_headers: 0,
        }
    }

    fn await_characters(&mut self, now: Instant, tries: u32) {
        self.state = State::AwaitCharacters { tries, until: now + self.timeout };
        self.tell = true;
    }

    /// Looks for the peer's characters; `i` begins with them.
    fn read_characters(&mut self, now: Instant) {
        if self.state == State::Idle {
            return;
        }
        let Some((theirs, end)) = Avoided::find(&self.early) else { return };
        self.avoided = self.ours.and(&theirs);
        self.state = State::Wrapping;
        self.inner.start(now);
        let early = std::mem::take(&mut self.early);
        self.reader.feed(early.get(end..).unwrap_or_default());
        self.read(now);
    }

    fn read(&mut self, now: Instant) {
        while self.inner.listens() {
            match self.reader.find() {
                Some(Found::Packet(length, body)) => match packet::unwrap(length, &body, Some(&self.avoided))
                {
                    Some(packet) => self.inner.handle_input(now, &packet),
                    None => self.bad_headers += 1,
                },
                Some(Found::BadData(_) | Found::BadHeader) => self.bad_headers += 1,
                None => break,
            }
        }
    }

    /// A peer that tells its characters again has not heard ours.
    fn tell_again(&mut self, bytes: &[u8]) {
        if !self.started && self.told_again < self.retries && Avoided::find(bytes).is_some() {
            self.told_again += 1;
            self.tell = true;
        }
    }
}

impl Link for J {
    fn start(&mut self, now: Instant) {
        if self.state == State::Idle {
            self.await_characters(now, 1);
            self.read_characters(now);
        }
    }

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.bytes_received += bytes.len() as u64;
        self.heard = Some(now);
        match self.state {
            State::Idle | State::AwaitCharacters { .. } => {
                self.early.extend_from_slice(bytes);
                self.read_characters(now);
                let surplus = self.early.len().saturating_sub(MOST_EARLY);
                self.early.drain(..surplus);
            }
            State::Wrapping => {
                self.tell_again(bytes);
                self.reader.feed(bytes);
                self.read(now);
            }
            State::Ended => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::AwaitCharacters { tries, until } if until <= now => {
                if tries > self.retries {
                    self.state = State::Ended;
                    self.events.push_back(Event::Failed(LinkError::NoStart { protocol: 'j' }));
                } else {
                    self.await_characters(now, tries + 1);
                }
            }
            State::Wrapping => {
                let quiet = self.heard.is_none_or(|heard| now.saturating_duration_since(heard) >= QUIET);
                if quiet && self.reader.waiting() > 0 {
                    self.reader.give_up_packet();
                    self.read(now);
                }
                self.inner.handle_timeout(now);
            }
            State::Idle | State::AwaitCharacters { .. } | State::Ended => {}
        }
    }

    fn poll_transmit(&mut self, now: Instant, limit: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        if std::mem::take(&mut self.tell) {
            out.extend(self.ours.print());
        }
        let mut packets = Vec::new();
        if self.state == State::Wrapping {
            self.inner.poll_transmit(now, limit, &mut packets);
        }
        let mut rest = packets.as_slice();
        while let Some((packet, behind)) = rest.split_at_checked(i::length(rest)) {
            if packet.is_empty() {
                break;
            }
            packet::wrap(packet, &self.avoided, out);
            rest = behind;
        }
        self.bytes_sent += (out.len() - before) as u64;
        out.len() > before
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::AwaitCharacters { until, .. } => Some(until),
            State::Wrapping => self.inner.poll_timeout(),
            State::Idle | State::Ended => None,
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front().or_else(|| self.inner.poll_event());
        self.started |= event == Some(Event::Started);
        event
    }

    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn room(&self) -> usize {
        self.inner.room()
    }

    fn send_command(&mut self, now: Instant, channel: Channel, text: &[u8]) {
        self.inner.send_command(now, channel, text);
    }

    fn begin_file(&mut self, bytes: u64) {
        self.inner.begin_file(bytes);
    }

    fn send_data(&mut self, now: Instant, channel: Channel, position: u64, bytes: &[u8]) {
        self.inner.send_data(now, channel, position, bytes);
    }

    fn expect(&mut self, what: Expect) {
        self.inner.expect(what);
    }

    fn close(&mut self, now: Instant) {
        match self.state {
            State::Wrapping => self.inner.close(now),
            State::Idle | State::AwaitCharacters { .. } => {
                self.state = State::Ended;
                self.events.push_back(Event::Closed);
            }
            State::Ended => {}
        }
    }

    fn idle(&self) -> bool {
        self.inner.idle()
    }

    fn in_whole_packets(&self) -> bool {
        self.state == State::Wrapping && self.reader.in_whole_packets()
    }

    fn all_sent(&self) -> bool {
        self.inner.all_sent()
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.reader.take_rest()
    }

    fn counters(&self) -> Counters {
        let inner = self.inner.counters();
        Counters {
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            bad_headers: inner.bad_headers + self.bad_headers,
            ..inner
        }
    }
}
