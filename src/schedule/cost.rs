//! What calls on a paid line cost, and whether there is money and airtime left for one.
//!
//! A call is paid in steps (by the second, by the minute); each costs what the hour says in which it begins. The month of a
//! call, in civil time, is the one in which it was answered.

use super::window::first_minute;
use super::{Doubt, Windows};
use crate::job::Grade;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use std::fmt;
use std::time::Duration;

/// Money in thousandths of its unit, whatever that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an amount with at most three digits behind the point, as \"0.065\" or \"20\"")]
pub struct MoneyError;

impl Money {
    /// More than a site pays in a month.
    const MOST: u64 = 1_000_000_000;

    fn saturating_sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl std::str::FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Money, MoneyError> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(MoneyError);
        }
        let thousandths = format!("{whole}{part:0<3}").parse::<u64>().map_err(|_| MoneyError)?;
        if thousandths <= Money::MOST { Ok(Money(thousandths)) } else { Err(MoneyError) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// What a minute costs in some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    pub per_minute: Money,
    pub hours: Windows,
}

/// What calls of ours on a line cost. Calls that come in cost nothing, nor do those that are known not to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// The first that is for the hour counts. An hour that none is for costs as the dearest does.
    pub bands: Vec<Band>,
    /// For each call.
    pub connection: Money,
    /// The minutes of a call cost at least so much.
    pub minimum: Money,
    /// What is begun is paid whole: whole seconds, at least one.
    pub step: Duration,
    /// So long before it was connected a call may have been answered: the modems train, or a connection is secured.
    pub training: Duration,
    /// Work that is not urgent waits so long for a cheaper hour.
    pub patience: Duration,
    pub budget: Budget,
}

/// What may be spent on a line in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub money: Option<Money>,
    pub airtime: Option<Duration>,
    /// Of both, so many hundredths are kept for what is urgent.
    pub reserve: u8,
    /// This grade and those that are better.
    pub urgent: Grade,
}

impl Default for Budget {
    /// As much as there is; the best grade, which is also that of calls that somebody asks for by hand, is urgent.
    fn default() -> Self {
        Budget { money: None, airtime: None, reserve: 0, urgent: Grade::BEST }
    }
}

/// What was spent in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    pub money: Money,
    pub airtime: Duration,
}

/// What a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// From the answer to the hang-up.
    pub longest: Duration,
    /// It lives on the reserve: work of a worse grade may not go in it.
    pub worst: Option<Grade>,
}

/// Why there is no call on a paid line now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPaid {
    /// It cannot be said what it would cost.
    Clock(Doubt),
    /// This month's money is used up.
    Money,
    /// The same of its airtime.
    Airtime,
    /// Of one of them the reserve is left, and this grade is not urgent.
    Reserve,
    /// It is cheaper from this moment on.
    Cheaper(Timestamp),
}

impl fmt::Display for NotPaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotPaid::Clock(doubt) => doubt.fmt(f),
            NotPaid::Money => f.write_str("the money of this month is used up"),
            NotPaid::Airtime => f.write_str("the airtime of this month is used up"),
            NotPaid::Reserve => f.write_str("what is left of this month is kept for what is urgent"),
            NotPaid::Cheaper(_) => f.write_str("a cheaper hour begins soon"),
        }
    }
}

/// A call for less is not worth the while: training and login take a minute. And one that comes to nothing may cost as much: it
/// is dialled for 100 s at most, and hung up.
const LEAST_CALL: Duration = Duration::from_secs(120);
/// Modems train for 10 s (V.34) to 30 s (V.90 on a poor line).
const TRAINING: Duration = Duration::from_secs(30);
/// No paid call is longer, whatever else is said.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);
/// So long after it was permitted a call is connected at the latest; a dearer hour may have begun by then.
const DIALLING: Duration = Duration::from_secs(120);
const MINUTE: i64 = 60;

impl Tariff {
    /// Costs nothing, but what is said else: for lines whose airtime alone is counted.
    pub fn free() -> Tariff {
        Tariff {
            bands: Vec::new(),
            connection: Money(0),
            minimum: Money(0),
            step: Duration::from_secs(1),
            training: TRAINING,
            patience: Duration::ZERO,
            budget: Budget::default(),
        }
    }

    /// What a minute costs at a moment.
    pub fn rate_at(&self, moment: &Zoned) -> Money {
        let band = self.bands.iter().find(|band| band.hours.open_at(moment));
        let dearest = || self.bands.iter().map(|band| band.per_minute).max().unwrap_or_default();
        band.map_or_else(dearest, |band| band.per_minute)
    }

    /// What a call costs that was answered at a moment and took so long.
    pub fn cost(&self, answered: &Zoned, length: Duration) -> Money {
        let steps = length.as_nanos().div_ceil(self.step.as_nanos().max(1)).max(1);
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        self.sums(answered).nth(steps - 1).unwrap_or(Money(u64::MAX))
    }

    /// How long a call may take that is answered at a moment, to cost no more than this; at most `most`.
    pub fn affordable(&self, answered: &Zoned, money: Money, most: Duration) -> Duration {
        let most = most.min(LONGEST_CALL);
        let needed = most.as_millis().div_ceil(self.step.as_millis().max(1));
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        let steps = self.sums(answered).take(needed).take_while(|sum| *sum <= money).count();
        self.step.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX)).min(most)
    }

    /// How long a call may take, that has taken so long, without costing any more: the step that was begun, and what is paid
    /// at least. Airtime is never paid before it is used.
    pub fn paid_for(&self, answered: &Zoned, so_far: Duration) -> Duration {
        if self.budget.airtime.is_some() {
            return so_far;
        }
        self.affordable(answered, self.cost(answered, so_far), LONGEST_CALL).max(so_far)
    }

    /// Whether the budget of a whole month is enough for one call in the cheapest hour, beside a reserve of so many hundredths.
    pub fn suffices(&self, reserve: u8) -> Result<(), NotPaid> {
        let cheapest = self.bands.iter().map(|band| band.per_minute).min();
        let bands = cheapest.map(|per_minute| Band { per_minute, hours: Windows::any() });
        let cheap = Tariff { bands: bands.into_iter().collect(), ..self.clone() };
        let moment = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        cheap.longest(&moment, Spent::default(), LEAST_CALL, reserve).map(|_| ())
    }

    /// What a call costs after one step, after two, and so on, for ever.
    fn sums<'t>(&'t self, answered: &'t Zoned) -> impl Iterator<Item = Money> + 't {
        let step = self.step.as_secs().max(1);
        // Thousandths for a minute, times seconds: divided once, at the end, so that nothing is lost on the way.
        let mut sum = 0u128;
        let mut rate = (None, Money(0));
        (0u64..).map(move |number| {
            let into =
                SignedDuration::from_secs(i64::try_from(number.saturating_mul(step)).unwrap_or(i64::MAX));
            let moment = answered.checked_add(into).unwrap_or_else(|_| answered.clone());
            // Hours begin with a minute.
            let minute = Some(moment.timestamp().as_second().div_euclid(MINUTE));
            if rate.0 != minute {
                rate = (minute, self.rate_at(&moment));
            }
            sum += u128::from(rate.1.0) * u128::from(step);
            let minutes = u64::try_from(sum.div_ceil(60)).unwrap_or(u64::MAX);
            Money(self.connection.0.saturating_add(minutes.max(self.minimum.0)))
        })
    }

    /// Whether a call for work of this grade may be placed now, and how long it may be; `most` limits it in any case.
    pub fn permits(
        &self,
        now: &Zoned,
        doubt: Option<Doubt>,
        spent: Spent,
        grade: Grade,
        most: Duration,
    ) -> Result<Allowance, NotPaid> {
        if let Some(doubt) = doubt {
            return Err(NotPaid::Clock(doubt));
        }
        if let Some(cheaper) = self.cheaper(now, grade) {
            return Err(NotPaid::Cheaper(cheaper.timestamp()));
        }
        let connected = SignedDuration::try_from(DIALLING).ok().and_then(|wait| now.checked_add(wait).ok());
        let later = connected.map(|connected| self.allows(&connected, spent, grade, most)).transpose()?;
        let now = self.allows(now, spent, grade, most)?;
        Ok(later.filter(|later| later.longest < now.longest).unwrap_or(now))
    }

    /// What a call may take that was answered at a moment.
    pub fn allows(
        &self,
        answered: &Zoned,
        spent: Spent,
        grade: Grade,
        most: Duration,
    ) -> Result<Allowance, NotPaid> {
        let refused = match self.longest(answered, spent, most, self.budget.reserve) {
            Ok(longest) => return Ok(Allowance { longest, worst: None }),
            Err(refused) => refused,
        };
        if self.budget.reserve == 0 {
            return Err(refused);
        }
        let longest = self.longest(answered, spent, most, 0)?;
        if grade > self.budget.urgent {
            return Err(NotPaid::Reserve);
        }
        Ok(Allowance { longest, worst: Some(self.budget.urgent) })
    }

    fn longest(
        &self,
        answered: &Zoned,
        spent: Spent,
        most: Duration,
        reserve: u8,
    ) -> Result<Duration, NotPaid> {
        let least = LEAST_CALL.min(most);
        let usable = 100 - u64::from(reserve.min(100));
        let mut longest = most;
        if let Some(airtime) = self.budget.airtime {
            let milliseconds = u64::try_from(airtime.as_millis()).unwrap_or(u64::MAX);
            let usable =
                Duration::from_millis(milliseconds / 100 * usable + milliseconds % 100 * usable / 100);
            longest = longest.min(usable.saturating_sub(spent.airtime));
            if longest < least {
                return Err(NotPaid::Airtime);
            }
        }
        if let Some(Money(money)) = self.budget.money {
            let left = Money(money * usable / 100).saturating_sub(spent.money);
            longest = self.affordable(answered, left, longest);
            if longest < least {
                return Err(NotPaid::Money);
            }
        }
        Ok(longest.min(LONGEST_CALL))
    }

    /// The cheaper hour that work of this grade waits for.
    fn cheaper(&self, now: &Zoned, grade: Grade) -> Option<Zoned> {
        if grade <= self.budget.urgent || self.patience.is_zero() {
            return None;
        }
        let end = now.checked_add(SignedDuration::try_from(self.patience).ok()?).ok()?;
        let rate = self.rate_at(now);
        let cheaper = first_minute(now, |moment| *moment > end || self.rate_at(moment) < rate)?;
        (cheaper <= end).then_some(cheaper)
    }
}

/// The civil month of a moment, as `2026-11`: the account that a call goes to.
pub fn month(moment: &Zoned) -> String {
    format!("{:04}-{:02}", moment.year(), moment.month())
}

/// When the next month begins.
pub fn next_month(moment: &Zoned) -> Option<Zoned> {
    let first = moment.date().last_of_month().tomorrow().ok()?;
    first.to_zoned(moment.time_zone().clone()).ok()
}
