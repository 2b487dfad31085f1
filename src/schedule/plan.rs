//! Whom to call next, when, and why.

use super::retry::later;
use super::{Chance, Held, PollTimes, Redial, Retry, Setback, Times, Windows};
use crate::job::Grade;
use jiff::{Timestamp, Zoned};
use std::time::Duration;

/// After so many failures a system is called once a day: Taylor UUCP manual, "When to Call", `max-retries`.
const MAX_RETRIES: u32 = 26;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a call back is waited for. The line has to be free for it, so nothing but an urgent wish is a reason to call
/// meanwhile.
const CALL_BACK: Duration = Duration::from_secs(10 * 60);

/// A line that another program has is tried again at least so often.
const LINE_TAKEN: Duration = Duration::from_secs(10 * 60);

/// How a system is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When it may be called at all, and for what.
    pub times: Times,
    /// Call it so long after the last call began, work or no work; `None` only calls when there is a reason.
    pub every: Option<Duration>,
    /// And at these times of the day.
    pub at: PollTimes,
    /// Which waiting work is a reason to call.
    pub call_for: Vec<CallFor>,
    /// After failed calls.
    pub retry: Retry,
    /// After failures that have waits of their own.
    pub redial: Redial,
    /// After so many of them, once a day.
    pub max_retries: u32,
    /// After a good call there is none for so long.
    pub success_wait: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            times: Windows::any().into(),
            every: None,
            at: PollTimes::default(),
            call_for: Vec::new(),
            retry: Retry::default(),
            redial: Redial::default(),
            max_retries: MAX_RETRIES,
            success_wait: Duration::ZERO,
        }
    }
}

/// Work of a grade or better is a reason to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFor {
    pub worst: Grade,
    pub soon: Soon,
}

/// How soon work that waits is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soon {
    AtOnce,
    /// So long after the last call at the earliest.
    Every(Duration),
    /// Once so many bytes wait.
    After(u64),
}

/// What has happened with a system so far, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// When the last call (ours or theirs) began.
    pub last: Option<Timestamp>,
    /// Calls of ours that failed since the last good one. One that was never dialled has not.
    pub failures: u32,
    /// What the last of them was.
    pub setback: Option<Setback>,
    /// None of the numbers of the system may be dialled now.
    pub held: Option<Held>,
    /// Somebody wishes a call.
    pub wish: Option<Wished>,
    /// Since the last call it was to be called so often in vain, the last time then: another program had the line.
    pub line_taken: Option<(Timestamp, u32)>,
    /// In the last call the other end said that it would call back.
    pub calls_back: bool,
    /// The work that waits, a grade each.
    pub work: Vec<Waiting>,
    /// Of the wait after the last failure.
    pub chance: Chance,
}

/// A wish for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wished {
    pub since: Timestamp,
    pub grade: Grade,
    /// It does not care for the retry clock: somebody knows that it will go well now.
    pub at_once: bool,
    /// [`Why::Wish`], or [`Why::Size`].
    pub why: Why,
}

/// Work of one grade that waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub grade: Grade,
    pub oldest: Timestamp,
    pub youngest: Timestamp,
    pub bytes: u64,
}

/// Why a call is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked for it.
    Wish,
    /// The hour has come for work that was too large.
    Size,
    /// Work waits that is called for.
    Work,
    /// The last one failed.
    Retry,
    /// It was not called for so long.
    Poll,
    /// It is a time of the day at which it is called.
    PollTime,
}

impl Why {
    /// The words for reports.
    pub fn words(self) -> &'static str {
        match self {
            Why::Wish => "a call was asked for",
            Why::Size => "work waits that was too large for the hours before",
            Why::Work => "work waits for it",
            Why::Retry => "the last call failed",
            Why::Poll => "it is time for a poll",
            Why::PollTime => "it is called at this time of the day",
        }
    }
}

/// What a call that there is a reason for has waited for, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The wait after a failed call.
    Retry,
    /// After too many failed calls there is one a day.
    OnceADay,
    /// The wait after a good call.
    SuccessWait,
    /// The other end has said that it calls back.
    CallBack,
    /// Another program had the line.
    LineTaken,
    /// The legal pause after a busy tone.
    Busy,
    /// A person answers at the number, or nobody with a modem, which to a person is the same.
    Person,
    /// That has happened so often that the number is called no more.
    GivenUp,
    /// Our modem does not dial the number yet.
    Delayed,
    /// The same, without an end that it knows.
    Blacklisted,
    /// Our name or password was not accepted.
    Login,
    /// The hours in which it may be called.
    Times,
}

impl Hold {
    /// The words for reports, behind "for".
    pub fn words(self) -> &'static str {
        match self {
            Hold::Retry => "the last call failed a short while ago",
            Hold::OnceADay => "so many calls have failed that it is called once a day",
            Hold::SuccessWait => "the last good call is a short while ago",
            Hold::CallBack => "it has said that it calls back",
            Hold::LineTaken => "another program had the line a short while ago",
            Hold::Busy => "the number was busy a short while ago",
            Hold::Person => "a person answers there, or nobody with a modem",
            Hold::GivenUp => {
                "a person answers there, or nobody with a modem; it is called again once somebody asks by hand (uugate poll)"
            }
            Hold::Delayed => "the modem does not dial the number again yet",
            Hold::Blacklisted => "the modem has put the number on its list of those that failed",
            Hold::Login => "the other end did not accept our name or password",
            Hold::Times => "it may not be called at an earlier hour",
        }
    }
}

/// When a call is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// From this moment on (which may have passed).
    At(Timestamp),
    /// It would be due, but no hour comes in which it may be called.
    Never,
}

/// The next call of one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCall {
    pub due: Due,
    pub why: Why,
    /// The best grade that it is for.
    pub grade: Grade,
    /// What put it off last; `None`: it is due as soon as there is the reason.
    pub held: Option<Hold>,
}

/// The order in which systems that are due get the lines: who never was called, who is due longest, who was called longest ago. A
/// system is never due from before its last call on; so of those that wait, each is passed at most once by each other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    due: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Turn {
    pub fn new(due: Timestamp, last: Option<Timestamp>) -> Turn {
        Turn { due: last.map(|_| due), last }
    }
}

/// A reason to call from a moment on.
#[derive(Debug, Clone, Copy)]
struct Reason {
    from: Timestamp,
    why: Why,
    grade: Grade,
    held: Option<Hold>,
    at_once: bool,
}

/// When the system is to be called next, and why; `None`: there is no reason to.
///
/// A wish that is newer than the last failed call shows new interest: it waits only for the first step of the retry clock, or, if
/// it is to be at once, for nothing. An older one has been tried, and is patient, as is work. No interest makes a wrong password
/// right, a person into a modem, or an eleventh redial legal: there only a wish that is to be at once hurries.
pub fn next_call(now: &Zoned, plan: &Plan, history: &History) -> Option<NextCall> {
    let put_off = |reason| plan.put_off(now, history, reason);
    let calls: Vec<NextCall> = plan.reasons(now, history).into_iter().map(put_off).collect();
    let moment = |next: &NextCall| match next.due {
        Due::At(moment) => moment,
        Due::Never => Timestamp::MAX,
    };
    // One call is for all that is due by now, and may cost what the most urgent of it is worth.
    let due = calls.iter().filter(|next| moment(next) <= now.timestamp());
    let grade = due.map(|next| next.grade).min();
    let next = *calls.iter().min_by_key(|next| moment(next))?;
    Some(NextCall { grade: grade.unwrap_or(next.grade), ..next })
}

impl Plan {
    fn reasons(&self, now: &Zoned, history: &History) -> Vec<Reason> {
        let wish = history.wish.map(|wish| Reason {
            from: wish.since,
            why: wish.why,
            grade: wish.grade,
            held: None,
            at_once: wish.at_once,
        });
        if let Some(last) = history.last.filter(|_| history.failures > 0) {
            let fresh = wish.filter(|wish| wish.from > last);
            return vec![self.again(now, history, last, fresh)];
        }
        let mut reasons: Vec<Reason> = wish.into_iter().collect();
        reasons.extend(self.call_for.iter().filter_map(|rule| self.work(rule, history)));
        let poll = |from, why| Reason { from, why, grade: self.times.worst(), held: None, at_once: false };
        match history.last {
            Some(last) => {
                reasons.extend(self.every.map(|every| poll(later(last, every), Why::Poll)));
                let next = self.at.next(&last.to_zoned(now.time_zone().clone()));
                reasons.extend(next.map(|next| poll(next.timestamp(), Why::PollTime)));
            }
            // Who is polled and never was is called at once.
            None if self.every.is_some() => reasons.push(poll(now.timestamp(), Why::Poll)),
            None if self.at != PollTimes::default() => reasons.push(poll(now.timestamp(), Why::PollTime)),
            None => {}
        }
        reasons
    }

    /// The next call after one that failed; `wish` is newer than that.
    fn again(&self, now: &Zoned, history: &History, last: Timestamp, wish: Option<Reason>) -> Reason {
        let fixed = self.times.retry_at(&last.to_zoned(now.time_zone().clone()));
        let (wait, held) = match (self.redial.wait(history.setback, history.chance), fixed) {
            (Some((wait, _)), Some(fixed)) if fixed > wait => (fixed, Hold::Retry),
            (Some(ruled), _) => ruled,
            (None, Some(fixed)) => (fixed, Hold::Retry),
            (None, None) => (self.retry.wait_spread(history.failures, history.chance), Hold::Retry),
        };
        let too_often = history.failures >= self.max_retries;
        if let Some(wish) = wish.filter(|wish| wish.at_once || self.redial.hurries(history.setback)) {
            let first = later(last, self.retry.first.min(wait));
            if wish.at_once || (!too_often && wish.from >= first) {
                return wish;
            }
            if !too_often {
                return Reason { from: first, held: Some(Hold::Retry), ..wish };
            }
        }
        let worst_called_for = self.call_for.iter().map(|rule| rule.worst).max();
        let called_for =
            history.work.iter().map(|work| work.grade).filter(|grade| Some(*grade) <= worst_called_for);
        let grade = called_for.chain(history.wish.map(|wish| wish.grade)).min();
        let (wait, held) = if too_often { (wait.max(DAY), Hold::OnceADay) } else { (wait, held) };
        Reason {
            from: later(last, wait),
            why: Why::Retry,
            grade: grade.unwrap_or_else(|| self.times.worst()),
            held: Some(held),
            at_once: false,
        }
    }

    /// When waiting work is a reason to call. What a good call has left is not called for over and over: it waits as long as
    /// after failures.
    fn work(&self, rule: &CallFor, history: &History) -> Option<Reason> {
        let fitting = || history.work.iter().filter(|work| work.grade <= rule.worst);
        let grade = fitting().map(|work| work.grade).min()?;
        let oldest = fitting().map(|work| work.oldest).min()?;
        let youngest = fitting().map(|work| work.youngest).max()?;
        let bytes = fitting().fold(0u64, |sum, work| sum.saturating_add(work.bytes));
        let from = match (rule.soon, history.last) {
            (Soon::After(enough), _) if bytes < enough => return None,
            (Soon::Every(wait), Some(last)) => oldest.max(later(last, wait)),
            (_, Some(last)) if youngest <= last => later(last, self.retry.max),
            (Soon::After(_), _) => youngest,
            (_, Some(last)) if oldest <= last => youngest,
            _ => oldest,
        };
        Some(Reason { from, why: Why::Work, grade, held: None, at_once: false })
    }

    /// Puts a call off for whatever stands against it.
    fn put_off(&self, now: &Zoned, history: &History, reason: Reason) -> NextCall {
        let Reason { mut from, why, grade, mut held, at_once } = reason;
        let urgent = at_once && Some(from) > history.last;
        if let Some(last) = history.last.filter(|_| !urgent) {
            let waits = [
                (Hold::SuccessWait, self.success_wait, history.failures == 0),
                (Hold::CallBack, CALL_BACK, history.calls_back),
            ];
            for (hold, wait, _) in waits.into_iter().filter(|(.., holds)| *holds) {
                let until = later(last, wait);
                if until > from {
                    (from, held) = (until, Some(hold));
                }
            }
        }
        if let Some((tried, times)) =
            history.line_taken.filter(|(tried, _)| !(at_once && reason.from > *tried))
        {
            let until = later(tried, self.retry.wait(times).min(LINE_TAKEN));
            if until > from {
                (from, held) = (until, Some(Hold::LineTaken));
            }
        }
        if let Some(number) = history.held.filter(|held| !(at_once && reason.from > held.tried)) {
            match number.until {
                None => return NextCall { due: Due::Never, why, grade, held: Some(number.why) },
                Some(until) if until > from => (from, held) = (until, Some(number.why)),
                Some(_) => {}
            }
        }
        let earliest = from.max(now.timestamp()).to_zoned(now.time_zone().clone());
        let due = match self.times.next_open(grade, &earliest) {
            None => {
                held = Some(Hold::Times);
                Due::Never
            }
            // Inside the hours the true moment counts, so that what is overdue longest goes first.
            Some(open) if open == earliest => Due::At(from),
            Some(open) => {
                held = Some(Hold::Times);
                Due::At(open.timestamp())
            }
        };
        NextCall { due, why, grade, held }
    }
}
