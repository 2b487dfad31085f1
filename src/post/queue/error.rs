//! How mail is not taken.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::spool::SpoolError;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    #[error("the message has no recipients")]
    NoRecipients,
    #[error("the message has more than {0} recipients")]
    TooManyRecipients(usize),
    #[error("the message is larger than {0} bytes")]
    TooLarge(u64),
    /// Aliases or forward files cannot be read now.
    #[error("{0}")]
    NotNow(String),
    /// The machine gives no random numbers.
    #[error("cannot make an id for the message: {0}")]
    NoId(String),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl QueueError {
    /// There is no room for it now.
    pub fn is_full(&self) -> bool {
        matches!(self, QueueError::Spool(SpoolError::Full(_)))
    }
}

impl ToFault for QueueError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            QueueError::Spool(error) => return error.fault(),
            QueueError::NoRecipients => (Whose::Usage, Retry::Never, "name a recipient"),
            QueueError::TooManyRecipients(_) => {
                (Whose::Usage, Retry::Never, "send it in parts, or raise `max-recipients`")
            }
            QueueError::TooLarge(_) => {
                (Whose::Usage, Retry::Never, "send it in parts, or raise `max-message-size`")
            }
            QueueError::NotNow(_) => {
                (Whose::Local, Retry::Later, "the log says which file, and what is wrong with it")
            }
            QueueError::NoId(_) => (Whose::Local, Retry::Later, ""),
        };
        let advice = advice.to_owned();
        Fault { stage: Stage::Submit, whose, retry, message: self.to_string(), advice }
    }
}
