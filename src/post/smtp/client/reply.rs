//! Replies of a server: RFC 5321 section 4.2, with the status codes of RFC 3463.

use crate::lines::{Line, LineReader};
use crate::observe::printable;
use std::fmt;

/// The longest line of a reply, in bytes without its LF. RFC 5321 section 4.5.3.1.5 has 512 with CRLF; servers exceed it.
const LINE_MAX: usize = 2048;
/// The most lines of one reply; the longest known answers to EHLO have some thirty.
const LINES_MAX: usize = 64;
/// What is kept of the text of one line, in bytes.
const TEXT_MAX: usize = 512;
/// What is told of the text of a whole reply, in bytes.
const TOLD_MAX: usize = 800;

/// One whole reply. Everything in it is printable ASCII and bounded, whatever the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Three numbers, such as `5.1.1`, where the server has them and they agree with the code.
    pub status: Option<String>,
    /// The lines without code and status; at least one, which may be empty.
    pub lines: Vec<String>,
}

/// Why bytes are no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    #[error("a line of more than {LINE_MAX} bytes")]
    LongLine,
    #[error("more than {LINES_MAX} lines")]
    ManyLines,
    #[error("{0:?} begins with no code")]
    NoCode(String),
    #[error("one reply with the codes {0} and {1}")]
    Codes(u16, u16),
}

impl Reply {
    /// 200 to 299: yes.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 400 to 499: not now.
    pub fn is_temporary(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 500 to 599: never.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }
}

/// As it is told to people: in one line.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = &self.status {
            write!(f, " {status}")?;
        }
        let mut room = TOLD_MAX;
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            let told = line.get(..room).unwrap_or(line);
            write!(f, " {told}")?;
            room -= told.len();
            if told.len() < line.len() {
                return f.write_str("...");
            }
        }
        Ok(())
    }
}

/// Puts replies together from bytes as they come.
#[derive(Debug)]
pub struct ReplyReader {
    lines: LineReader,
    /// The lines so far of a reply that has not ended: its code, and what follows it.
    begun: Option<(u16, Vec<Vec<u8>>)>,
}

impl Default for ReplyReader {
    fn default() -> ReplyReader {
        ReplyReader { lines: LineReader::new(b"\n", LINE_MAX), begun: None }
    }
}

impl ReplyReader {
    /// Takes bytes in. After it, [`ReplyReader::next_reply`] is to be called until it gives nothing.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// The next whole reply.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(line) = self.lines.next_line() {
            let Line::Whole { text, .. } = line else { return Err(ReplyError::LongLine) };
            let text = text.strip_suffix(b"\r").unwrap_or(&text);
            let (code, is_last, rest) = split(text).ok_or_else(|| ReplyError::NoCode(printable(text, 40)))?;
            let (first, mut texts) = self.begun.take().unwrap_or((code, Vec::new()));
            if first != code {
                return Err(ReplyError::Codes(first, code));
            }
            if texts.len() >= LINES_MAX {
                return Err(ReplyError::ManyLines);
            }
            texts.push(rest.get(..TEXT_MAX).unwrap_or(rest).to_vec());
            if is_last {
                return Ok(Some(put_together(code, &texts)));
            }
            self.begun = Some((code, texts));
        }
        Ok(None)
    }

    /// True if nothing of a further reply has come.
    pub fn is_empty(&self) -> bool {
        self.begun.is_none() && self.lines.partial().is_empty()
    }
}

/// The code of a line, whether it is the last one of its reply, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !matches!(digits.first(), Some(b'2'..=b'5')) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

fn put_together(code: u16, texts: &[Vec<u8>]) -> Reply {
    let status = texts.first().and_then(|text| status(code, text)).map(str::to_owned);
    let without = |text: &Vec<u8>| {
        let rest = status.as_ref().and_then(|status| text.strip_prefix(status.as_bytes()));
        printable(rest.map(<[u8]>::trim_ascii_start).unwrap_or(text), TEXT_MAX)
    };
    let lines = texts.iter().map(without).collect();
    Reply { code, status, lines }
}

/// The status code at the beginning of a text: class, subject and detail, of the class of the reply.
fn status(code: u16, text: &[u8]) -> Option<&str> {
    let word = text.split(|byte| *byte == b' ').next()?;
    let mut parts = word.split(|byte| *byte == b'.');
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let is_status = parts.next().is_none()
        && matches!((code / 100, class), (2, b"2") | (4, b"4") | (5, b"5"))
        && is_number(subject)
        && is_number(detail);
    if is_status { std::str::from_utf8(word).ok() } else { None }
}
