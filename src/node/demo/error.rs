//! Why the demo cannot go on.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::node::control::ControlError;
use crate::wire::exchange::ExchangeError;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
    #[error("the sites cannot be laid out: {0}")]
    Folder(#[from] io::Error),
    #[error("no password can be made: {0}")]
    Password(String),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("the node {site} does not start; its log is {log}", log = log.display())]
    NoStart { site: &'static str, log: PathBuf },
    #[error("mail cannot be handed in at {site}: {error}")]
    Submit { site: &'static str, error: io::Error },
    #[error("the node cannot be asked: {0}")]
    Control(#[from] ControlError),
    #[error("the node {site} has ended")]
    NodeEnded { site: &'static str },
    #[error("the call does not end")]
    NoEnd,
    #[error("interrupted")]
    Interrupted,
}

impl ToFault for DemoError {
    fn fault(&self) -> Fault {
        let inner = match self {
            DemoError::Exchange(error) => Some(error.fault()),
            DemoError::Control(error) => Some(error.fault()),
            _ => None,
        };
        inner.unwrap_or_else(|| Fault {
            stage: Stage::Control,
            whose: Whose::Local,
            retry: Retry::Never,
            message: self.to_string(),
            advice: "the folder of the demo has the log of each site".to_owned(),
        })
    }
}
