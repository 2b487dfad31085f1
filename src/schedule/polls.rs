//! Times of the day at which a system is called, work or no work.
//!
//! Such a time comes once a day, whatever the clock does: one that summer time skips comes an hour later, and of two that
//! are the same the first counts.

use super::parse::days;
use jiff::Zoned;
use jiff::civil::{Time, Weekday};
use nom::Parser;
use nom::combinator::all_consuming;
use nom::multi::many1;

/// `06:00` every day, or `Wk 06:00` on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollTime {
    days: Vec<Weekday>,
    time: Time,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no time of the day; write it like 06:00, or with its days like Wk 06:00 or SaSu 09:30")]
pub struct PollTimeError {
    pub text: String,
}

impl std::str::FromStr for PollTime {
    type Err = PollTimeError;

    fn from_str(text: &str) -> Result<Self, PollTimeError> {
        let failed = || PollTimeError { text: text.to_owned() };
        let (on, at) = text.split_once(' ').unwrap_or(("Any", text));
        let (_, lists) = all_consuming(many1(days)).parse(on).map_err(|_| failed())?;
        let digits = |text: &str| {
            let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i8>().ok().filter(|_| fits)
        };
        let (hour, minute) = at.trim_start().split_once(':').ok_or_else(failed)?;
        let (hour, minute) = digits(hour).zip(digits(minute)).ok_or_else(failed)?;
        let time = Time::new(hour, minute, 0, 0).map_err(|_| failed())?;
        Ok(PollTime { days: lists.into_iter().flatten().collect(), time })
    }
}

/// All such times of a system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollTimes(Vec<PollTime>);

impl PollTimes {
    pub fn new(times: Vec<PollTime>) -> PollTimes {
        PollTimes(times)
    }

    /// The first of them that is later than a moment.
    pub fn next(&self, after: &Zoned) -> Option<Zoned> {
        // A week, and this day again.
        let dates = std::iter::successors(Some(after.date()), |date| date.tomorrow().ok()).take(8);
        let coming = |date: jiff::civil::Date| {
            let times = self.0.iter().filter(move |poll| poll.days.contains(&date.weekday()));
            let moments = times
                .filter_map(move |poll| date.to_datetime(poll.time).to_zoned(after.time_zone().clone()).ok());
            moments.filter(|moment| moment > after).min()
        };
        dates.filter_map(coming).next()
    }
}
