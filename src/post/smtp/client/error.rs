//! How a connection to a server can fail.

use super::reply::ReplyError;
use super::{Reply, Step};
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the server takes no mail now: {0}")]
    Greeting(Reply),
    #[error("the server refused {step}: {reply}")]
    Refused { step: Step, reply: Reply },
    #[error("the server ended the connection in answer to {step}: {reply}")]
    Closing { step: Step, reply: Reply },
    #[error("the server hung up in place of an answer to {step}{}", doubt(*step))]
    Gone { step: Step },
    #[error("the server was silent for {seconds} s after {step}{}", doubt(*step))]
    Silent { step: Step, seconds: u64 },
    #[error("the server answered {step} with {what}")]
    Nonsense { step: Step, what: ReplyError },
    #[error("the server said {reply} in answer to {step}")]
    Unfit { step: Step, reply: Reply },
    #[error("the server does not offer STARTTLS, and TLS is required")]
    NoTls,
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("something came behind the answer to STARTTLS that is not of the server's TLS")]
    Injected,
    #[error("the server offers neither AUTH PLAIN nor AUTH LOGIN")]
    NoLogin,
    #[error("a password is not said without TLS")]
    OpenLogin,
    #[error("the server did not accept our name and password: {0}")]
    Login(Reply),
    #[error("the server is this very host")]
    Ourselves,
    #[error("the message cannot be read: {0}")]
    Text(Fault),
}

fn doubt(step: Step) -> &'static str {
    if step == Step::End { "; whether it kept the message is not known, and it may get it twice" } else { "" }
}

impl ClientError {
    /// It came when a message was on offer, and may be about what the server cannot stand in it. One that says at MAIL already that
    /// it closes is tired of us.
    pub fn is_about_message(&self) -> bool {
        let step = match self {
            ClientError::Closing { step: Step::Mail, .. } => return false,
            ClientError::Refused { step, .. }
            | ClientError::Closing { step, .. }
            | ClientError::Gone { step }
            | ClientError::Silent { step, .. }
            | ClientError::Nonsense { step, .. }
            | ClientError::Unfit { step, .. } => step,
            _ => return false,
        };
        matches!(step, Step::Mail | Step::Rcpt | Step::Data | Step::Text | Step::End | Step::Reset)
    }

    /// The server may have kept the message although it did not say so.
    pub fn leaves_doubt(&self) -> bool {
        matches!(
            self,
            ClientError::Gone { step: Step::End }
                | ClientError::Silent { step: Step::End, .. }
                | ClientError::Nonsense { step: Step::End, .. }
                | ClientError::Unfit { step: Step::End, .. }
        )
    }
}

impl ToFault for ClientError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            ClientError::Text(fault) => return fault.clone(),
            ClientError::Greeting(_) | ClientError::Refused { .. } | ClientError::Closing { .. } => {
                (Whose::PeerRefused, Retry::Later, "")
            }
            ClientError::Gone { .. } | ClientError::Silent { .. } => (Whose::Line, Retry::Later, ""),
            ClientError::Nonsense { .. } | ClientError::Unfit { .. } => {
                (Whose::PeerMisbehaved, Retry::Later, "see whether a mail server answers there")
            }
            ClientError::NoTls => (
                Whose::PeerRefused,
                Retry::Later,
                "somebody may be in between; if not, see `tls` of [smtp-out]",
            ),
            ClientError::Tls(_) => {
                (Whose::PeerRefused, Retry::Later, "see its certificate, and `tls-issuers`")
            }
            ClientError::Injected => (Whose::PeerMisbehaved, Retry::Later, "somebody may be in between"),
            ClientError::NoLogin | ClientError::OpenLogin => {
                (Whose::PeerRefused, Retry::Later, "see whether this is its submission port")
            }
            ClientError::Login(_) => (Whose::PeerRefused, Retry::Later, "see `user` and `password-file`"),
            ClientError::Ourselves => {
                (Whose::Usage, Retry::Never, "add the domain to `domain`, or mend its MX")
            }
        };
        let advice = advice.to_owned();
        Fault { stage: Stage::Deliver, whose, retry, message: self.to_string(), advice }
    }
}
