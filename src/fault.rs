//! What went wrong, in the one form that exit codes, call records, retries and delivery reports read.
//!
//! Every room has an error enum of its own; [`ToFault`] turns each into a [`Fault`], which says at which
//! stage of the work it happened, whose doing it was, whether trying again can help, and what the
//! operator can do about it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where in the life of a message or a call something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading the configuration or the command line.
    Config,
    /// Talking to the daemon over its control socket.
    Control,
    /// Keeping or finding something in the spool.
    Spool,
    /// Opening or locking the serial port, socket or program of a line.
    Port,
    /// Setting up the modem.
    Modem,
    /// Dialling: busy, no answer, no dial tone, a number that may not be dialled.
    Dial,
    /// The connection itself: carrier lost, peer closed, idle.
    Carrier,
    /// The login chat, or the check of name and password.
    Login,
    /// The UUCP handshake before the protocol starts.
    Handshake,
    /// The packet protocol.
    Protocol,
    /// One file or job of a session.
    Transfer,
    /// Running a command that a peer asked for.
    Execute,
    /// Deciding where mail for an address goes.
    Route,
    /// Taking mail in, by SMTP or command.
    Submit,
    /// Handing mail to a mailbox, a program or another host.
    Deliver,
    /// Offline batches.
    Bundle,
}

impl Stage {
    /// The lower-case word used in reports and logs.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Config => "config",
            Stage::Control => "control",
            Stage::Spool => "spool",
            Stage::Port => "port",
            Stage::Modem => "modem",
            Stage::Dial => "dial",
            Stage::Carrier => "carrier",
            Stage::Login => "login",
            Stage::Handshake => "handshake",
            Stage::Protocol => "protocol",
            Stage::Transfer => "transfer",
            Stage::Execute => "execute",
            Stage::Route => "route",
            Stage::Submit => "submit",
            Stage::Deliver => "deliver",
            Stage::Bundle => "bundle",
        }
    }
}

/// Whose doing a fault was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// The user or operator here asked for something that cannot be.
    Usage,
    /// The user here asked for something that only others may do.
    Forbidden,
    /// This machine: disk, memory, permission, a missing program.
    Local,
    /// The line between the two ends.
    Line,
    /// The other end broke the protocol.
    PeerMisbehaved,
    /// The other end is sound but cannot, or will not, do this.
    PeerRefused,
    /// A defect in uugate itself.
    Bug,
}

/// Whether the same attempt can succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Trying again cannot help; somebody has to change something.
    Never,
    /// Trying again later can help.
    Later,
}

/// Why a call failed, where the wait before the next one goes by it. What is not among these is waited for as any failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFailure {
    Busy,
    /// It rang, and nobody took the call.
    NoAnswer,
    /// Nobody took the call, or whoever did has no modem: many modems cannot tell which.
    NoCarrier,
    /// A person took the call.
    Voice,
    /// The modem does not dial this number yet; for so long, if it says so.
    Delayed {
        seconds: Option<u32>,
    },
    /// The modem does not dial this number any more, as some countries demand after failed calls.
    Blacklisted,
    /// It was never dialled, for something here is out of order: no dial tone, a silent modem, a port that does not open.
    OwnSide,
    /// The other end did not accept our name or password.
    Login,
    /// The packet protocol did not get through the line.
    NoStart,
}

/// One failure, told to the outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub stage: Stage,
    pub whose: Whose,
    pub retry: Retry,
    /// What happened, naming the culprit; one line, printable, no secrets.
    pub message: String,
    /// What to do about it; one sentence.
    pub advice: String,
}

impl Fault {
    /// The exit code of sysexits.h that a command ends with for this fault.
    pub fn exit_code(&self) -> u8 {
        use crate::exit;
        match (self.whose, self.retry, self.stage) {
            (_, Retry::Later, _) => exit::TEMPFAIL,
            (Whose::Usage, _, Stage::Config) => exit::CONFIG,
            (Whose::Usage, _, Stage::Route) => exit::NOHOST,
            (Whose::Usage, ..) => exit::USAGE,
            (Whose::Forbidden, ..) => exit::NOPERM,
            (Whose::Bug, ..) => exit::SOFTWARE,
            (Whose::Local, ..) => exit::OSERR,
            (Whose::PeerRefused, _, Stage::Route) => exit::NOHOST,
            (Whose::PeerRefused, _, Stage::Execute) => exit::NOPERM,
            // What was handed in is not what it should be.
            (Whose::PeerMisbehaved, _, Stage::Submit) => exit::DATAERR,
            (Whose::PeerMisbehaved, ..) => exit::PROTOCOL,
            (Whose::Line | Whose::PeerRefused, ..) => exit::UNAVAILABLE,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.name(), self.message)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// Implemented by every room's error enum.
pub trait ToFault {
    fn fault(&self) -> Fault;

    /// What it is to whoever decides on the next call.
    fn call_failure(&self) -> Option<CallFailure> {
        None
    }
}

/// Implemented by the errors that calls fail with.
pub trait Coded: ToFault {
    /// The word by which programs know this failure, of those that docs/calls.md lists. It begins with the stage, no two failures
    /// have the same, and one that was given once keeps its meaning.
    fn code(&self) -> &'static str;

    /// The words of the modem that it is about.
    fn modem_said(&self) -> Option<&str> {
        None
    }
}
