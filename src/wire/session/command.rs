//! The commands of a session and their answers: reading them as a stranger's bytes, and writing them as the peer
//! can read them. Source: the manual, "UUCP Protocol Commands".
//!
//! ```text
//! S FROM TO USER -OPTIONS TEMP MODE [NOTIFY [DUMMY] SIZE]            E FROM TO USER -OPTIONS TEMP MODE NOTIFY SIZE COMMAND
//! R FROM TO USER -OPTIONS [SIZE [DIGEST START]]      X FROM TO USER -OPTIONS        H
//! SY [START] SN2 .. SN10 (E likewise)   RY MODE [SIZE [DIGEST START]]  RN2 ..   XY XN   CY CYM CN4 CN5   HY HN
//! ```
//!
//! DIGEST and what stands behind it, and CN4, are for uugates among themselves.

mod parse;
mod print;

use super::Features;
use crate::job::Digest;

/// The longest command or answer that is read, in bytes. No package is known to send over 4 KiB; a long `rmail` line of
/// an E command is the longest thing there is.
pub const LONGEST: usize = 32 * 1024;

/// What S and E have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub from: String,
    pub to: String,
    pub user: String,
    /// The letters behind the `-`, without `q`.
    pub options: String,
    /// The name of the file in the sender's spool, or a dummy.
    pub temp: String,
    /// Permission bits, at most 0777.
    pub mode: u32,
    /// Meant only with the option `n` (S) or `R` (E).
    pub notify: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
}

/// A file from some place on. Only uugates tell each other of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Of the whole file.
    pub digest: Digest,
    /// In bytes.
    pub start: u64,
}

/// What the master asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Send(Transfer),
    Execute {
        transfer: Transfer,
        command: String,
    },
    Receive {
        from: String,
        to: String,
        user: String,
        options: String,
        /// The largest file that the master takes, in bytes.
        limit: Option<u64>,
        /// What the master lacks of it, if it has begun to get it in another call. Between uugates alone.
        rest: Option<Rest>,
    },
    Expand {
        from: String,
        to: String,
        user: String,
        options: String,
    },
    HangUp,
}

/// Why a transfer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 2, or no number: not permitted, or no such file. Never.
    Denied,
    /// 4: no temporary file. Later, perhaps.
    NoFile,
    /// 6: too large for now.
    TooLargeNow,
    /// 7, and 10 of System V Release 4: too large, ever.
    TooLarge,
    /// 8: it was received in an earlier call.
    Already,
    /// 9: no further channel. Later.
    NoChannel,
}

impl Refusal {
    /// What of it a peer with these features understands as the answer to such a command. The larger numbers came with the
    /// negotiation of sizes; to an R there are 2, 6 and 9 alone.
    pub fn as_told(self, letter: Letter, features: Features) -> Refusal {
        let sizes = features.has(Features::SIZE);
        match (letter, self) {
            (Letter::Receive, Refusal::TooLarge | Refusal::TooLargeNow) if sizes => Refusal::TooLargeNow,
            (Letter::Receive, Refusal::NoFile | Refusal::NoChannel) if sizes => Refusal::NoChannel,
            (Letter::Receive, _) => Refusal::Denied,
            (_, Refusal::TooLargeNow | Refusal::NoChannel) if !sizes => Refusal::NoFile,
            (_, Refusal::TooLarge) if !sizes => Refusal::Denied,
            (_, why) => why,
        }
    }

    fn number(self) -> u8 {
        match self {
            Refusal::Denied => 2,
            Refusal::NoFile => 4,
            Refusal::TooLargeNow => 6,
            Refusal::TooLarge => 7,
            Refusal::Already => 8,
            Refusal::NoChannel => 9,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Denied => "permission denied, or no such file",
            Refusal::NoFile => "it cannot make a file now",
            Refusal::TooLargeNow => "too large for now",
            Refusal::TooLarge => "too large",
            Refusal::Already => "received before",
            Refusal::NoChannel => "no further channel",
        })
    }
}

/// Which command an answer of the first round belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    Send,
    Execute,
    Receive,
}

impl Letter {
    fn char(self) -> char {
        match self {
            Letter::Send => 'S',
            Letter::Execute => 'E',
            Letter::Receive => 'R',
        }
    }
}

/// What the slave answers, and what both say after a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// SY, EY: send it, from this byte on.
    Take { letter: Letter, start: Option<u64> },
    /// RY: here it comes; with `M` the slave wants to be master.
    Give { mode: u32, size: Option<u64>, wants_master: bool, rest: Option<Rest> },
    /// SN, EN, RN.
    Refuse { letter: Letter, why: Refusal },
    /// CY; with `M` the slave wants to be master.
    Kept { wants_master: bool },
    /// CN, CN5: it came, but could not be put in its place, and never can.
    NotKept,
    /// CN4: what came is not what was told, and has to come again. Only uugates tell by which it could be known.
    Damaged,
    /// XY, XN.
    Expanded(bool),
    /// HY, HN.
    HangUp(bool),
}

/// Why bytes are no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It may be answered with a refusal, for its letter is known.
    #[error("a command that cannot be understood ({0})")]
    Unfit(&'static str, Letter),
    #[error("an X command that cannot be understood")]
    UnfitExpand,
    #[error("no command of UUCP")]
    Unknown,
}

#[cfg(test)]
mod tests;
