//! How an SMTP connection can fail.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::tls::TlsError;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("the SMTP connection failed: {0}")]
    Connection(#[from] std::io::Error),
    #[error("the SMTP client does not read our answers")]
    Stalled,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ToFault for SmtpError {
    fn fault(&self) -> Fault {
        let advice = match self {
            SmtpError::Tls(error) => error.fault().advice,
            _ => "mail without a 250 was not taken; the client sends it again".to_owned(),
        };
        let whose = Whose::Line;
        Fault { stage: Stage::Submit, whose, retry: Retry::Later, message: self.to_string(), advice }
    }
}
