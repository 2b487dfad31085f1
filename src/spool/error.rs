//! How a verb fails.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The store is busy; the same verb may be repeated at once.
    #[error("the spool is busy")]
    Busy,
    /// No room: the disk, or the free-space reserve. The text says where.
    #[error("no room in the spool: {0}")]
    Full(String),
    /// Something else holds it: a stale claim, a second call to a system, a second daemon.
    #[error("{0}")]
    Conflict(String),
    /// What is stored does not read back.
    #[error("the spool is damaged: {0}")]
    Corrupt(String),
    /// There is no such thing.
    #[error("no such {0}")]
    Missing(String),
    /// A defect in the caller.
    #[error("misuse of the spool: {0}")]
    Misuse(String),
    /// The writer has gone; the process is about to end.
    #[error("the spool is closed")]
    Closed,
}

impl ToFault for SpoolError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            SpoolError::Busy => (Whose::Local, Retry::Later, ""),
            SpoolError::Full(_) => (Whose::Local, Retry::Later, "free some space there, and try again"),
            SpoolError::Conflict(_) => (Whose::Local, Retry::Later, ""),
            SpoolError::Corrupt(_) => {
                (Whose::Local, Retry::Never, "run `uugate spool verify`, then `uugate spool dump DIR`")
            }
            SpoolError::Missing(_) => (Whose::Usage, Retry::Never, ""),
            SpoolError::Misuse(_) => (Whose::Bug, Retry::Never, "please report this"),
            SpoolError::Closed => (Whose::Local, Retry::Later, "see the log of the daemon"),
        };
        Fault { stage: Stage::Spool, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }
}

impl From<rusqlite::Error> for SpoolError {
    fn from(error: rusqlite::Error) -> SpoolError {
        use rusqlite::{Error, ErrorCode};
        let text = error.to_string();
        match error {
            Error::SqliteFailure(inner, _) => match inner.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => SpoolError::Busy,
                ErrorCode::DiskFull => SpoolError::Full("no space is left".to_owned()),
                // The index of the log (wal-index) could not grow.
                _ if inner.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => {
                    SpoolError::Full("no space is left".to_owned())
                }
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure => {
                    SpoolError::Corrupt(text)
                }
                ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    SpoolError::Conflict(format!("cannot open the spool: {text}"))
                }
                _ => SpoolError::Misuse(text),
            },
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..) => SpoolError::Corrupt(text),
            _ => SpoolError::Misuse(text),
        }
    }
}

impl From<std::io::Error> for SpoolError {
    fn from(error: std::io::Error) -> SpoolError {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull => SpoolError::Full("no space is left".to_owned()),
            ErrorKind::QuotaExceeded => SpoolError::Full("the disk quota is used up".to_owned()),
            ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::ReadOnlyFilesystem => {
                SpoolError::Conflict(format!("cannot open the spool: {error}"))
            }
            _ => SpoolError::Corrupt(error.to_string()),
        }
    }
}
