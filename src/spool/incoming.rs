//! What came from a peer: receipts, partial files, executions.

use super::{BodyId, BodyRef, Claim, NewNotice};
use crate::job::{Digest, Execute, StableId, SystemName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What makes an offer the same offer when it comes again: everything that the peer says of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub peer: SystemName,
    /// The TEMP field of S or E, if it is a real spool name.
    pub temp: String,
    /// The size told, in bytes.
    pub size: Option<u64>,
    pub user: String,
    /// The destination of an S, the command of an E.
    pub command: String,
    /// The digest of the whole, told by uugate peers alone.
    pub digest: Option<Digest>,
}

/// A file that has begun to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    pub body: BodyId,
    /// Bytes that are safe on disk.
    pub offset: u64,
}

/// The input of an execution that came as an X. file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// No standard input.
    Nothing,
    /// A D. file from the same peer that has come or will come.
    Spooled(String),
}

/// What has arrived whole.
#[derive(Debug, Clone)]
pub enum ArrivalKind {
    /// An E command: run this with the body as input.
    Execution(Execute),
    /// A D. file; it waits for its X. file. Never overwritten while it waits.
    Data { name: String },
    /// An X. file, parsed, and the D. file that it wants; it runs when both are there.
    ExecutionFile { name: String, execute: Execute, input: Input },
    /// An X. file that cannot be carried out: it is put aside, and who asked is told.
    Unusable { name: String, reason: String, notice: Option<NewNotice> },
    /// A file for the file system, at a path that was permitted already.
    File { to: String, mode: u32, make_directories: bool, notify: Option<String> },
    /// The same, for our own user, who asked the peer for it.
    Fetched { to: String, mode: u32, make_directories: bool },
}

/// A whole file from a peer, to be kept before we say CY.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub identity: Identity,
    /// Told by uugate peers alone.
    pub stable: Option<StableId>,
    pub kind: ArrivalKind,
    pub body: BodyId,
    pub received: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Kept; a receipt in doubt was written.
    Kept,
    /// It had come before (an in-doubt receipt with the same name, size and digest, or a known stable id); the new copy was dropped.
    Already,
    /// It is not what its digest says; it was dropped, and has to come again.
    Damaged,
}

/// What is to be done with something that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    Run(Execute),
    /// Put the body at a path.
    Place {
        to: String,
        mode: u32,
        make_directories: bool,
        notify: Option<String>,
        user: String,
        /// The user is one of ours, and not of the peer.
        #[serde(default)]
        fetched: bool,
    },
}

/// An execution that is due.
#[derive(Debug, Clone)]
pub struct Execution {
    pub claim: Claim,
    /// Who sent it; our own name for `uux` to ourselves.
    pub peer: SystemName,
    pub task: Task,
    pub body: Option<BodyRef>,
    pub received: Timestamp,
    /// How often it was begun before; counted when it is claimed.
    pub attempts: u32,
}
