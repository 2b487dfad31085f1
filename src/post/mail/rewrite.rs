//! Addresses in header fields, replaced where they stand; every other byte stays.
//!
//! RFC 5322 section 3.4: a list of mailboxes, `name <address>` or `address`, with comments in parentheses, quoted
//! strings, and groups `name: ...;`. What cannot be read as an address is left as it is.

use super::head;
use crate::post::address::Address;
use std::ops::Range;

/// The fields that say whom a message is from.
pub const SENDER_FIELDS: [&str; 5] = ["From", "Sender", "Reply-To", "Resent-From", "Resent-Sender"];
/// The fields that say whom it is for.
pub const RECIPIENT_FIELDS: [&str; 6] = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];

/// The header section of a message with other addresses: `map` is asked about each address of each field, by its name.
pub fn addresses(message: &[u8], map: impl Fn(&str, &Address) -> Option<Address>) -> Vec<u8> {
    let mut out = Vec::new();
    for field in head::fields(message) {
        let name = field.name;
        let has_addresses = SENDER_FIELDS.iter().chain(&RECIPIENT_FIELDS).any(|known| field.is(known));
        if !has_addresses {
            out.extend_from_slice(field.raw);
            continue;
        }
        let before = field.raw.len() - field.value.len();
        out.extend_from_slice(field.raw.get(..before).unwrap_or_default());
        let mut done = 0;
        for range in places(field.value) {
            let text = field.value.get(range.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok());
            let Some(other) = text.and_then(|text| map(name, &Address::parse(text).ok()?)) else { continue };
            out.extend_from_slice(field.value.get(done..range.start).unwrap_or_default());
            out.extend_from_slice(other.as_str().as_bytes());
            done = range.end;
        }
        out.extend_from_slice(field.value.get(done..).unwrap_or_default());
    }
    out
}

/// Where the addresses of a list stand.
fn places(value: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut element = Element::default();
    let (mut quoted, mut escaped, mut comment, mut literal) = (false, false, 0usize, false);
    for (at, byte) in value.iter().copied().enumerate() {
        let plain = !quoted && comment == 0 && !literal;
        if escaped {
            escaped = false;
        } else {
            match byte {
                b'\\' if quoted || comment > 0 => escaped = true,
                b'"' if comment == 0 => quoted = !quoted,
                b'(' if !quoted => comment += 1,
                b')' if !quoted && comment > 0 => {
                    comment -= 1;
                    element.pause();
                    continue;
                }
                b'[' if plain => literal = true,
                b']' if literal => literal = false,
                b',' | b';' if plain && element.angle.is_none() => {
                    places.extend(std::mem::take(&mut element).place());
                    continue;
                }
                // A group's name is no address; a source route has its colon within the brackets.
                b':' if plain && element.angle.is_none() => {
                    element = Element::default();
                    continue;
                }
                b'<' if plain => {
                    element.angle = Some(at + 1..at + 1);
                    continue;
                }
                b'>' if plain => {
                    if let Some(angle) = element.angle.as_mut().filter(|angle| angle.start == angle.end) {
                        angle.end = at;
                    }
                    continue;
                }
                _ => {}
            }
        }
        if comment > 0 || (byte.is_ascii_whitespace() && !quoted) {
            element.pause();
        } else {
            element.go_on(at);
        }
    }
    places.extend(element.place());
    places
}

/// One mailbox of a list, as far as it was read.
#[derive(Default)]
struct Element {
    /// Between `<` and `>`; empty until the end is seen.
    angle: Option<Range<usize>>,
    /// The first word outside comments.
    word: Option<Range<usize>>,
    /// The word has ended.
    paused: bool,
    /// There is a second word: without brackets that is no address.
    several: bool,
}

impl Element {
    fn go_on(&mut self, at: usize) {
        match &mut self.word {
            None => self.word = Some(at..at + 1),
            Some(_) if self.paused => self.several = true,
            Some(word) => word.end = at + 1,
        }
    }

    fn pause(&mut self) {
        self.paused = self.word.is_some();
    }

    fn place(self) -> Option<Range<usize>> {
        match self.angle {
            Some(angle) => Some(angle).filter(|angle| angle.start < angle.end),
            None => self.word.filter(|_| !self.several),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hidden(message: &str) -> String {
        let map = |_: &str, address: &Address| {
            let local = address.as_str().strip_suffix("@inner.example")?;
            Address::parse(&format!("{local}@outer.example")).ok()
        };
        String::from_utf8(addresses(message.as_bytes(), map)).unwrap()
    }

    #[test]
    fn addresses_are_replaced_and_nothing_else() {
        for (before, after) in [
            ("From: jan@inner.example\n", "From: jan@outer.example\n"),
            ("from : Jan <jan@inner.example> (at work)\n", "from : Jan <jan@outer.example> (at work)\n"),
            (
                "To: a@inner.example,\n\tB <b@inner.example>\n",
                "To: a@outer.example,\n\tB <b@outer.example>\n",
            ),
            (
                "Cc: \"x, y@inner.example\" <c@inner.example>\n",
                "Cc: \"x, y@inner.example\" <c@outer.example>\n",
            ),
            ("To: (a@inner.example) b@inner.example\n", "To: (a@inner.example) b@outer.example\n"),
            ("To: all: a@inner.example, b@inner.example;\n", "To: all: a@outer.example, b@outer.example;\n"),
            ("To: \"j j\"@inner.example\r\n", "To: \"j j\"@outer.example\r\n"),
            ("Subject: jan@inner.example\n", "Subject: jan@inner.example\n"),
            ("To: jan inner@inner.example\n", "To: jan inner@inner.example\n"),
            ("To: x@far.example, <>, ,\n", "To: x@far.example, <>, ,\n"),
            ("To: <jan@inner.example\n", "To: <jan@inner.example\n"),
        ] {
            assert_eq!(hidden(before), after);
        }
        assert_eq!(
            hidden("A: 1\nFrom: b@inner.example\n\nFrom: b@inner.example\n"),
            "A: 1\nFrom: b@outer.example\n"
        );
    }

    proptest! {
        #[test]
        fn what_is_not_mapped_stays_byte_for_byte(value in "([a-c@.,;:<>()\"\\\\ \t\\[\\]]|\\PC){0,60}") {
            let message = format!("To: {value}\nX: y\n");
            let same = addresses(message.as_bytes(), |_, _| None);
            prop_assert_eq!(&same, &message.as_bytes()[..head::length(message.as_bytes())]);
            let itself = addresses(message.as_bytes(), |_, address| Some(address.clone()));
            let routes_dropped = !value.contains('@') || !value.contains(':');
            prop_assert!(!routes_dropped || itself == same);
        }
    }
}
