//! The header section of a message, as bytes: where it ends and which fields it has.
//!
//! RFC 5322 section 2.2: fields up to the first empty line; a line that begins with a blank goes on with the field
//! before it. Works on messages with LF line ends (see the room's page); a CR before LF is taken as part of the line end.

/// The longest header section that is looked at, in bytes. What lies beyond it counts as body. Sendmail's
/// customary limit is 32 KiB; long lists of trace headers and signatures need more.
pub const HEAD_LIMIT: usize = 256 * 1024;

/// One header field with its continuation lines and its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub name: &'a str,
    /// After the colon, up to and with the line end; bytes as they came.
    pub value: &'a [u8],
    /// The whole field, from its name on.
    pub raw: &'a [u8],
}

impl Field<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The fields at the start of a message; stops at the first line that is none.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    consumed: usize,
}

/// The header fields of a message, or of the beginning of one.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message.get(..HEAD_LIMIT).unwrap_or(message), consumed: 0 }
}

impl Fields<'_> {
    /// Bytes of the fields read so far.
    pub fn consumed(&self) -> usize {
        self.consumed
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let first = line_length(self.rest);
        let line = self.rest.get(..first)?;
        let colon = line.iter().position(|&b| b == b':')?;
        let name = line.get(..colon)?.trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut length = first;
        while let Some([b' ' | b'\t', ..]) = self.rest.get(length..) {
            length += line_length(self.rest.get(length..).unwrap_or_default());
        }
        let (raw, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.consumed += length;
        Some(Field { name: std::str::from_utf8(name).ok()?, value: raw.get(colon + 1..)?, raw })
    }
}

/// How long the header section is, without the empty line after it.
pub fn length(message: &[u8]) -> usize {
    let mut fields = fields(message);
    while fields.next().is_some() {}
    fields.consumed()
}

/// What has to stand between headers that we put first and a message: an empty line if the message begins with
/// neither a header nor an empty line, for else its first line would be read as a broken header.
pub fn gap(message: &[u8]) -> &'static [u8] {
    let begins_with_empty_line = matches!(message, [b'\n', ..] | [b'\r', b'\n', ..]);
    if begins_with_empty_line || fields(message).next().is_some() { b"" } else { b"\n" }
}

fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &[u8] = b"Received: from a\n\tby b\nSubject : old\nX:\n\nFrom: body\n";

    #[test]
    fn fields_come_with_their_continuation_lines() {
        let all: Vec<Field> = fields(MESSAGE).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].raw, b"Received: from a\n\tby b\n");
        assert_eq!(all[0].value, b" from a\n\tby b\n");
        assert!(all[1].is("subject"));
        assert_eq!(length(MESSAGE), MESSAGE.len() - 12);
    }

    #[test]
    fn a_message_without_headers_is_set_apart_from_ours() {
        assert_eq!(gap(b"hello\n"), b"\n");
        assert_eq!(gap(b""), b"\n");
        assert_eq!(gap(b"\nhello\n"), b"");
        assert_eq!(gap(MESSAGE), b"");
        assert_eq!(gap(b"see http://x\n"), b"\n");
    }

    proptest! {
        #[test]
        fn fields_never_leave_the_message(message in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b':'), Just(b' '), any::<u8>()], 0..120)) {
            let total: usize = fields(&message).map(|field| field.raw.len()).sum();
            prop_assert_eq!(total, length(&message));
            prop_assert!(total <= message.len());
        }
    }
}
