//! The directors: what becomes of a name at this site.
//!
//! They are asked in the order of the HOWTO's `directors` file, and the first that knows the name decides:
//!
//! 1. an alias, of the configuration and then of each alias file;
//! 2. a user, by way of his `~/.forward` or the `Forward to ` line of his mailbox, else into the mailbox;
//!    `postmaster` and `mailer-daemon` always have one;
//! 3. `real-NAME`: the mailbox of that user, whatever he forwards;
//! 4. a mailing list, `owner-LIST`, `LIST-request`.
//!
//! What a name stands for are [members](Member); each is an address that is routed anew, a mailbox, a file of further
//! members, or a program or file, as far as the file that names it is trusted ([`permission`]) and the configuration allows it.
//! Files are not read here: what must be known is asked for ([`Need`]), and the walk goes on when it was told.

pub mod aliases;
pub mod command;
pub mod list;
mod local;
mod member;
mod need;
pub mod permission;

pub use member::Member;
pub use need::{Answer, FIRST_LINE_MAX, Found, FoundAlias, LIST_MAX, Need, Reader, User, Wanted};

pub(super) use local::{Directed, Expansion, Grant, Local};
pub(super) use need::{Known, Pause};

use command::Command;
use permission::Trust;
use std::path::{Component, Path, PathBuf};

/// What the configuration says of the directors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Alias files, the first that has a name counts.
    pub alias_files: Vec<PathBuf>,
    /// A directory with one file a mailing list, and `owner` and `request` below it.
    pub lists: Option<PathBuf>,
    /// The users of the configuration have their homes in this directory, each by his name.
    pub homes: Option<PathBuf>,
    /// Whether `~/.forward` is looked at.
    pub forward_files: bool,
    /// Whether a first line `Forward to a,b` of a mailbox is looked for: another look at a file for each message.
    pub forward_to: bool,
    /// Programs that a trusted file may name, by absolute path.
    pub programs: Vec<PathBuf>,
    /// Files that a trusted file may name: a path, or with a `/` at its end all below it; `~/` is the home of each user.
    pub files: Vec<String>,
    /// What stands below these may name neither programs nor files.
    pub unsafe_directories: Vec<PathBuf>,
    /// The uid that we run as, to whom the mailboxes of the configuration's users belong.
    pub own_uid: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            alias_files: Vec::new(),
            lists: None,
            homes: None,
            forward_files: true,
            forward_to: false,
            programs: Vec::new(),
            files: Vec::new(),
            unsafe_directories: Vec::new(),
            own_uid: 0,
        }
    }
}

impl Settings {
    /// Why a program or a file is not used that a member names, if so: it stands in a file of this trust, whose user has this home.
    pub fn objection(&self, member: &Member, home: Option<&Path>, trust: Trust) -> Option<String> {
        let (what, key, is_allowed) = match member {
            Member::Pipe(command) => {
                let is_allowed = self.allowed_command(command).is_some();
                (format!("program {}", command.program), "programs", is_allowed)
            }
            Member::File(path) => {
                let is_allowed = self.allowed_file(path, home).is_some();
                (format!("file {}", path.display()), "files", is_allowed)
            }
            _ => return None,
        };
        match (is_allowed, trust) {
            (true, Trust::Full) => None,
            (true, Trust::Addresses) => {
                Some(format!("{what} is not used, for only addresses count where it stands"))
            }
            (false, _) => Some(format!("{what} is not used, for it is not among the `{key}` of [directors]")),
        }
    }

    /// The command with the path of the allowed program that it means, if one is: the whole path, or its last part.
    fn allowed_command(&self, command: &Command) -> Option<Command> {
        let path = Path::new(&command.program);
        let is_meant = |allowed: &&PathBuf| {
            *allowed == path || !command.program.contains('/') && allowed.file_name() == path.file_name()
        };
        let program = self.programs.iter().find(is_meant)?.to_str()?.to_owned();
        Some(Command { program, arguments: command.arguments.clone() })
    }

    /// The absolute path of a file that a member names, if it is allowed.
    fn allowed_file(&self, path: &Path, home: Option<&Path>) -> Option<PathBuf> {
        let is_plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        let in_home = |path: &Path| Some(home?.join(path.strip_prefix("~").ok()?));
        let path = if path.starts_with("~") { in_home(path)? } else { path.to_owned() };
        // What climbs up is below nothing.
        if !path.components().all(is_plain) || !path.is_absolute() {
            return None;
        }
        let is_meant = |allowed: &String| {
            let place = Path::new(allowed);
            let place = if place.starts_with("~") { in_home(place) } else { Some(place.to_owned()) };
            place.is_some_and(|place| match allowed.ends_with('/') {
                true => path.starts_with(&place) && path != place,
                false => path == place,
            })
        };
        self.files.iter().any(is_meant).then_some(path)
    }
}
