//! What crossed the line in one call, written down as it happened: for `uugate trace`, and to be played again as a test.
//!
//! ```text
//! uugate recording 1
//! began 2026-11-23T03:24:30Z
//! node polux
//! line net
//! called leaf                       only if we called
//! connect TCP 127.0.0.1:540         only if the line told
//!
//! 0.000000 > 415444540d             what was said to a modem; only there
//! 0.000120 connected                the line is connected; only after what was said to a modem
//! 0.000120 > 105368657265           seconds since it began; > from us, < from the other end; bytes
//! 0.201033 < *7                     bytes that are not shown
//! 4.120000 cut                      nothing more was written: the file is as large as it may be
//! 5.000201 end in order             how the call ended
//! ```
//!
//! It begins when the line is connected; with a modem, when it dials or when it rings. A call that never was connected has what was
//! said to the modem and nothing else. While somebody logs in, what the caller says is not shown, nor is it where the other end
//! echoes it: a password may be in it.

mod blank;
pub mod drive;
mod heard;
mod prelude;
mod text;

pub use blank::Blanker;
pub use heard::Heard;
pub use prelude::Prelude;

use jiff::Timestamp;
use std::time::Duration;

/// The version that is written; others are not read.
pub const VERSION: u32 = 1;

/// What is known when a call begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    pub began: Timestamp,
    /// Our own name.
    pub node: String,
    pub line: String,
    /// Whom we call; `None`: we were called.
    pub called: Option<String>,
    /// What the line told of the connection.
    pub connect: Option<String>,
}

/// Whose bytes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    Us,
    Them,
}

/// Bytes that were written or read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Since the call began.
    pub at: Duration,
    pub from: From,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// So many bytes that are not shown.
    Blank(usize),
    /// Nothing was said, but from here on what is said is the other end's, and no longer the modem's.
    Connected,
}

/// How a recording ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The call ended so.
    Call { at: Duration, how: String },
    /// The file was full.
    Cut { at: Duration },
    /// The node was gone before the call was over.
    Missing,
}

/// A whole recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub head: Head,
    pub chunks: Vec<Chunk>,
    pub end: End,
}

/// Why a file is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct RecordError {
    /// From 1.
    pub line: usize,
    pub what: &'static str,
}
