//! What came and was not read yet.

/// Bytes in the order in which they came. Whoever reads keeps it short.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// Everything before this was read.
    at: usize,
}

impl Input {
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// All that waits.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `count` bytes, once they are there.
    pub fn take(&mut self, count: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    /// The next bytes, at most `most`; it may be none.
    pub fn take_up_to(&mut self, most: usize) -> &[u8] {
        let count = self.rest().len().min(most);
        self.take(count).unwrap_or_default()
    }

    /// The next bytes up to and with `end`, once it is there.
    pub fn take_through(&mut self, end: u8) -> Option<&[u8]> {
        let count = self.rest().iter().position(|byte| *byte == end)? + 1;
        self.take(count)
    }

    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.rest().to_vec();
        *self = Input::default();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_once_and_in_order() {
        let mut input = Input::default();
        input.feed(b"one\0tw");
        assert_eq!(input.take_through(0), Some(&b"one\0"[..]));
        assert_eq!(input.take_through(0), None);
        assert_eq!(input.take(3), None);
        input.feed(b"o\0rest");
        assert_eq!(input.take(4), Some(&b"two\0"[..]));
        assert_eq!(input.take_up_to(2), b"re");
        assert_eq!(input.take_up_to(9), b"st");
        assert_eq!(input.take_up_to(9), b"");
        assert!(input.take_rest().is_empty());
    }
}
