//! How large packets should be on this line: large ones cost little in headers, small ones lose little to noise.
//!
//! With `h` bytes of header and checksum and `e` errors a byte, the cost of a packet of `n` bytes is about
//! `h / n + e * n` of the line, least at `n = sqrt(h / e)`. Somewhat larger ones keep the line full while a packet
//! is sent again, for the window counts packets.

/// Bytes of header and checksum of a packet with data.
const OVERHEAD: f64 = 10.0;

/// How much larger than the cheapest size a packet is made, so that a window of them lasts a round trip.
const FOR_THE_WINDOW: f64 = 1.7;

/// The smallest packet that is chosen, in bytes; below it headers cost more than errors on any line that works.
const LEAST: usize = 64;

/// After so many bytes the older half of what is remembered begins to fade, so that a line may get better.
const MEMORY: f64 = 65536.0;

/// The packets sent and lost of late.
#[derive(Debug)]
pub struct PacketSize {
    most: usize,
    bytes: f64,
    errors: f64,
}

impl PacketSize {
    /// `most` is what the peer accepts, in bytes of data.
    pub fn new(most: usize) -> Self {
        PacketSize { most, bytes: 0.0, errors: 0.0 }
    }

    /// The largest packet that the peer accepts, in bytes of data.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A packet of so many bytes arrived.
    pub fn arrived(&mut self, bytes: usize) {
        self.bytes += bytes as f64 + OVERHEAD;
        if self.bytes > MEMORY {
            self.bytes /= 2.0;
            self.errors /= 2.0;
        }
    }

    /// A packet was lost.
    pub fn lost(&mut self) {
        self.errors += 1.0;
    }

    /// How many bytes of data the next packet should carry at most.
    pub fn choose(&self) -> usize {
        // One error may happen to anybody.
        if self.errors < 1.5 {
            return self.most;
        }
        let rate = self.errors / self.bytes.max(1024.0);
        let best = ((OVERHEAD / rate).sqrt() * FOR_THE_WINDOW) as usize;
        best.clamp(LEAST.min(self.most), self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_shrink_on_a_noisy_line_and_grow_again_on_a_quiet_one() {
        let mut size = PacketSize::new(1024);
        (0..100).for_each(|_| size.arrived(1024));
        size.lost();
        assert_eq!(size.choose(), 1024);
        // One bit in 10^4.
        for _ in 0..200 {
            size.lost();
            (0..5).for_each(|_| size.arrived(240));
        }
        let small = size.choose();
        assert!((120..300).contains(&small), "{small}");
        (0..4000).for_each(|_| size.arrived(240));
        assert_eq!(size.choose(), 1024);
    }

    #[test]
    fn no_size_is_over_what_the_peer_accepts() {
        let mut size = PacketSize::new(1);
        (0..50).for_each(|_| size.lost());
        assert_eq!(size.choose(), 1);
    }
}
