//! How work on a mailbox fails.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};

/// Everything here can pass: mail waits until somebody has put the mailbox right.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// Another program holds a lock; the same may be tried again soon.
    #[error("mailbox {name} is locked by another program ({lock})")]
    Locked { name: String, lock: &'static str },
    /// The file is not one that mail may be written into.
    #[error("mailbox {name} is {what}, so nothing was written to it")]
    Unsafe { name: String, what: &'static str },
    /// What is there already is no mbox; another format must not be mixed into it.
    #[error("mailbox {name} does not begin like an mbox, so nothing was written to it")]
    NotMbox { name: String },
    /// The file went away or was replaced while we waited for its locks.
    #[error("mailbox {name} was replaced while it was being locked")]
    Replaced { name: String },
    #[error("cannot {action} mailbox {name}: {source}")]
    Io { action: &'static str, name: String, source: std::io::Error },
}

impl MailboxError {
    /// Whether trying again within seconds makes sense.
    pub fn is_passing(&self) -> bool {
        matches!(self, MailboxError::Locked { .. } | MailboxError::Replaced { .. })
    }
}

impl ToFault for MailboxError {
    fn fault(&self) -> Fault {
        let advice = match self {
            MailboxError::Locked { .. } | MailboxError::Replaced { .. } => "",
            MailboxError::Unsafe { .. } => "make it a plain file with one link that belongs to the recipient",
            MailboxError::NotMbox { .. } => "move it away or convert it to mbox",
            MailboxError::Io { .. } => "look at the permissions and the space of its directory",
        };
        Fault {
            stage: Stage::Deliver,
            whose: Whose::Local,
            retry: Retry::Later,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}
