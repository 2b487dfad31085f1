//! Calls: wished, under way, and past.

use super::Claim;
use crate::fault::{CallFailure, Coded, Retry, Stage, Whose};
use crate::job::{Grade, SystemName};
use crate::observe::printable;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// The telephone number of the other end, if we dialled one.
    #[serde(default)]
    pub number: Option<String>,
    pub protocol: Option<char>,
    /// The other end showed that it is a uugate.
    #[serde(default)]
    pub uugate: bool,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub jobs_sent: u64,
    pub jobs_received: u64,
    /// Our packets that had to go again.
    pub packets_resent: u64,
    /// What came spoiled, and had to come again: bytes or packets without a sound header, and packets whose checksum was wrong.
    #[serde(default)]
    pub bad_headers: u64,
    #[serde(default)]
    pub bad_checksums: u64,
    /// The other end refused us, to call back itself.
    #[serde(default)]
    pub calls_back: bool,
    /// It was not placed, for another program had the line.
    #[serde(default)]
    pub line_taken: bool,
    /// Somebody talked by hand, with whoever answered: no work was done in it.
    #[serde(default)]
    pub by_hand: bool,
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
    /// What the modem told of it when it was over.
    #[serde(default)]
    pub modem: Option<ModemReport>,
    /// Stage and message of the failure, if it failed.
    pub failure: Option<String>,
    /// What kind of failure it was, where the wait before the next call goes by that.
    #[serde(default)]
    pub kind: Option<CallFailure>,
    /// The same for programs; none in records of before.
    #[serde(default)]
    pub cause: Option<Failure>,
}

/// Why a call failed, and what was seen of that. Printable ASCII without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    pub stage: Stage,
    /// One of the words of docs/calls.md.
    pub code: String,
    pub whose: Whose,
    pub retry: Retry,
    /// What to do about it; may be empty.
    pub advice: String,
    /// The last line of the modem before the connection, or instead of one.
    pub modem_said: Option<String>,
    /// The last bytes that came, at most 64; nothing that the caller typed to log in, nor its echo.
    pub last_bytes: Option<String>,
}

impl Failure {
    pub fn of(error: &impl Coded) -> Failure {
        let fault = error.fault();
        Failure {
            stage: fault.stage,
            code: error.code().to_owned(),
            whose: fault.whose,
            retry: fault.retry,
            advice: fault.advice,
            modem_said: error.modem_said().map(|said| printable(said.as_bytes(), LONGEST_WORDS)),
            last_bytes: None,
        }
    }
}

impl fmt::Display for Failure {
    /// `dial-busy, the modem said BUSY`: beside the words of the failure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        if let Some(said) = &self.modem_said {
            write!(f, ", the modem said {said}")?;
        }
        // What came before there was a connection are the words of the modem, and the echo of ours.
        let connected = !matches!(self.stage, Stage::Port | Stage::Modem | Stage::Dial);
        match self.last_bytes.as_ref().filter(|_| connected) {
            Some(heard) => write!(f, ", last heard {heard}"),
            None => Ok(()),
        }
    }
}

/// What is kept of a line of the modem, in bytes.
const LONGEST_WORDS: usize = 80;

/// What a modem told of a call that was over, as far as it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModemReport {
    /// Of the end of the call, in bit/s, from us and to us.
    pub transmit: Option<u32>,
    pub receive: Option<u32>,
    /// By either modem.
    pub retrains: Option<u32>,
    /// Of the modems' own blocks: sent, sent again, and come in spoiled.
    pub blocks_sent: Option<u32>,
    pub blocks_resent: Option<u32>,
    pub block_errors: Option<u32>,
    /// Between the modem and us, or in the modem.
    pub characters_lost: Option<u32>,
    /// Why the call ended.
    pub reason: Option<String>,
    /// All that it told, in one line.
    pub text: String,
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
    /// Whether they corrected errors; none if they did not say.
    #[serde(default)]
    pub corrected: Option<bool>,
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

/// The last calls with one system.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// Newest first; without those that were never dialled, for another program had the line or something here was out of
    /// order.
    pub calls: Vec<PastCall>,
    /// So often another program had the line since the newest of them.
    pub line_taken: u32,
    /// The last time then.
    pub taken_last: Option<Timestamp>,
}

/// The lease of a call that is under way.
#[derive(Debug, Clone, Copy)]
pub struct CallLease {
    pub id: CallId,
    pub claim: Claim,
}
