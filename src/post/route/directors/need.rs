//! What routing must be told by whoever reads files and knows the users, and what was told so far.

use super::aliases::Alias;
use super::permission::{Seen, Trust};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The largest list, forward file or included file, in bytes: a thousand addresses and as many comments.
pub const LIST_MAX: usize = 256 * 1024;
/// How much of a mailbox is looked at for `Forward to `, in bytes.
pub const FIRST_LINE_MAX: usize = 4096;

/// A local user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    pub name: String,
    pub uid: u32,
    /// Where his `.forward` is; without one he has none.
    pub home: Option<PathBuf>,
    pub mailbox: PathBuf,
}

/// In whose name a file is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// Our own: a file of the configuration.
    Site,
    /// What this user may not read is not read for him.
    User(User),
}

/// A file that must be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    pub path: PathBuf,
    pub reader: Reader,
    /// The most bytes of it.
    pub limit: usize,
}

/// Something that must be known before routing goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// What this name, in lower case, stands for in the alias files.
    Alias(String),
    /// The user of the system of this name, in lower case. Accounts of the system itself, as root and daemon, are none: they have
    /// mail by an alias alone.
    User(String),
    File(Wanted),
}

/// The answer to a need. An error is one that passes: the recipient cannot be routed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Alias(String, Result<Option<FoundAlias>, String>),
    User(String, Result<Option<User>, String>),
    File(Wanted, Result<Found, String>),
}

/// An alias of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAlias {
    pub file: PathBuf,
    pub alias: Alias,
    pub trust: Trust,
}

/// What became of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Seen(Seen),
    /// There is none.
    Absent,
    /// It is there and is not read, and that will not change by itself: a symbolic link, a device, no permission.
    Refused(String),
}

/// Why routing cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::post::route) enum Pause {
    Need(Need),
    /// What was needed cannot be known now.
    Later(String),
}

/// What was told so far.
#[derive(Debug, Default)]
pub(in crate::post::route) struct Known {
    aliases: BTreeMap<String, Result<Option<FoundAlias>, String>>,
    users: BTreeMap<String, Result<Option<User>, String>>,
    files: BTreeMap<Wanted, Result<Found, String>>,
}

impl Known {
    pub fn tell(&mut self, answer: Answer) {
        match answer {
            Answer::Alias(name, found) => drop(self.aliases.insert(name, found)),
            Answer::User(name, found) => drop(self.users.insert(name, found)),
            Answer::File(wanted, found) => drop(self.files.insert(wanted, found)),
        }
    }

    pub fn alias(&self, name: &str) -> Result<Option<&FoundAlias>, Pause> {
        let found = self.aliases.get(name).ok_or_else(|| Pause::Need(Need::Alias(name.to_owned())))?;
        found.as_ref().map(Option::as_ref).map_err(|why| Pause::Later(why.clone()))
    }

    pub fn user(&self, name: &str) -> Result<Option<&User>, Pause> {
        let found = self.users.get(name).ok_or_else(|| Pause::Need(Need::User(name.to_owned())))?;
        found.as_ref().map(Option::as_ref).map_err(|why| Pause::Later(why.clone()))
    }

    pub fn file(&self, wanted: Wanted) -> Result<&Found, Pause> {
        match self.files.get(&wanted) {
            Some(found) => found.as_ref().map_err(|why| Pause::Later(why.clone())),
            None => Err(Pause::Need(Need::File(wanted))),
        }
    }
}
