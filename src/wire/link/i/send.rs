//! The sending half of the `i` protocol: what waits, what is on its way, what has to go again.

use super::packet::{self, Header, Kind};
use super::size::PacketSize;
use crate::wire::link::pace::Pace;
use crate::wire::link::timer::RoundTrip;
use crate::wire::link::{Channel, Expected};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Sequence numbers are counted modulo this.
pub const SEQUENCES: u8 = 32;

/// No packet is repeated unasked sooner than this (RFC 6298 section 2.4).
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// So often a packet is repeated that the peer has asked for once; then the peer is to ask again.
const MOST_REPAIRS: u32 = 4;

/// The shortest wait before such a packet is repeated.
const LEAST_REPAIR: Duration = Duration::from_millis(100);

/// Something that waits for a place in the window.
#[derive(Debug)]
enum Item {
    /// A command or an answer with the NUL at its end. `offers`: the next packet is at the beginning of a file.
    Command {
        channel: Channel,
        text: Vec<u8>,
        offers: bool,
    },
    /// File data; `at` is how much of `bytes` was sent already. Empty `bytes` end the file.
    Data {
        channel: Channel,
        position: u64,
        bytes: Vec<u8>,
        at: usize,
    },
    Close,
}

impl Item {
    fn channel(&self) -> Option<Channel> {
        match self {
            Item::Command { channel, .. } | Item::Data { channel, .. } => Some(*channel),
            Item::Close => None,
        }
    }
}

/// A packet that was not acknowledged yet.
#[derive(Debug)]
struct Sent {
    packet: u8,
    frame: Vec<u8>,
    data: usize,
    last_sent: Instant,
    resent: u32,
    /// It has to be sent again.
    wanted: bool,
    /// The peer asked for it.
    lost: bool,
}

#[derive(Debug)]
pub struct Sender {
    caller: bool,
    /// Packets are sealed, as between uugates.
    sealed: bool,
    /// How many packets may be unacknowledged, as the peer asked.
    window: usize,
    size: PacketSize,
    expected: Expected,
    queue: VecDeque<Item>,
    /// Bytes of file data in `queue`.
    queued: usize,
    unacked: VecDeque<Sent>,
    /// The number of the next packet.
    next: u8,
    /// The file position that the peer reckons with for the next packet; 2^32 is followed by 0.
    position: u32,
    pub trip: RoundTrip,
    /// When a packet was last sent for the first time, and when one was last acknowledged.
    last_new: Option<Instant>,
    last_progress: Option<Instant>,
    /// How often the timer ran out since the last acknowledgement; when the peer was last asked what it has, and how often
    /// without an answer.
    unanswered: u32,
    asked: Option<(Instant, u32)>,
    timeout: Duration,
    pace: Pace,
    /// The line has enough to carry until then.
    pause: Option<Instant>,
    pub packets_sent: u64,
    pub packets_resent: u64,
}

impl Sender {
    /// `window` and `most` (bytes) are the peer's wishes; `timeout` is the longest wait before a packet is repeated
    /// while no round trip was measured.
    pub fn new(
        caller: bool,
        sealed: bool,
        window: usize,
        most: usize,
        timeout: Duration,
        expected: Expected,
    ) -> Self {
        Sender {
            caller,
            sealed,
            window,
            size: PacketSize::new(most, expected),
            expected,
            queue: VecDeque::new(),
            queued: 0,
            unacked: VecDeque::new(),
            next: 1,
            position: 0,
            trip: RoundTrip::new(timeout, LEAST_WAIT),
            last_new: None,
            last_progress: None,
            unanswered: 0,
            asked: None,
            timeout,
            pace: Pace::default(),
            pause: None,
            packets_sent: 0,
            packets_resent: 0,
        }
    }

    /// Honours the peer's wishes from now on.
    pub fn agree(&mut self, window: usize, most: usize) {
        self.window = window;
        self.size = PacketSize::new(most, self.expected);
    }

    /// The peer wants packets of another size from now on; those on their way stay as they are.
    pub fn limit(&mut self, most: usize) {
        self.size.limit(most);
    }

    pub fn queued(&self) -> usize {
        self.queued
    }

    pub fn idle(&self) -> bool {
        self.queue.is_empty() && self.unacked.is_empty()
    }

    /// An answer must not wait behind a window of file data: a command goes before what belongs to other channels,
    /// but after other commands and all of its own channel. What is said of hanging up has no channel of its own, and
    /// overtakes nothing.
    ///
    /// `offers`: the peer knows that the next packet is at the beginning of a file.
    pub fn command(&mut self, channel: Channel, mut text: Vec<u8>, offers: bool) {
        text.push(0);
        if channel == Channel::ONLY {
            self.queue.push_back(Item::Command { channel, text, offers });
            return;
        }
        let after = self
            .queue
            .iter()
            .rposition(|item| !matches!(item, Item::Data { .. }) || item.channel() == Some(channel));
        // Data of which a part was sent already may be interrupted: SPOS brings the position back.
        self.queue.insert(after.map_or(0, |at| at + 1), Item::Command { channel, text, offers });
    }

    pub fn data(&mut self, channel: Channel, position: u64, bytes: &[u8]) {
        self.queued += bytes.len();
        self.queue.push_back(Item::Data { channel, position, bytes: bytes.to_vec(), at: 0 });
    }

    pub fn close(&mut self) {
        self.queue.push_back(Item::Close);
    }

    /// Takes an acknowledgement of everything up to `ack`. Returns how many packets it was for.
    pub fn acknowledged(&mut self, now: Instant, ack: u8) -> usize {
        let Some(count) = self.unacked.iter().position(|sent| sent.packet == ack).map(|at| at + 1) else {
            return 0;
        };
        // An acknowledgement is prompt when it is for the newest packet of several that nothing was missing before, or
        // for one that was missing.
        let clean = self.unacked.iter().all(|sent| !sent.lost && sent.resent == 0);
        if let Some(first) = self.unacked.front()
            && (first.lost && first.resent == 1 && count > 1)
        {
            self.trip.sample(now.saturating_duration_since(first.last_sent));
        }
        let waiting: usize = self.unacked.iter().skip(count).map(|sent| sent.frame.len()).sum();
        for (n, sent) in self.unacked.drain(..count).enumerate() {
            if sent.resent == 0 {
                self.size.arrived(sent.data);
                if n + 1 == count && clean {
                    let trip = now.saturating_duration_since(sent.last_sent);
                    self.trip.sample(trip);
                    self.pace.passed(now, waiting, trip, sent.frame.len());
                }
            }
        }
        self.last_progress = Some(now);
        self.unanswered = 0;
        self.asked = None;
        count
    }

    /// The peer asks for one packet. Returns whether it is known and will be sent again; a request that can only be
    /// about an earlier sending is not heeded.
    pub fn rejected(&mut self, now: Instant, number: u8) -> bool {
        let least = self.trip.least();
        let Some(sent) = self.unacked.iter_mut().find(|sent| sent.packet == number) else { return false };
        if !sent.wanted && (!sent.lost || now.saturating_duration_since(sent.last_sent) >= least) {
            sent.wanted = true;
            sent.lost = true;
            self.size.lost();
        }
        true
    }

    /// When the oldest packet has waited too long for its acknowledgement.
    pub fn deadline(&self) -> Option<Instant> {
        let oldest = self.unacked.front()?;
        if oldest.wanted {
            return None;
        }
        // While new packets go out the line moves, and the peer may be waiting for half a window of them.
        let since = if oldest.resent == 0 {
            [Some(oldest.last_sent), self.last_new, self.last_progress].into_iter().flatten().max()?
        } else {
            oldest.last_sent
        };
        let since = self.asked.map_or(since, |(asked, _)| asked.max(since));
        Some(since + self.trip.patience(self.unanswered, self.timeout))
    }

    /// When a packet that was asked for, and sent again, has to be taken to be lost again.
    pub fn repair_deadline(&self) -> Option<Instant> {
        self.unacked.iter().filter_map(|sent| self.lost_again(sent)).min()
    }

    fn lost_again(&self, sent: &Sent) -> Option<Instant> {
        let known = sent.lost && !sent.wanted && sent.resent <= MOST_REPAIRS;
        let wait = self.trip.usual().max(LEAST_REPAIR);
        (known && self.trip.is_known())
            .then(|| sent.last_sent + wait * 2u32.pow(sent.resent.saturating_sub(2)))
    }

    /// Sends again what was lost again.
    pub fn repair(&mut self, now: Instant) {
        for at in 0..self.unacked.len() {
            let late =
                self.unacked.get(at).and_then(|sent| self.lost_again(sent)).is_some_and(|by| by <= now);
            if let Some(sent) = self.unacked.get_mut(at).filter(|_| late) {
                sent.wanted = true;
                self.size.lost();
            }
        }
    }

    /// No acknowledgement came in time. Returns how often that happened since the last one.
    ///
    /// At first nothing is sent again: the caller asks the peer what it has, so many times (`questions`).
    pub fn timed_out(&mut self, now: Instant, questions: u32) -> u32 {
        self.unanswered = self.unanswered.saturating_add(1);
        let before = self.asked.map_or(0, |(_, times)| times);
        self.asked = Some((now, before.saturating_add(1)));
        if before >= questions {
            self.send_ends();
        }
        self.unanswered
    }

    /// The peer has said what it has, and it was nothing new.
    pub fn nothing_new(&mut self) {
        if self.asked.take().is_some() {
            self.send_ends();
        }
    }

    /// Sends the oldest packet again, and the newest: it shows the peer what else is missing.
    fn send_ends(&mut self) {
        if let Some(oldest) = self.unacked.front_mut() {
            oldest.wanted = true;
        }
        if let Some(newest) = self.unacked.back_mut() {
            newest.wanted = true;
        }
    }

    /// Whether everything was sent at least once.
    pub fn all_out(&self) -> bool {
        self.queue.is_empty()
    }

    /// When a packet was last sent for the first time.
    pub fn last_new(&self) -> Option<Instant> {
        self.last_new
    }

    /// How many bytes of file data fit into a window.
    pub fn capacity(&self) -> usize {
        self.window * self.size.most()
    }

    /// The packet that has to be sent again now.
    fn again(&self) -> Option<usize> {
        self.unacked.iter().position(|sent| sent.wanted)
    }

    fn is_full(&self) -> bool {
        self.unacked.len() >= self.window
    }

    /// When the line will take what waits for it.
    pub fn pause(&self) -> Option<Instant> {
        self.pause
    }

    pub fn pause_over(&mut self, now: Instant) {
        self.pause = self.pause.filter(|until| *until > now);
    }

    /// Appends the next packet to `out`, carrying `ack`; false if there is none to send now.
    pub fn transmit(&mut self, now: Instant, ack: u8, out: &mut Vec<u8>) -> bool {
        let waits = self.again().is_some() || !self.is_full() && !self.queue.is_empty();
        self.pause = self.pace.until(now).filter(|_| waits);
        if self.pause.is_some() {
            return false;
        }
        if let Some(sent) = self.again().and_then(|at| self.unacked.get_mut(at)) {
            sent.wanted = false;
            sent.resent += 1;
            sent.last_sent = now;
            packet::restamp(&mut sent.frame, ack, self.sealed);
            out.extend_from_slice(&sent.frame);
            self.pace.sent(now, sent.frame.len(), self.size.is_noisy());
            self.packets_resent += 1;
            return true;
        }
        if self.is_full() {
            return false;
        }
        let Some((kind, channel, mut frame)) = self.next_content() else {
            self.pace.idle();
            return false;
        };
        let (local, remote) = match channel {
            Some(Channel::Ours(number)) => (number, 0),
            Some(Channel::Theirs(number)) => (0, number),
            None => (0, 0),
        };
        let (caller, sealed) = (self.caller, self.sealed);
        let header = Header { kind, packet: self.next, ack, local, remote, caller, sealed };
        let data = packet::filled(&frame);
        packet::seal(&mut frame, header);
        out.extend_from_slice(&frame);
        self.pace.sent(now, frame.len(), self.size.is_noisy());
        self.unacked.push_back(Sent {
            packet: self.next,
            frame,
            data,
            last_sent: now,
            resent: 0,
            wanted: false,
            lost: false,
        });
        self.next = (self.next + 1) % SEQUENCES;
        self.last_new = Some(now);
        self.packets_sent += 1;
        true
    }

    /// What the next packet is: begun, with its data.
    fn next_content(&mut self) -> Option<(Kind, Option<Channel>, Vec<u8>)> {
        let rate = self.pace.rate();
        let round_trip = rate.unwrap_or_default() * self.trip.smoothed().as_secs_f64();
        let rate = rate.or(self.expected.rate.map(f64::from));
        let size = self.size.choose(rate, round_trip, self.window);
        let (channel, frame) = match self.queue.front_mut()? {
            Item::Close => {
                self.queue.pop_front();
                return Some((Kind::Close, None, packet::begin(0)));
            }
            Item::Command { channel, text, offers } => {
                let (channel, offers) = (*channel, *offers);
                let count = text.len().min(size);
                let mut frame = packet::begin(count);
                frame.extend(text.drain(..count));
                if text.is_empty() {
                    self.queue.pop_front();
                    if offers {
                        self.position = 0;
                        return Some((Kind::Data, Some(channel), frame));
                    }
                }
                (channel, frame)
            }
            Item::Data { position, bytes, at, .. }
                if !bytes.is_empty() && self.position != (*position + *at as u64) as u32 =>
            {
                self.position = (*position + *at as u64) as u32;
                let mut frame = packet::begin(4);
                frame.extend(self.position.to_be_bytes());
                return Some((Kind::Spos, None, frame));
            }
            Item::Data { channel, .. } => {
                let channel = *channel;
                let mut frame = packet::begin(size);
                self.take_data(channel, size, &mut frame);
                (channel, frame)
            }
        };
        // Observed with Taylor UUCP 1.07: the position advances by the data of every packet, commands included.
        self.position = self.position.wrapping_add(packet::filled(&frame) as u32);
        Some((Kind::Data, Some(channel), frame))
    }

    /// Puts as much file data into a packet as it takes, from as many pieces as follow each other in the file.
    fn take_data(&mut self, wanted: Channel, size: usize, frame: &mut Vec<u8>) {
        let mut taken = 0;
        while let Some(Item::Data { channel, position, bytes, at }) = self.queue.front_mut() {
            let here = (*position + *at as u64) as u32;
            let follows = here == self.position.wrapping_add(taken as u32) && *channel == wanted;
            if taken > 0 && (!follows || bytes.is_empty()) {
                break;
            }
            let end = bytes.len().min(*at + size - taken);
            frame.extend_from_slice(bytes.get(*at..end).unwrap_or_default());
            taken += end - *at;
            self.queued -= end - *at;
            *at = end;
            if end < bytes.len() {
                break;
            }
            self.queue.pop_front();
            if taken == size || taken == 0 {
                break;
            }
        }
    }
}
