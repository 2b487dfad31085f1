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
}

impl Default for Retry {
    /// A minute, doubled up to an hour.
    fn default() -> Self {
        Retry { first: Duration::from_secs(60), factor: 2, max: Duration::from_secs(3600) }
    }
}

impl Retry {
    /// How long to wait after the `failures`-th failure in a row; nothing before the first.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let times = self.factor.checked_pow(doublings);
        times.and_then(|times| self.first.checked_mul(times)).map_or(self.max, |wait| wait.min(self.max))
    }

    /// The same, up to a quarter longer as chance has it: two systems that met a busy line do not meet again.
    pub fn wait_spread(&self, failures: u32, chance: Chance) -> Duration {
        let wait = self.wait(failures);
        wait + wait / 4 * u32::from(chance.0) / u32::from(u16::MAX)
    }

    /// When the next attempt is to be made.
    pub fn next(&self, failures: u32, last: Timestamp) -> Timestamp {
        later(last, self.wait(failures))
    }
}

/// A moment after another; the last that there is, if that is too far.
pub(super) fn later(from: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    from.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// A throw of dice that falls the same way each time it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chance(u16);

impl Chance {
    /// `whose`: the two ends of the line; `attempt`: the how-manieth.
    pub fn of(whose: &str, attempt: u32) -> Chance {
        let digest = blake3::hash(format!("{attempt} {whose}").as_bytes());
        let [first, second, ..] = *digest.as_bytes();
        Chance(u16::from_be_bytes([first, second]))
    }
}
