//! Hours of the week in which something is allowed.

use jiff::civil::{Time, Weekday};
use jiff::{SignedDuration, Zoned};

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;
/// How far ahead the next opening is looked for, in minutes: a week and a day, so that the earlier hours of this
/// weekday count, and a clock change in between.
const HORIZON: i64 = 8 * DAY as i64;

/// One day's hours: from `start` up to, not including, `end`, in minutes since midnight, `start < end <= DAY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hours {
    pub(super) day: Weekday,
    pub(super) start: u16,
    pub(super) end: u16,
}

/// The hours of a time string.
///
/// As in the manual's examples, a range that crosses midnight means the two ends of each of its days, not the night
/// that follows it: `Wk2305-0855` is Monday to Friday, before 08:55 and from 23:05 on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    hours: Vec<Hours>,
}

impl Windows {
    /// Every hour of every day: the string `Any`.
    pub fn any() -> Self {
        let days = Weekday::Sunday.cycle_forward().take(7);
        Windows { hours: days.map(|day| Hours { day, start: 0, end: DAY }).collect() }
    }

    /// No hour at all: the string `Never`.
    pub fn never() -> Self {
        Windows::default()
    }

    pub(super) fn of(hours: Vec<Hours>) -> Self {
        Windows { hours }
    }

    pub(super) fn hours(&self) -> Vec<Hours> {
        self.hours.clone()
    }

    /// Whether this moment is inside a window.
    pub fn open_at(&self, moment: &Zoned) -> bool {
        self.open_on(moment.weekday(), minute_of_day(moment.time()))
    }

    pub(super) fn open_on(&self, day: Weekday, minute: u16) -> bool {
        self.hours.iter().any(|hours| hours.day == day && (hours.start..hours.end).contains(&minute))
    }

    /// The first moment from `from` on that is inside a window: `from` itself if it is, else the beginning of a
    /// minute; `None` if none ever comes.
    pub fn next_open(&self, from: &Zoned) -> Option<Zoned> {
        if self.hours.is_empty() {
            return None;
        }
        first_minute(from, |moment| self.open_at(moment))
    }
}

/// The first moment from `from` on at which something is so: `from` itself, or the beginning of a minute.
pub(super) fn first_minute(from: &Zoned, is_so: impl Fn(&Zoned) -> bool) -> Option<Zoned> {
    // Minute by minute of real time, so that days of 23 and 25 hours need no rule of their own; a week of minutes
    // is looked through in about a millisecond.
    if is_so(from) {
        return Some(from.clone());
    }
    let into_minute = SignedDuration::new(i64::from(from.second()), from.subsec_nanosecond());
    let minute = from.checked_sub(into_minute).ok()?;
    (1..=HORIZON).filter_map(|ahead| minute.checked_add(SignedDuration::from_mins(ahead)).ok()).find(is_so)
}

fn minute_of_day(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}
