//! When to call whom: time windows, the one retry clock, plans of polls; what calls cost; and how large a file may be at which
//! hour.
//!
//! Time strings are those of the Taylor UUCP manual, "Time Strings"; they are read in civil time of the zone that is
//! handed in, and nothing here reads a clock.

mod contact;
mod cost;
mod parse;
mod plan;
mod polls;
mod redial;
mod retry;
mod sizes;
#[cfg(test)]
mod tests;
mod times;
mod timetable;
mod trust;
mod window;

pub use cost::{Allowance, Band, Budget, Money, MoneyError, NotPaid, Spent, Tariff, month, next_month};
pub use parse::TimeStringError;
pub use plan::{CallFor, Due, History, Hold, NextCall, Plan, Soon, Turn, Waiting, Why, Wished, next_call};
pub use polls::{PollTime, PollTimeError, PollTimes};
pub use redial::{Attempt, Held, Redial, Setback, soonest_number, turn_of_numbers};
pub use retry::{Chance, Retry};
pub use sizes::{SizeLimits, Sizes};
pub use times::{CallHours, Times};
pub use timetable::Timetables;
pub use trust::{ClockWatch, Doubt};
pub use window::Windows;
