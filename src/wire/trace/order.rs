//! The order of one side's packets: which are new, which come again, and when each was acknowledged.

use super::Turn;
use std::collections::BTreeMap;

/// Packets before their turn that are kept at most; no window is larger.
const MOST_EARLY: usize = 32;

/// One side's packets. Numbers here count on for ever.
#[derive(Debug)]
pub struct Order<P> {
    /// After so many numbers they begin again; so many a packet may be ahead of its turn.
    numbers: u64,
    ahead: u64,
    /// The next one in order.
    expected: u64,
    /// The newest seen.
    newest: u64,
    early: BTreeMap<u64, P>,
    /// When those that wait for an acknowledgement were seen; `None`: more than once.
    waiting: BTreeMap<u64, Option<u64>>,
}

impl<P> Order<P> {
    pub fn new((numbers, ahead): (u8, u8)) -> Self {
        Order {
            numbers: numbers.max(1).into(),
            ahead: ahead.into(),
            expected: 1,
            newest: 0,
            early: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// A packet with this number: how it stands, and what is in order by it.
    pub fn take(&mut self, at_us: u64, number: u8, packet: P) -> (Turn, Vec<P>) {
        let distance = (u64::from(number) + self.numbers - self.newest % self.numbers) % self.numbers;
        let is_new = (1..=self.ahead).contains(&distance);
        let place = if is_new {
            self.newest + distance
        } else {
            self.newest.saturating_sub((self.numbers - distance) % self.numbers)
        };
        if is_new {
            self.newest = place;
        }
        if place < self.expected || self.early.contains_key(&place) {
            if let Some(seen) = self.waiting.get_mut(&place) {
                *seen = None;
            }
            return (Turn::Again, Vec::new());
        }
        self.waiting.insert(place, Some(at_us));
        while self.waiting.len() > MOST_EARLY {
            self.waiting.pop_first();
        }
        if place > self.expected {
            self.early.insert(place, packet);
            if self.early.len() > MOST_EARLY {
                // What was missing never came: go on behind it.
                self.expected = self.early.first_key_value().map_or(self.expected, |(first, _)| *first);
            }
            return (Turn::Early, self.in_order());
        }
        let turn = if is_new { Turn::Next } else { Turn::Late };
        self.expected += 1;
        let mut ready = vec![packet];
        ready.extend(self.in_order());
        (turn, ready)
    }

    fn in_order(&mut self) -> Vec<P> {
        let mut ready = Vec::new();
        while let Some(packet) = self.early.remove(&self.expected) {
            self.expected += 1;
            ready.push(packet);
        }
        ready
    }

    /// The other side has everything up to this number; how long the newest of that had waited.
    pub fn acknowledged(&mut self, at_us: u64, number: u8) -> Option<u64> {
        let behind = (self.newest + self.numbers - u64::from(number) % self.numbers) % self.numbers;
        let place = self.newest.checked_sub(behind)?;
        let seen = self.waiting.remove(&place);
        self.waiting.retain(|waiting, _| *waiting > place);
        seen.flatten().map(|seen| at_us.saturating_sub(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart_across_the_end_of_the_numbers() {
        let mut order = Order::new((32, 16));
        for number in 1..100_u64 {
            let (turn, ready) = order.take(number, (number % 32) as u8, number);
            assert_eq!((turn, ready), (Turn::Next, vec![number]));
        }
        assert_eq!(order.take(100, 98 % 32, 98), (Turn::Again, vec![]));
        assert_eq!(order.take(101, 101 % 32, 101), (Turn::Early, vec![]));
        assert_eq!(order.take(102, 101 % 32, 101), (Turn::Again, vec![]));
        assert_eq!(order.take(103, 100 % 32, 100), (Turn::Late, vec![100, 101]));
    }

    #[test]
    fn an_acknowledgement_is_measured_unless_its_packet_was_sent_again() {
        let mut order = Order::new((8, 1));
        order.take(10, 1, ());
        order.take(20, 2, ());
        assert_eq!(order.acknowledged(25, 2), Some(5));
        assert_eq!(order.acknowledged(26, 2), None, "it is said again with every packet");
        order.take(30, 3, ());
        order.take(40, 3, ());
        assert_eq!(order.acknowledged(45, 3), None);
        assert_eq!(order.acknowledged(46, 31), None, "there is no such number");
    }
}
