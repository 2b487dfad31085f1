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
    #[error("the runtime does not start: {0}")]
    Runtime(std::io::Error),
    #[error("signals cannot be taken: {0}")]
    Signals(std::io::Error),
    /// A task that must not end has ended.
    #[error("{0} has ended")]
    Part(&'static str),
}

impl ToFault for DaemonError {
    fn fault(&self) -> Fault {
        let local = |whose| Fault {
            stage: Stage::Control,
            whose,
            retry: Retry::Never,
            message: self.to_string(),
            advice: String::new(),
        };
        match self {
            DaemonError::Config(error) => error.fault(),
            DaemonError::Log(error) => error.fault(),
            DaemonError::Spool(error) => error.fault(),
            DaemonError::Control(error) => error.fault(),
            DaemonError::Runtime(_) | DaemonError::Signals(_) => local(Whose::Local),
            DaemonError::Part(_) => local(Whose::Bug),
        }
    }
}
