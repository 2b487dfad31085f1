//! The generator behind the noise: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", 2014). Small, quick, and the same everywhere; for mishaps on a line, never for secrets.

/// A stream of pseudo-random numbers that its seed decides.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }

    /// A number from 0 up to, not including, `limit` (which must not be 0).
    pub fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// How many times in a row something of this probability does not happen.
    pub fn gap(&mut self, probability: f64) -> u64 {
        if probability <= 0.0 || probability.is_nan() {
            return u64::MAX;
        }
        if probability >= 1.0 {
            return 0;
        }
        // In (0, 1], so that the logarithm is finite.
        let unit = ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (unit.ln() / (-probability).ln_1p()) as u64
    }
}
