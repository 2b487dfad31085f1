//! Whom to call next, when, and why.

use super::{Retry, Windows};
use jiff::{SignedDuration, Timestamp, Zoned};
use std::time::Duration;

/// How a system is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When it may be called at all.
    pub windows: Windows,
    /// Call it so long after the last call began, work or no work; `None` only calls when there is a reason.
    pub every: Option<Duration>,
    /// After failed calls.
    pub retry: Retry,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { windows: Windows::any(), every: None, retry: Retry::default() }
    }
}

/// What has happened with a system so far, and what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// When the last call (ours or theirs) began.
    pub last: Option<Timestamp>,
    /// Calls of ours that failed since the last good one.
    pub failures: u32,
    /// Since when somebody wishes a call.
    pub wished: Option<Timestamp>,
    /// The wish does not care for the retry clock: somebody knows that it will go well now.
    pub at_once: bool,
    /// In the last call the other end said that it would call back.
    pub calls_back: bool,
}

/// How long a call back is waited for. The line has to be free for it, so nothing but an urgent wish is a reason to call
/// meanwhile.
const CALL_BACK: Duration = Duration::from_secs(10 * 60);

/// Why a call is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody, or work in the spool, asked for it.
    Wish,
    /// The last one failed.
    Retry,
    /// It is time for a poll.
    Poll,
}

impl Why {
    /// The words for reports.
    pub fn words(self) -> &'static str {
        match self {
            Why::Wish => "a call was asked for",
            Why::Retry => "the last call failed",
            Why::Poll => "it is time for a poll",
        }
    }
}

/// When a call is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// From this moment on (which may have passed).
    At(Timestamp),
    /// It would be due, but no window opens.
    NoWindow,
    /// Too many calls failed in a row; a new wish is needed.
    GivenUp,
}

/// The next call of one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCall {
    pub due: Due,
    pub why: Why,
}

/// When the system is to be called next, and why; `None`: there is no reason to.
///
/// A wish that is newer than the last failed call shows new interest, also after giving up: it waits only for the first
/// step of the retry clock, or, if it is to be at once, for nothing. An older one has been tried, and is patient.
pub fn next_call(now: &Zoned, plan: &Plan, history: &History) -> Option<NextCall> {
    let after = |last: Timestamp, wait: Duration| {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        last.checked_add(wait).unwrap_or(Timestamp::MAX)
    };
    let failed = history.last.filter(|_| history.failures > 0);
    let (moment, why) = match (history.wished, failed) {
        (Some(wished), None) => (wished, Why::Wish),
        (Some(wished), Some(last)) if wished > last => {
            let first = after(last, plan.retry.first);
            (if history.at_once { wished } else { first.max(wished) }, Why::Wish)
        }
        (_, Some(last)) => match plan.retry.next(history.failures, last) {
            Some(moment) => (moment, Why::Retry),
            // A poll that is regular goes on at its own pace.
            None => match plan.every {
                Some(every) => (after(last, every.max(plan.retry.max)), Why::Poll),
                None => return Some(NextCall { due: Due::GivenUp, why: Why::Retry }),
            },
        },
        (None, None) => match (plan.every?, history.last) {
            (every, Some(last)) => (after(last, every), Why::Poll),
            (_, None) => (now.timestamp(), Why::Poll),
        },
    };
    let urgent = history.at_once && history.wished > history.last;
    let awaited = history.last.filter(|_| history.calls_back && !urgent);
    let moment = awaited.map_or(moment, |last| moment.max(after(last, CALL_BACK)));
    let earliest = moment.max(now.timestamp()).to_zoned(now.time_zone().clone());
    let due = match plan.windows.next_open(&earliest) {
        None => Due::NoWindow,
        // Inside the window the true moment counts, so that what is overdue longest goes first.
        Some(open) if open == earliest => Due::At(moment),
        Some(open) => Due::At(open.timestamp()),
    };
    Some(NextCall { due, why })
}
