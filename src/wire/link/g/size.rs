//! How large packets should be on this line. A spoiled packet costs itself and all that was sent until the peer could say so,
//! a round trip; a small one costs more in headers, and a window of small ones may not last for a round trip. Receivers that
//! announce more than 64 bytes take packets of any size up to that (Taylor UUCP manual, section "UUCP `g' Protocol").

use super::packet::{HEADER, LEAST_DATA};
use crate::wire::link::Expected;
use crate::wire::link::pace::largest_packet;
use crate::wire::link::spoiled::Spoiled;

/// What a line is taken to carry in a round trip, in bytes, before that was measured.
const ROUND_TRIP_AT_FIRST: f64 = 1000.0;

/// Packets of this size, in bytes, are what every system takes, and none too slow a line for.
const SMALL: usize = 64;

/// The size of packets by what the line does to them.
#[derive(Debug)]
pub struct PacketSize {
    line: Spoiled,
}

impl PacketSize {
    pub fn new(expected: Expected) -> Self {
        PacketSize { line: Spoiled::new(expected) }
    }

    /// A packet of so many bytes arrived, its header among them.
    pub fn arrived(&mut self, bytes: usize) {
        self.line.arrived(bytes as f64);
    }

    /// A packet was lost.
    pub fn lost(&mut self) {
        self.line.lost();
    }

    /// Whether packets are lost now and then.
    pub fn is_noisy(&self) -> bool {
        self.line.is_noisy()
    }

    /// The size of a data field, in bytes, that carries most; at most `most`. `speed`: bytes a second, if that is known;
    /// `window`: in packets; `round_trip`: bytes that the line carries in a round trip.
    pub fn choose(&self, most: usize, speed: Option<f64>, window: usize, round_trip: Option<f64>) -> usize {
        let rate = self.line.rate();
        let trip = round_trip.unwrap_or(ROUND_TRIP_AT_FIRST);
        // Bytes of the line that one of data costs.
        let cost = |size: usize| {
            let whole = (size + HEADER) as f64;
            let back = trip + whole;
            let spoiled_to_good = (rate * whole).exp_m1();
            (whole.max(back / window as f64) + spoiled_to_good * back) / size as f64
        };
        let halves = std::iter::successors(Some(most), |size| (*size > LEAST_DATA).then_some(size / 2));
        let longest = speed.map_or(most, largest_packet).max(SMALL);
        let sizes = halves.filter(|size| *size <= longest);
        sizes.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_grow_as_they_arrive_and_shrink_on_a_noisy_line() {
        let mut size = PacketSize::new(Expected::default());
        let chosen = |size: &PacketSize| size.choose(4096, None, 7, Some(1200.0));
        assert!((256..=512).contains(&chosen(&size)));
        (0..100).for_each(|_| size.arrived(1030));
        assert!(chosen(&size) >= 2048);
        // One bit in 10^4.
        for _ in 0..200 {
            size.lost();
            (0..5).for_each(|_| size.arrived(262));
        }
        assert!(size.is_noisy());
        assert_eq!(chosen(&size), 256);
    }

    #[test]
    fn a_window_lasts_for_a_round_trip_where_it_can() {
        let mut size = PacketSize::new(Expected::default());
        (0..10).for_each(|_| size.arrived(1000));
        (0..2).for_each(|_| size.lost());
        assert!(size.choose(4096, None, 1, Some(1200.0)) > size.choose(4096, None, 7, Some(1200.0)));
        assert_eq!(size.choose(32, None, 7, None), 32);
        assert_eq!(size.choose(64, None, 7, None), 64);
    }

    #[test]
    fn on_a_slow_line_no_packet_takes_longer_than_a_few_seconds() {
        let mut size = PacketSize::new(Expected::default());
        (0..100).for_each(|_| size.arrived(1030));
        for (speed, most) in [(7.5, 64), (30.0, 128), (120.0, 512), (240.0, 1024)] {
            assert_eq!(size.choose(4096, Some(speed), 7, Some(100.0)), most, "{speed}");
        }
        assert_eq!(size.choose(32, Some(7.5), 7, None), 32, "the peer takes no more");
    }

    #[test]
    fn the_first_packets_are_as_large_as_the_line_is_expected_to_be_good() {
        let first = |bytes_per_error| {
            let size = PacketSize::new(Expected { bytes_per_error, ..Expected::default() });
            size.choose(4096, None, 7, None)
        };
        assert_eq!([5000, 25_000, 100_000].map(first), [256, 512, 1024]);
    }
}
