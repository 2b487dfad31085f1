//! One file on its way out: what was read of it, how far it was sent.

use super::ask::Ask;
use super::outgoing::Source;
use crate::wire::link::{Channel, Link};
use std::time::Instant;

/// How much of a file is read at a time, in bytes: the most that the spool gives at once.
const READ: usize = 256 * 1024;

/// A file that is being sent.
#[derive(Debug)]
pub struct Sender {
    source: Source,
    /// Where the peer wants it to begin.
    start: u64,
    /// The place in the file of the first byte of `waiting`.
    position: u64,
    /// Read, but not sent yet, from `sent` on.
    waiting: Vec<u8>,
    sent: usize,
    /// The place beyond which nothing goes before the verdict has come.
    hold_at: Option<u64>,
}

/// What a sender needs.
#[derive(Debug)]
pub enum Need {
    /// More bytes of the file.
    Bytes(Ask),
    /// Room in the link.
    Room,
    /// The verdict on the file.
    Verdict,
    /// Nothing: the end of the file was sent.
    Nothing,
}

impl Sender {
    pub fn new(source: Source, start: u64) -> Sender {
        Sender { source, start, position: start, waiting: Vec::new(), sent: 0, hold_at: None }
    }

    /// A file of which what stands before `hold_at` goes out before the verdict on it has come; all of it, if there is no
    /// such place.
    pub fn ahead(source: Source, hold_at: Option<u64>) -> Sender {
        Sender { hold_at, ..Sender::new(source, 0) }
    }

    /// Whether nothing more goes before the verdict has come.
    pub fn is_held(&self) -> bool {
        self.hold_at.is_some_and(|place| self.position >= place)
    }

    /// The verdict: the peer wants the file from this place on. True if it goes on from there, and not from where it is.
    pub fn go_on(&mut self, start: u64) -> bool {
        self.hold_at = None;
        let jumps = self.position < start;
        if jumps {
            *self = Sender::new(self.source.clone(), start);
        }
        jumps
    }

    /// Begins again, for a peer that got it damaged.
    pub fn rewind(&mut self) {
        *self = Sender::new(self.source.clone(), self.start);
    }

    /// The place in the file of the next byte to be sent.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Hands the link as much as it has room for.
    pub fn advance(&mut self, now: Instant, link: &mut dyn Link, channel: Channel) -> Need {
        loop {
            if self.is_held() {
                return Need::Verdict;
            }
            let rest = self.waiting.get(self.sent..).unwrap_or_default();
            if rest.is_empty() {
                let (offset, limit) = (self.position, READ);
                match &self.source {
                    Source::Body(job) => {
                        return Need::Bytes(Ask::Read { job: *job, offset, limit });
                    }
                    Source::Opened(slot) => {
                        return Need::Bytes(Ask::ReadOpened { slot: *slot, offset, limit });
                    }
                    Source::Text(text) => {
                        let start = usize::try_from(offset).unwrap_or(usize::MAX);
                        let rest = text.get(start..).unwrap_or_default().to_vec();
                        if !self.take(now, link, channel, rest) {
                            return Need::Nothing;
                        }
                        continue;
                    }
                }
            }
            let before_hold = self.hold_at.map_or(u64::MAX, |place| place - self.position);
            let room = link.room().min(rest.len()).min(usize::try_from(before_hold).unwrap_or(usize::MAX));
            let Some(bytes) = rest.get(..room).filter(|bytes| !bytes.is_empty()) else { return Need::Room };
            link.send_data(now, channel, self.position, bytes);
            self.position += bytes.len() as u64;
            self.sent += room;
        }
    }

    /// The bytes that were asked for. Empty: the file has ended, and its end is sent. Returns whether there may be more.
    pub fn take(&mut self, now: Instant, link: &mut dyn Link, channel: Channel, bytes: Vec<u8>) -> bool {
        let more = !bytes.is_empty();
        if more {
            self.waiting = bytes;
            self.sent = 0;
        } else {
            link.send_data(now, channel, self.position, &[]);
        }
        more
    }
}
