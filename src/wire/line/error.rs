//! What can go wrong with a line before and beside the bytes.

use crate::fault::{CallFailure, Coded, Fault, Retry, Stage, ToFault, Whose};
use crate::tls::TlsError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Who holds a lock that we wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    /// The program's name, if it may be seen.
    pub program: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.program {
            Some(program) => write!(f, "process {} ({program})", self.pid),
            None => write!(f, "process {}", self.pid),
        }
    }
}

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("cannot open {line}: {source}")]
    Open { line: String, source: io::Error },
    #[error("{line} did not open within {} s", limit.as_secs())]
    OpenTooSlow { line: String, limit: Duration },
    #[error("{line} is in use by {}", holder.as_ref().map_or_else(|| "another program".to_owned(), Holder::to_string))]
    Held { line: String, holder: Option<Holder> },
    #[error("{} is not a serial line", device.display())]
    NotATerminal { device: PathBuf },
    #[error("cannot set {what} of {line}: {source}")]
    Set { line: String, what: &'static str, source: io::Error },
    #[error("cannot lock {line} with {}: {source}", file.display())]
    LockFile { line: String, file: PathBuf, source: io::Error },
    #[error("cannot start {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("no program is named for the pipe")]
    NoProgram,
    #[error("cannot connect to {address}: {source}")]
    Connect { address: String, source: io::Error },
    #[error("{address} did not answer within {} s", limit.as_secs())]
    ConnectTooSlow { address: String, limit: Duration },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the terminal server {address}: {source}")]
    SerialServer { address: String, source: io::Error },
}

impl ToFault for LineError {
    fn fault(&self) -> Fault {
        use io::ErrorKind::{InvalidInput, Unsupported};
        let (stage, whose, retry, advice) = match self {
            LineError::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                (Stage::Port, Whose::Local, Retry::Never, "let uugate's user open it (group dialout)")
            }
            LineError::Open { .. } | LineError::OpenTooSlow { .. } => {
                (Stage::Port, Whose::Local, Retry::Later, "see that the device is there and switched on")
            }
            LineError::Held { .. } => (Stage::Port, Whose::Local, Retry::Later, "wait, or stop that program"),
            LineError::NotATerminal { .. } => {
                (Stage::Port, Whose::Usage, Retry::Never, "name a serial port or a pseudo terminal")
            }
            // What a port cannot do it says so; anything else is about the port.
            LineError::Set { source, .. } if !matches!(source.kind(), InvalidInput | Unsupported) => {
                (Stage::Port, Whose::Local, Retry::Later, "see that the device is there and switched on")
            }
            LineError::Set { .. } => {
                (Stage::Port, Whose::Local, Retry::Never, "give the line settings that its port can do")
            }
            LineError::LockFile { .. } => {
                (Stage::Port, Whose::Local, Retry::Later, "let uugate write in the lock directory")
            }
            LineError::Start { .. } => {
                (Stage::Port, Whose::Local, Retry::Later, "see that the program is there and may be run")
            }
            LineError::NoProgram => {
                (Stage::Port, Whose::Usage, Retry::Never, "name the program and its words")
            }
            LineError::Tls(error) => return error.fault(),
            LineError::SerialServer { .. } => {
                (Stage::Port, Whose::Local, Retry::Later, "see that it speaks RFC 2217 on that port")
            }
            LineError::Connect { .. } | LineError::ConnectTooSlow { .. } => {
                (Stage::Dial, Whose::Line, Retry::Later, "see that the host is up and listens on that port")
            }
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }

    fn call_failure(&self) -> Option<CallFailure> {
        match self {
            // Who has it may give it back, and who does not answer is the other end.
            LineError::Held { .. }
            | LineError::Connect { .. }
            | LineError::ConnectTooSlow { .. }
            | LineError::Tls(TlsError::Handshake { .. }) => None,
            _ => Some(CallFailure::OwnSide),
        }
    }
}

impl Coded for LineError {
    fn code(&self) -> &'static str {
        match self {
            LineError::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "port-forbidden"
            }
            LineError::Open { .. } => "port-not-opened",
            LineError::OpenTooSlow { .. } => "port-slow",
            LineError::Held { .. } => "port-held",
            LineError::NotATerminal { .. } => "port-no-terminal",
            LineError::Set { .. } => "port-setting",
            LineError::LockFile { .. } => "port-lock-file",
            LineError::Start { .. } => "port-program",
            LineError::NoProgram => "port-no-program",
            LineError::Tls(TlsError::Handshake { .. }) => "port-tls",
            LineError::Tls(TlsError::Certificate { .. }) => "port-certificate",
            LineError::Tls(TlsError::NoCertificate) => "port-no-certificate",
            LineError::SerialServer { .. } => "port-serial-server",
            LineError::Connect { .. } => "dial-not-connected",
            LineError::ConnectTooSlow { .. } => "dial-no-connection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_gone_is_no_wrong_setting() {
        for (errno, retry) in [
            (libc::EIO, Retry::Later),
            (libc::ENODEV, Retry::Later),
            (libc::EINVAL, Retry::Never),
            (libc::EOPNOTSUPP, Retry::Never),
        ] {
            let source = io::Error::from_raw_os_error(errno);
            let error = LineError::Set { line: "ttyUSB0".to_owned(), what: "DTR", source };
            assert_eq!(error.fault().retry, retry, "{error}");
        }
    }
}
