//! A telephone exchange of virtual modems on PTYs: any program that drives a modem can call any other.
//!
//! [`Switch`] is the exchange itself, in virtual time: numbers, calls, rates, mishaps. Its modems are
//! [`firmware::Firmware`]. [`Exchange`] gives each of them a PTY, published as a symlink, in real time. How the
//! carrier is shown on a PTY, which has no modem signals, is told in [`Exchange`].
//!
//! Rates: ITU-T V.90 (at most 56 000 bit/s down, in practice 53 333; 33 600 up) needs a digital end; V.34 reaches
//! 33 600; below that V.32bis, V.22bis, V.22 and V.21; what is faster is a digital circuit (V.120). Error correction is that of ITU-T V.42 (LAPM): bytes travel
//! without start and stop bits, and what the line spoils is sent again.

mod drive;
mod firmware;
mod port;
mod pty;
mod spec;
mod switch;

pub use drive::Exchange;
pub use spec::{ModemSpec, Settings, SpecError, number_of};
pub use switch::{Event, Line, Switch};

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use std::path::PathBuf;

/// Why an exchange could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("modem {path}: {what}: {error}", path = path.display())]
    Pty { path: PathBuf, what: &'static str, error: std::io::Error },
    #[error("the thread of the exchange cannot start: {0}")]
    Thread(std::io::Error),
    #[error("modem {path}: the path exists and is no symlink", path = .0.display())]
    Occupied(PathBuf),
    #[error("two subscribers have the number {0}")]
    NumberTwice(String),
    #[error("two modems have the path {path}", path = .0.display())]
    PathTwice(PathBuf),
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl ToFault for ExchangeError {
    fn fault(&self) -> Fault {
        let (whose, advice) = match self {
            ExchangeError::Pty { .. } => {
                (Whose::Local, "check the folder of the path, and that /dev/pts is mounted")
            }
            ExchangeError::Thread(_) => (Whose::Local, "check the limits on threads and open files"),
            ExchangeError::Occupied(_) => (Whose::Usage, "choose another path, or remove what is there"),
            ExchangeError::NumberTwice(_) | ExchangeError::PathTwice(_) => {
                (Whose::Usage, "give each modem its own path, and each subscriber its own number")
            }
            ExchangeError::Spec(_) => (Whose::Usage, "write PATH=NUMBER or PATH=NUMBER,digital"),
        };
        Fault {
            stage: Stage::Port,
            whose,
            retry: Retry::Never,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}
