//! What a job asks for.

use super::{Grade, SystemName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name by which two uugate nodes know one job for ever, in calls and in bundles: the id of the spool
/// that made it and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StableId {
    pub spool: u64,
    pub number: u64,
}

impl fmt::Display for StableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{:x}", self.spool, self.number)
    }
}

/// The id by which users know a job: system, grade, number, as `poluxC002f`.
pub fn shown_id(system: &SystemName, grade: Grade, number: u64) -> String {
    format!("{system}{grade}{number:04x}")
}

/// A program name and its arguments, as they stand in an E command or in the C line of an X. file.
///
/// There they are separated by blanks, without quoting; so no word may be empty or hold a blank or a
/// control character. [`Command::new`] and [`Command::parse`] keep to that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    pub program: String,
    pub arguments: Vec<String>,
}

/// Why words are no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("the command is empty")]
    Empty,
    #[error("a command word holds a blank or control character: {0:?}")]
    Unprintable(String),
}

impl Command {
    pub fn new(program: String, arguments: Vec<String>) -> Result<Command, CommandError> {
        if program.is_empty() {
            return Err(CommandError::Empty);
        }
        let bad =
            |word: &&String| word.is_empty() || word.chars().any(|c| c.is_whitespace() || c.is_control());
        match std::iter::once(&program).chain(&arguments).find(bad) {
            Some(word) => Err(CommandError::Unprintable(word.chars().take(80).collect())),
            None => Ok(Command { program, arguments }),
        }
    }

    /// Reads a command line as it came from a peer.
    pub fn parse(line: &str) -> Result<Command, CommandError> {
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let program = words.next().ok_or(CommandError::Empty)?;
        Command::new(program, words.collect())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// Who is told how an execution went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Notify {
    /// Nobody, even if it fails (`uux -n`, flag N).
    Never,
    /// The requestor, if it fails (`uux -z`, flag Z).
    #[default]
    OnError,
    /// The requestor, however it goes (flag n in an X. file).
    Always,
}

/// A command to run at the other system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execute {
    pub command: Command,
    /// The user who asked (the U line; on the wire the USER field).
    pub user: String,
    /// Where notices go and whom mail is from, if not `user` (`uux -a`, the R line).
    pub requestor: Option<String>,
    pub notify: Notify,
}

/// A file to put at the other system. The content is the job's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// The name that the user gave it here; used there only if `to` is a directory.
    pub from: String,
    /// The name there: absolute, or below the public directory with `~/`.
    pub to: String,
    pub user: String,
    /// Permission bits of the file.
    pub mode: u32,
    /// Make missing directories there (`uucp -d`, the default).
    pub make_directories: bool,
    /// Mail this user there when it has arrived (`uucp -n`).
    pub notify: Option<String>,
}

/// A file to fetch from the other system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// The name there.
    pub from: String,
    /// The name here: absolute, or below the public directory with `~/`.
    pub to: String,
    pub user: String,
    pub make_directories: bool,
}

/// Files to fetch from the other system that are named by a pattern: it looks for them, and sends what it finds in jobs of
/// its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expand {
    /// The pattern there.
    pub from: String,
    /// The directory here.
    pub to: String,
    pub user: String,
    pub make_directories: bool,
}

/// What a job asks of its system. Shown as users read it: `Executing rmail ann`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    Execute(Execute),
    Send(Send),
    Fetch(Fetch),
    Expand(Expand),
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Execute(execute) => write!(f, "Executing {}", execute.command),
            Work::Send(send) => write!(f, "Sending {} to {}", send.from, send.to),
            Work::Fetch(fetch) => write!(f, "Requesting {} to {}", fetch.from, fetch.to),
            Work::Expand(expand) => write!(f, "Requesting {} to {}", expand.from, expand.to),
        }
    }
}

impl Work {
    /// The user who asked.
    pub fn user(&self) -> &str {
        match self {
            Work::Execute(execute) => &execute.user,
            Work::Send(send) => &send.user,
            Work::Fetch(fetch) => &fetch.user,
            Work::Expand(expand) => &expand.user,
        }
    }
}
