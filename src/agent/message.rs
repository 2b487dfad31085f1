//! What crosses the agent's socket.
//!
//! A connection is one session for one user. The daemon opens it with an [`Opening`], the only thing that root reads of
//! it; whatever follows is between the daemon and a child that is the user already: a [`Request`], with a body where it
//! needs one, and its [`Answer`], and so on until the daemon has no more to ask.

use super::{Ended, Facts, Task};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The longest opening, in bytes: a name and a word.
pub const LONGEST_OPENING: usize = 256;

/// Whom a session is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Opening {
    /// As the password file has it; the agent looks it up again.
    pub user: String,
    pub kind: Kind,
}

/// What a session is for. Each has no more rights than it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The mailbox of the user, with the group that its directory may need.
    Mailbox,
    /// Other files.
    Files,
    /// Programs.
    Program,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The beginning of a file.
    Read { path: PathBuf, limit: usize },
    /// Lock a mailbox, or another file, and say where an append begins.
    Open { path: PathBuf },
    /// A body follows: append it to what is open, and give it free.
    Append,
    /// What became of an append? A body follows: its bytes, if they are known.
    Recover(Begun),
    /// A body follows: the message for the program.
    Run(Task),
}

/// What was begun before a crash; see [`crate::mailbox::Appended`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Begun {
    pub path: PathBuf,
    pub device: u64,
    pub inode: u64,
    pub at: u64,
    pub bytes_are_known: bool,
    pub length: u64,
    pub digest: [u8; 32],
    pub ids: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    Refused(Fault),
    /// The same may be asked again soon.
    Busy(Fault),
    /// There is no such file.
    Nothing,
    /// The bytes of the file follow.
    Seen {
        size: u64,
        facts: Facts,
        links: u64,
        directories: Vec<Facts>,
    },
    Place {
        device: u64,
        inode: u64,
        length: u64,
        separator: String,
    },
    Appended,
    Whole,
    Cut,
    Found(Vec<String>),
    Ended(Ended),
}
