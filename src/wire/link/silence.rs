//! When a peer that says nothing is asked, and when it is given up: `timeout` and `retries` of every packet protocol.

use super::LinkError;
use std::time::{Duration, Instant};

/// How many timeouts to wait for the peer's CLOSE once ours is out: both have agreed to hang up before.
const CLOSE_RETRIES: u32 = 2;

/// How many times as often as `retries` packets are repeated to a peer that is heard but does not acknowledge them:
/// on a bad line several of them get lost in a row.
const DEAF: u32 = 3;

/// What to do about a silent peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Ask,
    GiveUp,
}

/// How long the peer has been silent.
#[derive(Debug)]
pub struct Silence {
    timeout: Duration,
    retries: u32,
    /// When the last sound packet came, or was last asked for.
    heard: Option<Instant>,
    asked: u32,
}

impl Silence {
    /// `timeout`: how long a silent peer is waited for before it is asked; `retries`: how often it is asked.
    pub fn new(timeout: Duration, retries: u32) -> Self {
        Silence { timeout, retries, heard: None, asked: 0 }
    }

    /// Something sound came.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.asked = 0;
    }

    /// When the peer has been silent for too long. As long as the line takes new packets from us (the last at
    /// `last_new`), the peer may be waiting for more of them.
    pub fn deadline(&self, last_new: Option<Instant>) -> Option<Instant> {
        self.heard.map(|heard| heard.max(last_new.unwrap_or(heard)) + self.timeout)
    }

    /// The deadline has come. `leaving`: our CLOSE is out, and nothing else is awaited.
    pub fn passed(&mut self, now: Instant, leaving: bool) -> Patience {
        self.heard = Some(now);
        self.asked += 1;
        let retries = if leaving { CLOSE_RETRIES.min(self.retries) } else { self.retries };
        if self.asked <= retries { Patience::Ask } else { Patience::GiveUp }
    }

    /// Whether packets were repeated so often (`unanswered`) that the peer must be taken to be deaf.
    pub fn is_deaf(&self, unanswered: u32) -> bool {
        unanswered > self.retries.saturating_mul(DEAF)
    }

    /// The peer fell silent.
    pub fn error(&self, protocol: char) -> LinkError {
        LinkError::Silent { protocol, retries: self.retries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_asked_and_then_given_up() {
        let begin = crate::clock::now();
        let second = Duration::from_secs(1);
        let mut silence = Silence::new(second * 10, 3);
        assert_eq!(silence.deadline(None), None);
        silence.heard(begin);
        assert_eq!(silence.deadline(None), Some(begin + second * 10));
        assert_eq!(silence.deadline(Some(begin + second)), Some(begin + second * 11));
        let now = begin + second * 10;
        assert!((0..3).all(|_| silence.passed(now, false) == Patience::Ask));
        assert_eq!(silence.passed(now, false), Patience::GiveUp);
        silence.heard(now);
        assert!((0..CLOSE_RETRIES).all(|_| silence.passed(now, true) == Patience::Ask));
        assert_eq!(silence.passed(now, true), Patience::GiveUp);
    }
}
