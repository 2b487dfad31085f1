//! How a call fails.

use crate::fault::{CallFailure, Coded, Fault, Retry, Stage, ToFault, Whose};
use crate::job::SystemName;
use crate::schedule::NotPaid;
use crate::spool::SpoolError;
use crate::wire::chat::ChatError;
use crate::wire::session::SessionError;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("a call with {system} is under way already")]
    InCall { system: SystemName },
    #[error("the system {system} is not in the configuration")]
    NotConfigured { system: SystemName },
    #[error("the protocol {0} is not known here")]
    UnknownProtocol(char),
    /// The time of dialling has used up what was left.
    #[error("nothing is sent on {line}: {why}")]
    NotPaid { line: String, why: NotPaid },
    #[error("the call had to end: what may be spent on {line} allows no longer one")]
    SpentUp { line: String },
    #[error("the connection was lost: {why}")]
    CarrierLost { why: String },
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl ToFault for CallError {
    fn fault(&self) -> Fault {
        let (stage, whose, retry, advice) = match self {
            CallError::Session(error) => return error.fault(),
            CallError::Chat(error) => return error.fault(),
            CallError::Spool(error) => return error.fault(),
            CallError::InCall { .. } => (Stage::Handshake, Whose::Local, Retry::Later, ""),
            CallError::NotConfigured { .. } => {
                (Stage::Config, Whose::Usage, Retry::Never, "add the system to the configuration")
            }
            CallError::UnknownProtocol(_) => {
                (Stage::Protocol, Whose::Usage, Retry::Never, "name only protocols that uugate has")
            }
            CallError::NotPaid { .. } => (Stage::Dial, Whose::Local, Retry::Later, "see `uugate when`"),
            CallError::SpentUp { .. } => {
                (Stage::Transfer, Whose::Local, Retry::Later, "the next call goes on where this one stopped")
            }
            CallError::CarrierLost { .. } => (Stage::Carrier, Whose::Line, Retry::Later, ""),
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }

    fn call_failure(&self) -> Option<CallFailure> {
        match self {
            CallError::Session(error) => error.call_failure(),
            _ => None,
        }
    }
}

impl Coded for CallError {
    fn code(&self) -> &'static str {
        match self {
            CallError::Session(error) => error.code(),
            CallError::Chat(error) => error.code(),
            CallError::Spool(error) => error.code(),
            CallError::InCall { .. } => "handshake-in-call-here",
            CallError::NotConfigured { .. } => "config-no-system",
            CallError::UnknownProtocol(_) => "protocol-unknown",
            CallError::NotPaid { .. } => "dial-not-paid",
            CallError::SpentUp { .. } => "transfer-spent-up",
            CallError::CarrierLost { .. } => "carrier-lost-at-login",
        }
    }
}
