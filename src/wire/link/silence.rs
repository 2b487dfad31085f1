//! When a peer that says nothing is asked, and when it is given up: `timeout` and `retries` of every packet protocol.

use super::LinkError;
use std::time::{Duration, Instant};

/// How many timeouts to wait for the peer's CLOSE once ours is out: both have agreed to hang up before.
const CLOSE_RETRIES: u32 = 2;

/// How many times as often as `retries` packets are repeated to a peer that is heard but does not acknowledge them:
/// on a bad line several of them get lost in a row.
const DEAF: u32 = 3;

/// How many times as often as `retries` a peer is asked that answers, while nothing comes through either way: neither end has
/// what the other waits for.
const FRUITLESS: u32 = 10;

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
    /// How often it was asked since something came through.
    fruitless: u32,
}

impl Silence {
    /// `timeout`: how long a silent peer is waited for before it is asked; `retries`: how often it is asked.
    pub fn new(timeout: Duration, retries: u32) -> Self {
        Silence { timeout, retries, heard: None, asked: 0, fruitless: 0 }
    }

    /// Something sound came.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.asked = 0;
    }

    /// A packet came through that was not there before, either way.
    pub fn fruitful(&mut self) {
        self.fruitless = 0;
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
        self.fruitless = self.fruitless.saturating_add(1);
        let retries = if leaving { CLOSE_RETRIES.min(self.retries) } else { self.retries };
        if self.asked <= retries { Patience::Ask } else { Patience::GiveUp }
    }

    /// Whether the peer was asked so often in vain that it must be taken to wait for ever, as we do.
    pub fn is_stalled(&self) -> bool {
        self.fruitless > self.retries.saturating_mul(FRUITLESS)
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

    #[test]
    fn a_peer_that_answers_and_brings_nothing_is_stalled_in_the_end() {
        let now = crate::clock::now();
        let mut silence = Silence::new(Duration::from_secs(10), 3);
        let ask = |silence: &mut Silence| {
            silence.heard(now);
            assert_eq!(silence.passed(now, false), Patience::Ask);
            silence.is_stalled()
        };
        assert!((0..3 * FRUITLESS).all(|_| !ask(&mut silence)));
        silence.fruitful();
        assert!((0..3 * FRUITLESS).all(|_| !ask(&mut silence)));
        assert!(ask(&mut silence));
    }
}
