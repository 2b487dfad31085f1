//! How an SMTP connection can fail.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("the SMTP connection failed: {0}")]
    Connection(#[from] std::io::Error),
    #[error("the SMTP client does not read our answers")]
    Stalled,
}

impl ToFault for SmtpError {
    fn fault(&self) -> Fault {
        Fault {
            stage: Stage::Submit,
            whose: Whose::Line,
            retry: Retry::Later,
            message: self.to_string(),
            advice: "mail without a 250 was not taken; the client sends it again".to_owned(),
        }
    }
}
