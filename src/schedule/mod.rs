//! When to call whom: time windows, the one retry clock, and plans of polls.
//!
//! Time strings are those of the Taylor UUCP manual, "Time Strings"; they are read in civil time of the zone that is
//! handed in, and nothing here reads a clock.

mod parse;
mod plan;
mod retry;
#[cfg(test)]
mod tests;
mod window;

pub use parse::TimeStringError;
pub use plan::{Due, History, NextCall, Plan, Why, next_call};
pub use retry::Retry;
pub use window::Windows;
