//! Dialling again: what became of the last calls decides how long a system, or one of its numbers, is left alone.
//!
//! Exchanges and the laws of many countries limit how often a machine may call a number in vain, and where a person
//! answers it must not call again and again. The defaults lie within what most of the rules allow that Multi-Tech's user guides of
//! the MultiModem BA and BL list by country ("ITU V.25bis country specific information"): a minute between attempts (Belgium),
//! ten attempts at a number that is busy and two at one that answers without a modem (Austria), two hours for a number that is
//! barred (Italy). `docs/schedule.md` has those that are stricter.

use super::retry::later;
use super::{Chance, Hold, Retry};
use crate::fault::CallFailure;
use jiff::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Calls in vain to a number at which no modem was ever met; from the next on it is taken for that of a person.
const FORGIVEN: usize = 2;

/// The waits that are not those of [`super::Plan::retry`], each by the kind of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redial {
    /// After a busy tone.
    pub busy: Retry,
    /// So many busy tones in a row at one number are waited for so; what comes then, as any failure.
    pub busy_attempts: u32,
    /// After a call to a number at which a person answers.
    pub person: Retry,
    /// After so many of these the number is called no more, until somebody asks for it.
    pub person_attempts: u32,
    /// After our modem has said that it does not dial the number yet, and not for how long.
    pub delayed: Retry,
    /// After our modem has said that it does not dial the number any more.
    pub blacklisted: Retry,
    /// After our name or password was not accepted.
    pub login: Retry,
}

impl Default for Redial {
    fn default() -> Redial {
        let always = |wait| Retry { first: wait, factor: 1, max: wait };
        Redial {
            busy: always(MINUTE),
            busy_attempts: 10,
            person: Retry { first: HOUR * 6, factor: 2, max: DAY },
            person_attempts: 3,
            delayed: Retry { first: MINUTE * 2, factor: 2, max: HOUR },
            blacklisted: always(HOUR * 2),
            login: Retry { first: HOUR, factor: 2, max: DAY },
        }
    }
}

/// The last failure of a system, and how often it was so in a row; a busy tone, at that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setback {
    pub kind: CallFailure,
    pub times: u32,
}

/// One call of ours to a number, in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub at: Timestamp,
    /// A modem answered, whatever became of the call then.
    pub connected: bool,
    pub failure: Option<CallFailure>,
}

/// Why a number is not dialled for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub why: Hold,
    /// None: until somebody asks for the call.
    pub until: Option<Timestamp>,
    /// Who asks for it later than this is not kept waiting.
    pub tried: Timestamp,
}

impl Redial {
    /// How long the next call waits after the last one, if there is a rule of its own for that.
    pub(super) fn wait(&self, setback: Option<Setback>, chance: Chance) -> Option<(Duration, Hold)> {
        let Setback { kind, times } = setback?;
        match kind {
            CallFailure::Busy if times <= self.busy_attempts => {
                Some((self.busy.wait_spread(times, chance), Hold::Busy))
            }
            CallFailure::Login => Some((self.login.wait_spread(times, chance), Hold::Login)),
            _ => None,
        }
    }

    /// Whether new work may hurry the next call.
    pub(super) fn hurries(&self, setback: Option<Setback>) -> bool {
        setback.is_none_or(|Setback { kind, times }| match kind {
            CallFailure::Busy => times <= self.busy_attempts,
            kind => kind != CallFailure::Login,
        })
    }

    /// Whether a number is left alone after these calls to it (newest first), and until when.
    pub fn held(&self, past: &[Attempt]) -> Option<Held> {
        let newest = past.first()?;
        let held = |why, until| Held { why, until, tried: newest.at };
        let person = self.person_at(past);
        if person.is_some_and(|(_, times)| times >= self.person_attempts) {
            return Some(held(Hold::GivenUp, None));
        }
        let same = past.iter().take_while(|attempt| attempt.failure == newest.failure).count();
        let times = u32::try_from(same).unwrap_or(u32::MAX);
        let barred = match newest.failure {
            Some(CallFailure::Delayed { seconds }) => {
                let said = seconds.map(|seconds| Duration::from_secs(seconds.into()).min(DAY));
                Some((Hold::Delayed, said.unwrap_or_else(|| self.delayed.wait(times))))
            }
            Some(CallFailure::Blacklisted) => Some((Hold::Blacklisted, self.blacklisted.wait(times))),
            _ => None,
        };
        let barred = barred.map(|(why, wait)| (later(newest.at, wait), why));
        let person = person.map(|(last, times)| (self.person.next(times, last), Hold::Person));
        let (until, why) = [barred, person].into_iter().flatten().max_by_key(|(until, _)| *until)?;
        Some(held(why, Some(until)))
    }

    /// When a person last answered at a number, or seems to have, and how often since a modem did.
    fn person_at(&self, past: &[Attempt]) -> Option<(Timestamp, u32)> {
        let since = || past.iter().take_while(|attempt| !attempt.connected);
        // Where a modem was met before, it will be switched off.
        let met = past.iter().any(|attempt| attempt.connected);
        let voice = since().filter(|attempt| attempt.failure == Some(CallFailure::Voice));
        let in_vain = || {
            since().filter(|attempt| {
                !met && matches!(attempt.failure, Some(CallFailure::NoAnswer | CallFailure::NoCarrier))
            })
        };
        let counted = in_vain().count().saturating_sub(FORGIVEN);
        let all: Vec<_> = voice.chain(in_vain().take(counted)).collect();
        let last = all.iter().map(|attempt| attempt.at).max()?;
        Some((last, u32::try_from(all.len()).unwrap_or(u32::MAX)))
    }
}

/// The number that can be dialled soonest, of those that are held; `None`: there is one that is not.
pub fn soonest_number(held: &[Option<Held>]) -> Option<Held> {
    let all: Option<Vec<Held>> = held.iter().copied().collect();
    let all = all?;
    let tried = all.iter().map(|held| held.tried).max()?;
    let first = all.into_iter().min_by_key(|held| (held.until.is_none(), held.until))?;
    Some(Held { tried, ..first })
}

/// The order in which the numbers of a system are dialled, each given by its place in the configuration and with its past: one
/// that was called in vain goes behind the others for a day, so that all have their turn, and what works goes on being used. A
/// busy tone, which says nothing of a number, counts only up to the next good call; `row` is when the first call since the last
/// good one failed.
pub fn turn_of_numbers(
    redial: &Redial,
    pasts: &[Vec<Attempt>],
    row: Option<Timestamp>,
    now: Timestamp,
) -> Vec<usize> {
    let failed = |past: &Vec<Attempt>| {
        let last = past.first().filter(|attempt| !attempt.connected)?;
        let of_late = later(last.at, DAY) > now && last.failure != Some(CallFailure::Busy);
        (of_late || row.is_some_and(|row| last.at >= row)).then_some(last.at)
    };
    let rank = |past: &Vec<Attempt>| match redial.held(past) {
        Some(Held { until: None, .. }) => 2,
        Some(Held { until: Some(until), .. }) if until > now => 1,
        _ => 0,
    };
    let mut places: Vec<_> =
        pasts.iter().enumerate().map(|(place, past)| ((rank(past), failed(past)), place)).collect();
    places.sort();
    places.into_iter().map(|(_, place)| place).collect()
}
