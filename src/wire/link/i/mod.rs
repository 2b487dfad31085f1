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
//!
//! Between uugates (`eager`) the first packets follow our SYNC before the peer's has come, and the command that offers a
//! file puts the position to 0, which spares each file its SPOS. Their packets are sealed (`seal`); by its SYNC each end shows
//! whether it seals, so it is no matter if noise has hidden from one of them what the other is.

pub(super) mod packet;
mod receive;
mod send;
mod size;
mod start;

use super::reader::{Found, Reader};
use super::silence::{Patience, Silence};
use super::tally::Tally;
use super::{Abilities, Channel, Counters, Event, Expect, IParameters, Link, LinkError, Role, room};
use packet::{Header, Kind, Packets};
pub use packet::{MOST_DATA, OVERHEAD, length};
use receive::{Order, Receiver};
use send::Sender;
use start::Sync;
use std::collections::VecDeque;
use std::time::Instant;

/// The largest window that the numbers allow.
const MOST_WINDOW: usize = 16;

/// The channels of each side: three bits tell them, and 0 is for what belongs to no command (H, SPOS, CLOSE).
const MOST_CHANNELS: u8 = 7;

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

/// What waits to be told.
#[derive(Debug)]
enum Arrived {
    Event(Event),
    /// Its position is known once all before it was told ([`Link::offered`]).
    Data(Channel, Vec<u8>),
    /// The file position of what follows.
    Position(u32),
}

/// One call by the `i` protocol, or by `j`, which wraps it.
#[derive(Debug)]
pub struct I {
    letter: char,
    role: Role,
    /// The largest packet there may be, either way, in bytes of data.
    most: usize,
    parameters: IParameters,
    state: State,
    reader: Reader<Packets>,
    sender: Sender,
    receiver: Receiver,
    tally: Tally,
    /// The file position of the next packet that is told.
    position: u32,
    channels: u8,
    events: VecDeque<Arrived>,
    sync: Sync,
    /// The SYNC of the peer was sealed, and so is all that follows it.
    peer_seals: bool,
    peer_closed: bool,
    silence: Silence,
}

impl I {
    /// `most`: the largest packet there may be, whatever anybody wishes, in bytes of data.
    pub fn new(letter: char, role: Role, mut parameters: IParameters, most: usize) -> Self {
        parameters.window = parameters.window.clamp(1, MOST_WINDOW as u8);
        let most = most.clamp(1, MOST_DATA);
        parameters.packet_size = parameters.packet_size.clamp(1, most as u16);
        let half = u32::from(parameters.window.max(2)) / 2;
        I {
            letter,
            role,
            most,
            state: State::Idle,
            reader: Reader::default(),
            sender: Sender::new(
                role == Role::Caller,
                parameters.seal,
                1,
                1,
                parameters.timeout,
                parameters.expected,
            ),
            receiver: Receiver::new(
                parameters.ack_frequency.unwrap_or(half),
                usize::from(parameters.packet_size),
            ),
            tally: Tally::new(letter, parameters.errors, parameters.error_decay),
            position: 0,
            channels: MOST_CHANNELS,
            events: VecDeque::new(),
            sync: Sync::default(),
            peer_seals: false,
            peer_closed: false,
            silence: Silence::new(parameters.timeout, parameters.retries),
            parameters,
        }
    }

    fn header(&self, kind: Kind, packet: u8) -> Header {
        let ack = if kind == Kind::Sync { 0 } else { self.receiver.ack() };
        let (caller, sealed) = (self.role == Role::Caller, self.parameters.seal);
        Header { kind, packet, ack, local: 0, remote: 0, caller, sealed }
    }

    fn fail(&mut self, error: LinkError) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.peer_closed = false;
            self.tell(Event::Failed(error));
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(Arrived::Event(event));
    }

    fn misbehaved(&mut self, what: impl Into<String>) {
        self.fail(LinkError::Misbehaved { protocol: self.letter, what: what.into() });
    }

    fn error(&mut self) {
        if let Err(error) = self.tally.error() {
            self.fail(error);
        }
    }

    fn runs(&self) -> bool {
        matches!(self.state, State::Running | State::AwaitClose)
    }

    /// Whether packets may go out.
    fn speaks(&self) -> bool {
        self.runs() || self.parameters.eager && matches!(self.state, State::AwaitSync { .. })
    }

    /// Whether what comes is still read as packets.
    pub fn listens(&self) -> bool {
        self.state != State::Ended && !self.peer_closed
    }

    fn handle_packet(&mut self, now: Instant, header: Header, data: Vec<u8>) {
        if header.caller == (self.role == Role::Caller) {
            // Our own packet, echoed by a line that is not set up yet.
            return;
        }
        self.tally.packet();
        if header.kind == Kind::Sync {
            self.handle_sync(now, header, &data);
            return;
        }
        if !self.runs() {
            self.missed_sync();
            return;
        }
        // What a peer has sent ahead is no answer to our SYNC.
        if !self.parameters.eager {
            self.sync
                .answered()
                .into_iter()
                .for_each(|sent| self.sender.trip.sample(now.saturating_duration_since(sent)));
        } else if header.ack > 0 {
            self.sync.answered();
        }
        self.silence.heard(now);
        let rejected = header.kind == Kind::Nak && self.sender.rejected(now, header.packet);
        let acknowledged = self.sender.acknowledged(now, header.ack);
        self.tally.good(acknowledged);
        match header.kind {
            Kind::Data | Kind::Spos | Kind::Close => match self.receiver.packet(now, header, data) {
                Order::Deliver(header, data) => {
                    self.deliver(header, data);
                    while let Some((header, data)) = self.receiver.take_next() {
                        self.deliver(header, data);
                    }
                }
                Order::Early | Order::Again => {}
            },
            Kind::Nak if rejected => self.error(),
            // Observed with Taylor UUCP 1.07: a side that waits asks for a packet that was never sent.
            Kind::Nak => self.receiver.ack_at_once(),
            Kind::Ack if acknowledged == 0 => self.sender.nothing_new(),
            Kind::Ack | Kind::Sync => {}
        }
    }

    /// One packet in its turn.
    fn deliver(&mut self, header: Header, data: Vec<u8>) {
        if self.state == State::Ended || self.peer_closed {
            return;
        }
        self.tally.good(1);
        match header.kind {
            Kind::Spos => match data.as_slice() {
                [a, b, c, d] => {
                    self.events.push_back(Arrived::Position(u32::from_be_bytes([*a, *b, *c, *d])));
                }
                _ => self.misbehaved(format!("an SPOS packet of {} bytes", data.len())),
            },
            Kind::Close => self.peer_closed = true,
            _ => {
                let channel = match (header.local, header.remote) {
                    (0, number) => Channel::Ours(number),
                    (number, _) => Channel::Theirs(number),
                };
                self.events.push_back(Arrived::Data(channel, data));
            }
        }
    }

    /// Nothing was heard for too long.
    fn handle_silence(&mut self, now: Instant) {
        let leaving = self.state == State::AwaitClose && self.sender.all_out();
        match self.silence.passed(now, leaving) {
            Patience::Ask => {
                self.receiver.ask_next();
                self.give_up_packet(now);
            }
            // The peer's CLOSE was lost, or it has left.
            Patience::GiveUp if leaving => {
                self.state = State::Ended;
                self.tell(Event::Closed);
            }
            Patience::GiveUp => self.fail(self.silence.error(self.letter)),
        }
    }

    /// The rest of a packet that has begun will not come.
    fn give_up_packet(&mut self, now: Instant) {
        if self.reader.waiting() > 0 {
            self.reader.give_up_packet();
            self.read(now);
        }
    }

    fn silence_deadline(&self) -> Option<Instant> {
        self.silence.deadline(self.sender.last_new()).filter(|_| self.runs())
    }

    /// It is sound as it stands, but not as the peer makes it: the header is not the one that was sent.
    fn is_forged(&self, header: Header) -> bool {
        self.peer_seals && !header.sealed
    }

    fn read(&mut self, now: Instant) {
        while self.listens() {
            match self.reader.find() {
                Some(Found::Packet(header, data)) if !self.is_forged(header) => {
                    self.handle_packet(now, header, data);
                }
                Some(Found::BadData(header) | Found::Packet(header, _)) => {
                    self.tally.bad_checksum();
                    if header.caller != (self.role == Role::Caller) && !self.runs() {
                        self.missed_sync();
                    } else if header.caller != (self.role == Role::Caller) {
                        if matches!(header.kind, Kind::Data | Kind::Spos | Kind::Close) {
                            self.receiver.spoiled(now, header.packet);
                        }
                        self.error();
                    }
                }
                Some(Found::BadHeader) => {
                    self.tally.bad_header();
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
            self.await_sync(now, 1);
            if self.parameters.eager {
                self.speak_ahead();
            }
            self.read(now);
        }
    }

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.tally.received(bytes.len());
        self.reader.feed(bytes);
        self.read(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let State::AwaitSync { tries, until } = self.state
            && until <= now
        {
            self.handle_sync_timeout(now, tries);
        }
        self.sender.pause_over(now);
        if self.runs() {
            self.sender.repair(now);
            if self.sender.deadline().is_some_and(|at| at <= now) {
                // The answer of a uugate comes behind all that is on its way now, however long that takes.
                let questions = if self.parameters.eager { 2 } else { 1 };
                let unanswered = self.sender.timed_out(now, questions);
                // Of a packet that is coming in, another is not asked for: to send a large one twice takes seconds on a slow line.
                match self.parameters.eager || self.reader.waiting() > 0 {
                    true => self.receiver.ask_state(),
                    false => self.receiver.ask_next(),
                }
                if self.silence.is_deaf(unanswered) {
                    self.fail(LinkError::Silent { protocol: self.letter, retries: unanswered });
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
        // A sender that chooses its sizes itself need not be asked.
        self.sync.due |= self.receiver.take_wish() && self.state == State::Running && !self.parameters.eager;
        if self.sync.take_due(now) {
            out.extend(self.sync_packet());
        }
        if self.speaks() || self.peer_closed {
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
        self.tally.sent(out.len() - before);
        out.len() > before
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if let State::AwaitSync { until, .. } = self.state {
            return Some(until);
        }
        if !self.runs() {
            return None;
        }
        [
            self.sender.deadline(),
            self.sender.repair_deadline(),
            self.sender.pause(),
            self.receiver.deadline(),
            self.silence_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn poll_event(&mut self) -> Option<Event> {
        while let Some(arrived) = self.events.pop_front() {
            match arrived {
                Arrived::Event(event) => return Some(event),
                Arrived::Position(position) => self.position = position,
                Arrived::Data(channel, bytes) => {
                    let position = Some(u64::from(self.position));
                    self.position = self.position.wrapping_add(bytes.len() as u32);
                    return Some(Event::Data { channel, position, bytes });
                }
            }
        }
        if !self.peer_closed || self.state == State::Ended {
            return None;
        }
        let orderly = self.state == State::AwaitClose;
        self.state = State::Ended;
        if orderly {
            return Some(Event::Closed);
        }
        self.sender.close();
        Some(Event::Failed(LinkError::ClosedByPeer { protocol: self.letter }))
    }

    fn abilities(&self) -> Abilities {
        Abilities { letter: self.letter, channels: self.channels, sound: true, closes: true }
    }

    fn room(&self) -> usize {
        if !self.speaks() || self.state == State::AwaitClose {
            return 0;
        }
        room(self.sender.capacity(), self.sender.queued())
    }

    fn send_command(&mut self, _now: Instant, channel: Channel, text: &[u8]) {
        self.sender.command(channel, text.to_vec(), false);
    }

    fn send_offer(&mut self, _now: Instant, channel: Channel, text: &[u8]) {
        self.sender.command(channel, text.to_vec(), self.parameters.eager);
    }

    fn offered(&mut self) {
        // Others send an SPOS, and until then the position says that no file has begun.
        if self.peer_seals {
            self.position = 0;
        }
    }

    fn begin_file(&mut self, _bytes: u64) {}

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
                self.tell(Event::Closed);
            }
            State::AwaitClose | State::Ended => {}
        }
    }

    fn idle(&self) -> bool {
        self.sender.idle()
    }

    fn in_whole_packets(&self) -> bool {
        self.reader.in_whole_packets()
    }

    fn all_sent(&self) -> bool {
        self.sender.all_out()
    }

    fn take_rest(&mut self) -> Vec<u8> {
        self.reader.take_rest()
    }

    fn counters(&self) -> Counters {
        self.tally.counters(self.sender.packets_sent, self.sender.packets_resent)
    }
}

#[cfg(test)]
mod tests;
