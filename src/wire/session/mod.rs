//! A UUCP session: the handshake before the packet protocol, the commands on it, the handshake after it.
//!
//! The machines are pure; `drive` runs them over a stream and a [`Store`]. Source: the Taylor UUCP manual,
//! chapter "UUCP Protocol Internals", section "UUCP Protocol".

pub mod command;
mod drive;
mod error;
pub mod features;
mod permit;
mod progress;
mod quote;

pub use command::Refusal;
pub use drive::Watch;
pub use error::{Denial, SessionError};
pub use features::Features;
pub use permit::Permissions;
pub use progress::Progress;
