//! What we put before a message: the trace of one hop, and at submission what a message must not lack.
//!
//! RFC 5321 section 4.4 (trace), RFC 3848 (names of protocols), RFC 5322 section 3.6 (Date and From are required,
//! Message-Id should be there). All dates are UTC, which tells nobody where a site is.

use super::head;
use jiff::Timestamp;
use std::fmt::Write;

/// The most Received fields a message may have before it counts as lost in a loop. RFC 5321 section 6.3 asks for
/// at least 100 where loops are only guessed at; a dial-up path is short and each hop costs a call, so 25.
pub const HOP_LIMIT: usize = 25;

/// How a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// `rmail`.
    Uucp,
    /// `rsmtp`, or a batch from a file.
    Bsmtp,
    /// SMTP with EHLO.
    Esmtp,
    /// The same over TLS.
    Esmtps,
    /// The same by who has logged in, over TLS.
    Esmtpsa,
    /// SMTP with HELO.
    Smtp,
    /// A command of this machine.
    Local,
}

impl With {
    /// The name in the header.
    pub fn name(self) -> &'static str {
        match self {
            With::Uucp => "UUCP",
            With::Bsmtp => "BSMTP",
            With::Esmtp => "ESMTP",
            With::Esmtps => "ESMTPS",
            With::Esmtpsa => "ESMTPSA",
            With::Smtp => "SMTP",
            With::Local => "local",
        }
    }
}

/// One hop.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// The peer, or what the client called itself; nothing for a local user.
    pub from: Option<&'a str>,
    /// What the peer claimed to be, if that is not `from`.
    pub claimed: Option<&'a str>,
    /// Our own name in mail.
    pub by: &'a str,
    pub with: With,
    /// By which the message is found in the spool.
    pub id: &'a str,
    pub date: Timestamp,
}

impl Trace<'_> {
    /// The header field, with LF line ends.
    pub fn header(&self) -> String {
        let mut text = String::from("Received:");
        if let Some(from) = self.from {
            let _ = write!(text, " from {}", atom(from));
            if let Some(claimed) = self.claimed {
                let _ = write!(text, " (claims to be {})", atom(claimed));
            }
            text.push_str("\n\t");
        } else {
            text.push(' ');
        }
        let date = header_date(self.date);
        let _ =
            writeln!(text, "by {} with {} id {};\n\t{date}", atom(self.by), self.with.name(), atom(self.id));
        text
    }
}

/// How many hops a message has behind it: its Received fields.
pub fn hops(message: &[u8]) -> usize {
    head::fields(message).filter(|field| field.is("Received")).count()
}

/// What is known of a message that is handed in here for the first time.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The sender's address as strangers see it, with a domain.
    pub from: &'a str,
    /// The sender's full name, any text.
    pub full_name: Option<&'a str>,
    /// Without angle brackets; unique, with a domain.
    pub message_id: &'a str,
    pub date: Timestamp,
}

/// The fields among Message-Id, Date and From that the message lacks; empty if none. LF line ends.
pub fn missing_headers(message: &[u8], submission: &Submission) -> String {
    let lacks = |name: &str| !head::fields(message).any(|field| field.is(name));
    let mut text = String::new();
    if lacks("Message-Id") {
        let _ = writeln!(text, "Message-Id: <{}>", submission.message_id);
    }
    if lacks("Date") {
        let _ = writeln!(text, "Date: {}", header_date(submission.date));
    }
    if lacks("From") {
        let _ = match submission.full_name.map(phrase).filter(|name| !name.is_empty()) {
            Some(name) => writeln!(text, "From: {name} <{}>", submission.from),
            None => writeln!(text, "From: {}", submission.from),
        };
    }
    text
}

/// A date as RFC 5322 section 3.3 writes it.
pub(super) fn header_date(date: Timestamp) -> String {
    date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// A word that a stranger gave, made safe to stand in a header: at most 255 characters, none with a meaning there.
fn atom(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_graphic() && !"()<>;,\\\"".contains(c) { c } else { '?' };
    text.chars().take(255).map(safe).collect()
}

/// A full name before an address: quoted, or encoded if it is not ASCII (RFC 2047). Controls are dropped.
fn phrase(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(120).collect();
    let name = name.trim();
    if name.is_ascii() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
        return if name.chars().all(plain) {
            name.to_owned()
        } else {
            format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
        };
    }
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        let mut bytes = [0; 4];
        let hex: String = c.encode_utf8(&mut bytes).bytes().map(|b| format!("={b:02X}")).collect();
        // An encoded word is at most 75 characters, 12 of them frame.
        match words.last_mut().filter(|word| word.len() + hex.len() <= 63) {
            Some(word) => word.push_str(&hex),
            None => words.push(hex),
        }
    }
    let words: Vec<String> = words.into_iter().map(|word| format!("=?utf-8?q?{word}?=")).collect();
    words.join("\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date() -> Timestamp {
        "2026-11-02T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_hop_is_traced() {
        let trace = Trace {
            from: Some("leaf"),
            claimed: None,
            by: "polux.example",
            with: With::Uucp,
            id: "7f3",
            date: date(),
        };
        assert_eq!(
            trace.header(),
            "Received: from leaf\n\tby polux.example with UUCP id 7f3;\n\tMon, 02 Nov 2026 10:00:00 +0000\n"
        );
        let local = Trace { from: None, with: With::Local, ..trace };
        assert!(local.header().starts_with("Received: by polux.example with local id 7f3;\n"));
        let liar = Trace { claimed: Some("bank"), ..trace };
        assert!(liar.header().starts_with("Received: from leaf (claims to be bank)\n"));
    }

    #[test]
    fn a_name_given_by_a_stranger_adds_no_header() {
        let from = "x)\r\nBcc: all\n\n(\"<a>";
        let trace =
            Trace { from: Some(from), claimed: None, by: "h", with: With::Esmtp, id: "1", date: date() };
        let header = trace.header();
        assert_eq!(head::fields(header.as_bytes()).count(), 1);
        assert!(header.starts_with("Received: from x???Bcc:?all?????a?\n"));
    }

    #[test]
    fn hops_are_counted_in_the_headers_alone() {
        let message = b"Received: a\n b\nreceived: c\nSubject: x\n\nReceived: body\n";
        assert_eq!(hops(message), 2);
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let submission = Submission {
            from: "joe@h.example",
            full_name: Some("Joe"),
            message_id: "1@h.example",
            date: date(),
        };
        assert_eq!(
            missing_headers(b"Subject: x\n\n", &submission),
            "Message-Id: <1@h.example>\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nFrom: Joe <joe@h.example>\n"
        );
        assert_eq!(missing_headers(b"date: x\nFROM: y\nMessage-ID: z\n\n", &submission), "");
        let nameless = Submission { full_name: None, ..submission };
        assert!(missing_headers(b"", &nameless).ends_with("\nFrom: joe@h.example\n"));
    }

    #[test]
    fn a_full_name_cannot_break_out() {
        assert_eq!(phrase("Joe \"x\" <a@b>"), "\"Joe \\\"x\\\" <a@b>\"");
        assert_eq!(phrase("Joe\r\nBcc: all"), "\"JoeBcc: all\"");
        assert_eq!(phrase("Zoé"), "=?utf-8?q?=5A=6F=C3=A9?=");
        assert!(phrase(&"é".repeat(100)).lines().all(|line| line.trim().len() <= 75));
    }
}
