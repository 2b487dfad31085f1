//! Calls: wished, under way, and past.

use super::Claim;
use crate::job::{Grade, SystemName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// Somebody wants this system called.
#[derive(Debug, Clone)]
pub struct Wish {
    pub system: SystemName,
    pub grade: Grade,
    pub why: String,
    pub since: Timestamp,
    /// Even if it is not yet time to try again after a failure.
    pub at_once: bool,
}

/// A call that begins. There is one at a time for each system: a second is refused with
/// [`super::SpoolError::Conflict`].
#[derive(Debug, Clone)]
pub struct NewCall {
    pub system: SystemName,
    pub line: String,
    /// We are the caller.
    pub outgoing: bool,
    pub began: Timestamp,
}

/// What is known of a past call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// What the modem said: rates, error correction.
    pub connect: Option<String>,
    pub protocol: Option<char>,
    /// The other end showed that it is a uugate.
    #[serde(default)]
    pub uugate: bool,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub jobs_sent: u64,
    pub jobs_received: u64,
    pub packets_resent: u64,
    /// The other end refused us, to call back itself.
    #[serde(default)]
    pub calls_back: bool,
    /// It was not placed, for another program had the line.
    #[serde(default)]
    pub line_taken: bool,
    /// How much the caller asked us to log (`-x`); nobody does it for it.
    #[serde(default)]
    pub debug: Option<u32>,
    /// What the serial port saw go wrong during the call; none where no UART counts.
    #[serde(default)]
    pub errors: Option<PortErrors>,
    /// How long it talked, and what its line promised.
    #[serde(default)]
    pub pace: Option<Pace>,
    /// What it cost; none on a line that costs nothing.
    #[serde(default)]
    pub charge: Option<Charge>,
    /// Stage and message of the failure, if it failed.
    pub failure: Option<String>,
}

/// How fast a call was, and could have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pace {
    /// From the connection to the end of the session.
    pub milliseconds: u64,
    /// Bytes a second that the modems have promised, from us and to us; none if they did not say.
    pub sent: Option<u32>,
    pub received: Option<u32>,
}

/// What a call cost, and which month's account it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Charge {
    /// As `2026-11`: the civil month, in the zone of the node, in which it was connected.
    pub month: String,
    /// Airtime.
    pub seconds: u64,
    /// Money, in thousandths of its unit.
    pub thousandths: u64,
}

/// The sum of what the calls of a month cost on one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charges {
    pub calls: u64,
    pub seconds: u64,
    pub thousandths: u64,
}

/// What went wrong between modem and machine, in characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortErrors {
    /// `16550A` and the like, where the driver says it.
    pub uart: Option<String>,
    /// Lost because the UART was not read in time: lower the speed, or raise the FIFO trigger.
    pub overruns: u32,
    /// Without a stop bit: noise, or the wrong speed.
    pub framing: u32,
    pub parity: u32,
    pub breaks: u32,
    /// Lost because the kernel's buffer was full: flow control does not work.
    pub buffer_overruns: u32,
    /// What to do about it; none if nothing went wrong.
    #[serde(default)]
    pub hint: Option<String>,
}

/// A line of call history.
#[derive(Debug, Clone)]
pub struct PastCall {
    pub id: CallId,
    pub call: NewCall,
    /// None while it is under way.
    pub ended: Option<Timestamp>,
    pub record: CallRecord,
}

/// The lease of a call that is under way.
#[derive(Debug, Clone, Copy)]
pub struct CallLease {
    pub id: CallId,
    pub claim: Claim,
}
