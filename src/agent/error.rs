//! How work in the name of a user fails.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::mailbox::MailboxError;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// This process may act for itself alone.
    #[error("{} belongs to uid {wanted}, and this process can act for uid {own} alone", path.display())]
    OtherUser { path: PathBuf, wanted: u32, own: u32 },
    #[error("{0:?} names no mailbox")]
    BadPath(PathBuf),
    #[error("cannot open the directory of {}: {source}", path.display())]
    Directory { path: PathBuf, source: io::Error },
    /// What stands there is nothing that may be read.
    #[error("{} is {what}", path.display())]
    Unsafe { path: PathBuf, what: &'static str },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Not "there is no such user": that is an answer.
    #[error("the users of this machine cannot be looked up: {0}")]
    Users(io::Error),
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The work ended by a panic, or the process is ending.
    #[error("the work for a user was broken off: {0}")]
    BrokenOff(String),
}

impl ToFault for AgentError {
    fn fault(&self) -> Fault {
        let (whose, advice) = match self {
            AgentError::Mailbox(error) => return error.fault(),
            AgentError::OtherUser { .. } => {
                (Whose::Local, "give it to the user that uugate runs as, or run the agent as root")
            }
            AgentError::BadPath(_) => (Whose::Local, "give the user a mailbox path that ends in a file name"),
            AgentError::Directory { .. } => (Whose::Local, "look whether it is there, and its permissions"),
            AgentError::Unsafe { .. } => (Whose::Local, "make it a plain file with one name"),
            AgentError::Read { .. } => (Whose::Local, "look at its permissions and those of its directory"),
            AgentError::Users(_) => (Whose::Local, "look at the password file and at nsswitch.conf"),
            AgentError::BrokenOff(_) => (Whose::Bug, "please report this"),
        };
        Fault {
            stage: Stage::Deliver,
            whose,
            retry: Retry::Later,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}
