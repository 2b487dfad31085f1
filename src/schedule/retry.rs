//! The one retry clock: how long to wait after a failure, growing with their number.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// When to try again. The same clock serves deliveries, calls and redialling, each with its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The wait after the first failure.
    pub first: Duration,
    /// Each further wait is this many times the last one.
    pub factor: u32,
    /// No wait is longer.
    pub max: Duration,
    /// After so many failed attempts there is no next one; `None` never gives up by number.
    pub give_up: Option<u32>,
}

impl Default for Retry {
    /// A minute, doubled up to an hour, for ever.
    fn default() -> Self {
        Retry { first: Duration::from_secs(60), factor: 2, max: Duration::from_secs(3600), give_up: None }
    }
}

impl Retry {
    /// How long to wait after the `failures`-th failure in a row; nothing before the first.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let times = self.factor.checked_pow(doublings);
        times.and_then(|times| self.first.checked_mul(times)).map_or(self.max, |wait| wait.min(self.max))
    }

    /// When the next attempt may be made; `None` when there is to be none.
    pub fn next(&self, failures: u32, last: Timestamp) -> Option<Timestamp> {
        if self.give_up.is_some_and(|limit| failures >= limit) {
            return None;
        }
        let wait = SignedDuration::try_from(self.wait(failures)).unwrap_or(SignedDuration::MAX);
        Some(last.checked_add(wait).unwrap_or(Timestamp::MAX))
    }
}
