//! The control socket: how commands reach the daemon.
//!
//! A unix socket that everybody may open; the credentials of the peer say who asks. See [`crate::frames`] for how
//! messages look: the client sends its version and its request, then the body, if the request has one; the server answers
//! with one message. After a relay was granted both sides send bytes as they please, and an end when they have no more.
//! What may be asked is in [`super::verbs`], what is answered in [`super::report`].

mod client;
mod error;
mod server;

pub use client::{Client, Counting, Watching};
pub use error::ControlError;
pub use server::{Server, ServerSettings};

use super::report::Report;
use super::verbs::Request;
use crate::fault::Fault;
use crate::wire::station::CallEvent;
use serde::{Deserialize, Serialize};

const _: () = assert!(crate::frames::LONGEST_CHUNK <= crate::spool::CHUNK, "the spool takes a frame at once");

/// The version of the messages; both ends say theirs.
pub const VERSION: u32 = 1;

/// What a client says first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Question {
    version: u32,
    /// Kept as it is until the version is known to be ours.
    request: serde_json::Value,
}

/// What a client says first, as it writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Asked<'a> {
    version: u32,
    request: &'a Request,
}

/// What the server says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Report(Report),
    Refused(Fault),
    /// Another version is spoken here.
    Version(u32),
    /// A relay is granted: bytes of a line follow, both ways.
    Relay,
    /// Events follow, until one side goes away.
    Watching,
    Event(Box<CallEvent>),
    /// A call by hand is counted until the client says no more; it may take so long.
    Counting {
        milliseconds: u64,
    },
}

#[cfg(test)]
mod tests;
