//! Why a line gave no connection.

use crate::fault::{CallFailure, Coded, Fault, Retry, Stage, ToFault, Whose};
use crate::wire::line::{End, LineError};
use crate::wire::modem::{ModemError, NumberError};

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error(transparent)]
    Modem(#[from] ModemError),
    #[error("{line} ended while it was being set up: {}", end.words())]
    Ended { line: String, end: End },
    #[error("{line} takes no bytes: flow control holds it up")]
    Stuck { line: String },
    #[error("cut off, for the node was stopped")]
    Stopped,
    #[error("{system} has no number, and {line} needs one")]
    NoNumber { system: String, line: String },
    #[error("{system} asks for a password, and others could read it on the way")]
    Exposed { system: String },
    #[error("{line} needs a system to call")]
    NoSystem { line: String },
    #[error("what came cannot be written down: {0}")]
    Log(std::io::Error),
    #[error("{system} has no address, and {line} needs one")]
    NoAddress { system: String, line: String },
}

impl StationError {
    /// Whether somebody may have picked up, though there was no connection: modems know only of some calls that nobody did.
    pub(super) fn may_cost(&self) -> bool {
        let StationError::Modem(error) = self else { return true };
        !matches!(
            error,
            ModemError::Busy
                | ModemError::NoAnswer
                | ModemError::NoDialtone
                | ModemError::NotDialled
                | ModemError::Barred { .. }
        )
    }
}

impl From<NumberError> for StationError {
    fn from(error: NumberError) -> Self {
        StationError::Modem(error.into())
    }
}

impl ToFault for StationError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            StationError::Line(error) => return error.fault(),
            StationError::Modem(error) => return error.fault(),
            StationError::Ended { .. } => {
                (Whose::Line, Retry::Later, "see that the device is there and switched on")
            }
            StationError::Stuck { .. } => (
                Whose::Local,
                Retry::Later,
                "check the cable, or set the line's flow control as the modem has it",
            ),
            StationError::Stopped => {
                (Whose::Local, Retry::Later, "the next call goes on where this one stopped")
            }
            StationError::Exposed { .. } => (
                Whose::Usage,
                Retry::Never,
                "use a line of type \"tls\", or set plain-passwords = true on this one",
            ),
            StationError::NoNumber { .. } => (Whose::Usage, Retry::Never, "give the system a number"),
            StationError::NoSystem { .. } => (Whose::Usage, Retry::Never, "name the system, not the line"),
            StationError::Log(_) => (Whose::Local, Retry::Later, "see that the disk has room"),
            StationError::NoAddress { .. } => (Whose::Usage, Retry::Never, "give the system an address"),
        };
        let stage = match self {
            StationError::NoNumber { .. } | StationError::NoAddress { .. } => Stage::Dial,
            StationError::Stopped => Stage::Carrier,
            _ => Stage::Port,
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }

    fn call_failure(&self) -> Option<CallFailure> {
        match self {
            StationError::Line(error) => error.call_failure(),
            StationError::Modem(error) => error.call_failure(),
            StationError::Ended { .. } | StationError::Stuck { .. } => Some(CallFailure::OwnSide),
            _ => None,
        }
    }
}

impl Coded for StationError {
    fn code(&self) -> &'static str {
        match self {
            StationError::Line(error) => error.code(),
            StationError::Modem(error) => error.code(),
            StationError::Ended { .. } => "port-ended",
            StationError::Stuck { .. } => "port-stuck",
            StationError::Exposed { .. } => "port-plain-password",
            StationError::NoSystem { .. } => "port-no-system",
            StationError::Log(_) => "port-log",
            StationError::Stopped => "carrier-stopped",
            StationError::NoNumber { .. } => "dial-no-number",
            StationError::NoAddress { .. } => "dial-no-address",
        }
    }

    fn modem_said(&self) -> Option<&str> {
        match self {
            StationError::Modem(error) => error.modem_said(),
            _ => None,
        }
    }
}
