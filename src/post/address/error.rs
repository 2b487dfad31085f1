//! Why a text is no address.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};

/// Why a text is no address. Texts from outside are cut to 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("the address is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the address {0:?} holds a character that may not stand there")]
    Character(String),
    #[error("the address {0:?} is not ASCII; internationalised addresses (SMTPUTF8) are not carried")]
    NotAscii(String),
    #[error("the address {0:?} begins like an option, a program or a file")]
    Start(String),
    #[error("{0:?} is no host name")]
    Host(String),
    #[error("the address {0:?} is malformed")]
    Malformed(String),
}

impl ToFault for AddressError {
    fn fault(&self) -> Fault {
        Fault {
            stage: Stage::Route,
            whose: Whose::Usage,
            retry: Retry::Never,
            message: self.to_string(),
            advice: "write user@host or host!user".to_owned(),
        }
    }
}
