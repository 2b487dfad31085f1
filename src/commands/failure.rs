//! How a command ends badly: an exit code of sysexits.h and one line on standard error.

use crate::exit;
use crate::fault::{Fault, ToFault};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: u8,
    /// `stage: message; advice`; empty if everything was said already.
    pub text: String,
}

impl Failure {
    /// The command line is wrong.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure { code: exit::USAGE, text: format!("{}; see --help", text.into()) }
    }

    pub fn new(code: u8, text: impl Into<String>) -> Failure {
        Failure { code, text: text.into() }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure { code: fault.exit_code(), text: fault.to_string() }
    }
}

impl<E: ToFault> From<E> for Failure {
    fn from(error: E) -> Failure {
        error.fault().into()
    }
}

/// Standard output is a pipe that nobody reads any more: the reader had enough.
impl Failure {
    pub fn output(error: &std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::new(exit::OK, ""),
            _ => Failure::new(exit::IOERR, format!("standard output: {error}")),
        }
    }
}
