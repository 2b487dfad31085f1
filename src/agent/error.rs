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
    /// The rules do not permit it.
    #[error("{} is nothing that may be touched as {user}: `{setting}` does not have it", path.display())]
    Forbidden { user: String, path: PathBuf, setting: &'static str },
    #[error("{user:?} is no user that gets mail here")]
    NoUser { user: String },
    #[error("too much is done for {user} at once")]
    TooMany { user: String },
    /// What should run is not permitted, or cannot be given its words.
    #[error("as {user} nothing is run for {what}")]
    NoProgram { user: String, what: String },
    #[error("the agent knows no program that the local mail of {user} is given to")]
    NoLda { user: String },
    #[error("cannot run {program}: {source}")]
    Program { program: String, source: io::Error },
    /// Nobody answers at the agent's socket.
    #[error("the agent cannot be asked at {}: {source}", socket.display())]
    NoAgent { socket: PathBuf, source: io::Error },
    /// Somebody else listens there.
    #[error("whoever listens at {} has uid {uid}, and the agent is root", socket.display())]
    Impostor { socket: PathBuf, uid: u32 },
    #[error("the connection to the agent was lost: {0}")]
    Lost(io::Error),
    #[error("the agent sent {0}")]
    Misbehaved(String),
    /// The agent, or the child that is the user, did not do it.
    #[error("{}", .0.message)]
    Refused(Fault),
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
            AgentError::Refused(fault) => return fault.clone(),
            AgentError::Forbidden { .. } => (Whose::Usage, "add it in [agent], and start the agent again"),
            AgentError::NoProgram { .. } => (Whose::Usage, "see `programs` and `lda` in [agent]"),
            AgentError::NoUser { .. } => (Whose::PeerRefused, "see `passwd-users` and `min-uid` in [agent]"),
            AgentError::TooMany { .. } => (Whose::Local, ""),
            AgentError::NoLda { .. } => {
                (Whose::Local, "start the agent again, for it reads `lda` when it starts")
            }
            AgentError::Program { .. } => {
                (Whose::Local, "look whether it is there and may be run by the user")
            }
            AgentError::NoAgent { .. } => (Whose::Local, "start `uugate agent` as root"),
            AgentError::Impostor { .. } => (Whose::Local, "put the socket where root alone may write"),
            AgentError::Lost(_) => (Whose::Local, "see the log of the agent"),
            AgentError::Misbehaved(_) => (Whose::Local, "let the agent and the daemon be of one version"),
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
        let retry = match self {
            AgentError::Forbidden { .. } | AgentError::NoProgram { .. } | AgentError::NoUser { .. } => {
                Retry::Never
            }
            // Whoever owns the file must change it first.
            AgentError::Unsafe { .. } => Retry::Never,
            AgentError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Retry::Never
            }
            _ => Retry::Later,
        };
        Fault { stage: Stage::Deliver, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }
}
