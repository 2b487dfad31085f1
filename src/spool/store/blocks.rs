//! Digests of a body that lies in a file: one for each block, so that any part of it can be held against what was
//! written without reading the rest. Heads of bodies lie in their rows, and are one block each.

use super::super::CHUNK;

/// Bytes of a digest (BLAKE3).
pub const SUM: usize = 32;

/// The digests of what was written so far, made while it is written.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Of the blocks that are full.
    full: Vec<[u8; SUM]>,
    last: Box<blake3::Hasher>,
    /// Bytes in the last block.
    filled: usize,
}

impl Blocks {
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.filled));
            self.last.update(now);
            self.filled += now.len();
            if self.filled == CHUNK {
                self.full.push(*self.last.finalize().as_bytes());
                self.last.reset();
                self.filled = 0;
            }
            bytes = later;
        }
    }

    /// Forgets the block that holds `offset` and those behind it. Gives where that block begins: what is kept of it is
    /// to be pushed again.
    pub fn cut(&mut self, offset: u64) -> u64 {
        let block = number(offset);
        self.full.truncate(usize::try_from(block).unwrap_or(usize::MAX));
        self.last.reset();
        self.filled = 0;
        block * CHUNK as u64
    }

    /// The digest of the block that holds `offset`; None behind the end.
    pub fn sum(&self, offset: u64) -> Option<[u8; SUM]> {
        let block = usize::try_from(number(offset)).unwrap_or(usize::MAX);
        let last = (block == self.full.len() && self.filled > 0).then(|| *self.last.finalize().as_bytes());
        self.full.get(block).copied().or(last)
    }

    /// All digests, one behind the other.
    pub fn sums(&self) -> Vec<u8> {
        let last = self.sum(self.full.len() as u64 * CHUNK as u64);
        self.full.iter().chain(last.as_ref()).flatten().copied().collect()
    }

    /// One digest of everything, the same whether it lies in a file or in a row: what fits into one block has that of this
    /// block.
    pub fn whole(&self) -> [u8; SUM] {
        match (self.full.as_slice(), self.filled) {
            ([], _) => *self.last.finalize().as_bytes(),
            ([only], 0) => *only,
            _ => self.digest(),
        }
    }

    /// One digest of the digests.
    pub fn digest(&self) -> [u8; SUM] {
        *blake3::hash(&self.sums()).as_bytes()
    }
}

/// One digest of everything, made of those of all blocks.
pub fn whole(sums: &[[u8; SUM]]) -> [u8; SUM] {
    match sums {
        [only] => *only,
        all => *blake3::hash(&all.concat()).as_bytes(),
    }
}

/// The number of the block that holds `offset`.
pub fn number(offset: u64) -> u64 {
    offset / CHUNK as u64
}

/// Whether a block that was read, empty behind the end, is what was written.
pub fn is_sound(block: &[u8], sum: Option<[u8; SUM]>) -> bool {
    match sum {
        Some(sum) => *blake3::hash(block).as_bytes() == sum,
        None => block.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks_of(bytes: &[u8]) -> Blocks {
        let mut blocks = Blocks::default();
        blocks.push(bytes);
        blocks
    }

    proptest! {
        #[test]
        fn the_digests_do_not_depend_on_how_it_was_written(
            length in 0..3 * CHUNK,
            pieces in proptest::collection::vec(1..CHUNK, 1..9),
            cut in 0..3 * CHUNK,
        ) {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 7) as u8).collect();
            let mut blocks = Blocks::default();
            let mut rest = bytes.as_slice();
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(*piece));
                blocks.push(now);
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            // Cut, and written anew from there.
            let cut = cut.min(length);
            let from = usize::try_from(blocks.cut(cut as u64)).unwrap();
            prop_assert!(from <= cut);
            blocks.push(&bytes[from..cut]);
            blocks.push(&bytes[cut..]);
            prop_assert_eq!(blocks.sums(), blocks_of(&bytes).sums());
            for (number, block) in bytes.chunks(CHUNK).enumerate() {
                let sum = blocks.sum((number * CHUNK) as u64);
                prop_assert!(is_sound(block, sum));
                prop_assert!(!is_sound(&block[1..], sum));
            }
            prop_assert_eq!(blocks.sum((length.next_multiple_of(CHUNK)) as u64), None);
            prop_assert_eq!(blocks.whole() == *blake3::hash(&bytes).as_bytes(), length <= CHUNK);
        }
    }
}
