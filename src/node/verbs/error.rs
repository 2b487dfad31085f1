//! Why a request is not carried out.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::spool::SpoolError;

#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    #[error("system {0:?} is not known here")]
    NoSystem(String),
    #[error("{0}")]
    Usage(String),
    #[error("{who} may not {what}")]
    Forbidden { who: String, what: String },
    #[error("callers from {0} are not listened to for now: their logins were wrong")]
    WrongLogins(String),
    #[error("the input broke off: {0}")]
    Body(String),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A room below says why.
    #[error("{}", .0.message)]
    Below(Fault),
}

impl ToFault for VerbError {
    fn fault(&self) -> Fault {
        let (stage, whose, retry, advice) = match self {
            VerbError::Spool(error) => return error.fault(),
            VerbError::Below(fault) => return fault.clone(),
            VerbError::NoSystem(_) => {
                (Stage::Route, Whose::Usage, Retry::Never, "add a [[system]] section for it, or see `uuname`")
            }
            VerbError::Usage(_) => (Stage::Submit, Whose::Usage, Retry::Never, ""),
            VerbError::Forbidden { .. } => (
                Stage::Submit,
                Whose::Forbidden,
                Retry::Never,
                "add the user to trusted-users in [node] if that is right",
            ),
            VerbError::WrongLogins(_) => (
                Stage::Login,
                Whose::PeerRefused,
                Retry::Later,
                "check the name and password that the caller uses against those of its system here",
            ),
            VerbError::Body(_) => (Stage::Submit, Whose::Local, Retry::Later, ""),
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }
}
