//! The `i` protocol: both directions at once, up to seven commands each way, selective repeat.
//! Taylor UUCP manual, section "UUCP `i' Protocol".
//!
//! Observed with Taylor UUCP 1.07 as either side:
//! - the parts of a command's conversation are told apart by channel; `H` and `HY` have both channels 0;
//! - file data follow their S or E command without waiting for SY or EY; SPOS comes before the first data of every
//!   file, and after any command that was sent in the middle of one, for commands advance the position too;
//! - a file ends with a packet without data; an answer never waits for it;
//! - an ACK comes for every half window, at once; a packet short of that is acknowledged by what is sent next;
//! - a packet that came twice is not answered, but a NAK for one that was never sent is, by an ACK; so that is how to
//!   ask a quiet side what it has; while it waits it sends such a NAK every 11 s itself;
//! - a side that loses many packets sends another SYNC, which asks for smaller ones, and gets them at once;
//! - each side sends one CLOSE, without waiting for that of the other, and then the final handshake.

mod packet;
mod receive;
mod send;
mod size;

use super::budget::Budget;
use super::reader::{Found, Reader};
use super::{Abilities, Channel, Counters, Event, Expect, IParameters, Link, LinkError, Role};
use packet::{Header, Kind, MOST_DATA, Packets};
use receive::{Order, Receiver};
use send::Sender;
use std::collections::VecDeque;
use std::time::Instant;

/// The largest window that the numbers allow.
const MOST_WINDOW: usize = 16;

/// Before the peer's SYNC has come nothing is sent that it could object to.
const MOST_CHANNELS: u8 = 7;

/// How many timeouts to wait for the peer's CLOSE once ours is out: both have agreed to hang up before.
const CLOSE_RETRIES: u32 = 2;

/// How many times as often as `retries` a packet is repeated to a peer that is heard but does not acknowledge it:
/// on a bad line several of them get lost in a row.
const DEAF: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `start` was not called yet.
    Idle,
    /// Our SYNC is out (`tries` times), the peer's has not come.
    AwaitSync {
        tries: u32,
        until: Instant,
    },
    Running,
    /// Our CLOSE is queued or out, the peer's has not come.
    AwaitClose,
    /// Both have closed, or it failed; what remains is the events.
    Ended,
}

/// One call by the `i` protocol.
#[derive(Debug)]
pub struct I {
    role: Role,
    parameters: IParameters,
    state: State,
    reader: Reader<Packets>,
    sender: Sender,
    receiver: Receiver,
    budget: Budget,
    /// The file position of the next packet that arrives.
    position: u32,
    channels: u8,
    events: VecDeque<Event>,
    /// A SYNC has to go out.
    sync_due: bool,
    /// How often a SYNC was sent in answer to a repeated one.
    sync_answers: u32,
    /// The peer has sent a packet that it can only send after our SYNC.
    peer_runs: bool,
    peer_closed: bool,
    /// When the last sound packet came, or was last asked for.
    heard: Option<Instant>,
    silences: u32,
    counters: Counters,
}

impl I {
    pub fn new(role: Role, mut parameters: IParameters) -> Self {
        parameters.window = parameters.window.clamp(1, MOST_WINDOW as u8);
        parameters.packet_size = parameters.packet_size.clamp(1, MOST_DATA as u16);
        let half = u32::from(parameters.window.max(2)) / 2;
        I {
            role,
            state: State::Idle,
            reader: Reader::default(),
            sender: Sender::new(role == Role::Caller, 1, 1, parameters.timeout),
            receiver: Receiver::new(
                parameters.ack_frequency.unwrap_or(half),
                usize::from(parameters.packet_size),
            ),
            budget: Budget::new(parameters.errors, parameters.error_decay),
            position: 0,
            channels: MOST_CHANNELS,
            events: VecDeque::new(),
            sync_due: false,
            sync_answers: 0,
            peer_runs: false,
            peer_closed: false,
            heard: None,
            silences: 0,
            counters: Counters::default(),
            parameters,
        }
    }

    fn header(&self, kind: Kind, packet: u8) -> Header {
        let ack = if kind == Kind::Sync { 0 } else { self.receiver.ack() };
        Header { kind, packet, ack, local: 0, remote: 0, caller: self.role == Role::Caller }
    }

    fn fail(&mut self, error: LinkError) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.peer_closed = false;
            self.events.push_back(Event::Failed(error));
        }
    }

    fn misbehaved(&mut self, what: impl Into<String>) {
        self.fail(LinkError::Misbehaved { protocol: 'i', what: what.into() });
    }

    fn error(&mut self) {
        if let Err(errors) = self.budget.error() {
            self.fail(LinkError::TooManyErrors { protocol: 'i', errors });
        }
    }

    fn runs(&self) -> bool {
        matches!(self.state, State::Running | State::AwaitClose)
    }

    fn handle_packet(&mut self, now: Instant, header: Header, data: Vec<u8>) {
        if header.caller == (self.role == Role::Caller) {
            // Our own packet, echoed by a line that is not set up yet.
            return;
        }
        self.counters.packets_received += 1;
        if header.kind == Kind::Sync {
            self.handle_sync(now, &data);
            return;
        }
        if !self.runs() {
            // The peer has our SYNC, but its own was lost; ours goes out again by the clock.
            return;
        }
        self.peer_runs = true;
        self.heard = Some(now);
        self.silences = 0;
        let acknowledged = self.sender.acknowledged(now, header.ack);
        (0..acknowledged).for_each(|_| self.budget.good());
        match header.kind {
            Kind::Data | Kind::Spos | Kind::Close => match self.receiver.packet(now, header, data) {
                Order::Deliver(packets) => {
                    packets.into_iter().for_each(|(header, data)| self.deliver(header, data))
                }
                Order::Early | Order::Again => {}
            },
            Kind::Nak if self.sender.rejected(now, header.packet) => self.error(),
            // Observed with Taylor UUCP 1.07: a side that waits asks for a packet that was never sent.
            Kind::Nak if self.sender.is_next(header.packet) => self.receiver.ack_at_once(),
            Kind::Ack if acknowledged == 0 => self.sender.nothing_new(),
            Kind::Nak | Kind::Ack | Kind::Sync => {}
        }
    }

    fn handle_sync(&mut self, now: Instant, data: &[u8]) {
        let [high, low, window, rest @ ..] = data else {
            self.misbehaved("a SYNC packet of fewer than three bytes");
            return;
        };
        if !self.runs() && !matches!(self.state, State::AwaitSync { .. }) {
            return;
        }
        let asked = usize::from(*high) << 8 | usize::from(*low);
        if asked == 0 || *window == 0 {
            self.misbehaved(format!("it asks for packets of {asked} bytes and a window of {window}"));
            return;
        }
        let size = match self.parameters.remote_packet_size {
            0 => asked,
            size => usize::from(size),
        };
        if self.runs() {
            // A peer that repeats its SYNC lacks ours; bounded, for two such answers must not feed each other.
            if !self.peer_runs && self.sync_answers < self.parameters.sync_retries {
                self.sync_answers += 1;
                self.sync_due = true;
            }
            // Observed with Taylor UUCP 1.07: on a line that loses many packets it asks for smaller ones so.
            self.sender.limit(size.min(MOST_DATA));
            return;
        }
        self.sender.agree(usize::from(*window).min(MOST_WINDOW), size.min(MOST_DATA));
        // A peer that does not tell is not asked for more than one.
        self.channels = rest.first().map_or(1, |channels| (*channels).clamp(1, MOST_CHANNELS));
        self.state = State::Running;
        self.heard = Some(now);
        self.events.push_back(Event::Started);
    }

    /// One packet in its turn.
    fn deliver(&mut self, header: Header, data: Vec<u8>) {
        if self.state == State::Ended || self.peer_closed {
            return;
        }
        self.budget.good();
        match header.kind {
            Kind::Spos => match data.as_slice() {
                [a, b, c, d] => self.position = u32::from_be_bytes([*a, *b, *c, *d]),
                _ => self.misbehaved(format!("an SPOS packet of {} bytes", data.len())),
            },
            Kind::Close => self.peer_closed = true,
            _ => {
                let channel = match (header.local, header.remote) {
                    (0, number) => Channel::Ours(number),
                    (number, _) => Channel::Theirs(number),
                };
                let position = Some(u64::from(self.position));
                self.position = self.position.wrapping_add(data.len() as u32);
                self.events.push_back(Event::Data { channel, position, bytes: data });
            }
        }
    }

    /// Nothing was heard for too long.
    fn handle_silence(&mut self, now: Instant) {
        self.heard = Some(now);
        self.silences += 1;
        let leaving = self.state == State::AwaitClose && self.sender.all_out();
        let retries =
            if leaving { CLOSE_RETRIES.min(self.parameters.retries) } else { self.parameters.retries };
        if self.silences <= retries {
            self.receiver.ask_next();
            if self.reader.waiting() > 0 {
                self.reader.give_up_packet();
                self.read(now);
            }
            return;
        }
        if leaving {
            // The peer's CLOSE was lost, or it has left.
            self.state = State::Ended;
            self.events.push_back(Event::Closed);
        } else {
            self.fail(LinkError::Silent { protocol: 'i', retries: self.parameters.retries });
        }
    }

    fn silence_deadline(&self) -> Option<Instant> {
        if !self.runs() {
            return None;
        }
        // As long as the line takes new packets from us, the peer may be waiting for half a window of them.
        [self.heard, self.sender.last_new()]
            .into_iter()
            .flatten()
            .max()
            .map(|since| since + self.parameters.timeout)
    }

    fn read(&mut self, now: Instant) {
        while self.state != State::Ended && !self.peer_closed {
            match self.reader.find() {
                Some(Found::Packet(header, data)) => self.handle_packet(now, header, data),
                Some(Found::BadData(header)) => {
                    self.counters.bad_checksums += 1;
                    if self.runs() && header.caller != (self.role == Role::Caller) {
                        if matches!(header.kind, Kind::Data | Kind::Spos | Kind::Close) {
                            self.receiver.spoiled(now, header.packet);
                        }
                        self.error();
                    }
                }
                Some(Found::BadHeader) => {
                    self.counters.bad_headers += 1;
                    if self.runs() {
                        self.error();
                    }
                }
                None => break,
            }
        }
    }
}

impl Link for I {
    fn start(&mut self, now: Instant) {
        if self.state == State::Idle {
            self.state = State::AwaitSync { tries: 1, until: now + self.parameters.sync_timeout };
            self.sync_due = true;
            self.read(now);
        }
    }

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.counters.bytes_received += bytes.len() as u64;
        self.reader.feed(bytes);
        self.read(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let State::AwaitSync { tries, until } = self.state
            && until <= now
        {
            if tries > self.parameters.sync_retries {
                self.fail(LinkError::NoStart { protocol: 'i' });
                return;
            }
            self.state = State::AwaitSync { tries: tries + 1, until: now + self.parameters.sync_timeout };
            self.sync_due = true;
            if self.reader.waiting() > 0 {
                self.reader.give_up_packet();
                self.read(now);
            }
        }
        if self.runs() {
            if self.sender.deadline().is_some_and(|at| at <= now) {
                let unanswered = self.sender.timed_out(now);
                self.receiver.ask_next();
                if unanswered > self.parameters.retries.saturating_mul(DEAF) {
                    self.fail(LinkError::Silent { protocol: 'i', retries: unanswered });
                    return;
                }
            }
            self.receiver.handle_timeout(now);
            if self.silence_deadline().is_some_and(|at| at <= now) {
                self.handle_silence(now);
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, limit: usize, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        self.sync_due |= self.receiver.take_wish() && self.state == State::Running;
        if std::mem::take(&mut self.sync_due) {
            let size = u16::try_from(self.receiver.wish()).unwrap_or(self.parameters.packet_size);
            let [high, low] = size.to_be_bytes();
            let data = [high, low, self.parameters.window, MOST_CHANNELS];
            out.extend(packet::frame(self.header(Kind::Sync, 0), &data));
        }
        if self.runs() || self.peer_closed {
            while let Some(number) = self.receiver.take_nak() {
                out.extend(packet::frame(self.header(Kind::Nak, number), &[]));
                self.receiver.acked();
            }
            while out.len() - before < limit && self.sender.transmit(now, self.receiver.ack(), out) {
                self.receiver.acked();
            }
            // A peer that has sent its CLOSE may be at the final handshake already.
            if self.receiver.wants_ack() && !self.peer_closed {
                out.extend(packet::frame(self.header(Kind::Ack, 0), &[]));
                self.receiver.acked();
            }
        }
        self.counters.bytes_sent += (out.len() - before) as u64;
        out.len() > before
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if let State::AwaitSync { until, .. } = self.state {
            return Some(until);
        }
        if !self.runs() {
            return None;
        }
        [self.sender.deadline(), self.receiver.deadline(), self.silence_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() || !self.peer_closed || self.state == State::Ended {
            return event;
        }
        let orderly = self.state == State::AwaitClose;
        self.state = State::Ended;
        if orderly {
            return Some(Event::Closed);
        }
        self.sender.close();
        Some(Event::Failed(LinkError::ClosedByPeer { protocol: 'i' }))
    }

    fn abilities(&self) -> Abilities {
        Abilities { letter: 'i', channels: self.channels, full_duplex: true }
    }

    fn room(&self) -> usize {
        if self.state != State::Running {
            return 0;
        }
        self.sender.capacity().saturating_sub(self.sender.queued())
    }

    fn send_command(&mut self, _now: Instant, channel: Channel, text: &[u8]) {
        self.sender.command(channel, text.to_vec());
    }

    fn send_data(&mut self, _now: Instant, channel: Channel, position: u64, bytes: &[u8]) {
        self.sender.data(channel, position, bytes);
    }

    fn expect(&mut self, _what: Expect) {}

    fn close(&mut self, _now: Instant) {
        match self.state {
            State::Running => {
                self.state = State::AwaitClose;
                self.sender.close();
            }
            State::Idle | State::AwaitSync { .. } => {
                self.state = State::Ended;
                self.events.push_back(Event::Closed);
            }
            State::AwaitClose | State::Ended => {}
        }
    }

    fn idle(&self) -> bool {
        self.sender.idle()
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.reader.take_rest()
    }

    fn counters(&self) -> Counters {
        Counters {
            packets_sent: self.sender.packets_sent,
            packets_resent: self.sender.packets_resent,
            ..self.counters
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The called side, started with a caller that asks for packets of 1024 bytes.
    fn running(now: Instant) -> I {
        let mut link = I::new(Role::Called, IParameters::default());
        link.start(now);
        link.handle_input(now, &packet::frame(theirs(Kind::Sync, 0), &[4, 0, 16, 7]));
        assert_eq!(link.poll_event(), Some(Event::Started));
        said(&mut link, now);
        link
    }

    fn theirs(kind: Kind, packet: u8) -> Header {
        Header { kind, packet, ack: 0, local: 0, remote: 1, caller: true }
    }

    /// Kinds and data of the packets that it sends now.
    fn said(link: &mut I, now: Instant) -> Vec<(Kind, Vec<u8>)> {
        let mut bytes = Vec::new();
        while link.poll_transmit(now, usize::MAX, &mut bytes) {}
        let mut reader: Reader<Packets> = Reader::default();
        reader.feed(&bytes);
        let mut packets = Vec::new();
        while let Some(Found::Packet(header, data)) = reader.find() {
            packets.push((header.kind, data));
        }
        packets
    }

    #[test]
    fn a_peer_that_asks_for_smaller_packets_in_mid_session_gets_them() {
        let now = crate::clock::now();
        let mut link = running(now);
        link.send_data(now, Channel::Ours(1), 0, &[1; 2000]);
        assert!(said(&mut link, now).iter().any(|(_, data)| data.len() == 1024));
        link.handle_input(now, &packet::frame(theirs(Kind::Sync, 0), &[1, 0, 16]));
        link.send_data(now, Channel::Ours(1), 2000, &[1; 2000]);
        let sizes: Vec<usize> = said(&mut link, now).iter().map(|(_, data)| data.len()).collect();
        assert!(sizes.contains(&256) && sizes.iter().all(|size| *size <= 256), "{sizes:?}");
    }

    #[test]
    fn a_line_that_spoils_most_packets_makes_it_ask_for_smaller_ones() {
        let now = crate::clock::now();
        let mut link = running(now);
        for packet in 1..=8 {
            let mut frame = packet::frame(theirs(Kind::Data, packet), &[1; 1024]);
            frame[100] ^= 1;
            link.handle_input(now, &frame);
        }
        let packets = said(&mut link, now);
        let sync = packets.iter().find(|(kind, _)| *kind == Kind::Sync).expect("another SYNC");
        assert_eq!(&sync.1[2..], [16, 7]);
        let size = usize::from(sync.1[0]) << 8 | usize::from(sync.1[1]);
        assert!((256..=512).contains(&size), "{size}");
    }
}
