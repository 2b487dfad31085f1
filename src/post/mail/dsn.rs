//! Delivery reports: what the sender is told of mail that did not arrive. RFC 3464 in a multipart/report (RFC 6522).
//!
//! A report goes out with the null sender, so that it is never answered by another; and the null sender gets none.

use super::received::header_date;
use super::{Sender, head};
use crate::post::address::Address;
use jiff::Timestamp;
use std::fmt::Write;

/// Above this size, in bytes, a report carries only the headers of the message: what a slow line can bear twice.
pub const WHOLE_MAX: usize = 20_000;
/// At most this much, in bytes, of what a remote program said goes into a report.
const DIAGNOSTIC_MAX: usize = 1000;

/// Who gets a report about mail from this sender; nobody for the null sender.
pub fn report_to(sender: &Sender) -> Option<&Address> {
    sender.address()
}

/// What happened to a recipient: RFC 3464 section 2.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Failed,
    /// Not delivered yet; attempts go on.
    Delayed,
    Delivered,
    /// It went on to where nothing more is heard of it.
    Relayed,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
        }
    }
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub recipient: Address,
    /// What the sender had called it, with its type in front: ORCPT of RFC 3461, as xtext.
    pub original: Option<String>,
    pub action: Action,
    /// Three numbers, such as `5.1.1`: RFC 3463.
    pub status: String,
    /// What happened, in words; may quote a remote program.
    pub diagnostic: String,
    /// Of a delay: how long it is tried.
    pub retried_until: Option<Timestamp>,
}

/// One report.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Our own name in mail.
    pub host: &'a str,
    pub to: &'a Address,
    /// Unique, without angle brackets; with a domain.
    pub message_id: &'a str,
    pub date: Timestamp,
    /// When the message came in here.
    pub arrived: Timestamp,
    pub outcomes: &'a [Outcome],
    /// The message, or as much of its beginning as holds its headers.
    pub message: &'a [u8],
    /// `message` is all of it. If it is also short enough, the report carries it whole.
    pub whole: bool,
    /// What the sender calls the message: ENVID of RFC 3461, as xtext.
    pub envid: Option<&'a str>,
    /// It does not carry it whole in any case.
    pub only_headers: bool,
    /// It carries it whole however long it is, if `message` is all of it.
    pub all: bool,
}

/// What a report is about, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Failure,
    Delay,
    Success,
}

impl Report<'_> {
    /// The text of the report, with LF line ends. Its envelope has the null sender.
    pub fn text(&self) -> Vec<u8> {
        let has = |action| self.outcomes.iter().any(|outcome| outcome.action == action);
        let about = match (has(Action::Failed), has(Action::Delayed)) {
            (true, _) => About::Failure,
            (false, true) => About::Delay,
            (false, false) => About::Success,
        };
        // RFC 3461, section 4.3: what arrived is never sent back whole.
        let carries_all = self.whole
            && !self.only_headers
            && about != About::Success
            && (self.all || self.message.len() <= WHOLE_MAX);
        let header = self.message.get(..head::length(self.message)).unwrap_or_default();
        let original = if carries_all { self.message } else { header };
        let boundary = self.boundary(original);
        let encoding = if original.is_ascii() { "7bit" } else { "8bit" };

        let mut text = String::new();
        let _ = self.write_headers(&mut text, about, &boundary, encoding);
        let _ = self.write_words(&mut text, about, &boundary, carries_all);
        let _ = self.write_status(&mut text, &boundary);
        let kind = if carries_all { "message/rfc822" } else { "text/rfc822-headers" };
        let _ =
            write!(text, "\n--{boundary}\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(original);
        if !original.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(format!("\n--{boundary}--\n").as_bytes());
        bytes
    }

    fn write_headers(
        &self,
        text: &mut String,
        about: About,
        boundary: &str,
        encoding: &str,
    ) -> std::fmt::Result {
        let subject = match about {
            About::Failure => "Undelivered mail",
            About::Delay => "Delayed mail (still trying)",
            About::Success => "Delivered mail",
        };
        writeln!(text, "Message-Id: <{}>", self.message_id)?;
        writeln!(text, "Date: {}", header_date(self.date))?;
        writeln!(text, "From: Mail Delivery <MAILER-DAEMON@{}>", self.host)?;
        writeln!(text, "To: <{}>", self.to)?;
        writeln!(text, "Subject: {subject}\nAuto-Submitted: auto-replied\nMIME-Version: 1.0")?;
        writeln!(
            text,
            "Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"{boundary}\""
        )?;
        writeln!(text, "Content-Transfer-Encoding: {encoding}")
    }

    fn write_words(&self, text: &mut String, about: About, boundary: &str, whole: bool) -> std::fmt::Result {
        write!(text, "\n--{boundary}\nContent-Type: text/plain; charset=us-ascii\n\n")?;
        writeln!(text, "This is the mail system at {}.\n", self.host)?;
        writeln!(
            text,
            "{}",
            match about {
                About::Failure => "Your message could not be delivered to:",
                About::Delay =>
                    "Your message is not delivered yet; delivery will be tried again. You need not send it again.",
                About::Success => "You asked to be told when your message has arrived:",
            }
        )?;
        for outcome in self.outcomes {
            writeln!(text, "\n  <{}>", outcome.recipient)?;
            writeln!(text, "    {}", one_line(&outcome.diagnostic))?;
        }
        let part = if whole { "The message" } else { "Its headers" };
        writeln!(text, "\n{part} can be found below, after a report for programs.")
    }

    fn write_status(&self, text: &mut String, boundary: &str) -> std::fmt::Result {
        write!(text, "\n--{boundary}\nContent-Type: message/delivery-status\n\n")?;
        if let Some(envid) = self.envid {
            writeln!(text, "Original-Envelope-Id: {}", one_line(&plain(envid)))?;
        }
        writeln!(text, "Reporting-MTA: dns; {}", self.host)?;
        writeln!(text, "Arrival-Date: {}", header_date(self.arrived))?;
        for outcome in self.outcomes {
            writeln!(text)?;
            if let Some(original) = &outcome.original {
                writeln!(text, "Original-Recipient: {}", one_line(&plain(original)))?;
            }
            writeln!(text, "Final-Recipient: rfc822; {}", outcome.recipient)?;
            writeln!(text, "Action: {}", outcome.action.name())?;
            writeln!(text, "Status: {}", one_line(&outcome.status))?;
            writeln!(text, "Diagnostic-Code: x-uugate; {}", one_line(&outcome.diagnostic))?;
            writeln!(text, "Last-Attempt-Date: {}", header_date(self.date))?;
            if let Some(until) = outcome.retried_until {
                writeln!(text, "Will-Retry-Until: {}", header_date(until))?;
            }
        }
        Ok(())
    }

    /// A boundary that the original does not hold.
    fn boundary(&self, original: &[u8]) -> String {
        let id: String = self.message_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        let mut number = 0_u64;
        loop {
            let boundary = format!("report-{id}-{number}");
            // The original is finite, so a number that it does not hold comes soon.
            if !original.windows(boundary.len()).any(|part| part == boundary.as_bytes()) {
                return boundary;
            }
            number += 1;
        }
    }
}

/// The text that an xtext stands for: `+` and two hexadecimal digits are a byte (RFC 3461, section 4). What is none stays.
fn plain(xtext: &str) -> String {
    let mut pieces = xtext.split('+');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let coded = piece.split_at_checked(2).and_then(|(digits, rest)| {
            let byte = u8::from_str_radix(digits, 16).ok()?;
            Some((char::from(byte), rest))
        });
        match coded {
            Some((byte, rest)) => {
                text.push(byte);
                text.push_str(rest);
            }
            None => text.push_str(&format!("+{piece}")),
        }
    }
    text
}

/// What a stranger said, as one line of printable ASCII.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    let line: String = text.lines().collect::<Vec<_>>().join(" / ");
    line.chars().take(DIAGNOSTIC_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::{MessageParser, MimeHeaders};

    fn outcome(recipient: &str, diagnostic: &str) -> Outcome {
        Outcome {
            recipient: Address::parse(recipient).unwrap(),
            original: None,
            action: Action::Failed,
            status: "5.1.1".to_owned(),
            diagnostic: diagnostic.to_owned(),
            retried_until: None,
        }
    }

    fn report(message: &[u8], whole: bool, outcomes: &[Outcome]) -> String {
        let to = Address::parse("joe@leaf.example").unwrap();
        let date = "2026-11-02T10:00:00Z".parse().unwrap();
        let report = Report {
            host: "polux.example",
            to: &to,
            message_id: "1.7@polux.example",
            date,
            arrived: date,
            outcomes,
            message,
            whole,
            envid: Some("env+0D+0Ax+1+2B"),
            only_headers: false,
            all: false,
        };
        String::from_utf8_lossy(&report.text()).into_owned()
    }

    #[test]
    fn the_null_sender_gets_no_report() {
        assert_eq!(report_to(&Sender::Null), None);
        assert_eq!(report_to(&Sender::parse("far!MAILER-DAEMON").unwrap()), None);
        assert!(report_to(&Sender::parse("joe").unwrap()).is_some());
    }

    #[test]
    fn a_report_has_three_parts_that_a_mail_program_reads() {
        let outcomes = [outcome("nobody@polux.example", "no such user here"), outcome("a!b!bob", "no route")];
        let text = report(b"Subject: hello\n\n\xe9 body\n", true, &outcomes);
        let parsed = MessageParser::default().parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.parts.len(), 4);
        assert_eq!(parsed.content_type().unwrap().attribute("report-type"), Some("delivery-status"));
        assert!(
            text.contains("\nFinal-Recipient: rfc822; nobody@polux.example\nAction: failed\nStatus: 5.1.1\n")
        );
        assert!(text.contains("\n\nOriginal-Envelope-Id: env / x+1+\nReporting-MTA: "), "{text}");
        assert!(text.contains("\nFinal-Recipient: rfc822; a!b!bob\n"));
        assert!(
            text.contains(
                "\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: hello\n"
            )
        );
        assert!(text.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn a_large_or_cut_message_is_returned_by_its_headers() {
        let mut message = b"Subject: big\nX: y\n\n".to_vec();
        message.resize(WHOLE_MAX + 1, b'z');
        for (message, whole) in [(message.as_slice(), true), (&b"Subject: big\nX: y\n\nzz"[..], false)] {
            let text = report(message, whole, &[outcome("x", "y")]);
            assert!(text.contains("\nContent-Type: text/rfc822-headers\n"));
            assert!(text.contains("\n\nSubject: big\nX: y\n\n--report-"));
            assert!(!text.contains("zz"));
        }
    }

    #[test]
    fn what_a_remote_program_said_stays_data() {
        let said =
            "550 no\r\nBcc: all\n--report-17poluxexample-0\n\u{1b}[2J".to_owned() + &"x".repeat(1_000_000);
        let text = report(b"A: b\n\n--report-17poluxexample-0\n", true, &[outcome("x", &said)]);
        assert!(!text.contains("\nBcc: all"));
        assert!(!text.contains('\u{1b}'));
        assert!(text.len() < 10_000);
        assert!(text.contains("boundary=\"report-17poluxexample-1\""));
    }
}
