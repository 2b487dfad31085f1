//! Reads a batch that comes in pieces, keeping one line and one envelope at most.

use super::BatchError;
use crate::post::address::{Address, AddressError};
use crate::post::mail::Envelope;
use crate::post::mail::command::{Command, CommandError};
use crate::post::mail::dots::{Ends, Unstuffer};
use std::collections::VecDeque;

/// Limits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The longest command line, in bytes, with its line end. Room for an address of 512 bytes and its parameters.
    pub line_max: usize,
    /// The most recipients of one message.
    pub recipients_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { line_max: 2048, recipients_max: 10_000 }
    }
}

/// A recipient that is no address. It bounces alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What stood there, cut to 80 characters.
    pub text: String,
    pub error: AddressError,
}

/// What the batch holds, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message begins. `envelope` may be without recipients if all were refused.
    Message { envelope: Envelope, refused: Vec<Refused> },
    /// More of its text, with LF line ends; no larger than the piece that was pushed.
    Data(Vec<u8>),
    /// The message is complete (the batch is not).
    MessageEnd,
}

/// The machine. Push pieces, take all events after each, and keep what they say in a place from which it can be
/// dropped until [`Reader::finish`] returns `Ok`.
#[derive(Debug)]
pub struct Reader {
    settings: Settings,
    /// Settled by the first line.
    ends: Option<Ends>,
    awaiting: Awaiting,
    /// The beginning of a command line that has not ended.
    partial: Vec<u8>,
    /// Lines that have ended.
    lines: u64,
    messages: u64,
    greeted: bool,
    quit: bool,
    events: VecDeque<Event>,
    failed: Option<BatchError>,
}

#[derive(Debug)]
enum Awaiting {
    /// HELO, MAIL, QUIT or the end.
    Mail,
    /// RCPT or DATA.
    Recipients { envelope: Envelope, refused: Vec<Refused> },
    /// The text of a message.
    Text(Unstuffer),
}

impl Reader {
    pub fn new(settings: Settings) -> Reader {
        Reader {
            settings,
            ends: None,
            awaiting: Awaiting::Mail,
            partial: Vec::new(),
            lines: 0,
            messages: 0,
            greeted: false,
            quit: false,
            events: VecDeque::new(),
            failed: None,
        }
    }

    /// Takes the next piece. After an error every further call gives the same error.
    pub fn push(&mut self, input: &[u8]) -> Result<(), BatchError> {
        let mut rest = input;
        while self.failed.is_none() && !rest.is_empty() {
            let step = if matches!(self.awaiting, Awaiting::Text(_)) {
                self.push_text(&mut rest)
            } else {
                self.push_command(&mut rest)
            };
            self.failed = step.err();
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// What was read, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether HELO and QUIT were among its lines.
    pub fn is_framed(&self) -> bool {
        self.greeted && self.quit
    }

    /// The batch has ended. `Ok` with the number of its messages if it is whole.
    pub fn finish(mut self) -> Result<u64, BatchError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // The last command may lack its line end; the dot that ends a message may not, for more could have followed it.
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.lines += 1;
            let line =
                if self.ends == Some(Ends::Crlf) { line.strip_suffix(b"\r").unwrap_or(&line) } else { &line };
            self.command(line)?;
        }
        match self.awaiting {
            Awaiting::Mail => Ok(self.messages),
            Awaiting::Recipients { .. } => Err(BatchError::CutInEnvelope { line: self.lines }),
            Awaiting::Text(_) => Err(BatchError::CutInData { line: self.lines }),
        }
    }

    fn push_command(&mut self, rest: &mut &[u8]) -> Result<(), BatchError> {
        let end = rest.iter().position(|&b| b == b'\n');
        let (piece, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
        *rest = after;
        if self.partial.len() + piece.len() > self.settings.line_max {
            return Err(BatchError::LineTooLong { line: self.lines + 1, limit: self.settings.line_max });
        }
        self.partial.extend_from_slice(piece);
        if end.is_none() {
            return Ok(());
        }
        self.lines += 1;
        let line = std::mem::take(&mut self.partial);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let (line, its_ends) = match line.strip_suffix(b"\r") {
            Some(line) => (line, Ends::Crlf),
            None => (line, Ends::Lf),
        };
        if *self.ends.get_or_insert(its_ends) != its_ends {
            return Err(BatchError::LineEnd { line: self.lines });
        }
        self.command(line)
    }

    fn push_text(&mut self, rest: &mut &[u8]) -> Result<(), BatchError> {
        let Awaiting::Text(unstuffer) = &mut self.awaiting else { return Ok(()) };
        let mut text = Vec::with_capacity(rest.len());
        let progress = unstuffer.push(rest, &mut text);
        let (consumed, after) = rest.split_at(progress.consumed.min(rest.len()));
        *rest = after;
        self.lines += consumed.iter().filter(|&&b| b == b'\n').count() as u64;
        if let Some(lone) = unstuffer.lone_end() {
            return Err(BatchError::LoneEnd { line: self.lines, lone });
        }
        if !text.is_empty() {
            self.events.push_back(Event::Data(text));
        }
        if progress.ended {
            self.awaiting = Awaiting::Mail;
            self.messages += 1;
            self.events.push_back(Event::MessageEnd);
        }
        Ok(())
    }

    /// One whole command line, without its line end.
    fn command(&mut self, line: &[u8]) -> Result<(), BatchError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let number = self.lines;
        let order = |verb| Err(BatchError::Order { line: number, verb });
        let command = match Command::parse(line) {
            Err(CommandError::Recipient { text, error }) => {
                return self.recipient(Err(Refused { text, error }));
            }
            Err(error) => return Err(BatchError::Command { line: number, error }),
            Ok(command) => command,
        };
        let idle = matches!(self.awaiting, Awaiting::Mail);
        match command {
            Command::Noop | Command::Help | Command::Verify | Command::Ignored => Ok(()),
            // With an envelope open, these would lose a message that somebody meant to send.
            Command::Helo(_) | Command::Ehlo(_) if idle => {
                self.greeted = true;
                Ok(())
            }
            Command::Quit if idle => {
                self.quit = true;
                Ok(())
            }
            Command::Helo(_) | Command::Ehlo(_) => order("HELO"),
            Command::Quit => order("QUIT"),
            Command::Reset => {
                self.awaiting = Awaiting::Mail;
                Ok(())
            }
            Command::Mail { sender, .. } if idle => {
                let envelope = Envelope { sender, recipients: Vec::new() };
                self.awaiting = Awaiting::Recipients { envelope, refused: Vec::new() };
                Ok(())
            }
            Command::Mail { .. } => order("MAIL"),
            Command::Rcpt { recipient, .. } => self.recipient(Ok(recipient)),
            Command::Data => self.begin_text(),
            Command::StartTls => order("STARTTLS"),
            Command::Auth { .. } => order("AUTH"),
            Command::Turn(_) => order("ETRN"),
            Command::NotOffered(verb) => order(verb),
        }
    }

    fn recipient(&mut self, recipient: Result<Address, Refused>) -> Result<(), BatchError> {
        let (line, limit) = (self.lines, self.settings.recipients_max);
        let Awaiting::Recipients { envelope, refused } = &mut self.awaiting else {
            return Err(BatchError::Order { line, verb: "RCPT" });
        };
        if envelope.recipients.len() + refused.len() >= limit {
            return Err(BatchError::TooManyRecipients { line, limit });
        }
        match recipient {
            Ok(address) => envelope.recipients.push(address),
            Err(one) => refused.push(one),
        }
        Ok(())
    }

    fn begin_text(&mut self) -> Result<(), BatchError> {
        match std::mem::replace(&mut self.awaiting, Awaiting::Mail) {
            Awaiting::Recipients { envelope, refused }
                if !(envelope.recipients.is_empty() && refused.is_empty()) =>
            {
                self.awaiting = Awaiting::Text(Unstuffer::new(self.ends.unwrap_or(Ends::Lf)));
                self.events.push_back(Event::Message { envelope, refused });
                Ok(())
            }
            _ => Err(BatchError::Order { line: self.lines, verb: "DATA" }),
        }
    }
}
