//! Writes a batch in pieces.

use crate::post::mail::Envelope;
use crate::post::mail::dots::{Ends, Stuffer};

/// A batch being written. Every step appends to the caller's buffer.
#[derive(Debug)]
pub struct Writer {
    ends: Ends,
}

/// The text of one message being written.
#[derive(Debug)]
pub struct Body {
    stuffer: Stuffer,
}

impl Writer {
    /// Begins a batch; `host` is our own name in mail. [`Ends::Lf`] is what travels by UUCP.
    pub fn new(host: &str, ends: Ends, out: &mut Vec<u8>) -> Writer {
        let writer = Writer { ends };
        writer.line(&["HELO ", host], out);
        writer
    }

    /// Begins a message. An envelope without recipients makes a batch that nobody can read; do not write it.
    pub fn message(&self, envelope: &Envelope, out: &mut Vec<u8>) -> Body {
        self.line(&["MAIL FROM:<", envelope.sender.smtp(), ">"], out);
        for recipient in &envelope.recipients {
            self.line(&["RCPT TO:<", recipient.as_str(), ">"], out);
        }
        self.line(&["DATA"], out);
        Body { stuffer: Stuffer::new(self.ends) }
    }

    /// Ends the batch.
    pub fn finish(self, out: &mut Vec<u8>) {
        self.line(&["QUIT"], out);
    }

    fn line(&self, parts: &[&str], out: &mut Vec<u8>) {
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(self.ends.bytes());
    }
}

impl Body {
    /// The next bytes of the message, with LF line ends.
    pub fn push(&mut self, message: &[u8], out: &mut Vec<u8>) {
        self.stuffer.push(message, out);
    }

    /// Ends the message. True if its last line had no end and was given one: a batch cannot say otherwise.
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        self.stuffer.finish(out)
    }
}
