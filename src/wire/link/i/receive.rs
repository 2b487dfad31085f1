//! The receiving half of the `i` protocol: the order of packets, what is missing, what to acknowledge.

use super::packet::{Header, Kind};
use super::send::SEQUENCES;
use super::size::Wish;
use crate::wire::link::timer::RoundTrip;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The largest window there is; numbers further ahead are old ones.
const MOST_WINDOW: u8 = 16;

/// How long an acknowledgement may wait for data to ride on, or for half a window of packets. Well under any
/// sender's patience, and long against the packets of a line that is busy.
const ACK_DELAY: Duration = Duration::from_millis(500);

/// How long to wait for a packet asked for again, before any such wait was measured.
const FIRST_REPAIR: Duration = Duration::from_secs(3);

/// The shortest such wait. While a packet is missing the peer's window fills up, so it must not be long; asking too
/// soon costs one packet.
const LEAST_REPAIR: Duration = Duration::from_millis(400);

/// A packet that was asked for.
#[derive(Debug)]
struct Asked {
    at: Instant,
    times: u32,
}

impl Asked {
    /// How long to wait for it now. The first few requests follow each other quickly: on a line that spoils one packet
    /// in five, being unlucky three times is no sign of anything else.
    fn patience(&self, wait: Duration) -> Duration {
        wait * 2u32.pow(self.times.saturating_sub(4).min(3))
    }
}

#[derive(Debug)]
pub struct Receiver {
    /// The number of the next packet in order.
    expected: u8,
    /// Packets that came before their turn.
    early: BTreeMap<u8, (Header, Vec<u8>)>,
    /// Packets missing before one that came, and when each was last asked for.
    missing: BTreeMap<u8, Asked>,
    /// Numbers to be sent in a NAK.
    naks: Vec<u8>,
    ack_every: u32,
    /// Packets taken in order since the last acknowledgement.
    unacked: u32,
    ack_now: bool,
    ack_by: Option<Instant>,
    repair: RoundTrip,
    wish: Wish,
    wish_changed: bool,
}

/// What became of a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// It is the next; others that came before their turn may follow it, see [`Receiver::take_next`].
    Deliver(Header, Vec<u8>),
    /// It came before its turn and is kept.
    Early,
    /// It was here before.
    Again,
}

impl Receiver {
    /// `ack_every`: how many packets one acknowledgement is for, while there is nothing else to send; `most`: the largest
    /// packet that is asked for, in bytes of data.
    pub fn new(ack_every: u32, most: usize) -> Self {
        Receiver {
            expected: 1,
            early: BTreeMap::new(),
            missing: BTreeMap::new(),
            naks: Vec::new(),
            ack_every: ack_every.max(1),
            unacked: 0,
            ack_now: false,
            ack_by: None,
            repair: RoundTrip::new(FIRST_REPAIR, LEAST_REPAIR),
            wish: Wish::new(most),
            wish_changed: false,
        }
    }

    /// The number to acknowledge: the last one taken in order.
    pub fn ack(&self) -> u8 {
        (self.expected + SEQUENCES - 1) % SEQUENCES
    }

    /// Takes a numbered packet.
    pub fn packet(&mut self, now: Instant, header: Header, data: Vec<u8>) -> Order {
        let ahead = self.ahead(header.packet);
        if ahead >= MOST_WINDOW || self.early.contains_key(&header.packet) {
            // The peer did not hear that it arrived, and does not know what is missing.
            self.ack_now = true;
            self.ask_again(now);
            return Order::Again;
        }
        self.wish_changed |= self.wish.arrived(data.len());
        if let Some(asked) = self.missing.remove(&header.packet)
            && asked.times == 1
        {
            self.repair.sample(now.saturating_duration_since(asked.at));
        }
        if ahead > 0 {
            self.early.insert(header.packet, (header, data));
            for before in 0..ahead {
                self.miss(now, (self.expected + before) % SEQUENCES);
            }
            return Order::Early;
        }
        self.took(header.kind);
        self.ack_by = Some(now + ACK_DELAY);
        Order::Deliver(header, data)
    }

    /// The packet behind the last that was delivered, if it is here already.
    pub fn take_next(&mut self) -> Option<(Header, Vec<u8>)> {
        let next = self.early.remove(&self.expected)?;
        self.took(next.0.kind);
        // A gap that is closed is news to the peer, whose window may be full.
        self.ack_now = true;
        Some(next)
    }

    /// A packet is delivered in its turn.
    fn took(&mut self, kind: Kind) {
        self.expected = (self.expected + 1) % SEQUENCES;
        self.unacked += 1;
        self.ack_now |= self.unacked >= self.ack_every || kind == Kind::Close;
    }

    /// The header of a packet arrived, its data did not.
    pub fn spoiled(&mut self, now: Instant, number: u8) {
        if self.ahead(number) < MOST_WINDOW && !self.early.contains_key(&number) {
            if let Some(asked) = self.missing.get_mut(&number) {
                // What was asked for came, and was spoiled as well.
                self.wish_changed |= self.wish.lost();
                asked.at = now;
                asked.times += 1;
                self.ask(number);
            }
            self.miss(now, number);
        }
    }

    /// Whether the peer has to be told another size of packets.
    pub fn take_wish(&mut self) -> bool {
        std::mem::take(&mut self.wish_changed)
    }

    /// The size of packets that the peer is asked for, in bytes of data.
    pub fn wish(&self) -> usize {
        self.wish.asked()
    }

    /// The peer is silent: asks for the next packet.
    pub fn ask_next(&mut self) {
        self.ask(self.expected);
    }

    /// Asks a uugate what it has, by the number of a packet that it cannot have sent yet; what is on its way is not sent again for
    /// that, and the answer is behind it.
    pub fn ask_state(&mut self) {
        self.ask((self.expected + MOST_WINDOW) % SEQUENCES);
    }

    fn ask(&mut self, number: u8) {
        if !self.naks.contains(&number) {
            self.naks.push(number);
        }
    }

    /// Acknowledges at once: the peer asked for what it has had, or for what does not exist yet.
    pub fn ack_at_once(&mut self) {
        self.ack_now = true;
    }

    fn ahead(&self, number: u8) -> u8 {
        (number + SEQUENCES - self.expected) % SEQUENCES
    }

    fn miss(&mut self, now: Instant, number: u8) {
        if self.early.contains_key(&number) || self.missing.contains_key(&number) {
            return;
        }
        self.wish_changed |= self.wish.lost();
        self.missing.insert(number, Asked { at: now, times: 1 });
        self.naks.push(number);
    }

    fn ask_again(&mut self, now: Instant) {
        let wait = self.repair.timeout();
        for (number, asked) in &mut self.missing {
            if now.saturating_duration_since(asked.at) >= asked.patience(wait) {
                asked.at = now;
                asked.times += 1;
                if !self.naks.contains(number) {
                    self.naks.push(*number);
                }
            }
        }
    }

    /// When a missing packet has to be asked for again, or an acknowledgement cannot wait any longer.
    pub fn deadline(&self) -> Option<Instant> {
        let wait = self.repair.timeout();
        let missing = self.missing.values().map(|asked| asked.at + asked.patience(wait)).min();
        [missing, self.ack_by].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.ask_again(now);
        if self.ack_by.is_some_and(|by| by <= now) {
            self.ack_by = None;
            self.ack_now = true;
        }
    }

    /// The next number for a NAK.
    pub fn take_nak(&mut self) -> Option<u8> {
        if self.naks.is_empty() { None } else { Some(self.naks.remove(0)) }
    }

    /// Whether an acknowledgement has to go even though there is nothing else to send.
    pub fn wants_ack(&self) -> bool {
        self.ack_now
    }

    /// An acknowledgement has gone out, in whatever packet.
    pub fn acked(&mut self) {
        self.ack_now = false;
        self.ack_by = None;
        self.unacked = 0;
    }
}
