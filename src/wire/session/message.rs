//! The messages before and after the packet protocol: a DLE, text, and a NUL or (some systems) a line
//! feed, or a carriage return, or both. Source: the
//! manual, "The Initial Handshake".

use super::seal;
use crate::lines::{Line, LineReader};

const DLE: u8 = 0o20;

/// The longest message, in bytes: a name of 64, a handful of options, and room to spare.
const LONGEST: usize = 1024;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message, without its seal.
    Message(String),
    /// A message that is not what was sealed.
    Broken,
    /// What may have been a message, before noise changed it: it has an end and no beginning, or no end, or holds what no
    /// message does.
    Stray,
}

/// Finds messages among whatever else comes: banners, echoes, packets of a protocol that is ending.
#[derive(Debug)]
pub struct MessageReader {
    lines: LineReader,
    /// The last thing read was a DLE.
    begun: bool,
    /// The last message ended with a carriage return; a line feed may follow.
    returned: bool,
    /// What was read last is longer than any message.
    overlong: bool,
}

impl MessageReader {
    pub fn new() -> MessageReader {
        // A DLE ends what stood before it, however long that was.
        MessageReader {
            lines: LineReader::new(b"\0\n\r\x10", LONGEST),
            begun: false,
            returned: false,
            overlong: false,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// The next message, or what noise has made of one.
    pub fn next_heard(&mut self) -> Option<Heard> {
        self.overlong = false;
        loop {
            match self.lines.next_line()? {
                Line::Whole { text, terminator: DLE } => {
                    if std::mem::replace(&mut self.begun, true) && !text.is_empty() {
                        return Some(Heard::Stray);
                    }
                }
                Line::Whole { text, terminator } if std::mem::take(&mut self.begun) => {
                    self.returned = terminator == b'\r';
                    return Some(heard(text.trim_ascii_end()));
                }
                Line::Whole { text, terminator: 0 } if !text.is_empty() => return Some(Heard::Stray),
                Line::Whole { .. } => {}
                Line::TooLong => {
                    // What ended the line is not told; if it was a DLE, a message follows.
                    (self.begun, self.overlong) = (true, true);
                    return Some(Heard::Stray);
                }
            }
        }
    }

    /// Whether a message has begun behind the last one, and not something else; `None`: too little has come.
    pub fn begins_message(&self) -> Option<bool> {
        let text = match (self.begun, self.lines.partial()) {
            _ if self.overlong => return Some(false),
            (true, text) => text,
            (false, [DLE, text @ ..]) => text,
            (false, []) => return None,
            (false, _) => return Some(false),
        };
        text.first().map(u8::is_ascii_uppercase)
    }

    /// The bytes behind the last message.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = self.lines.take_rest();
        if self.returned && rest.first() == Some(&b'\n') {
            rest.remove(0);
        }
        if std::mem::take(&mut self.begun) {
            rest.insert(0, DLE);
        }
        rest
    }
}

fn heard(text: &[u8]) -> Heard {
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains(char::is_control) => match seal::open(text) {
            Some(text) => Heard::Message(text),
            None => Heard::Broken,
        },
        _ => Heard::Stray,
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

    fn message(text: &str) -> Option<Heard> {
        Some(Heard::Message(text.to_owned()))
    }

    #[test]
    fn a_message_is_found_behind_any_amount_of_garbage() {
        for garbage in [0, 10, LONGEST - 1, LONGEST, LONGEST + 1, 300_000] {
            let mut reader = MessageReader::new();
            for piece in vec![b'~'; garbage].chunks(4096) {
                reader.feed(piece);
                // That it is too long is told once.
                assert!(matches!(reader.next_heard(), None | Some(Heard::Stray)));
                assert_eq!(reader.next_heard(), None);
            }
            reader.feed(b"\x10Shere=polux\0\x10ROK\r\nrest");
            assert_eq!(reader.next_heard(), message("Shere=polux"), "{garbage}");
            assert_eq!(reader.next_heard(), message("ROK"));
            assert_eq!(reader.next_heard(), None);
            assert_eq!(reader.take_rest(), b"rest");
        }
    }

    #[test]
    fn a_message_ends_with_any_end_of_a_line() {
        for end in ["\0", "\n", "\r", "\r\n", "\n\0", "\r\0"] {
            let mut reader = MessageReader::new();
            reader.feed(format!("\x10ROK{end}\x10Pg{end}").as_bytes());
            assert_eq!(reader.next_heard(), message("ROK"), "{end:?}");
            assert_eq!(reader.next_heard(), message("Pg"), "{end:?}");
            assert_eq!(reader.next_heard(), None, "{end:?}");
        }
        let mut reader = MessageReader::new();
        reader.feed(b"\x10Pg\r\n\x10\x09packet");
        assert_eq!(reader.next_heard(), message("Pg"));
        assert_eq!(reader.take_rest(), b"\x10\x09packet");
    }

    #[test]
    fn what_noise_has_changed_is_told_from_messages() {
        let whole = super::message(&seal::sealed("Sleaf -R"));
        let heard = |bytes: &[u8]| {
            let mut reader = MessageReader::new();
            reader.feed(bytes);
            reader.feed(b"\x10Ui\0");
            let first = reader.next_heard();
            assert_eq!(std::iter::from_fn(|| reader.next_heard()).last().or(first.clone()), message("Ui"));
            first
        };
        assert_eq!(heard(&whole), message("Sleaf -R"));
        for (at, bit, found) in
            [(0, 1, Heard::Stray), (1, 1, Heard::Broken), (5, 2, Heard::Broken), (3, 0x80, Heard::Stray)]
        {
            let mut spoiled = whole.clone();
            spoiled[at] ^= bit;
            assert_eq!(heard(&spoiled), Some(found), "{at}");
        }
        // Its end.
        assert_eq!(heard(&whole[..whole.len() - 1]), Some(Heard::Stray));
        // A telnet's end of a line is no message.
        assert_eq!(heard(b"uucp\r\0"), message("Ui"));
    }
}
