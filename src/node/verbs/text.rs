//! The text of a message as a program hands it in: lines may end as on another system, and a single dot may end it.

use super::{Body, VerbError};

/// The text of a message as a program writes it.
pub struct Text<'b, B> {
    body: &'b mut B,
    /// A line with a single dot is the end.
    dot_ends: bool,
    ends: LineEnds,
    line_start: bool,
    /// A dot at the start of a line, until it is known what follows.
    held: Vec<u8>,
    ended: bool,
    /// The body has come to its end.
    read: bool,
}

/// How lines end. The first one tells, as in a batch: a message with LF may have a CR before one of them that is part of
/// its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    /// No line has ended yet.
    Unknown {
        after_cr: bool,
    },
    /// CR LF, which becomes LF.
    CrLf {
        after_cr: bool,
    },
    Lf,
}

impl LineEnds {
    /// Adds a byte to `out`, without the CR before an LF where lines end so. A CR waits for what follows it.
    fn put(&mut self, byte: u8, out: &mut Vec<u8>) {
        let after_cr = match self {
            LineEnds::Lf => false,
            LineEnds::Unknown { after_cr } | LineEnds::CrLf { after_cr } => std::mem::take(after_cr),
        };
        if after_cr && byte != b'\n' {
            out.push(b'\r');
        }
        match (&mut *self, byte) {
            (LineEnds::Unknown { after_cr: waits } | LineEnds::CrLf { after_cr: waits }, b'\r') => {
                *waits = true;
                return;
            }
            (LineEnds::Unknown { .. }, b'\n') if after_cr => *self = LineEnds::CrLf { after_cr: false },
            (LineEnds::Unknown { .. }, b'\n') => *self = LineEnds::Lf,
            _ => {}
        }
        out.push(byte);
    }

    /// The CR that still waits at the end of the text.
    fn rest(self) -> &'static [u8] {
        match self {
            LineEnds::Unknown { after_cr: true } | LineEnds::CrLf { after_cr: true } => b"\r",
            _ => b"",
        }
    }
}

impl<'b, B: Body> Text<'b, B> {
    /// `to_lf`: if the first line ends with CR LF, all of them become LF.
    pub fn new(body: &'b mut B, dot_ends: bool, to_lf: bool) -> Text<'b, B> {
        let ends = if to_lf { LineEnds::Unknown { after_cr: false } } else { LineEnds::Lf };
        Text { body, dot_ends, ends, line_start: true, held: Vec::new(), ended: false, read: false }
    }

    /// The next piece; it may be empty. None: that was all.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
        if self.read {
            return Ok(None);
        }
        let Some(piece) = self.body.chunk().await? else {
            self.read = true;
            let cr = self.ends.rest().to_vec();
            let mut rest = self.undotted(cr);
            // Without a line end behind it the dot is a line all the same.
            let held = std::mem::take(&mut self.held);
            if !self.ended && held != b"." && held != b".\r" {
                rest.extend(held);
            }
            return Ok(Some(rest).filter(|rest| !rest.is_empty()));
        };
        let mut lines = Vec::with_capacity(piece.len() + 1);
        match self.ends {
            LineEnds::Lf => lines = piece,
            _ => piece.into_iter().for_each(|byte| self.ends.put(byte, &mut lines)),
        }
        Ok(Some(self.undotted(lines)))
    }

    /// The part before the single dot. What follows it is read, so that who writes it is not stopped, and thrown away.
    fn undotted(&mut self, piece: Vec<u8>) -> Vec<u8> {
        if !self.dot_ends {
            return piece;
        }
        let mut out = Vec::with_capacity(piece.len() + self.held.len());
        for byte in piece {
            if self.ended {
                break;
            }
            match (self.held.as_slice(), byte) {
                (b"", b'.') if self.line_start => self.held.push(byte),
                (b"." | b".\r", b'\n') => self.ended = true,
                (b".", b'\r') => self.held.push(byte),
                (_, byte) => {
                    out.append(&mut self.held);
                    out.push(byte);
                }
            }
            self.line_start = byte == b'\n';
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comes in pieces of so many bytes.
    struct Pieces(Vec<u8>, usize);

    impl Body for Pieces {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
            let rest = self.0.split_off(self.0.len().min(self.1));
            let piece = std::mem::replace(&mut self.0, rest);
            Ok(Some(piece).filter(|piece| !piece.is_empty()))
        }
    }

    async fn read(text: &str, dot_ends: bool, to_lf: bool) -> String {
        let mut whole = None;
        for size in [1, 2, 3, 1000] {
            let mut body = Pieces(text.as_bytes().to_vec(), size);
            let mut reader = Text::new(&mut body, dot_ends, to_lf);
            let mut read = Vec::new();
            while let Some(piece) = reader.next().await.unwrap() {
                read.extend(piece);
            }
            let read = String::from_utf8(read).unwrap();
            assert_eq!(whole.get_or_insert(read.clone()), &read, "in pieces of {size}");
        }
        whole.unwrap_or_default()
    }

    #[tokio::test]
    async fn the_first_line_tells_how_lines_end() {
        assert_eq!(read("Subject: a\r\n\r\nb\rc\r\r\nd\n", false, true).await, "Subject: a\n\nb\rc\r\nd\n");
        let unix = "Subject: a\n\na CR\r\nof the text\r";
        assert_eq!(read(unix, false, true).await, unix);
        assert_eq!(read("no end\r", true, true).await, "no end\r");
        assert_eq!(read("as\r\nit is\r\n", false, false).await, "as\r\nit is\r\n");
    }

    #[tokio::test]
    async fn a_single_dot_ends_it() {
        for (text, wanted) in [
            ("a\n.\nb\n", "a\n"),
            ("a\r\n.\r\nb\r\n", "a\n"),
            ("a\n..\n.b\n", "a\n..\n.b\n"),
            ("a\n.", "a\n"),
            (".\n", ""),
            ("a\r\n.\r", "a\n"),
        ] {
            assert_eq!(read(text, true, true).await, wanted, "{text:?}");
        }
        assert_eq!(read("a\n.\nb\n", false, true).await, "a\n.\nb\n");
    }
}
