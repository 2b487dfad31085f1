//! What a recorded call says: every packet and its meaning, what was sent again, and how long things took.
//!
//! The facts are those of [`crate::wire::link`] and [`crate::wire::session`], whose parsers read the bytes. A recording
//! may be of anything, also of a call that noise tore to pieces: what cannot be understood is told as such.

mod decode;
mod order;
mod print;
mod talk;
#[cfg(test)]
mod tests;

pub use decode::decode;

use jiff::Timestamp;
use serde::Serialize;

/// A whole call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    pub began: Timestamp,
    pub node: String,
    pub line: String,
    /// Whom we called; without it we were called.
    pub called: Option<String>,
    pub connect: Option<String>,
    /// The packet protocol, once it was agreed.
    pub protocol: Option<char>,
    pub items: Vec<Item>,
    /// How the call ended, as far as it is known.
    pub ended: String,
    pub us: Side,
    pub them: Side,
    /// The longest time in which nothing came or went, in microseconds, and when it began.
    pub longest_silence_us: u64,
    pub longest_silence_at_us: u64,
}

/// Whose doing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    Us,
    Them,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Microseconds since the call began.
    pub at_us: u64,
    pub from: Who,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum What {
    /// Text before or after the session.
    Text {
        text: String,
    },
    /// Bytes that the recording does not show.
    Blank {
        bytes: usize,
    },
    /// The line is connected; what was said before, was said to the modem and by it.
    Connected,
    /// A message of the handshake.
    Handshake {
        text: String,
    },
    Packet(Packet),
    /// A packet whose data did not arrive sound.
    Damaged(Packet),
    /// Bytes that begin no packet.
    Noise,
    /// A command or an answer.
    Message {
        channel: Option<String>,
        text: String,
        meaning: String,
    },
    /// The end of a file.
    FileEnd {
        channel: Option<String>,
        bytes: u64,
    },
    /// Bytes of a protocol that is not understood here.
    Stream {
        bytes: usize,
    },
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packet {
    pub name: &'static str,
    pub number: Option<u8>,
    pub ack: Option<u8>,
    pub turn: Option<Turn>,
    pub says: Option<String>,
    /// Bytes of data in it.
    pub bytes: usize,
}

/// How a packet stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// It is the next one.
    Next,
    /// One before it is missing.
    Early,
    /// It is one that was missing.
    Late,
    /// It was here before, or is of no use.
    Again,
}

/// What one side did in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Everything, handshakes included.
    pub bytes: u64,
    pub packets: u64,
    /// Packets that were here before.
    pub again: u64,
    pub damaged: u64,
    pub noise: u64,
    pub files: u64,
    pub file_bytes: u64,
    /// How long its packets waited to be acknowledged, those left out that were sent again.
    pub acknowledged: u64,
    pub ack_least_us: u64,
    pub ack_most_us: u64,
    pub ack_sum_us: u64,
}
