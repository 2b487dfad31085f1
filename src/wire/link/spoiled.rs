//! How many packets a line spoils: the history by which senders choose the size of packets.

use super::Expected;

/// What is expected of a line before anything was sent counts for as much as so many bytes on it.
const BYTES_BEFORE: f64 = 2500.0;

/// After so many bytes the older half of what is remembered begins to fade, so that a line may get better.
const MEMORY: f64 = 131_072.0;

/// The bytes that arrived and the packets that were lost of late.
#[derive(Debug)]
pub struct Spoiled {
    bytes: f64,
    packets: f64,
    /// Errors that would have been in [`BYTES_BEFORE`].
    before: f64,
}

impl Spoiled {
    pub fn new(expected: Expected) -> Self {
        let before = BYTES_BEFORE / f64::from(expected.bytes_per_error.max(1));
        Spoiled { bytes: 0.0, packets: 0.0, before }
    }

    /// A packet of so many bytes arrived, its header among them.
    pub fn arrived(&mut self, bytes: f64) {
        self.bytes += bytes;
        if self.bytes > MEMORY {
            self.bytes /= 2.0;
            self.packets /= 2.0;
        }
    }

    /// A packet was lost.
    pub fn lost(&mut self) {
        self.packets += 1.0;
    }

    /// Packets lost of late; those of longer ago count for less.
    pub fn packets(&self) -> f64 {
        self.packets
    }

    /// Whether packets are lost now and then.
    pub fn is_noisy(&self) -> bool {
        // One error may happen to anybody.
        self.packets >= 1.5
    }

    /// Errors a byte.
    pub fn rate(&self) -> f64 {
        (self.packets + self.before) / (self.bytes + BYTES_BEFORE)
    }
}
