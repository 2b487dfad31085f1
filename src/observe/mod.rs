//! Logging, the fields of spans, and what keeps foreign bytes and secrets out of logs.

mod printable;
mod secret;
mod setup;
pub mod span;

pub use printable::printable;
pub use secret::Secret;
pub use setup::{Format, LogError, LogSettings, init};
