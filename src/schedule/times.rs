//! When a system may be called, and for what: Taylor UUCP manual, "When to Call", `time` and `timegrade`.

use super::Windows;
use crate::job::Grade;
use jiff::Zoned;
use std::time::Duration;

/// Hours in which a system may be called for work of a grade or better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallHours {
    pub windows: Windows,
    /// The worst grade that is a reason to call, and that goes in the call.
    pub worst: Grade,
    /// The wait after a call that was placed in these hours and failed; `None`: it grows from failure to failure.
    pub retry: Option<Duration>,
}

/// All the hours of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times(Vec<CallHours>);

impl From<Windows> for Times {
    /// Hours for work of every grade.
    fn from(windows: Windows) -> Times {
        Times(vec![CallHours { windows, worst: Grade::WORST, retry: None }])
    }
}

impl Times {
    pub fn new(hours: Vec<CallHours>) -> Times {
        Times(hours)
    }

    /// The worst grade that may go at this moment; `None`: no call at all.
    pub fn worst_at(&self, moment: &Zoned) -> Option<Grade> {
        self.open_at(moment).map(|hours| hours.worst).max()
    }

    /// The worst grade that may go at any time. Whoever calls for no work in particular waits for its hours.
    pub fn worst(&self) -> Grade {
        self.0.iter().map(|hours| hours.worst).max().unwrap_or(Grade::WORST)
    }

    /// The first moment from `from` on at which work of this grade is a reason to call; `None`: none ever comes.
    pub fn next_open(&self, grade: Grade, from: &Zoned) -> Option<Zoned> {
        let fitting = self.0.iter().filter(|hours| grade <= hours.worst);
        fitting.filter_map(|hours| hours.windows.next_open(from)).min()
    }

    /// The fixed wait after a call that was placed at this moment and failed; the longest, if there are several.
    pub fn retry_at(&self, moment: &Zoned) -> Option<Duration> {
        self.open_at(moment).filter_map(|hours| hours.retry).max()
    }

    fn open_at(&self, moment: &Zoned) -> impl Iterator<Item = &CallHours> {
        self.0.iter().filter(move |hours| hours.windows.open_at(moment))
    }
}
