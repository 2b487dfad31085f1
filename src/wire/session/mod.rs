//! A UUCP session: the handshake before the packet protocol, the commands on it, the handshake after it.
//!
//! The machines are pure; `drive` runs them over a stream and a [`Store`]. Source: the Taylor UUCP manual,
//! chapter "UUCP Protocol Internals", section "UUCP Protocol".

pub mod ahead;
mod ask;
pub mod command;
mod drive;
mod error;
pub mod features;
pub mod handshake;
mod incoming;
mod machine;
mod message;
mod naming;
mod outgoing;
mod permit;
mod profile;
mod progress;
mod receiving;
mod seal;
mod sender;
#[cfg(test)]
mod tests;

pub use ask::{Ask, Ending, Expansion, JobKey, Kind, Offer, OutgoingJob, Reply, Slot, Verdict};
pub use command::{Refusal, Rest};
pub use drive::{Committed, Ended, Failure, Opened, Store, Watch, run};
pub use error::{Denial, SessionError};
pub use features::Features;
pub use handshake::drive::{Gate, Opening, shake};
pub use handshake::{Admission, Introduction};
pub use machine::{Machine, Step, Tally};
pub use permit::{Permissions, SpoolName, goes_to_spool, public_path, real_temp, spool_name};
pub use profile::{Packets, Profile};
pub use progress::Progress;
