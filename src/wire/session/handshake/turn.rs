//! What one end has said last, to be said again if noise has spoiled it: so often, and no more.

use std::time::{Duration, Instant};

/// How often the same words are said again.
const MOST: u8 = 3;

/// After so long without an answer that makes sense the called side says its words again, on a line that may spoil them. Far longer
/// than a caller takes to answer: Taylor UUCP would not know what to make of a second `Shere`.
const PATIENCE: Duration = Duration::from_secs(10);

/// The words of one turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    words: Vec<u8>,
    again: u8,
    since: Option<Instant>,
}

impl Turn {
    pub(super) fn new(now: Instant, words: Vec<u8>) -> Turn {
        Turn { words, again: 0, since: Some(now) }
    }

    /// The words, if they may be said once more.
    pub(super) fn again(&mut self, now: Instant) -> Option<&[u8]> {
        if self.again >= MOST {
            return None;
        }
        self.again += 1;
        self.since = Some(now);
        Some(&self.words)
    }

    /// When they are to be said again, if nothing has answered them.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.filter(|_| self.again < MOST).map(|since| since + PATIENCE)
    }
}
