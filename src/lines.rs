//! The one bounded line reader, for text that a stranger sends: chat, modem replies, the handshake, SMTP.
//!
//! Bytes go in as they come, whole lines come out. A line is never longer than the limit given at the
//! start; a longer one is reported once as [`Line::TooLong`] and dropped up to its end, so that the
//! conversation can go on. The terminators are chosen by the caller, for the same bytes end lines
//! differently in each conversation (SMTP: LF, with the CR before it kept for the caller to judge;
//! modem: CR or LF; handshake: NUL or LF).

/// What [`LineReader::next_line`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line without its terminator.
    Whole { text: Vec<u8>, terminator: u8 },
    /// A line that went over the limit; its bytes are gone.
    TooLong,
}

/// Splits a stream of bytes into lines of bounded length.
#[derive(Debug)]
pub struct LineReader {
    terminators: &'static [u8],
    limit: usize,
    buffer: Vec<u8>,
    /// How far `buffer` was searched for a terminator already.
    searched: usize,
    /// Dropping the rest of a line that was too long.
    skipping: bool,
}

impl LineReader {
    /// `limit` is the longest line, in bytes, without its terminator.
    pub fn new(terminators: &'static [u8], limit: usize) -> Self {
        LineReader { terminators, limit, buffer: Vec::new(), searched: 0, skipping: false }
    }

    /// Takes bytes in. What is kept is bounded by the caller taking lines out after each call.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, if one has arrived.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let found = unsearched.iter().position(|b| self.terminators.contains(b));
            let Some(at) = found.map(|at| at + self.searched) else {
                self.searched = self.buffer.len();
                if self.skipping {
                    self.buffer.clear();
                    self.searched = 0;
                } else if self.buffer.len() > self.limit {
                    self.buffer.clear();
                    self.searched = 0;
                    self.skipping = true;
                    return Some(Line::TooLong);
                }
                return None;
            };
            let mut text: Vec<u8> = self.buffer.drain(..=at).collect();
            self.searched = 0;
            let terminator = text.pop().unwrap_or_default();
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if text.len() > self.limit {
                return Some(Line::TooLong);
            }
            return Some(Line::Whole { text, terminator });
        }
    }

    /// The bytes of a line that has not ended yet (a prompt without a line end).
    pub fn partial(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes of the buffer, full or not.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Takes out everything that was not read as a line: the bytes that follow a switch of protocol.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &[u8], terminator: u8) -> Option<Line> {
        Some(Line::Whole { text: text.to_vec(), terminator })
    }

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        let mut reader = LineReader::new(b"\n", 80);
        for byte in b"EHLO leaf\r\nQUIT" {
            reader.feed(&[*byte]);
        }
        assert_eq!(reader.next_line(), whole(b"EHLO leaf\r", b'\n'));
        assert_eq!(reader.next_line(), None);
        assert_eq!(reader.partial(), b"QUIT");
        reader.feed(b"\nrest");
        assert_eq!(reader.next_line(), whole(b"QUIT", b'\n'));
        assert_eq!(reader.take_rest(), b"rest");
    }

    #[test]
    fn either_terminator_ends_a_handshake_message() {
        let mut reader = LineReader::new(b"\0\n", 80);
        reader.feed(b"\x10Shere=polux\0\x10ROK\n");
        assert_eq!(reader.next_line(), whole(b"\x10Shere=polux", 0));
        assert_eq!(reader.next_line(), whole(b"\x10ROK", b'\n'));
    }

    #[test]
    fn a_line_over_the_limit_is_reported_once_and_the_next_one_is_sound() {
        let mut reader = LineReader::new(b"\n", 8);
        reader.feed(b"123456789");
        assert_eq!(reader.next_line(), Some(Line::TooLong));
        reader.feed(&[b'x'; 1000]);
        assert_eq!(reader.next_line(), None);
        assert!(reader.partial().is_empty());
        reader.feed(b"tail\nNOOP\n");
        assert_eq!(reader.next_line(), whole(b"NOOP", b'\n'));
        reader.feed(b"0123456789abcdef\nRSET\n");
        assert_eq!(reader.next_line(), Some(Line::TooLong));
        assert_eq!(reader.next_line(), whole(b"RSET", b'\n'));
    }
}
