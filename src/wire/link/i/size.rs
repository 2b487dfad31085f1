//! How large packets should be on this line: large ones cost little in headers, small ones lose little to noise.
//!
//! With `h` bytes of header and checksum and `e` errors a byte, the cost of a packet of `n` bytes is about
//! `h / n + e * n` of the line, least at `n = sqrt(h / e)`. Somewhat larger ones are better where a window of those
//! does not last while a packet is sent again, for the window counts packets.

use crate::wire::link::Expected;
use crate::wire::link::pace::largest_packet;
use crate::wire::link::spoiled::Spoiled;

/// Bytes of header and checksum of a packet with data.
const OVERHEAD: f64 = 10.0;

/// How many round trips a window should last: one until the peer has said that a packet is missing, one until it has it.
const ROUND_TRIPS: f64 = 2.0;

/// How much larger than the cheapest size a packet is made for that at most.
const FOR_THE_WINDOW: f64 = 1.6;

/// The smallest packet that is chosen, in bytes; below it headers cost more than errors on any line that works.
const LEAST: usize = 64;

/// So much larger than the cheapest of the line that is expected are packets at least, until one is lost.
const WHILE_NONE_IS_LOST: f64 = 1.14;

/// Until then they grow so much faster than what is cheapest.
const UNTIL_ONE_IS_LOST: f64 = 1.5;

/// The largest packet, in bytes, while it is not known how fast the line is. Where it is known, a faster line has larger ones that
/// take [`LONGEST`], so that an answer is not stuck behind them, and a slow one smaller ones ([`largest_packet`]).
const MOST_AT_FIRST: usize = 1024;

/// Seconds.
const LONGEST: f64 = 0.7;

/// Where the carrier is lost, what has come of a packet is lost with it. In a file of 500 KiB packets of about 2 KiB cost least by
/// that and by their headers together; larger ones are for lines on which half a packet is soon sent again.
const LARGE: usize = 2048;

/// Seconds.
const SOON: f64 = 0.05;

/// The size of packets by what the line does to them, and by what the peer accepts.
#[derive(Debug)]
pub struct PacketSize {
    most: usize,
    line: Spoiled,
    /// The cheapest size of the line that is expected, in bytes.
    at_first: f64,
}

impl PacketSize {
    /// `most` is what the peer accepts, in bytes of data.
    pub fn new(most: usize, expected: Expected) -> Self {
        let line = Spoiled::new(expected);
        let at_first = (OVERHEAD / line.rate()).sqrt();
        PacketSize { most, line, at_first }
    }

    /// The largest packet that the peer accepts, in bytes of data.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Changes what the peer accepts; what is known of the line stays.
    pub fn limit(&mut self, most: usize) {
        self.most = most;
    }

    /// A packet of so many bytes arrived.
    pub fn arrived(&mut self, bytes: usize) {
        self.line.arrived(bytes as f64 + OVERHEAD);
    }

    /// A packet was lost.
    pub fn lost(&mut self) {
        self.line.lost();
    }

    /// Whether packets are lost now and then.
    pub fn is_noisy(&self) -> bool {
        self.line.is_noisy()
    }

    /// How many bytes of data the next packet should carry at most, for the line alone.
    fn cheapest(&self) -> f64 {
        (OVERHEAD / self.line.rate()).sqrt()
    }

    /// How many bytes of data the next packet should carry at most. `rate`: bytes a second of the line, where it is known;
    /// `round_trip`: bytes that it carries in a round trip; `window`: in packets.
    pub fn choose(&self, rate: Option<f64>, round_trip: f64, window: usize) -> usize {
        let cheapest = self.cheapest();
        let best = match self.line.packets() > 0.0 {
            true => {
                let to_last = ROUND_TRIPS * round_trip / window as f64;
                cheapest.max(to_last.min(cheapest * FOR_THE_WINDOW))
            }
            false => self.at_first * WHILE_NONE_IS_LOST + (cheapest - self.at_first) * UNTIL_ONE_IS_LOST,
        };
        let best = best.round() as usize;
        let by_time = |rate: f64| {
            let patient = ((rate * LONGEST) as usize).max(MOST_AT_FIRST.min(largest_packet(rate)));
            patient.min(((rate * SOON) as usize).max(LARGE))
        };
        let longest = rate.map_or(MOST_AT_FIRST, by_time).max(LEAST);
        best.clamp(LEAST.min(self.most), self.most.min(longest))
    }
}

/// So many packets must be lost before the peer is asked for smaller ones: one error may happen to anybody.
const EVIDENCE: f64 = 2.0;

/// A peer may take its time over what was lost, and its window has to last as long: seen with Taylor UUCP 1.07, which is
/// slower with the size that costs the line least than with one of several times that, up to so many bytes.
const FOR_A_SLOW_REPAIR: f64 = 3.0;
const LASTS_FOR_A_REPAIR: f64 = 512.0;

/// The smallest packet that is asked for, in bytes.
const LEAST_WISH: usize = 256;

/// After so many packets larger than was asked for (two windows), the peer has not heard it.
const UNHEARD: u32 = 32;

/// What packets a receiver asks its peer for. Observed with Taylor UUCP 1.07: by itself it goes on with its large packets
/// on a line where most of them are lost; but to a peer that asks in mid-session, by another SYNC, it sends smaller
/// ones, and asks so itself.
#[derive(Debug)]
pub struct Wish {
    size: PacketSize,
    asked: usize,
    larger: u32,
}

impl Wish {
    /// `most` is what was asked for at first, in bytes of data.
    pub fn new(most: usize) -> Self {
        Wish { size: PacketSize::new(most, Expected::default()), asked: most, larger: 0 }
    }

    /// The size that was last asked for, in bytes of data.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// A packet of so many bytes arrived. Returns whether the peer has to be told another size.
    pub fn arrived(&mut self, bytes: usize) -> bool {
        self.size.arrived(bytes);
        self.larger += u32::from(bytes > self.asked);
        self.changed()
    }

    /// A packet was lost. Returns the same.
    pub fn lost(&mut self) -> bool {
        self.size.lost();
        self.changed()
    }

    /// Only what makes a difference is told: half the size or less, or twice or more.
    fn changed(&mut self) -> bool {
        let best = match self.size.line.packets() {
            errors if errors < EVIDENCE => self.size.most(),
            _ => {
                let cheapest = self.size.cheapest();
                let lasting = (cheapest * FOR_A_SLOW_REPAIR).min(LASTS_FOR_A_REPAIR);
                (cheapest.max(lasting) as usize).max(LEAST_WISH).min(self.size.most())
            }
        };
        if best * 2 <= self.asked || best >= self.asked * 2 {
            self.asked = best;
            self.larger = 0;
            return true;
        }
        let unheard = self.larger >= UNHEARD;
        self.larger = if unheard { 0 } else { self.larger };
        unheard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_asks_for_packets_that_get_through_and_asks_again_if_it_is_not_heard() {
        let mut wish = Wish::new(1024);
        assert!(!wish.lost() && !wish.arrived(1024));
        assert!(wish.lost());
        let small = wish.asked();
        assert!((256..=512).contains(&small), "{small}");
        // It was not heard.
        assert_eq!((0..64).filter(|_| wish.lost() || wish.arrived(small + 1)).count(), 2);
        // The line gets better.
        assert!((0..2000).any(|_| wish.arrived(small)));
        assert!(wish.asked() > small);
    }

    /// On a line whose round trip a window of the cheapest packets outlasts.
    fn chosen(size: &PacketSize) -> usize {
        size.choose(None, 0.0, 16)
    }

    #[test]
    fn packets_grow_as_they_arrive_shrink_on_a_noisy_line_and_grow_again_on_a_quiet_one() {
        let mut size = PacketSize::new(1024, Expected::default());
        assert_eq!(chosen(&size), 570);
        (0..100).for_each(|_| size.arrived(1024));
        assert_eq!(chosen(&size), 1024);
        // One error may happen to anybody.
        size.lost();
        assert!(chosen(&size) > 512 && !size.is_noisy());
        // One bit in 10^4.
        for _ in 0..200 {
            size.lost();
            (0..5).for_each(|_| size.arrived(240));
        }
        let small = chosen(&size);
        assert!((80..150).contains(&small) && size.is_noisy(), "{small}");
        (0..6000).for_each(|_| size.arrived(240));
        assert_eq!(chosen(&size), 1024);
    }

    #[test]
    fn packets_are_larger_where_a_window_does_not_last_two_round_trips() {
        let mut size = PacketSize::new(1024, Expected::default());
        (0..10).for_each(|_| size.arrived(1000));
        (0..5).for_each(|_| size.lost());
        let small = chosen(&size);
        assert_eq!(size.choose(None, 1e6, 16), (size.cheapest() * FOR_THE_WINDOW) as usize);
        assert!(size.choose(None, 1500.0, 16) > small);
        assert_eq!(size.choose(None, 100.0, 16), small);
    }

    #[test]
    fn a_large_packet_needs_a_line_that_is_known_to_be_fast() {
        let mut size = PacketSize::new(4095, Expected::default());
        (0..120).for_each(|_| size.arrived(1024));
        assert_eq!(size.choose(None, 0.0, 16), MOST_AT_FIRST);
        assert_eq!(size.choose(Some(240.0), 0.0, 16), MOST_AT_FIRST);
        assert_eq!(size.choose(Some(5760.0), 0.0, 16), LARGE);
        assert!(size.choose(Some(1e5), 0.0, 16) > LARGE);
    }

    #[test]
    fn on_a_slow_line_no_packet_takes_longer_than_a_few_seconds() {
        let mut size = PacketSize::new(4095, Expected::default());
        (0..120).for_each(|_| size.arrived(1024));
        for (rate, most) in [(7.5, LEAST), (30.0, 150), (120.0, 600), (240.0, 1024)] {
            assert_eq!(size.choose(Some(rate), 0.0, 16), most, "{rate}");
        }
    }

    #[test]
    fn the_first_packets_are_as_large_as_the_line_is_expected_to_be_good() {
        let first = |bytes_per_error| {
            chosen(&PacketSize::new(4095, Expected { bytes_per_error, ..Expected::default() }))
        };
        assert_eq!([5000, 25_000, 100_000].map(first), [255, 570, MOST_AT_FIRST]);
        assert_eq!([0, 1].map(first), [LEAST, LEAST]);
        // What the line shows counts for more before long.
        let mut size = PacketSize::new(1024, Expected { bytes_per_error: 400, ..Expected::default() });
        assert!(chosen(&size) < 80);
        (0..80).for_each(|_| size.arrived(200));
        assert!(chosen(&size) > 150);
    }

    #[test]
    fn no_size_is_over_what_the_peer_accepts() {
        let mut size = PacketSize::new(1, Expected::default());
        (0..50).for_each(|_| size.lost());
        assert_eq!(chosen(&size), 1);
    }
}
