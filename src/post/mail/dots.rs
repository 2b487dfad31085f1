//! The one dot codec: how a message is told apart from what follows it, in SMTP and in batched SMTP.
//!
//! RFC 5321 section 4.5.2: a line that begins with a dot gets another in front; a line of one dot ends the
//! message. The codec joins the two line endings as well: outside, lines end with CRLF or LF ([`Ends`]); inside
//! always with LF. Both directions take bytes in pieces of any size and keep nothing but a state.
//!
//! In [`Ends::Crlf`] only CRLF ends a line, so only CRLF.CRLF ends a message. A CR or LF that stands alone makes the
//! message unacceptable (RFC 5321 section 2.3.8; what one program takes for the end of a message and the next for
//! text lets a second message ride inside the first), yet reading goes on to the true end, so that the answer comes
//! where the sender expects it. In [`Ends::Lf`] a CR is a byte of the text like others.

/// How lines end outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// SMTP, and batches whose first line ends so.
    Crlf,
    /// Batches that travel by UUCP.
    Lf,
}

impl Ends {
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Ends::Crlf => b"\r\n",
            Ends::Lf => b"\n",
        }
    }
}

/// A lone line-end character in a message with CRLF lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoneEnd {
    #[error("the message holds a CR without LF")]
    Cr,
    #[error("the message holds an LF without CR")]
    Lf,
}

/// Writes a message with its dots doubled.
#[derive(Debug)]
pub struct Stuffer {
    ends: Ends,
    state: Stuffing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuffing {
    LineStart,
    InLine,
    /// [`Ends::Crlf`] only: a CR was read, and nothing is written for it yet.
    Cr,
}

impl Stuffer {
    pub fn new(ends: Ends) -> Stuffer {
        Stuffer { ends, state: Stuffing::LineStart }
    }

    /// Takes the next bytes of the message and appends what goes out for them.
    ///
    /// With CRLF outside, CRLF inside stays one line end, and a lone CR becomes one too, for it cannot be said in SMTP.
    pub fn push(&mut self, message: &[u8], out: &mut Vec<u8>) {
        for &byte in message {
            if self.state == Stuffing::Cr {
                out.extend_from_slice(self.ends.bytes());
                self.state = Stuffing::LineStart;
                if byte == b'\n' {
                    continue;
                }
            }
            match byte {
                b'\n' => {
                    out.extend_from_slice(self.ends.bytes());
                    self.state = Stuffing::LineStart;
                }
                b'\r' if self.ends == Ends::Crlf => self.state = Stuffing::Cr,
                _ => {
                    if byte == b'.' && self.state == Stuffing::LineStart {
                        out.push(b'.');
                    }
                    out.push(byte);
                    self.state = Stuffing::InLine;
                }
            }
        }
    }

    /// Ends the message. True if its last line had no end and was given one, so that what arrives is one byte longer.
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        let added = self.state == Stuffing::InLine;
        if self.state != Stuffing::LineStart {
            out.extend_from_slice(self.ends.bytes());
        }
        out.push(b'.');
        out.extend_from_slice(self.ends.bytes());
        added
    }
}

/// Reads a message that was written with doubled dots, up to its end.
#[derive(Debug)]
pub struct Unstuffer {
    ends: Ends,
    state: Unstuffing,
    lone_end: Option<LoneEnd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unstuffing {
    LineStart,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot and CR at the start of a line.
    DotCr,
    InLine,
    /// After a CR that is not written yet.
    Cr,
    Ended,
}

/// How far [`Unstuffer::push`] got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were part of the message or of its end; the rest belongs to what follows.
    pub consumed: usize,
    /// The message is complete.
    pub ended: bool,
}

impl Unstuffer {
    pub fn new(ends: Ends) -> Unstuffer {
        Unstuffer { ends, state: Unstuffing::LineStart, lone_end: None }
    }

    /// The first lone CR or LF that was met; then nothing more of the message is given out and it must be refused.
    pub fn lone_end(&self) -> Option<LoneEnd> {
        self.lone_end
    }

    /// Takes the next bytes and appends the message with LF line ends. After the end it consumes nothing.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        let mut consumed = 0;
        while let Some(rest @ &[byte, ..]) = input.get(consumed..) {
            // Nearly all of a message stands inside of lines, and goes through as it is.
            let inside = match self.state {
                Unstuffing::Ended => break,
                Unstuffing::InLine => memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len()),
                _ => 0,
            };
            if inside == 0 {
                consumed += 1;
                self.step(byte, out);
                continue;
            }
            consumed += inside;
            if self.lone_end.is_none() {
                out.extend_from_slice(rest.get(..inside).unwrap_or_default());
            }
        }
        Progress { consumed, ended: self.state == Unstuffing::Ended }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        use Unstuffing::*;
        let crlf = self.ends == Ends::Crlf;
        self.state = match (self.state, byte) {
            (Ended, _) => Ended,
            (LineStart, b'.') => Dot,
            (Dot, b'\n') if !crlf => Ended,
            (DotCr, b'\n') => Ended,
            (Dot, b'\r') if crlf => DotCr,
            (Cr, b'\n') => {
                self.give(b'\n', out);
                LineStart
            }
            // A CR that was not followed by LF; the byte after it may begin a true line end.
            (Cr | DotCr, b'\r') => self.lone(LoneEnd::Cr, Cr),
            (Cr | DotCr, _) => self.lone(LoneEnd::Cr, InLine),
            (_, b'\r') if crlf => Cr,
            (_, b'\n') if crlf => self.lone(LoneEnd::Lf, InLine),
            (_, b'\n') => {
                self.give(b'\n', out);
                LineStart
            }
            (LineStart | Dot | InLine, _) => {
                self.give(byte, out);
                InLine
            }
        };
    }

    fn give(&self, byte: u8, out: &mut Vec<u8>) {
        if self.lone_end.is_none() {
            out.push(byte);
        }
    }

    fn lone(&mut self, which: LoneEnd, next: Unstuffing) -> Unstuffing {
        self.lone_end.get_or_insert(which);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(message: &[u8], ends: Ends) -> (Vec<u8>, bool) {
        let mut stuffer = Stuffer::new(ends);
        let mut out = Vec::new();
        stuffer.push(message, &mut out);
        let added = stuffer.finish(&mut out);
        (out, added)
    }

    /// The message, how much was consumed, and what was wrong; `None` if it did not end.
    fn unstuffed(input: &[u8], ends: Ends) -> Option<(Vec<u8>, usize, Option<LoneEnd>)> {
        let mut unstuffer = Unstuffer::new(ends);
        let mut out = Vec::new();
        let progress = unstuffer.push(input, &mut out);
        progress.ended.then(|| (out, progress.consumed, unstuffer.lone_end()))
    }

    #[test]
    fn dots_are_doubled_from_the_first_line_on() {
        assert_eq!(
            stuffed(b".first\n.\n..\na.b\n", Ends::Lf),
            (b"..first\n..\n...\na.b\n.\n".to_vec(), false)
        );
        assert_eq!(stuffed(b".x\ny\n", Ends::Crlf), (b"..x\r\ny\r\n.\r\n".to_vec(), false));
    }

    #[test]
    fn a_missing_last_line_end_is_added_and_said() {
        assert_eq!(stuffed(b"no end", Ends::Lf), (b"no end\n.\n".to_vec(), true));
        assert_eq!(stuffed(b"no end", Ends::Crlf), (b"no end\r\n.\r\n".to_vec(), true));
        assert_eq!(stuffed(b"", Ends::Crlf), (b".\r\n".to_vec(), false));
    }

    #[test]
    fn an_empty_message_ends_at_once() {
        assert_eq!(unstuffed(b".\r\nQUIT\r\n", Ends::Crlf), Some((vec![], 3, None)));
        assert_eq!(unstuffed(b".\nQUIT\n", Ends::Lf), Some((vec![], 2, None)));
    }

    #[test]
    fn a_doubled_dot_is_undone_on_the_first_line_too() {
        assert_eq!(unstuffed(b"..x\r\n..\r\n.\r\n", Ends::Crlf), Some((b".x\n.\n".to_vec(), 12, None)));
        assert_eq!(unstuffed(b"..x\n.y\n.\n", Ends::Lf), Some((b".x\ny\n".to_vec(), 9, None)));
    }

    /// What some program takes for the end of a message. Only the first is one for us.
    const ENDINGS: [&[u8]; 12] = [
        b"\r\n.\r\n",
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\n.\r",
        b"\r\r\n.\n",
    ];

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_a_message() {
        for (number, ending) in ENDINGS.iter().enumerate() {
            let mut input = b"text".to_vec();
            input.extend_from_slice(ending);
            let smuggled = b"MAIL FROM:<evil>\r\nRCPT TO:<joe>\r\nDATA\r\nbad\r\n.\r\n";
            let first_end = input.len();
            input.extend_from_slice(smuggled);
            let (message, consumed, lone) = unstuffed(&input, Ends::Crlf).unwrap();
            if number == 0 {
                assert_eq!((message.as_slice(), consumed, lone), (&b"text\n"[..], first_end, None));
                continue;
            }
            assert_eq!(consumed, input.len(), "{ending:?} ended the message");
            // With a NUL the lines are whole and the rest is text; everything else is refused.
            assert_eq!(lone.is_none(), ending.contains(&0), "{ending:?}");
        }
    }

    #[test]
    fn in_a_batch_with_lf_only_lf_dot_lf_ends_a_message() {
        for ending in ENDINGS {
            let mut input = b"text".to_vec();
            input.extend_from_slice(ending);
            let first_end = input.len();
            input.extend_from_slice(b"MAIL FROM:<evil>\n.\n");
            let (_, consumed, lone) = unstuffed(&input, Ends::Lf).unwrap();
            let ends_here = ending.ends_with(b"\n.\n");
            assert_eq!(consumed == first_end, ends_here, "{ending:?}");
            assert_eq!(lone, None);
        }
    }

    #[test]
    fn a_body_from_uucp_cannot_end_the_data_of_smtp() {
        for body in [
            &b"a\n.\nMAIL FROM:<x>\n"[..],
            b"a\r.\rMAIL FROM:<x>\n",
            b"a\r\n.\r\nMAIL\n",
            b".\r",
            b"\r\r\n.\r",
        ] {
            let (wire, _) = stuffed(body, Ends::Crlf);
            let (_, consumed, lone) = unstuffed(&wire, Ends::Crlf).unwrap();
            assert_eq!((consumed, lone), (wire.len(), None), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_stuffed_comes_back_however_it_is_cut(
            message in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\n'), Just(b'\r'), Just(0u8), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(1usize..9, 1..20),
            crlf in any::<bool>(),
        ) {
            let ends = if crlf { Ends::Crlf } else { Ends::Lf };
            // A lone CR cannot be said in SMTP; there the codec is checked on messages without.
            let message: Vec<u8> = message.into_iter().filter(|b| !crlf || *b != b'\r').collect();
            let mut stuffer = Stuffer::new(ends);
            let mut wire = Vec::new();
            let mut rest = message.as_slice();
            for &cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                stuffer.push(piece, &mut wire);
                rest = after;
                if rest.is_empty() { break }
            }
            let added = stuffer.finish(&mut wire);
            let end = wire.len();
            wire.extend_from_slice(b"QUIT");

            let mut unstuffer = Unstuffer::new(ends);
            let mut back = Vec::new();
            let mut at = 0;
            for &cut in cuts.iter().cycle() {
                let piece = &wire[at..(at + cut).min(wire.len())];
                let progress = unstuffer.push(piece, &mut back);
                at += progress.consumed;
                if progress.ended { break }
            }
            prop_assert_eq!(at, end);
            prop_assert_eq!(unstuffer.lone_end(), None);
            let mut expected = message;
            if added { expected.push(b'\n') }
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn any_cut_of_any_bytes_reads_the_same(
            input in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\n'), Just(b'\r'), Just(b'x')], 0..40),
            cut in 0usize..40,
        ) {
            let mut whole = Vec::new();
            let mut one = Unstuffer::new(Ends::Crlf);
            let all = one.push(&input, &mut whole);
            let mut parts = Vec::new();
            let mut two = Unstuffer::new(Ends::Crlf);
            let (first, second) = input.split_at(cut.min(input.len()));
            let begun = two.push(first, &mut parts);
            let ended = two.push(second, &mut parts);
            prop_assert_eq!(begun.consumed + ended.consumed, all.consumed);
            prop_assert_eq!((whole, one.lone_end(), all.ended), (parts, two.lone_end(), ended.ended));
        }
    }
}
