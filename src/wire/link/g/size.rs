//! How large packets should be on this line. A spoiled packet costs itself and all that was sent until the peer could say so,
//! a round trip; a small one costs more in headers, and a window of small ones may not last for a round trip. Receivers that
//! announce more than 64 bytes take packets of any size up to that (Taylor UUCP manual, section "UUCP `g' Protocol").

use super::packet::{HEADER, LEAST_DATA};

/// What is taken to be known of a line before anything was sent: most are good, but the first packets are of a middle size.
const ERRORS_BEFORE: f64 = 0.1;
const BYTES_BEFORE: f64 = 1000.0;

/// What a line is taken to carry in a round trip, in bytes, before that was measured.
const ROUND_TRIP_AT_FIRST: f64 = 1000.0;

/// After so many bytes the older half of what is remembered begins to fade, so that a line may get better.
const MEMORY: f64 = 131_072.0;

/// The packets that arrived and those that were lost of late.
#[derive(Debug, Default)]
pub struct PacketSize {
    bytes: f64,
    errors: f64,
}

impl PacketSize {
    /// A packet of so many bytes arrived, its header among them.
    pub fn arrived(&mut self, bytes: usize) {
        self.bytes += bytes as f64;
        if self.bytes > MEMORY {
            self.bytes /= 2.0;
            self.errors /= 2.0;
        }
    }

    /// A packet was lost.
    pub fn lost(&mut self) {
        self.errors += 1.0;
    }

    /// Whether packets are lost now and then.
    pub fn is_noisy(&self) -> bool {
        // One error may happen to anybody.
        self.errors >= 1.5
    }

    /// The size of a data field, in bytes, that carries most; at most `most`. `window`: in packets; `round_trip`: bytes that
    /// the line carries in a round trip.
    pub fn choose(&self, most: usize, window: usize, round_trip: Option<f64>) -> usize {
        let rate = (self.errors + ERRORS_BEFORE) / (self.bytes + BYTES_BEFORE);
        let trip = round_trip.unwrap_or(ROUND_TRIP_AT_FIRST);
        // Bytes of the line that one of data costs.
        let cost = |size: usize| {
            let whole = (size + HEADER) as f64;
            let back = trip + whole;
            let spoiled_to_good = (rate * whole).exp_m1();
            (whole.max(back / window as f64) + spoiled_to_good * back) / size as f64
        };
        let sizes = std::iter::successors(Some(most), |size| (*size > LEAST_DATA).then_some(size / 2));
        sizes.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_grow_as_they_arrive_and_shrink_on_a_noisy_line() {
        let mut size = PacketSize::default();
        let chosen = |size: &PacketSize| size.choose(4096, 7, Some(1200.0));
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
        let mut size = PacketSize::default();
        (0..10).for_each(|_| size.arrived(1000));
        (0..2).for_each(|_| size.lost());
        assert!(size.choose(4096, 1, Some(1200.0)) > size.choose(4096, 7, Some(1200.0)));
        assert_eq!(size.choose(32, 7, None), 32);
        assert_eq!(size.choose(64, 7, None), 64);
    }
}
