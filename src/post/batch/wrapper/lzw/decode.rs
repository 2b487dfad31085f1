//! From codes to bytes.

use super::{BLOCK_MODE, CLEAR, FEWEST_BITS, MAGIC, MOST_BITS, Place};
use crate::post::batch::wrapper::unwrap::{PIECE, UnwrapError};

/// Unpacks what comes in pieces. Its table takes 200 KiB.
#[derive(Debug)]
pub struct Decoder {
    /// Bytes of the header so far.
    header: usize,
    block_mode: bool,
    place: Place,
    /// Bits that have come and are not used, the next one lowest.
    bits: u64,
    count: u32,
    /// Bits that are to be left out.
    skip: u32,
    /// For each number the string is that of another number, and a byte.
    before: Vec<u16>,
    last: Vec<u8>,
    /// The code before, and the first byte of its string.
    previous: Option<(u32, u8)>,
}

fn damaged(what: &str) -> UnwrapError {
    UnwrapError::Damaged { form: "compress", what: what.to_owned() }
}

impl Decoder {
    pub fn new() -> Decoder {
        let size = 1 << MOST_BITS;
        Decoder {
            header: 0,
            block_mode: true,
            place: Place::new(MOST_BITS, true),
            bits: 0,
            count: 0,
            skip: 0,
            before: vec![0; size],
            last: vec![0; size],
            previous: None,
        }
    }

    /// Takes from the front of `input`, until it is empty or `out` has [`PIECE`] bytes more; one string, of 64 KiB at most, may
    /// go beyond.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        let enough = out.len() + PIECE;
        while out.len() < enough {
            match self.next_code() {
                Some(code) => self.code(code, out)?,
                None => {
                    let Some((byte, rest)) = input.split_first() else { return Ok(()) };
                    *input = rest;
                    self.take(*byte)?;
                }
            }
        }
        Ok(())
    }

    /// The end of the input.
    pub fn finish(&self) -> Result<(), UnwrapError> {
        if self.header < 3 { Err(UnwrapError::Cut("compress")) } else { Ok(()) }
    }

    fn take(&mut self, byte: u8) -> Result<(), UnwrapError> {
        match self.header {
            0 | 1 if MAGIC.get(self.header) != Some(&byte) => return Err(damaged("no such header")),
            0 | 1 => {}
            2 => {
                let most_bits = u32::from(byte & 0x1f);
                if !(FEWEST_BITS..=MOST_BITS).contains(&most_bits) || byte & 0x60 != 0 {
                    return Err(damaged("codes of another form"));
                }
                self.block_mode = byte & BLOCK_MODE != 0;
                self.place = Place::new(most_bits, self.block_mode);
            }
            _ => {
                self.bits |= u64::from(byte) << self.count;
                self.count += 8;
                return Ok(());
            }
        }
        self.header += 1;
        Ok(())
    }

    fn next_code(&mut self) -> Option<u32> {
        self.skip += self.place.before_code();
        while self.skip > 0 && self.count > 0 {
            let step = self.skip.min(self.count);
            self.bits >>= step;
            self.count -= step;
            self.skip -= step;
        }
        let width = self.place.bits;
        if self.skip > 0 || self.count < width {
            return None;
        }
        let code = (self.bits & ((1 << width) - 1)) as u32;
        self.bits >>= width;
        self.count -= width;
        Some(code)
    }

    fn code(&mut self, code: u32, out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        if self.block_mode && code == CLEAR {
            self.skip = self.place.cleared();
            self.previous = None;
            return Ok(());
        }
        let start = out.len();
        let free = self.place.free;
        let first = match self.previous {
            None if code < 256 => self.string(code, out),
            // A string that this very code adds: that of the code before, and its own first byte.
            Some((previous, first)) if code == free => {
                out.push(first);
                self.string(previous, out)
            }
            Some(_) if code < free => self.string(code, out),
            _ => return Err(damaged("a code before its string")),
        };
        if let Some(new) = out.get_mut(start..) {
            new.reverse();
        }
        if let Some((previous, _)) = self.previous
            && !self.place.is_full()
            && let (Some(before), Some(last)) =
                (self.before.get_mut(free as usize), self.last.get_mut(free as usize))
        {
            // A code has 16 bits at most.
            (*before, *last) = (previous as u16, first);
        }
        self.previous = Some((code, first));
        self.place.passed();
        Ok(())
    }

    /// Appends a string, its last byte first; gives its first byte. Every number stands for one that is lower than
    /// itself and a byte, so this ends.
    fn string(&self, mut code: u32, out: &mut Vec<u8>) -> u8 {
        while let (256.., Some(before), Some(last)) =
            (code, self.before.get(code as usize), self.last.get(code as usize))
        {
            out.push(*last);
            code = u32::from(*before);
        }
        let first = (code & 0xff) as u8;
        out.push(first);
        first
    }
}
