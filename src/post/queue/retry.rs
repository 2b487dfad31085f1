//! When a delivery, or an execution, that failed for now is tried again, and when its sender hears of it.

use crate::schedule::Retry;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// 1, 4, then every 15 minutes: the reference site's 15 minutes, begun a little quicker, for most hindrances (a
/// locked mailbox) are short. It gives up by age, not by number.
const CLOCK: Retry = Retry { first: Duration::from_secs(60), factor: 4, max: Duration::from_secs(15 * 60) };
/// The sender hears of the delay after 4 h: the customary `delay_warning_time`.
const WARN: SignedDuration = SignedDuration::from_hours(4);
/// Given up after 4 days, as the reference site has it.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(4 * 24);

/// What is to be done after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Again { at: Timestamp, warn: bool },
    GiveUp,
}

/// `attempts` is how often it was tried before this attempt.
pub fn next(accepted: Timestamp, attempts: u32, now: Timestamp) -> Next {
    let age = now.duration_since(accepted);
    if age >= GIVE_UP {
        return Next::GiveUp;
    }
    let at = CLOCK.next(attempts.saturating_add(1), now);
    Next::Again { at, warn: age >= WARN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_every_quarter_of_an_hour_and_given_up_after_four_days() {
        let accepted = Timestamp::UNIX_EPOCH;
        let (mut now, mut attempts, mut first_warning) = (accepted, 0, None);
        while let Next::Again { at, warn } = next(accepted, attempts, now) {
            if warn && first_warning.is_none() {
                first_warning = Some(now);
            }
            if attempts >= 2 {
                assert_eq!(at.duration_since(now), SignedDuration::from_mins(15));
            }
            (now, attempts) = (at, attempts + 1);
        }
        let hours = |at: Timestamp| at.duration_since(accepted).as_hours();
        assert_eq!(hours(now), 96);
        assert_eq!(first_warning.map(hours), Some(4));
    }
}
