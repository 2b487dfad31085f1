//! Where events go: to stderr, as lines or JSON. The service manager keeps them.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// The environment variable that overrides the setting's filter.
const FILTER_VARIABLE: &str = "UUGATE_LOG";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Plain,
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub format: Format,
    /// In the form of `tracing`: `info`, `uugate::wire=debug,info`.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { format: Format::Plain, filter: "info".to_owned() }
    }
}

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log filter {filter:?} (from {source_name}) cannot be read: {reason}")]
    Filter { filter: String, source_name: &'static str, reason: String },
    #[error("logging was set up before: {0}")]
    Twice(#[from] TryInitError),
}

impl ToFault for LogError {
    fn fault(&self) -> Fault {
        let (whose, advice) = match self {
            LogError::Filter { .. } => (Whose::Usage, "write a level (info) or target=level,level"),
            LogError::Twice(_) => (Whose::Bug, "report this"),
        };
        Fault {
            stage: Stage::Config,
            whose,
            retry: Retry::Never,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}

/// Starts logging for this process.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let (text, source_name) = match std::env::var(FILTER_VARIABLE) {
        Ok(text) if !text.is_empty() => (text, FILTER_VARIABLE),
        _ => (settings.filter.clone(), "the configuration"),
    };
    let filter = EnvFilter::try_new(&text).map_err(|error| LogError::Filter {
        filter: text.clone(),
        source_name,
        reason: error.to_string(),
    })?;
    let plain = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        Format::Plain => {
            let colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
            plain.with_ansi(colour).finish().try_init()?;
        }
        Format::Json => plain.json().finish().try_init()?,
    }
    Ok(())
}
