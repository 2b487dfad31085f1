//! Packet protocols: how commands and file data cross a line that loses, spoils and delays bytes.
//!
//! Every protocol is a machine behind [`Link`]: bytes and time in; bytes, events and the next deadline
//! out. Parameters and their defaults come from the Taylor UUCP manual, chapter "UUCP Protocol Internals",
//! each from the section of its protocol.

mod awake;
mod budget;
pub mod drive;
mod g;
mod i;
mod j;
mod pace;
mod parameters;
mod reader;
mod select;
mod setting;
mod silence;
mod spoiled;
mod stream;
mod tally;
mod timer;
pub mod view;
mod write_ahead;

pub use pace::largest_packet;
pub use parameters::{
    Expected, FParameters, GParameters, IParameters, JParameters, Parameters, StreamParameters, YParameters,
};
pub use select::{KNOWN, KNOWN_HALF_DUPLEX, Needs, needs, open};
pub use setting::{Change, Kind, Value, settings};

use crate::fault::{Coded, Fault, Retry, Stage, ToFault, Whose};
use std::time::Instant;

/// Which end of the call this side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It placed the call.
    Caller,
    /// It was called.
    Called,
}

/// Which conversation of the session a piece belongs to, seen from this side.
///
/// The system that sends a command gives it a channel number of its own, from 1; everything that belongs
/// to that command, in both directions, carries it. Protocols without channels have one conversation at a
/// time and always say [`Channel::ONLY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Belongs to a command that this side sent.
    Ours(u8),
    /// Belongs to a command that the other side sent.
    Theirs(u8),
}

impl Channel {
    /// What a protocol without channels reports.
    pub const ONLY: Channel = Channel::Ours(0);
}

/// What a stream protocol must know about the bytes that come next; packet protocols need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Command,
    File,
}

/// What came out of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The protocol is up; commands may be sent.
    Started,
    /// The content of one packet, in order. In command text a NUL ends the command and the rest of that packet is
    /// padding; in file data an empty packet is the end of the file. Which of the two it is, the session knows.
    /// `position`, where the protocol tells it, is the place of file data in the file, modulo 2^32.
    Data { channel: Channel, position: Option<u64>, bytes: Vec<u8> },
    /// What came of the file that is coming in is damaged; it comes again from where it began.
    Spoiled,
    /// The peer got the file that was sent last damaged: it is to be sent again from where it began.
    Again,
    /// Both sides have closed the protocol in order. A peer that closes first is taken to be in order if `close`
    /// was called before this event would be polled, so handle what came before it first.
    Closed,
    /// The protocol cannot go on. Nothing more comes out.
    Failed(LinkError),
}

/// Why a link cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("protocol {protocol}: the other end did not answer the start of the protocol")]
    NoStart { protocol: char },
    #[error("protocol {protocol}: the other end fell silent ({retries} retries unanswered)")]
    Silent { protocol: char, retries: u32 },
    #[error("protocol {protocol}: both ends are there, and nothing comes through any more")]
    Stalled { protocol: char },
    #[error("protocol {protocol}: what was sent comes back")]
    Echo { protocol: char },
    #[error("protocol {protocol}: too many errors on the line ({errors})")]
    TooManyErrors { protocol: char, errors: u32 },
    #[error("protocol {protocol}: the other end closed the protocol in mid-session")]
    ClosedByPeer { protocol: char },
    #[error("protocol {protocol}: what arrived is damaged, and cannot be mended")]
    Damaged { protocol: char },
    #[error("protocol {protocol}: a file became shorter while it was sent")]
    Shrunk { protocol: char },
    #[error("protocol {protocol}: the other end broke the protocol: {what}")]
    Misbehaved { protocol: char, what: String },
}

impl ToFault for LinkError {
    fn fault(&self) -> Fault {
        let (whose, advice) = match self {
            LinkError::NoStart { .. } => (
                Whose::Line,
                "check that the line carries all eight bits and that the peer speaks this protocol",
            ),
            LinkError::Silent { .. } | LinkError::Stalled { .. } | LinkError::TooManyErrors { .. } => {
                (Whose::Line, "try a lower speed or another line; with protocol g, smaller packets")
            }
            LinkError::Echo { .. } => (
                Whose::Line,
                "the other end may have left, and its terminal echoes; protocol i knows an echo",
            ),
            LinkError::Damaged { .. } => {
                (Whose::Line, "this line is not reliable: let protocols i or g see to its errors")
            }
            LinkError::Shrunk { .. } => (Whose::Local, "the next call sends it as it is then"),
            LinkError::ClosedByPeer { .. } => (Whose::PeerRefused, "the log of the other system says why"),
            LinkError::Misbehaved { .. } => (Whose::PeerMisbehaved, "try another protocol with this peer"),
        };
        Fault {
            stage: Stage::Protocol,
            whose,
            retry: Retry::Later,
            message: self.to_string(),
            advice: advice.into(),
        }
    }
}

impl Coded for LinkError {
    fn code(&self) -> &'static str {
        match self {
            LinkError::NoStart { .. } => "protocol-no-start",
            LinkError::Silent { .. } => "protocol-silent",
            LinkError::Stalled { .. } => "protocol-stalled",
            LinkError::Echo { .. } => "protocol-echo",
            LinkError::TooManyErrors { .. } => "protocol-errors",
            LinkError::ClosedByPeer { .. } => "protocol-closed",
            LinkError::Damaged { .. } => "protocol-damaged",
            LinkError::Shrunk { .. } => "protocol-shrunk",
            LinkError::Misbehaved { .. } => "protocol-broken",
        }
    }
}

/// What the session may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// The protocol's letter.
    pub letter: char,
    /// How many commands may be under way at once, each way; 1 for protocols without channels.
    pub channels: u8,
    /// File data are sound as they come; else only once the end of their file has come.
    pub sound: bool,
    /// It ends with packets of its own, behind which what the peer still says is taken until its own have come.
    pub closes: bool,
}

/// What a link counted, for the record of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub packets_resent: u64,
    /// Bytes or packets that had to be thrown away.
    pub bad_headers: u64,
    pub bad_checksums: u64,
}

/// One packet protocol, one call.
///
/// Drive it so: after every `handle_*` or verb, take out all of `poll_transmit` and `poll_event`, then wait
/// for input or for `poll_timeout`. Time never runs backwards.
pub trait Link: Send {
    /// Begins the protocol's own start-up.
    fn start(&mut self, now: Instant);
    /// Bytes that arrived.
    fn handle_input(&mut self, now: Instant, bytes: &[u8]);
    /// The deadline of `poll_timeout` has come.
    fn handle_timeout(&mut self, now: Instant);
    /// Moves bytes to be sent to the end of `out`, at most about `limit` of them; true if there were any.
    /// `limit` keeps what waits in the driver small, so that an answer is not stuck behind a window of data.
    fn poll_transmit(&mut self, now: Instant, limit: usize, out: &mut Vec<u8>) -> bool;
    /// When `handle_timeout` wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;
    /// What happened, in order.
    fn poll_event(&mut self) -> Option<Event>;

    /// After `Started` this is final (the peer may announce fewer channels).
    fn abilities(&self) -> Abilities;
    /// How many bytes of file data `send_data` would take now without its queue growing over a window; none while they are too
    /// few to be worth it.
    fn room(&self) -> usize;
    /// Sends a command or an answer; the NUL at its end is added here.
    fn send_command(&mut self, now: Instant, channel: Channel, text: &[u8]);
    /// The same, for a command that is followed by its file.
    fn send_offer(&mut self, now: Instant, channel: Channel, text: &[u8]) {
        self.send_command(now, channel, text);
    }
    /// A command has come whole that is followed by its file; to be said before the next event is polled.
    fn offered(&mut self) {}
    /// For protocols that tell it: so many bytes of a file follow.
    fn begin_file(&mut self, bytes: u64);
    /// Sends file data; `position` is its place in the file. Empty `bytes` end the file.
    fn send_data(&mut self, now: Instant, channel: Channel, position: u64, bytes: &[u8]);
    /// For stream protocols: what the peer will send next.
    fn expect(&mut self, what: Expect);
    /// Ends the protocol in order; `Closed` follows, or `Failed`.
    fn close(&mut self, now: Instant);
    /// Nothing waits to be sent and nothing sent waits to be acknowledged.
    fn idle(&self) -> bool;
    /// Everything was sent once.
    fn all_sent(&self) -> bool {
        self.idle()
    }
    /// After `Closed` or `Failed`: the bytes that arrived after the last packet, which are the beginning of the
    /// final handshake.
    fn take_rest(&mut self) -> Vec<u8>;
    fn counters(&self) -> Counters;

    /// Whether every byte that arrived so far belongs to a whole packet, so that none of them was said by a modem.
    /// Protocols that do not frame all they send cannot know.
    fn in_whole_packets(&self) -> bool {
        false
    }
}

/// What is taken at least, in bytes, where the queue holds more than twice as many.
const LEAST_ROOM: usize = 4096;

/// The room in a queue of `capacity` bytes, `queued` of which are taken: as pieces come free, none, for it would cost more to
/// fetch so little than to carry it, and what is left in the queue lasts until more is free.
fn room(capacity: usize, queued: usize) -> usize {
    let room = capacity.saturating_sub(queued);
    if room >= LEAST_ROOM.min(capacity / 2) { room } else { 0 }
}

#[cfg(test)]
mod tests;
