//! When a delivery, or an execution, that failed for now is tried again.

use crate::schedule::Retry;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// 1, 4, then every 15 minutes: the reference site's 15 minutes, begun a little quicker, for most hindrances (a
/// locked mailbox) are short. It gives up by age, not by number.
const CLOCK: Retry = Retry { first: Duration::from_secs(60), factor: 4, max: Duration::from_secs(15 * 60) };
/// An execution is given up after 4 days, as the reference site has it for mail.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(4 * 24);

/// What is to be done after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Again { at: Timestamp },
    GiveUp,
}

/// When a delivery is tried again that was tried so often before this attempt. It gives up by another clock, that of its
/// sender ([`super::Patience`]).
pub fn again(attempts: u32, now: Timestamp) -> Timestamp {
    CLOCK.next(attempts.saturating_add(1), now)
}

/// The same for an execution. `attempts` is how often it was tried before this attempt.
pub fn next(accepted: Timestamp, attempts: u32, now: Timestamp) -> Next {
    let age = now.duration_since(accepted);
    if age >= GIVE_UP {
        return Next::GiveUp;
    }
    Next::Again { at: again(attempts, now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_every_quarter_of_an_hour_and_given_up_after_four_days() {
        let accepted = Timestamp::UNIX_EPOCH;
        let (mut now, mut attempts) = (accepted, 0);
        while let Next::Again { at } = next(accepted, attempts, now) {
            if attempts >= 2 {
                assert_eq!(at.duration_since(now), SignedDuration::from_mins(15));
            }
            (now, attempts) = (at, attempts + 1);
        }
        let hours = |at: Timestamp| at.duration_since(accepted).as_hours();
        assert_eq!(hours(now), 96);
    }
}
