//! The messages before and after the packet protocol: a DLE, text, and a NUL or (some systems) a line feed. Source: the
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
}

impl MessageReader {
    pub fn new() -> MessageReader {
        // A DLE ends what stood before it, however long that was.
        MessageReader { lines: LineReader::new(b"\0\n\x10", LONGEST), begun: false }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// The text of the next message; what is not UTF-8 in it is replaced.
    pub fn next_message(&mut self) -> Option<String> {
        loop {
            match self.lines.next_line()? {
                Line::Whole { terminator: DLE, .. } => self.begun = true,
                Line::Whole { text, .. } if std::mem::take(&mut self.begun) => {
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
        self.lines.take_rest()
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
}
