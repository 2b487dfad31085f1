//! Our side of a modem: what it is told, and what it answers.
//!
//! Command syntax and result codes follow ITU-T V.250 (formerly V.25 ter) and the Hayes set that every modem
//! since has kept; what differs from model to model is data, in [`Profile`]. [`Modem`] is the dialogue:
//! reset, set up, dial or answer, and hang up. [`CarrierWatch`] looks for the end of a call where there is
//! no carrier signal, and [`EscapeGuard`] keeps data from being taken for commands. [`reply`] reads what a modem says,
//! [`Connect`] is what the two modems agreed on, [`Throughput`] what may be hoped for from that, and [`CallReport`] what a modem
//! tells about the last call.

mod connect;
mod dialogue;
mod escape;
mod number;
mod profile;
mod rate;
pub mod reply;
mod report;
mod watch;

pub use connect::Connect;
pub use dialogue::{Event, Modem};
pub use escape::EscapeGuard;
pub use number::{Number, NumberError};
pub use profile::{CallerId, Codes, HangUp, Profile, Timeouts};
pub use rate::Throughput;
pub use reply::Reply;
pub use report::{CallReport, Rates};
pub use watch::CarrierWatch;

use crate::fault::{CallFailure, Coded, Fault, Retry, Stage, ToFault, Whose};

/// Why a modem did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModemError {
    #[error("the modem does not answer {command:?}; last seen: {seen:?}")]
    Silent { command: String, seen: String },
    #[error("the modem refused {command:?} with {reply:?}")]
    Refused { command: String, reply: String },
    #[error("the modem says ERROR, and makes no connection")]
    NotDialled,
    #[error(transparent)]
    Number(#[from] NumberError),
    #[error("the number is busy")]
    Busy,
    #[error("the number does not answer")]
    NoAnswer,
    #[error("there is no dial tone")]
    NoDialtone,
    #[error("there is no carrier at the other end")]
    NoCarrier,
    #[error("a person answered, or nobody with a modem")]
    Voice,
    #[error("the modem may not call this number now: {reply:?}")]
    Barred { reply: String },
    #[error("the modem did not connect within {seconds} s")]
    NotConnected { seconds: u64 },
    #[error("the carrier was lost")]
    CarrierLost,
    #[error("the modem was not seen to hang up; the line may still be in use")]
    NotHungUp,
}

impl ToFault for ModemError {
    fn fault(&self) -> Fault {
        let (stage, whose, retry, advice) = match self {
            ModemError::Silent { .. } => (
                Stage::Modem,
                Whose::Local,
                Retry::Later,
                "check that the modem is switched on, the cable, and the speed of the port",
            ),
            ModemError::Refused { .. } => {
                (Stage::Modem, Whose::Local, Retry::Never, "correct the modem's profile or its init strings")
            }
            ModemError::Number(_) => {
                (Stage::Dial, Whose::Usage, Retry::Never, "correct the number of this system")
            }
            ModemError::NotDialled => (
                Stage::Dial,
                Whose::Usage,
                Retry::Never,
                "correct the number of this system, or how the line dials (dial, dial-prefix)",
            ),
            ModemError::Busy => (Stage::Dial, Whose::Line, Retry::Later, "try again in a few minutes"),
            ModemError::NoAnswer => {
                (Stage::Dial, Whose::Line, Retry::Later, "check the number, and that the other modem answers")
            }
            ModemError::NoDialtone => (
                Stage::Dial,
                Whose::Line,
                Retry::Later,
                "check the telephone cable, and that nobody else is on the line",
            ),
            ModemError::NoCarrier | ModemError::NotConnected { .. } => (
                Stage::Dial,
                Whose::Line,
                Retry::Later,
                "check the number, and that a modem of a like standard answers there",
            ),
            ModemError::Voice => {
                (Stage::Dial, Whose::Line, Retry::Later, "see that this is the number of a modem")
            }
            ModemError::Barred { .. } => (
                Stage::Dial,
                Whose::Local,
                Retry::Later,
                "the modem keeps a list of failed calls, as some countries demand; wait, or reset it",
            ),
            ModemError::CarrierLost => (Stage::Carrier, Whose::Line, Retry::Later, "try again later"),
            ModemError::NotHungUp => (
                Stage::Modem,
                Whose::Local,
                Retry::Later,
                "switch the modem off and on; let its DTR line end calls (AT&D2)",
            ),
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }

    fn call_failure(&self) -> Option<CallFailure> {
        Some(match self {
            ModemError::Busy => CallFailure::Busy,
            ModemError::NoAnswer => CallFailure::NoAnswer,
            ModemError::NoCarrier | ModemError::NotConnected { .. } => CallFailure::NoCarrier,
            ModemError::Voice => CallFailure::Voice,
            ModemError::Barred { reply } => match reply::delay(reply) {
                Some(seconds) => CallFailure::Delayed { seconds },
                None => CallFailure::Blacklisted,
            },
            ModemError::Silent { .. }
            | ModemError::Refused { .. }
            | ModemError::NoDialtone
            | ModemError::NotHungUp => CallFailure::OwnSide,
            // What is wrong with a number is no other system's business.
            ModemError::NotDialled | ModemError::Number(_) | ModemError::CarrierLost => return None,
        })
    }
}

impl Coded for ModemError {
    fn code(&self) -> &'static str {
        match self {
            ModemError::Silent { .. } => "modem-silent",
            ModemError::Refused { .. } => "modem-refused",
            ModemError::NotHungUp => "modem-not-hung-up",
            ModemError::Number(NumberError::Character { .. }) => "dial-number-character",
            ModemError::Number(NumberError::NoDigit { .. }) => "dial-number-no-digit",
            ModemError::Number(NumberError::TooLong) => "dial-number-too-long",
            ModemError::Busy => "dial-busy",
            ModemError::NoAnswer => "dial-no-answer",
            ModemError::Voice => "dial-voice",
            ModemError::NotDialled => "dial-not-dialled",
            ModemError::NoDialtone => "dial-no-dialtone",
            ModemError::NoCarrier => "dial-no-carrier",
            ModemError::Barred { .. } => "dial-barred",
            ModemError::NotConnected { .. } => "dial-slow",
            ModemError::CarrierLost => "carrier-lost-early",
        }
    }

    fn modem_said(&self) -> Option<&str> {
        match self {
            ModemError::Silent { seen: said, .. }
            | ModemError::Refused { reply: said, .. }
            | ModemError::Barred { reply: said } => {
                Some(said).filter(|said| !said.is_empty()).map(String::as_str)
            }
            _ => None,
        }
    }
}
