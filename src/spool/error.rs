//! How a verb fails.

use crate::fault::{Coded, Fault, Retry, Stage, ToFault, Whose};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The store is busy; the same verb may be repeated at once.
    #[error("the spool is busy")]
    Busy,
    /// No room: the disk, or the free-space reserve. The text says where.
    #[error("no room in the spool: {0}")]
    Full(String),
    /// The system is short of something, open files or memory; nothing is wrong with what is stored.
    #[error("the spool cannot be used now: {0}")]
    Short(String),
    /// The disk, or the system, does not do what it should. What is stored may be sound all the same.
    #[error("the spool cannot be read or written: {0}")]
    Device(String),
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
            SpoolError::Short(_) => (
                Whose::Local,
                Retry::Later,
                "see the limits of the process (`ulimit -n`) and the free memory",
            ),
            SpoolError::Device(_) => (Whose::Local, Retry::Later, "see the log of the kernel"),
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

impl Coded for SpoolError {
    fn code(&self) -> &'static str {
        match self {
            SpoolError::Busy => "spool-busy",
            SpoolError::Full(_) => "spool-full",
            SpoolError::Short(_) => "spool-short",
            SpoolError::Device(_) => "spool-device",
            SpoolError::Conflict(_) => "spool-conflict",
            SpoolError::Corrupt(_) => "spool-damaged",
            SpoolError::Missing(_) => "spool-missing",
            SpoolError::Misuse(_) => "spool-misuse",
            SpoolError::Closed => "spool-closed",
        }
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
                ErrorCode::OutOfMemory => SpoolError::Short(text),
                _ if inner.extended_code == rusqlite::ffi::SQLITE_IOERR_NOMEM => SpoolError::Short(text),
                ErrorCode::SystemIoFailure => SpoolError::Device(text),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => SpoolError::Corrupt(text),
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
        use rustix::io::Errno;
        let text = error.to_string();
        // Only what never came from the system is about the bytes themselves, such as an early end.
        let Some(errno) = Errno::from_io_error(&error) else { return SpoolError::Corrupt(text) };
        match errno {
            Errno::NOSPC => SpoolError::Full("no space is left".to_owned()),
            Errno::DQUOT => SpoolError::Full("the disk quota is used up".to_owned()),
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::INTR | Errno::AGAIN => {
                SpoolError::Short(text)
            }
            Errno::ACCESS | Errno::PERM | Errno::NOENT | Errno::ROFS => {
                SpoolError::Conflict(format!("cannot open the spool: {text}"))
            }
            _ => SpoolError::Device(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn an_error_of_the_system_is_no_damage_and_passes() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::AGAIN, Errno::IO] {
            let error = SpoolError::from(std::io::Error::from(errno));
            assert!(!matches!(error, SpoolError::Corrupt(_)), "{error}");
            assert_eq!(error.fault().retry, Retry::Later, "{error}");
        }
        let early = SpoolError::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        assert!(matches!(early, SpoolError::Corrupt(_)));
        assert_eq!(early.fault().retry, Retry::Never);
    }
}
