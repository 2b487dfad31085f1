//! How asking the daemon fails.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::frames::FrameError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error("no daemon answers at {}", socket.display())]
    NoDaemon { socket: PathBuf },
    #[error("the control socket {}: {error}", socket.display())]
    Socket { socket: PathBuf, error: std::io::Error },
    #[error("the connection to the daemon was lost: {0}")]
    Lost(std::io::Error),
    #[error("the other end of the control socket sent {0}")]
    Misbehaved(String),
    #[error("the other end of the control socket speaks version {0}, this program version {ours}", ours = super::VERSION)]
    Version(u32),
    /// Our own input could not be read.
    #[error("standard input or file: {0}")]
    Input(std::io::Error),
    /// The daemon did not do it.
    #[error("{}", .0.message)]
    Refused(Fault),
}

impl From<FrameError> for ControlError {
    fn from(error: FrameError) -> ControlError {
        ControlError::Misbehaved(error.to_string())
    }
}

impl ToFault for ControlError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            ControlError::Refused(fault) => return fault.clone(),
            ControlError::NoDaemon { .. } => {
                (Whose::Local, Retry::Later, "start `uugate run`, or act as the owner of the spool")
            }
            ControlError::Socket { .. } | ControlError::Lost(_) => {
                (Whose::Local, Retry::Later, "see the log of the daemon")
            }
            ControlError::Input(_) => (Whose::Local, Retry::Never, ""),
            ControlError::Misbehaved(_) | ControlError::Version(_) => {
                (Whose::PeerMisbehaved, Retry::Never, "let the daemon and this program be of one version")
            }
        };
        let message = self.to_string();
        Fault { stage: Stage::Control, whose, retry, message, advice: advice.to_owned() }
    }
}
