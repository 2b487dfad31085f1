//! The messages before and after the packet protocol: a DLE, text, and a NUL or (some systems) a line
//! feed, or a carriage return, or both. Source: the
//! manual, "The Initial Handshake".

use crate::lines::{Line, LineReader};

const DLE: u8 = 0o20;

/// The longest message, in bytes: a name of 64, a handful of options, and room to spare.
const LONGEST: usize = 1024;

/// Finds messages among whatever else comes: banners, echoes, packets of a protocol that is ending.
#[derive(Debug)]
pub struct MessageReader {
    lines: LineReader,
    /// The last thing read was a DLE.
    begun: bool,
    /// The last message ended with a carriage return; a line feed may follow.
    returned: bool,
}

impl MessageReader {
    pub fn new() -> MessageReader {
        // A DLE ends what stood before it, however long that was.
        MessageReader { lines: LineReader::new(b"\0\n\r\x10", LONGEST), begun: false, returned: false }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// The text of the next message; what is not UTF-8 in it is replaced.
    pub fn next_message(&mut self) -> Option<String> {
        loop {
            match self.lines.next_line()? {
                Line::Whole { terminator: DLE, .. } => self.begun = true,
                Line::Whole { text, terminator } if std::mem::take(&mut self.begun) => {
                    self.returned = terminator == b'\r';
                    return Some(String::from_utf8_lossy(text.trim_ascii_end()).into_owned());
                }
                Line::Whole { .. } => {}
                // What ended the line is not told; if it was a DLE, a message follows.
                Line::TooLong => self.begun = true,
            }
        }
    }

    /// The bytes behind the last message.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = self.lines.take_rest();
        if self.returned && rest.first() == Some(&b'\n') {
            rest.remove(0);
        }
        rest
    }
}

/// A message ready to be sent.
pub fn message(text: &str) -> Vec<u8> {
    let mut bytes = vec![DLE];
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_behind_any_amount_of_garbage() {
        for garbage in [0, 10, LONGEST - 1, LONGEST, LONGEST + 1, 300_000] {
            let mut reader = MessageReader::new();
            for piece in vec![b'~'; garbage].chunks(4096) {
                reader.feed(piece);
                assert_eq!(reader.next_message(), None);
            }
            reader.feed(b"\x10Shere=polux\0\x10ROK\r\nrest");
            assert_eq!(reader.next_message().as_deref(), Some("Shere=polux"), "{garbage}");
            assert_eq!(reader.next_message().as_deref(), Some("ROK"));
            assert_eq!(reader.next_message(), None);
            assert_eq!(reader.take_rest(), b"rest");
        }
    }

    #[test]
    fn a_message_ends_with_any_end_of_a_line() {
        for end in ["\0", "\n", "\r", "\r\n", "\n\0", "\r\0"] {
            let mut reader = MessageReader::new();
            reader.feed(format!("\x10ROK{end}\x10Pg{end}").as_bytes());
            assert_eq!(reader.next_message().as_deref(), Some("ROK"), "{end:?}");
            assert_eq!(reader.next_message().as_deref(), Some("Pg"), "{end:?}");
            assert_eq!(reader.next_message(), None, "{end:?}");
        }
        let mut reader = MessageReader::new();
        reader.feed(b"\x10Pg\r\n\x10\x09packet");
        assert_eq!(reader.next_message().as_deref(), Some("Pg"));
        assert_eq!(reader.take_rest(), b"\x10\x09packet");
    }
}
