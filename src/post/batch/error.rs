//! Why a batch cannot be taken.

use super::UnwrapError;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::post::mail::command::CommandError;
use crate::post::mail::dots::LoneEnd;

/// Why a batch cannot be taken. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("batch line {line}: longer than {limit} bytes")]
    LineTooLong { line: u64, limit: usize },
    #[error("batch line {line}: does not end as the first line does")]
    LineEnd { line: u64 },
    #[error("batch line {line}: {error}")]
    Command { line: u64, error: CommandError },
    #[error("batch line {line}: {verb} cannot stand here")]
    Order { line: u64, verb: &'static str },
    #[error("batch line {line}: more than {limit} recipients")]
    TooManyRecipients { line: u64, limit: usize },
    #[error("batch, message up to line {line}: {lone}")]
    LoneEnd { line: u64, lone: LoneEnd },
    #[error("the batch breaks off inside a message, after line {line}")]
    CutInData { line: u64 },
    #[error("the batch breaks off before the text of a message, after line {line}")]
    CutInEnvelope { line: u64 },
    #[error(transparent)]
    Wrapper(#[from] UnwrapError),
}

impl ToFault for BatchError {
    fn fault(&self) -> Fault {
        Fault {
            stage: Stage::Submit,
            whose: Whose::PeerMisbehaved,
            retry: Retry::Never,
            message: self.to_string(),
            advice: match self {
                BatchError::Wrapper(UnwrapError::NotRead(_)) => {
                    "have it packed by compress, gzip or zstd, or not at all"
                }
                BatchError::Wrapper(UnwrapError::TooLarge(_)) => {
                    "have it made in smaller parts, or raise `max-batch-size`"
                }
                _ => "nothing of the batch was taken; have it made and sent again",
            }
            .to_owned(),
        }
    }
}
