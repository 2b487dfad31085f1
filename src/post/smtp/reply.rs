//! Replies: RFC 5321 section 4.2, with the status codes of RFC 3463.

use std::fmt::Write;

/// A reply that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400 to 499: later; 500 to 599: never.
    pub code: u16,
    /// Three numbers, such as `5.1.1`.
    pub status: String,
    pub text: String,
}

impl Refusal {
    pub fn new(code: u16, status: &str, text: impl Into<String>) -> Refusal {
        Refusal { code, status: status.to_owned(), text: text.into() }
    }

    /// Something failed here that may work later.
    pub fn later(text: impl Into<String>) -> Refusal {
        Refusal::new(451, "4.3.0", text)
    }
}

/// The longest reply line, in bytes, with CRLF: RFC 5321 section 4.5.3.1.5.
const LINE_MAX: usize = 512;

/// One reply line without its line end. What is not printable ASCII, and what is too long, is left out.
pub(super) fn line(code: u16, status: &str, text: &str) -> String {
    let mut line = format!("{code} ");
    if !status.is_empty() {
        let _ = write!(line, "{status} ");
    }
    line.extend(text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }));
    line.truncate(LINE_MAX - 2);
    line
}
