//! When to call whom: time windows, the one retry clock, plans of polls; and how large a file may be at which hour.
//!
//! Time strings are those of the Taylor UUCP manual, "Time Strings"; they are read in civil time of the zone that is
//! handed in, and nothing here reads a clock.

mod parse;
mod plan;
mod retry;
mod sizes;
#[cfg(test)]
mod tests;
mod window;

pub use parse::TimeStringError;
pub use plan::{Due, History, NextCall, Plan, Why, next_call};
pub use retry::Retry;
pub use sizes::{SizeLimits, Sizes};
pub use window::Windows;
