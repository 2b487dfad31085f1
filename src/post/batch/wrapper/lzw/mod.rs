//! LZW as the `compress` of Unix writes it: files `.Z`.
//!
//! ```text
//! 1f 9d | flags: 0x80 block mode, 0x1f the most bits of a code (9..16) | codes
//! ```
//!
//! A code below 256 is that byte. In block mode 256 empties the table; every other code stands for the string of an
//! earlier code and one byte more: each code but the first adds one, numbered from 257 (256 without block
//! mode). Codes have 9 bits at first, the lowest bit first, and one more each time that the next number no longer fits.
//! They travel in groups of eight, of as many bytes as a code has bits: where the width changes, and behind 256,
//! the rest of the group is left out. There is no length, no checksum and no end but the end of the file.
//!
//! Source: the manual of ncompress, and what its files hold.

mod decode;
mod encode;

pub(super) use decode::Decoder;
pub(super) use encode::Encoder;

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x9d];
/// Flag: code 256 empties the table.
const BLOCK_MODE: u8 = 0x80;
/// In block mode: what follows begins with an empty table.
const CLEAR: u32 = 256;
const FEWEST_BITS: u32 = 9;
const MOST_BITS: u32 = 16;
/// Codes of one group.
const GROUP: u32 = 8;

/// Where in the stream of codes both ends are; they count alike.
#[derive(Debug, Clone, Copy)]
struct Place {
    most_bits: u32,
    /// The first number that is given to a string.
    first: u32,
    /// Bits of the next code.
    bits: u32,
    /// The number that the next string is given by who reads.
    free: u32,
    /// Whether the next code adds no string, for none is before it.
    at_start: bool,
    /// Codes of this group.
    in_group: u32,
}

impl Place {
    fn new(most_bits: u32, block_mode: bool) -> Place {
        let first = if block_mode { CLEAR + 1 } else { CLEAR };
        Place { most_bits, first, bits: FEWEST_BITS, free: first, at_start: true, in_group: 0 }
    }

    /// To be called before a code is read or written. Gives the bits that are left out before it.
    fn before_code(&mut self) -> u32 {
        if self.free < 1 << self.bits || self.bits == self.most_bits {
            return 0;
        }
        let rest = self.rest_of_group();
        self.bits += 1;
        rest
    }

    /// A code for a string has passed.
    fn passed(&mut self) {
        self.in_group = (self.in_group + 1) % GROUP;
        if !self.at_start && !self.is_full() {
            self.free += 1;
        }
        self.at_start = false;
    }

    /// [`CLEAR`] has passed. Gives the bits that are left out behind it.
    fn cleared(&mut self) -> u32 {
        self.in_group = (self.in_group + 1) % GROUP;
        let rest = self.rest_of_group();
        (self.bits, self.free, self.at_start) = (FEWEST_BITS, self.first, true);
        rest
    }

    /// No more strings are added.
    fn is_full(&self) -> bool {
        self.free >= 1 << self.most_bits
    }

    fn rest_of_group(&mut self) -> u32 {
        let codes = std::mem::take(&mut self.in_group);
        (GROUP - codes) % GROUP * self.bits
    }
}
