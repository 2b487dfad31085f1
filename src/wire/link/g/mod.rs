//! The `g` protocol: the oldest packet protocol of UUCP, one file at a time, go-back-N.
//! Taylor UUCP manual, section "UUCP `g' Protocol". `G` and `v` are the same machine with other parameters.
//!
//! Each side announces the window and the packets that it wants to get; each obeys the other.
//!
//! Observed with Taylor UUCP 1.07 as either side:
//! - the first data packet has number 1, and every packet in order is acknowledged by an RR of its own unless data
//!   carry the acknowledgement;
//! - a command is sent in whole packets (TT 2) of the smallest size that holds it, filled up with NUL;
//! - the end of a file is a short packet (TT 3) of 32 bytes that holds nothing;
//! - each side sends CLOSE twice, right behind its last HY, without waiting for anything, and then the final handshake.
//!
//! Between uugates a caller says all of its start at once, and goes on behind it (`eager`).

pub(super) mod packet;
mod receive;
mod send;
mod size;
mod start;

use super::reader::{Found, Reader};
use super::silence::{Patience, Silence};
use super::tally::Tally;
use super::{Abilities, Channel, Counters, Event, Expect, GParameters, Link, LinkError, Role, room};
use packet::{Control, Fields, HEADER, Header, LEAST_DATA, MOST_DATA};
use receive::{Order, Receiver};
use send::Sender;
use start::{Announced, Step};
use std::collections::VecDeque;
use std::time::Instant;

#[cfg(test)]
pub use packet::forged;

/// The largest window that the numbers allow.
const MOST_WINDOW: u8 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `start` was not called yet.
    Idle,
    /// The caller has sent the packet of a step and waits for the same from the called side, which answers each.
    AwaitInit {
        step: Step,
        tries: u32,
        startups: u32,
        until: Instant,
        /// All steps are out, and more behind them.
        eager: bool,
    },
    Running,
    /// `close` was called; our CLOSE goes out when all else is.
    AwaitSent,
    /// Our CLOSE is out, the peer's has not come.
    AwaitClose,
    /// Both have closed, or it failed; what remains is the events.
    Ended,
}

/// One call by a protocol of the `g` family.
#[derive(Debug)]
pub struct G {
    letter: char,
    role: Role,
    parameters: GParameters,
    state: State,
    reader: Reader<Fields>,
    /// The peer seals its short packets.
    sealed: bool,
    sender: Sender,
    receiver: Receiver,
    tally: Tally,
    announced: Announced,
    /// The session was told that the protocol is up.
    started: bool,
    events: VecDeque<Event>,
    /// Control packets that have to go out: those of the start, CLOSE.
    control: VecDeque<Control>,
    peer_closed: bool,
    /// Its CLOSE came behind something that was lost and may come again.
    close_came_early: bool,
    silence: Silence,
}

impl G {
    pub fn new(letter: char, role: Role, mut parameters: GParameters) -> Self {
        parameters.window = parameters.window.clamp(1, MOST_WINDOW);
        let size = usize::from(parameters.packet_size).clamp(LEAST_DATA, MOST_DATA);
        parameters.packet_size = 1 << size.ilog2();
        G {
            letter,
            role,
            state: State::Idle,
            reader: Reader::default(),
            sealed: false,
            sender: Sender::new(
                parameters.short_packets,
                parameters.seal,
                parameters.timeout,
                parameters.expected,
            ),
            receiver: Receiver::new(),
            tally: Tally::new(letter, parameters.errors, parameters.error_decay),
            announced: Announced::default(),
            started: false,
            events: VecDeque::new(),
            control: VecDeque::new(),
            peer_closed: false,
            close_came_early: false,
            silence: Silence::new(parameters.timeout, parameters.retries),
            parameters,
        }
    }

    fn fail(&mut self, error: LinkError) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.peer_closed = false;
            self.sender.clear();
            // The peer need not find out by waiting.
            self.control.push_back(Control::Close);
            self.events.push_back(Event::Failed(error));
        }
    }

    fn error(&mut self) {
        if let Err(error) = self.tally.error() {
            self.fail(error);
        }
    }

    fn runs(&self) -> bool {
        matches!(self.state, State::Running | State::AwaitSent | State::AwaitClose)
    }

    /// Whether packets may go out.
    fn speaks(&self) -> bool {
        self.runs() || matches!(self.state, State::AwaitInit { eager: true, .. })
    }

    fn handle_packet(&mut self, now: Instant, header: Header, data: Vec<u8>) {
        self.tally.packet();
        if let Header::Control(Control::InitA(_) | Control::InitB(_) | Control::InitC(_)) = header {
            self.handle_init(now, header);
            return;
        }
        if header == Header::Control(Control::Close) {
            self.handle_close();
            return;
        }
        // Else it has seen our last step, but its own was lost; ours goes out again by the clock.
        if !self.runs() && !self.missed_answers(now) {
            return;
        }
        self.silence.heard(now);
        match header {
            Header::Data { packet, ack, .. } => {
                match self.receiver.packet(now, packet) {
                    Order::Next => {
                        self.acknowledged(now, ack);
                        self.tally.good(1);
                        self.silence.fruitful();
                        self.events.push_back(Event::Data {
                            channel: Channel::ONLY,
                            position: None,
                            bytes: data,
                        });
                    }
                    // What it acknowledges will be said again, if it is no late echo of what we have sent.
                    Order::Missed => self.error(),
                    Order::Useless => {}
                }
            }
            Header::Control(Control::Ready(ack)) => self.acknowledged(now, ack),
            Header::Control(Control::Reject(ack)) => {
                self.acknowledged(now, ack);
                if self.sender.rejected(now) {
                    self.error();
                } else {
                    // It waits for what was not sent yet.
                    self.receiver.ack_at_once();
                }
            }
            Header::Control(Control::SelectiveReject(number)) => {
                if self.sender.selected(number) {
                    self.error();
                }
            }
            Header::Control(_) => {}
        }
    }

    fn acknowledged(&mut self, now: Instant, ack: u8) {
        let arrived = self.sender.acknowledged(now, ack);
        self.tally.good(arrived);
        if arrived > 0 {
            self.silence.fruitful();
        }
    }

    fn handle_close(&mut self) {
        match self.state {
            // Left over from an earlier try of the peer.
            State::Idle | State::Ended => {}
            State::AwaitInit { .. } => self.fail(LinkError::ClosedByPeer { protocol: self.letter }),
            // A uugate goes on repeating what it said before, until it has our CLOSE.
            State::Running if self.close_came_early || self.receiver.misses() => self.close_came_early = true,
            State::Running => {
                self.peer_closed = true;
                // Behind ours a uugate repeats nothing; what it said last may have to be.
                if !self.parameters.eager {
                    self.close_out();
                }
            }
            State::AwaitSent => {
                self.peer_closed = true;
                self.send_close();
            }
            State::AwaitClose => self.peer_closed = true,
        }
    }

    /// The peer has closed, and we are not to: perhaps what it said before was lost, and no later number shows that. Returns whether
    /// it may say it again.
    fn asks_what_was_before_close(&mut self) -> bool {
        let doubts = self.parameters.eager && !self.close_came_early && self.counters().bad_headers > 0;
        if doubts {
            (self.peer_closed, self.close_came_early) = (false, true);
            self.receiver.ask_next();
        }
        doubts
    }

    fn send_close(&mut self) {
        self.state = State::AwaitClose;
        self.close_out();
        self.peer_closed |= self.close_came_early;
    }

    /// CLOSE has no number and is never acknowledged; twice, so that one spoiled byte does not keep the peer waiting.
    fn close_out(&mut self) {
        self.control.extend([Control::Close, Control::Close]);
    }

    /// Nothing was heard for too long.
    fn handle_silence(&mut self, now: Instant) {
        let leaving = self.state == State::AwaitClose;
        match self.silence.passed(now, leaving) {
            Patience::Ask if self.close_came_early => {
                self.fail(LinkError::ClosedByPeer { protocol: self.letter });
            }
            Patience::Ask if self.silence.is_stalled() => {
                self.fail(LinkError::Stalled { protocol: self.letter });
            }
            Patience::Ask => {
                if leaving {
                    self.close_out();
                } else {
                    self.receiver.ask_next();
                }
                self.give_up_packet(now);
            }
            // The peer's CLOSE was lost, or it has left.
            Patience::GiveUp if leaving => {
                self.state = State::Ended;
                self.events.push_back(Event::Closed);
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

    /// The data of a packet, if they are sound. Once a peer has sealed a packet it seals every short one.
    fn open(&mut self, header: Header, field: Vec<u8>) -> Option<Vec<u8>> {
        let Header::Data { short, .. } = header else { return Some(Vec::new()) };
        let (data, sealed) = packet::open(short, field)?;
        self.sealed |= sealed;
        (sealed || !short || !self.sealed).then_some(data)
    }

    fn handle_spoiled(&mut self, now: Instant, header: Header) {
        self.tally.bad_checksum();
        if let (Header::Data { packet, .. }, true) = (header, self.runs())
            && self.receiver.spoiled(now, packet) == Order::Missed
        {
            self.error();
        }
    }

    fn read(&mut self, now: Instant) {
        while self.state != State::Ended && !self.peer_closed {
            match self.reader.find() {
                Some(Found::Packet(header, _) | Found::BadData(header)) if self.sender.is_own(header) => {
                    self.fail(LinkError::Echo { protocol: self.letter });
                }
                Some(Found::Packet(header, field)) => match self.open(header, field) {
                    Some(data) => self.handle_packet(now, header, data),
                    None => self.handle_spoiled(now, header),
                },
                Some(Found::BadData(header)) => self.handle_spoiled(now, header),
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

impl Link for G {
    fn start(&mut self, now: Instant) {
        if self.state == State::Idle {
            self.begin(now);
            self.read(now);
        }
    }

    fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.tally.received(bytes.len());
        self.reader.feed(bytes);
        self.read(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let State::AwaitInit { step, tries, startups, until, .. } = self.state
            && until <= now
        {
            self.handle_init_timeout(now, step, tries, startups);
        }
        self.sender.pause_over(now);
        if self.runs() {
            if self.sender.deadline().is_some_and(|at| at <= now) {
                let unanswered = self.sender.timed_out();
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
        if matches!(self.state, State::AwaitInit { .. }) {
            out.extend(self.control.drain(..).flat_map(packet::control));
        }
        if self.speaks() && !self.peer_closed {
            // Behind our CLOSE nothing is said of what still comes; Taylor UUCP does not wait for it either.
            let closed = self.state == State::AwaitClose;
            if self.receiver.take_reject() && !closed {
                out.extend(packet::control(Control::Reject(self.receiver.ack())));
            }
            let resent = self.sender.packets_resent;
            // No more than half a window, so that the peer takes that in while the other half is made.
            let limit = limit.min(self.sender.window_bytes() / 2);
            while out.len() - before < limit && self.sender.transmit(now, self.receiver.ack(), out) {
                // In a packet that comes twice the acknowledgement is not heeded.
                if self.sender.packets_resent == resent {
                    self.receiver.acked();
                }
            }
            if self.receiver.wants_ack() && !closed {
                out.extend(packet::control(Control::Ready(self.receiver.ack())));
                self.receiver.acked();
            }
            if self.state == State::AwaitSent && self.sender.all_sent() {
                // Nobody asks for it again, so on a noisy line it goes twice.
                let seen = self.counters();
                if seen.packets_resent + seen.bad_headers + seen.bad_checksums > 0 {
                    self.sender.repeat_last(out);
                }
                self.send_close();
            }
        }
        out.extend(self.control.drain(..).flat_map(packet::control));
        self.tally.sent(out.len() - before);
        out.len() > before
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if let State::AwaitInit { until, .. } = self.state {
            return Some(until);
        }
        if !self.runs() {
            return None;
        }
        [self.sender.deadline(), self.sender.pause(), self.receiver.deadline(), self.silence_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_some() || !self.peer_closed || self.state == State::Ended {
            return event;
        }
        if self.state == State::AwaitClose {
            self.state = State::Ended;
            return Some(Event::Closed);
        }
        if self.asks_what_was_before_close() {
            return None;
        }
        if self.parameters.eager {
            self.close_out();
        }
        self.state = State::Ended;
        Some(Event::Failed(LinkError::ClosedByPeer { protocol: self.letter }))
    }

    fn abilities(&self) -> Abilities {
        Abilities { letter: self.letter, channels: 1, sound: true, closes: true }
    }

    fn room(&self) -> usize {
        if self.state != State::Running && !matches!(self.state, State::AwaitInit { eager: true, .. }) {
            return 0;
        }
        room(self.sender.capacity(), self.sender.queued())
    }

    fn send_command(&mut self, _now: Instant, _channel: Channel, text: &[u8]) {
        self.sender.command(text.to_vec());
    }

    fn begin_file(&mut self, _bytes: u64) {}

    fn send_data(&mut self, _now: Instant, _channel: Channel, _position: u64, bytes: &[u8]) {
        self.sender.data(bytes);
    }

    fn expect(&mut self, _what: Expect) {}

    fn close(&mut self, _now: Instant) {
        match self.state {
            // The peer has closed already.
            State::Running if self.peer_closed => {
                self.state = State::AwaitClose;
                if self.parameters.eager {
                    self.close_out();
                }
            }
            State::Running => self.state = State::AwaitSent,
            State::Idle | State::AwaitInit { .. } => {
                self.state = State::Ended;
                self.control.push_back(Control::Close);
                self.events.push_back(Event::Closed);
            }
            State::AwaitSent | State::AwaitClose | State::Ended => {}
        }
    }

    fn idle(&self) -> bool {
        self.sender.idle()
    }

    fn all_sent(&self) -> bool {
        self.state != State::AwaitSent && self.sender.all_sent() && self.control.is_empty()
    }

    fn in_whole_packets(&self) -> bool {
        self.reader.in_whole_packets()
    }

    fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = self.reader.take_rest();
        // The second CLOSE.
        while rest.starts_with(&packet::control(Control::Close)) {
            rest.drain(..HEADER);
        }
        rest
    }

    fn counters(&self) -> Counters {
        self.tally.counters(self.sender.packets_sent, self.sender.packets_resent)
    }
}
