//! From bytes to codes.

use super::{BLOCK_MODE, CLEAR, MAGIC, MOST_BITS, Place};

/// The table of strings has twice as many places as there may be strings, so that few searches collide.
const PLACES: usize = 1 << (MOST_BITS + 1);
/// No string: the number of the string before has 16 bits, the byte behind it 8.
const EMPTY: u32 = u32::MAX;
/// With a full table it is looked after so many bytes whether what comes still fits it.
const CHECK: u64 = 8192;

/// Packs what comes in pieces, with codes of up to 16 bits in block mode, as `compress` does by itself. It takes 800 KiB.
#[derive(Debug)]
pub struct Encoder {
    place: Place,
    begun: bool,
    /// Bits that are not out yet, the first one lowest.
    bits: u64,
    count: u32,
    /// The string that may become longer still.
    current: Option<u32>,
    /// Strings by the number of a string and the byte behind it, and their numbers.
    strings: Vec<u32>,
    numbers: Vec<u16>,
    /// Bytes in and bits out since the table was empty.
    taken: u64,
    given: u64,
    /// How many bytes went into 2^16 bits when it was last looked at, and when to look again.
    gain: u64,
    check: u64,
}

impl Encoder {
    pub fn new() -> Encoder {
        Encoder {
            place: Place::new(MOST_BITS, true),
            begun: false,
            bits: 0,
            count: 0,
            current: None,
            strings: vec![EMPTY; PLACES],
            numbers: vec![0; PLACES],
            taken: 0,
            given: 0,
            gain: 0,
            check: 0,
        }
    }

    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        for &byte in input {
            self.taken += 1;
            let Some(current) = self.current else {
                self.current = Some(u32::from(byte));
                continue;
            };
            let string = current << 8 | u32::from(byte);
            let at = self.find(string);
            if self.strings.get(at) == Some(&string) {
                self.current = self.numbers.get(at).map(|number| u32::from(*number));
                continue;
            }
            self.put(current, out);
            self.place.passed();
            if !self.place.is_full() {
                self.add(at, string);
            } else if self.has_lost_its_gain() {
                self.clear(out);
            }
            self.current = Some(u32::from(byte));
        }
    }

    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(current) = self.current.take() {
            self.put(current, out);
        }
        if self.count > 0 {
            out.push((self.bits & 0xff) as u8);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(&MAGIC);
            // 16 bits fit in five.
            out.push(BLOCK_MODE | MOST_BITS as u8);
        }
    }

    /// Where a string stands, or the empty place where it belongs.
    fn find(&self, string: u32) -> usize {
        // Knuth's multiplication: 2^32 by the golden ratio. The table is never full, so this ends.
        let mut at = (string.wrapping_mul(0x9e37_79b1) >> (32 - MOST_BITS - 1)) as usize;
        while self.strings.get(at).is_some_and(|there| *there != string && *there != EMPTY) {
            at = (at + 1) % PLACES;
        }
        at
    }

    /// Who reads adds this string with the next code; its number is the one that is free here now.
    fn add(&mut self, at: usize, string: u32) {
        if let (Some(there), Some(number)) = (self.strings.get_mut(at), self.numbers.get_mut(at)) {
            // Below 2^16, for the table is not full.
            (*there, *number) = (string, self.place.free as u16);
        }
    }

    fn has_lost_its_gain(&mut self) -> bool {
        if self.taken < self.check {
            return false;
        }
        self.check = self.taken + CHECK;
        let gain = (self.taken << 16) / self.given.max(1);
        let lost = gain < self.gain;
        self.gain = gain;
        lost
    }

    fn clear(&mut self, out: &mut Vec<u8>) {
        self.put(CLEAR, out);
        let rest = self.place.cleared();
        self.leave_out(rest, out);
        self.strings.fill(EMPTY);
        (self.taken, self.given, self.gain, self.check) = (0, 0, 0, 0);
    }

    fn put(&mut self, code: u32, out: &mut Vec<u8>) {
        let rest = self.place.before_code();
        self.leave_out(rest, out);
        self.bits |= u64::from(code) << self.count;
        self.count += self.place.bits;
        self.given += u64::from(self.place.bits);
        self.flush(out);
    }

    fn leave_out(&mut self, mut bits: u32, out: &mut Vec<u8>) {
        while bits > 0 {
            let step = bits.min(32);
            self.count += step;
            bits -= step;
            self.flush(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        while self.count >= 8 {
            out.push((self.bits & 0xff) as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }
}
