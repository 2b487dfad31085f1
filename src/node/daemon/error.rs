//! Why the daemon does not start, or ends.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::node::config::ConfigError;
use crate::node::control::ControlError;
use crate::observe::LogError;
use crate::spool::SpoolError;

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("cannot listen for SMTP on {address}: {error}")]
    Listen { address: std::net::SocketAddr, error: std::io::Error },
    #[error("socket {index} of the service manager cannot be listened on for SMTP: {error}")]
    HandedOver { index: usize, error: std::io::Error },
    #[error("the runtime does not start: {0}")]
    Runtime(std::io::Error),
    #[error("signals cannot be taken: {0}")]
    Signals(std::io::Error),
}

impl ToFault for DaemonError {
    fn fault(&self) -> Fault {
        let local = || Fault {
            stage: Stage::Control,
            whose: Whose::Local,
            retry: Retry::Never,
            message: self.to_string(),
            advice: String::new(),
        };
        match self {
            DaemonError::Config(error) => error.fault(),
            DaemonError::Log(error) => error.fault(),
            DaemonError::Spool(error) => error.fault(),
            DaemonError::Control(error) => error.fault(),
            DaemonError::Listen { .. }
            | DaemonError::HandedOver { .. }
            | DaemonError::Runtime(_)
            | DaemonError::Signals(_) => local(),
        }
    }
}
