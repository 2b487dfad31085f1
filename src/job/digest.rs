//! The digest of a whole file, by which the two ends of a call know that they mean the same bytes.

use std::fmt;
use std::str::FromStr;

/// The first 128 bits of BLAKE3, over the digests of the blocks of 64 KiB if there are several. It is held against noise and
/// faulty disks, not against the other end, which could send what it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; Digest::LENGTH]);

impl Digest {
    pub const LENGTH: usize = 16;
    /// A file of at most so many bytes carries none: it goes at once or not at all, under the checksums of its packets.
    pub const WORTHLESS: u64 = 4096;

    /// Of the 256 bits that the spool knows a file by.
    pub fn of(whole: [u8; 32]) -> Digest {
        let mut digest = [0; Digest::LENGTH];
        digest.iter_mut().zip(whole).for_each(|(ours, whole)| *ours = whole);
        Digest(digest)
    }

    pub fn from_bytes(bytes: [u8; Digest::LENGTH]) -> Digest {
        Digest(bytes)
    }

    pub fn bytes(&self) -> &[u8; Digest::LENGTH] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Digest, &'static str> {
        let plain = text.len() == 2 * Digest::LENGTH && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = u128::from_str_radix(text, 16).ok().filter(|_| plain);
        bits.map(|bits| Digest(bits.to_be_bytes())).ok_or("a digest is 32 hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of(std::array::from_fn(|at| (at * 17) as u8));
        assert_eq!(digest.to_string(), "00112233445566778899aabbccddeeff");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for wrong in ["", "0", &"0".repeat(33), &"g".repeat(32), &format!("+{}", "0".repeat(31))] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
