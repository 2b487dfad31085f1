//! The largest file that may go, by the hours of the week: Taylor UUCP manual, "File Transfer Control".

use super::Windows;
use super::window::{DAY, first_minute};
use jiff::Zoned;
use jiff::civil::Weekday;

/// Limits of size, each for its hours. Of several for the same hour the smallest counts, as Taylor UUCP 1.07 was seen to have it;
/// for an hour that none is for there is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SizeLimits(Vec<(u64, Windows)>);

impl SizeLimits {
    /// Sizes in bytes.
    pub fn new(limits: Vec<(u64, Windows)>) -> SizeLimits {
        SizeLimits(limits)
    }

    /// The largest file that may go at this moment; `None`: any.
    pub fn at(&self, moment: &Zoned) -> Option<u64> {
        self.least(|windows| windows.open_at(moment))
    }

    /// The largest file that may go at any time; `None`: any.
    pub fn ever(&self) -> Option<u64> {
        let minutes =
            Weekday::Sunday.cycle_forward().take(7).flat_map(|day| (0..DAY).map(move |at| (day, at)));
        let mut most = 0;
        for (day, minute) in minutes {
            most = most.max(self.least(|windows| windows.open_on(day, minute))?);
        }
        Some(most)
    }

    fn least(&self, is_open: impl Fn(&Windows) -> bool) -> Option<u64> {
        self.0.iter().filter(|(_, windows)| is_open(windows)).map(|(size, _)| *size).min()
    }

    /// The first moment from `from` on at which so large a file may go.
    pub fn next(&self, size: u64, from: &Zoned) -> Option<Zoned> {
        first_minute(from, |moment| self.at(moment).is_none_or(|most| size <= most))
    }

    /// Sizes that are treated alike at every hour: more than the first number, and at most the second (`None`: all above).
    pub fn classes(&self) -> Vec<(u64, Option<u64>)> {
        let mut sizes: Vec<u64> = self.0.iter().map(|(size, _)| *size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let next = sizes.iter().copied().skip(1).map(Some).chain([None]);
        sizes.iter().copied().zip(next).collect()
    }
}

/// The limits of a system, by who placed the call and who asked for the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Our calls: what we ask for (`call-local-size`), and what the other end does (`call-remote-size`).
    pub call_local: SizeLimits,
    pub call_remote: SizeLimits,
    /// Its calls.
    pub called_local: SizeLimits,
    pub called_remote: SizeLimits,
}

impl Sizes {
    /// What we ask for, in a call that we placed or not.
    pub fn local(&self, caller: bool) -> &SizeLimits {
        if caller { &self.call_local } else { &self.called_local }
    }

    /// What the other end asks for.
    pub fn remote(&self, caller: bool) -> &SizeLimits {
        if caller { &self.call_remote } else { &self.called_remote }
    }

    /// The largest file that we may ask for at any time, whoever calls; `None`: any.
    pub fn local_ever(&self) -> Option<u64> {
        Some(self.call_local.ever()?.max(self.called_local.ever()?))
    }

    /// The same of the other end.
    pub fn remote_ever(&self) -> Option<u64> {
        Some(self.call_remote.ever()?.max(self.called_remote.ever()?))
    }
}
