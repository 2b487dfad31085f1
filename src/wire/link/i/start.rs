//! The start of the `i` protocol: each side sends a SYNC, which says what it wants to get; and SYNC in mid-session.

use super::packet::{self, Header, Kind};
use super::{I, MOST_CHANNELS, MOST_WINDOW, State};
use crate::wire::link::{Event, LinkError, Role};
use std::time::Instant;

/// How much goes before the peer has told what it wants: half the window, in packets of what every uugate asks for, so that
/// a round trip is filled on a line of 200 kbit/s; no more than we would take ourselves, for both ends of a line are
/// mostly set up alike.
const MOST_AHEAD: usize = MOST_WINDOW / 2;
const LARGEST_AHEAD: usize = 1024;

/// The exchange of SYNC packets.
#[derive(Debug, Default)]
pub struct Sync {
    /// One has to go out.
    pub due: bool,
    /// How often one was sent in answer to a repeated one.
    answers: u32,
    /// One was sent because the peer's was missed.
    asked: bool,
    /// The peer has sent a packet that it can only send after our SYNC.
    peer_runs: bool,
    /// When ours went out, if it did once.
    sent: Option<Instant>,
    times: u32,
}

impl Sync {
    /// Whether a SYNC has to go out; then it does.
    pub fn take_due(&mut self, now: Instant) -> bool {
        let due = std::mem::take(&mut self.due);
        if due {
            self.times += 1;
            self.sent = Some(now).filter(|_| self.times == 1);
        }
        due
    }

    /// The peer has sent a packet that it can only send after our SYNC. Returns, the first time, when that was sent: no
    /// round trip is longer.
    pub fn answered(&mut self) -> Option<Instant> {
        self.peer_runs = true;
        self.sent.take()
    }
}

impl I {
    pub(super) fn await_sync(&mut self, now: Instant, tries: u32) {
        self.state = State::AwaitSync { tries, until: now + self.parameters.sync_timeout };
        self.sync.due = true;
    }

    /// Begins to speak before the peer has told what it wants.
    pub(super) fn speak_ahead(&mut self) {
        let window = usize::from(self.parameters.window).min(MOST_AHEAD);
        let most = usize::from(self.parameters.packet_size).min(LARGEST_AHEAD);
        self.sender.agree(window, most);
        self.tell(Event::Started);
    }

    /// Something came that can only come behind a SYNC: that was lost. To a peer that lacks nothing, ours says that we do.
    pub(super) fn missed_sync(&mut self) {
        if matches!(self.state, State::AwaitSync { .. }) && !self.sync.due && !self.sync.asked {
            (self.sync.due, self.sync.asked) = (true, true);
        }
    }

    /// Our SYNC: packet size, window, channels that the peer may use.
    pub(super) fn sync_packet(&self) -> Vec<u8> {
        let size = match self.parameters.eager {
            true => self.parameters.packet_size,
            false => u16::try_from(self.receiver.wish()).unwrap_or(self.parameters.packet_size),
        };
        let [high, low] = size.to_be_bytes();
        let data = [high, low, self.parameters.window, MOST_CHANNELS];
        packet::frame(self.header(Kind::Sync, 0), &data)
    }

    pub(super) fn handle_sync(&mut self, now: Instant, header: Header, data: &[u8]) {
        let [high, low, window, rest @ ..] = data else {
            self.misbehaved("a SYNC packet of fewer than three bytes");
            return;
        };
        if !self.runs() && !matches!(self.state, State::AwaitSync { .. }) {
            return;
        }
        let asked = usize::from(*high) << 8 | usize::from(*low);
        if asked == 0 || *window == 0 {
            self.misbehaved(format!("it asks for packets of {asked} bytes and a window of {window}"));
            return;
        }
        let size = match self.parameters.remote_packet_size {
            0 => asked,
            size => usize::from(size),
        };
        if self.runs() {
            // A peer that repeats its SYNC lacks ours; bounded, for two such answers must not feed each other.
            if !self.sync.peer_runs && self.sync.answers < self.parameters.sync_retries {
                self.sync.answers += 1;
                self.sync.due = true;
            }
            // Observed with Taylor UUCP 1.07: on a line that loses many packets it asks for smaller ones so.
            self.sender.limit(size.min(self.most));
            return;
        }
        self.sender.agree(usize::from(*window).min(MOST_WINDOW), size.min(self.most));
        self.state = State::Running;
        self.peer_seals = header.sealed;
        self.silence.heard(now);
        if self.parameters.eager {
            // The caller's goes out first, so that the other is an answer to it.
            if let Some(sent) = self.sync.sent.take().filter(|_| self.role == Role::Caller) {
                self.sender.trip.sample(now.saturating_duration_since(sent));
            }
            return;
        }
        // A peer that does not tell is not asked for more than one.
        self.channels = rest.first().map_or(1, |channels| (*channels).clamp(1, MOST_CHANNELS));
        self.tell(Event::Started);
    }

    /// The peer's SYNC did not come in time.
    pub(super) fn handle_sync_timeout(&mut self, now: Instant, tries: u32) {
        if tries > self.parameters.sync_retries {
            self.fail(LinkError::NoStart { protocol: self.letter });
            return;
        }
        self.await_sync(now, tries + 1);
        self.give_up_packet(now);
    }
}
