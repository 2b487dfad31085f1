//! How a batch file fails.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::job::SystemName;
use crate::post::queue::UnbatchError;
use crate::spool::SpoolError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("no mail waits for {0} that a batch file can carry")]
    Nothing(SystemName),
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("{0} names no file")]
    BadPath(PathBuf),
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The file is no whole batch; it was kept in quarantine.
    #[error("{path}: {error}; it is kept in quarantine as {quarantined}")]
    Broken { path: PathBuf, error: UnbatchError, quarantined: u64 },
    /// It could not be taken now.
    #[error("{path}: {error}")]
    NotTaken { path: PathBuf, error: UnbatchError },
    /// The file may have been cut on its way.
    #[error("{path} is no batch: it holds no message, and not a HELO and a QUIT either")]
    Empty { path: PathBuf },
    #[error("{path} is not there, and {count} files that were exported under this name are out")]
    Several { path: PathBuf, count: usize },
    #[error("{path} was not exported from here, or was changed since")]
    NotOurs { path: PathBuf },
    /// It was marked as done and is recalled, or the other way round.
    #[error("{path}: {reason}")]
    Settled { path: PathBuf, reason: String },
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl ToFault for BundleError {
    fn fault(&self) -> Fault {
        let usage = |advice: &str| (Whose::Usage, Retry::Never, advice.to_owned());
        let (whose, retry, advice) = match self {
            BundleError::Spool(error) => return error.fault(),
            BundleError::Nothing(_) => usage("`uustat` shows what waits"),
            BundleError::Exists(_) => usage("give another name, or remove it if it was carried"),
            BundleError::BadPath(_) => usage("give the name of a file"),
            BundleError::NotOurs { .. } => {
                usage("give the very file that `uugate export` wrote; --recall knows it by its name, too")
            }
            BundleError::Settled { .. } => usage(""),
            BundleError::Several { .. } => usage("give the very file, a copy will do"),
            BundleError::Empty { .. } => (
                Whose::PeerMisbehaved,
                Retry::Never,
                "nothing was imported: look at the medium, and have the file written again".to_owned(),
            ),
            BundleError::Io { .. } => (Whose::Local, Retry::Later, "look at the medium".to_owned()),
            BundleError::Broken { error, .. } | BundleError::NotTaken { error, .. } => {
                let Fault { whose, retry, advice, .. } = error.fault();
                (whose, retry, advice)
            }
        };
        Fault { stage: Stage::Bundle, whose, retry, message: self.to_string(), advice }
    }
}
