//! The text of a message, up to its end.

use super::{Awaiting, Server};
use crate::post::mail::dots::{Ends, Unstuffer};
use crate::post::smtp::{Event, Refusal};

/// The text of a message that is coming in.
#[derive(Debug)]
pub(super) struct Text {
    unstuffer: Unstuffer,
    /// Bytes so far, with LF line ends.
    size: u64,
    /// Bytes so far as they came.
    size_on_wire: u64,
    /// Why it will be refused when it has ended; from then on it is dropped.
    refusal: Option<Refusal>,
}

impl Text {
    pub(super) fn new() -> Text {
        Text { unstuffer: Unstuffer::new(Ends::Crlf), size: 0, size_on_wire: 0, refusal: None }
    }

    /// The first reason counts.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
    }
}

pub(super) fn too_large(limit: u64) -> String {
    format!("a message may have {limit} bytes")
}

impl Server {
    /// A piece of message text.
    pub(super) fn text(&mut self, input: &[u8]) {
        let Awaiting::Text(text) = &mut self.awaiting else { return };
        let mut piece = Vec::with_capacity(input.len());
        let progress = text.unstuffer.push(input, &mut piece);
        text.size += piece.len() as u64;
        text.size_on_wire += progress.consumed as u64;
        let had_refusal = text.refusal.is_some();
        if let Some(lone) = text.unstuffer.lone_end() {
            text.refuse(Refusal::new(554, "5.6.0", lone.to_string()));
        }
        let (size, size_on_wire, limit) = (text.size, text.size_on_wire, self.settings.message_max);
        if size > limit {
            text.refuse(Refusal::new(552, "5.3.4", too_large(limit)));
        }
        let refusal = text.refusal.clone();
        match &refusal {
            None if !piece.is_empty() => self.events.push_back(Event::Data(piece)),
            Some(_) if !had_refusal => self.abandon(),
            _ => {}
        }
        if progress.ended {
            self.lines.feed(input.get(progress.consumed..).unwrap_or_default());
            match refusal {
                None => {
                    self.events.push_back(Event::End);
                    self.awaiting = Awaiting::EndAnswer;
                }
                Some(refusal) => {
                    self.awaiting = Awaiting::Command;
                    self.say_refusal(&refusal);
                    self.errors += 1;
                    self.check_errors();
                }
            }
        } else if size_on_wire / 3 > limit {
            // Even a message of empty lines would have been complete: this one is refused already and not worth waiting for.
            self.hang_up("4.3.4", "the message does not end");
        }
    }
}
