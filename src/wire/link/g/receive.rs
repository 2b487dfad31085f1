//! The receiving half of the `g` family: packets in their order, and when to say that one is missing.

use super::send::SEQUENCES;
use crate::wire::link::timer::RoundTrip;
use std::time::{Duration, Instant};

/// How long to wait for what a reject asked for, before any such wait was measured, and at least. A reject too many
/// makes the peer repeat a whole window.
const FIRST_REPAIR: Duration = Duration::from_secs(5);
const LEAST_REPAIR: Duration = Duration::from_millis(500);

/// How often one reject is repeated by itself; after that the peer's timer and our silence timer remain.
const MOST_REJECTS: u32 = 5;

/// A reject that is out.
#[derive(Debug)]
struct Rejected {
    at: Instant,
    times: u32,
    /// How far ahead of the awaited packet the last one was that came since.
    ahead: u8,
}

/// What a packet is.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// The next one.
    Next,
    /// Not the next one, which is missing.
    Missed,
    /// Of no use: one that followed a missing one and comes again, or the last one received, once more.
    Useless,
}

#[derive(Debug)]
pub struct Receiver {
    /// The number of the next packet.
    expected: u8,
    ack_due: bool,
    reject_due: bool,
    /// Out while what it asked for has not come: packets that were on their way are wrong until then.
    rejected: Option<Rejected>,
    repair: RoundTrip,
    /// Nothing has arrived yet.
    untouched: bool,
}

impl Receiver {
    pub fn new() -> Self {
        Receiver {
            expected: 1,
            ack_due: false,
            reject_due: false,
            rejected: None,
            repair: RoundTrip::new(FIRST_REPAIR, LEAST_REPAIR),
            untouched: true,
        }
    }

    /// The last packet received in order.
    pub fn ack(&self) -> u8 {
        (self.expected + SEQUENCES - 1) % SEQUENCES
    }

    /// Whether no packet has come yet.
    pub fn untouched(&self) -> bool {
        self.untouched
    }

    /// Whether something is known to be lost that was to come.
    pub fn misses(&self) -> bool {
        self.rejected.is_some()
    }

    /// Takes a packet's number. With eight numbers and a window of seven, an old packet and one too early look the same: a
    /// reject is the right answer to both, for it says what was received. But the last one received comes again where its
    /// acknowledgement was slow, and no window reaches as far; a reject would make the peer repeat all that it has sent since.
    pub fn packet(&mut self, now: Instant, number: u8) -> Order {
        if number != self.expected {
            let ahead = (number + SEQUENCES - self.expected) % SEQUENCES;
            if ahead == SEQUENCES - 1 {
                self.ack_due = true;
                return Order::Useless;
            }
            // What was on its way when the reject went out comes in order; when the order begins anew, the peer has sent
            // again what was awaited, and it was lost again.
            let again = self.rejected.as_mut().is_some_and(|rejected| {
                let again = ahead <= rejected.ahead;
                rejected.ahead = ahead;
                again
            });
            return self.miss(now, again, ahead);
        }
        self.untouched = false;
        if let Some(rejected) = self.rejected.take()
            && rejected.times == 1
        {
            self.repair.sample(now.saturating_duration_since(rejected.at));
        }
        self.reject_due = false;
        self.expected = (self.expected + 1) % SEQUENCES;
        self.ack_due = true;
        Order::Next
    }

    /// A packet of this number came spoiled.
    pub fn spoiled(&mut self, now: Instant, number: u8) -> Order {
        self.miss(now, number == self.expected, 0)
    }

    /// A packet did not arrive: says so once, and again only when what was sent again did not arrive either (`again`), or the
    /// answer stays away.
    fn miss(&mut self, now: Instant, again: bool, ahead: u8) -> Order {
        match &mut self.rejected {
            None => self.rejected = Some(Rejected { at: now, times: 1, ahead }),
            Some(rejected) if again => {
                rejected.at = now;
                rejected.times += 1;
                rejected.ahead = ahead;
            }
            Some(_) => return Order::Useless,
        }
        self.reject_due = true;
        Order::Missed
    }

    /// The peer is silent: asks for the next packet.
    pub fn ask_next(&mut self) {
        self.reject_due = true;
    }

    pub fn ack_at_once(&mut self) {
        self.ack_due = true;
    }

    /// When the reject has to be repeated.
    pub fn deadline(&self) -> Option<Instant> {
        let rejected = self.rejected.as_ref()?;
        Some(rejected.at + self.repair.timeout() * 2u32.pow((rejected.times - 1).min(4)))
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        // The peer may have nothing to send again: the reject was for an old packet.
        self.rejected = self.rejected.take().filter(|rejected| rejected.times < MOST_REJECTS);
        if let Some(rejected) = &mut self.rejected {
            rejected.at = now;
            rejected.times += 1;
            self.reject_due = true;
        }
    }

    /// Whether a reject has to go out.
    pub fn take_reject(&mut self) -> bool {
        let due = std::mem::take(&mut self.reject_due);
        self.ack_due &= !due;
        due
    }

    pub fn wants_ack(&self) -> bool {
        self.ack_due
    }

    /// An acknowledgement has gone out, in whatever packet.
    pub fn acked(&mut self) {
        self.ack_due = false;
    }
}
