//! The sending half of the `g` family: cutting into packets, go-back-N.

use super::packet::{self, Fields, HEADER, Header, LEAST_DATA};
use super::size::PacketSize;
use crate::wire::link::Expected;
use crate::wire::link::pace::Pace;
use crate::wire::link::reader::Framing;
use crate::wire::link::timer::RoundTrip;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Sequence numbers are counted modulo this.
pub const SEQUENCES: u8 = 8;

/// Never more than this many bytes unacknowledged, whatever window and packet size the peer asks for. Observed with
/// Taylor UUCP 1.07: it announces windows of up to 28 KiB, and delivers damaged files without an error once more than
/// 16 KiB wait in its buffer.
const MOST_UNACKED: usize = 16 * 1024;

/// How many bytes are sent twice at the end, for nobody repeats them later: CY, HY, and what may stand before them.
const MOST_REPEATED: usize = 4 * (HEADER + LEAST_DATA);

/// So many bytes of file data may wait however small the window is.
const LEAST_QUEUE: usize = 4096;

/// No packet is repeated unasked sooner than this (RFC 6298 section 2.4).
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// Something that waits for a place in the window.
#[derive(Debug)]
enum Item {
    /// A command or an answer with the NUL at its end; `at` is how much was sent already.
    Command {
        text: Vec<u8>,
        at: usize,
    },
    Data {
        bytes: Vec<u8>,
        at: usize,
    },
    EndOfFile,
}

/// A packet that was not acknowledged yet.
#[derive(Debug)]
struct Sent {
    packet: u8,
    frame: Vec<u8>,
    last_sent: Instant,
    resent: u32,
    /// It has to be sent again.
    wanted: bool,
}

impl Sent {
    fn header(&self) -> Option<Header> {
        Fields::parse(&self.frame).map(|(header, _)| header)
    }
}

#[derive(Debug)]
pub struct Sender {
    /// How many packets may be unacknowledged, and how large their data field is, as the peer asked.
    window: usize,
    size: usize,
    /// Smaller packets may be sent when there is less to send, or the line spoils large ones.
    short_packets: bool,
    /// File data are sealed.
    seal: bool,
    best: PacketSize,
    expected: Expected,
    pace: Pace,
    /// The line has enough to carry until then.
    pause: Option<Instant>,
    queue: VecDeque<Item>,
    /// Bytes of file data in `queue`.
    queued: usize,
    unacked: VecDeque<Sent>,
    unacked_bytes: usize,
    /// Acknowledged ones of which several were sent: an echo of a late one may still come.
    repeated: VecDeque<Header>,
    next: u8,
    trip: RoundTrip,
    timeout: Duration,
    last_new: Option<Instant>,
    /// When all was last sent again for a reject.
    went_back: Option<Instant>,
    /// Resends by the timer since the last acknowledgement.
    unanswered: u32,
    pub packets_sent: u64,
    pub packets_resent: u64,
}

impl Sender {
    pub fn new(short_packets: bool, seal: bool, timeout: Duration, expected: Expected) -> Self {
        Sender {
            window: 1,
            size: LEAST_DATA,
            short_packets,
            seal: seal && short_packets,
            best: PacketSize::new(expected),
            expected,
            pace: Pace::default(),
            pause: None,
            queue: VecDeque::new(),
            queued: 0,
            unacked: VecDeque::new(),
            repeated: VecDeque::new(),
            unacked_bytes: 0,
            next: 1,
            trip: RoundTrip::new(timeout, LEAST_WAIT),
            timeout,
            last_new: None,
            went_back: None,
            unanswered: 0,
            packets_sent: 0,
            packets_resent: 0,
        }
    }

    /// Honours the peer's wishes from now on.
    pub fn agree(&mut self, window: usize, size: usize) {
        self.window = window;
        self.size = size;
    }

    pub fn queued(&self) -> usize {
        self.queued
    }

    /// The most bytes that may be under way, without their headers.
    pub fn window_bytes(&self) -> usize {
        self.window * self.size
    }

    /// How many bytes of file data may wait: a window of them, but no less than is worth to be fetched.
    pub fn capacity(&self) -> usize {
        self.window_bytes().clamp(LEAST_QUEUE, MOST_UNACKED)
    }

    pub fn idle(&self) -> bool {
        self.queue.is_empty() && self.unacked.is_empty()
    }

    /// Everything was sent once, and nothing has to go again.
    pub fn all_sent(&self) -> bool {
        self.queue.is_empty() && self.unacked.iter().all(|sent| !sent.wanted)
    }

    /// Appends once more what waits for an acknowledgement, if it is a few answers.
    pub fn repeat_last(&self, out: &mut Vec<u8>) {
        if self.unacked_bytes <= MOST_REPEATED {
            self.unacked.iter().for_each(|sent| out.extend_from_slice(&sent.frame));
        }
    }

    pub fn command(&mut self, mut text: Vec<u8>) {
        text.push(0);
        self.queue.push_back(Item::Command { text, at: 0 });
    }

    pub fn data(&mut self, bytes: &[u8]) {
        self.queued += bytes.len();
        self.queue.push_back(match bytes {
            [] => Item::EndOfFile,
            _ => Item::Data { bytes: bytes.to_vec(), at: 0 },
        });
    }

    /// Drops what was not sent: the protocol ends.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.unacked.clear();
        self.queued = 0;
    }

    /// Takes an acknowledgement of everything up to `ack`. Returns how many packets it was for.
    pub fn acknowledged(&mut self, now: Instant, ack: u8) -> usize {
        let Some(count) = self.unacked.iter().position(|sent| sent.packet == ack).map(|at| at + 1) else {
            return 0;
        };
        let clean = self.unacked.iter().all(|sent| sent.resent == 0 && !sent.wanted);
        for (n, sent) in self.unacked.drain(..count).enumerate() {
            self.unacked_bytes -= sent.frame.len();
            self.best.arrived(sent.frame.len());
            if sent.resent > 0 {
                self.repeated.extend(sent.header());
                let surplus = self.repeated.len().saturating_sub(usize::from(SEQUENCES));
                self.repeated.drain(..surplus);
            }
            if n + 1 == count && sent.resent == 0 {
                let trip = now.saturating_duration_since(sent.last_sent);
                self.trip.sample(trip);
                if clean {
                    self.pace.passed(now, self.unacked_bytes, trip, sent.frame.len());
                }
            }
        }
        self.unanswered = 0;
        count
    }

    /// Whether a packet is one of ours that the line sent back. The peer may have one with the same number and data under way at
    /// the same time, but not with the same acknowledgement: who answers has one packet more.
    pub fn is_own(&self, header: Header) -> bool {
        let is_data = matches!(header, Header::Data { .. });
        let mut under_way = self.unacked.iter().filter_map(Sent::header);
        is_data && (under_way.any(|own| own == header) || self.repeated.contains(&header))
    }

    /// The peer did not get what followed its last acknowledgement. Returns whether anything did; a reject that can
    /// only be about an earlier sending is not heeded.
    pub fn rejected(&mut self, now: Instant) -> bool {
        let least = self.trip.least();
        let fresh = self.went_back.is_none_or(|at| now.saturating_duration_since(at) >= least);
        if fresh && !self.unacked.is_empty() {
            self.went_back = Some(now);
            self.best.lost();
            self.go_back();
        }
        !self.unacked.is_empty()
    }

    /// The peer asks for one packet.
    pub fn selected(&mut self, number: u8) -> bool {
        let sent = self.unacked.iter_mut().find(|sent| sent.packet == number);
        sent.map(|sent| sent.wanted = true).is_some()
    }

    fn go_back(&mut self) {
        self.unacked.iter_mut().for_each(|sent| sent.wanted = true);
    }

    /// When the packets on their way have waited too long for an acknowledgement.
    pub fn deadline(&self) -> Option<Instant> {
        if self.unacked.iter().any(|sent| sent.wanted) {
            return None;
        }
        let since = self.unacked.iter().map(|sent| sent.last_sent).max()?;
        Some(since + self.trip.patience(self.unanswered, self.timeout))
    }

    /// Sends everything again. Returns how often that happened since the last acknowledgement.
    pub fn timed_out(&mut self) -> u32 {
        self.unanswered = self.unanswered.saturating_add(1);
        self.go_back();
        self.unanswered
    }

    /// When a packet was last sent for the first time.
    pub fn last_new(&self) -> Option<Instant> {
        self.last_new
    }

    fn is_full(&self, size: usize) -> bool {
        self.unacked.len() >= self.window
            || !self.unacked.is_empty() && self.unacked_bytes + HEADER + size > MOST_UNACKED
    }

    /// When the line will take what waits for it.
    pub fn pause(&self) -> Option<Instant> {
        self.pause
    }

    pub fn pause_over(&mut self, now: Instant) {
        self.pause = self.pause.filter(|until| *until > now);
    }

    /// The largest data field of the next packet, in bytes.
    fn size_now(&self) -> usize {
        if !self.short_packets {
            return self.size;
        }
        let round_trip = self.pace.rate().map(|rate| rate * self.trip.least().as_secs_f64());
        let speed = self.pace.rate().or(self.expected.rate.map(f64::from));
        self.best.choose(self.size, speed, self.window, round_trip)
    }

    /// Appends the next packet to `out`, carrying `ack`; false if there is none to send now.
    pub fn transmit(&mut self, now: Instant, ack: u8, out: &mut Vec<u8>) -> bool {
        let size = self.size_now();
        let paced = self.best.is_noisy();
        let again = self.unacked.iter().position(|sent| sent.wanted);
        let new = !self.is_full(size) && !self.queue.is_empty();
        self.pause = self.pace.until(now).filter(|_| again.is_some() || new);
        if self.pause.is_some() {
            return false;
        }
        if let Some(sent) = again.and_then(|at| self.unacked.get_mut(at)) {
            sent.wanted = false;
            sent.resent += 1;
            sent.last_sent = now;
            packet::restamp(&mut sent.frame, ack);
            out.extend_from_slice(&sent.frame);
            self.pace.sent(now, sent.frame.len(), paced);
            self.packets_resent += 1;
            return true;
        }
        if !new {
            if self.queue.is_empty() {
                self.pace.idle();
            }
            return false;
        }
        let file = !matches!(self.queue.front(), Some(Item::Command { .. }));
        let (size, data) = self.next_content(size);
        let frame = match file && self.seal {
            true => packet::sealed(self.next, ack, size, &data),
            false => packet::data(self.next, ack, size, &data),
        };
        out.extend_from_slice(&frame);
        self.unacked_bytes += frame.len();
        self.pace.sent(now, frame.len(), paced);
        self.unacked.push_back(Sent { packet: self.next, frame, last_sent: now, resent: 0, wanted: false });
        self.next = (self.next + 1) % SEQUENCES;
        self.last_new = Some(now);
        self.packets_sent += 1;
        true
    }

    /// The data field's size and the data of the next packet.
    fn next_content(&mut self, most: usize) -> (usize, Vec<u8>) {
        match self.queue.front_mut() {
            Some(Item::Command { text, at }) => {
                // Old systems want the last byte of a command's last packet to be NUL, and no short packets here.
                let end = text.len().min(*at + most);
                let mut data = text.get(*at..end).unwrap_or_default().to_vec();
                *at = end;
                if end == text.len() {
                    self.queue.pop_front();
                }
                let size = self.field(most, data.len(), |length, size| length <= size);
                data.resize(size, 0);
                (size, data)
            }
            Some(Item::Data { .. }) => {
                let data = self.take_data(most);
                (self.field(most, data.len(), self.fits()), data)
            }
            Some(Item::EndOfFile) | None => {
                self.queue.pop_front();
                (self.field(most, 0, self.fits()), Vec::new())
            }
        }
    }

    fn fits(&self) -> fn(usize, usize) -> bool {
        if self.seal { packet::fits_sealed } else { packet::fits }
    }

    /// The smallest field that will do.
    fn field(&self, most: usize, length: usize, fits: impl Fn(usize, usize) -> bool) -> usize {
        let mut size = most;
        while self.short_packets && size > LEAST_DATA && fits(length, size / 2) {
            size /= 2;
        }
        size
    }

    /// As much file data as fits into a packet.
    fn take_data(&mut self, most: usize) -> Vec<u8> {
        let seal = if self.seal { packet::SEAL } else { 0 };
        let most = most - seal;
        let mut data = Vec::with_capacity(most);
        while let Some(Item::Data { bytes, at }) = self.queue.front_mut() {
            let end = bytes.len().min(*at + most - data.len());
            data.extend_from_slice(bytes.get(*at..end).unwrap_or_default());
            *at = end;
            if end < bytes.len() {
                break;
            }
            self.queue.pop_front();
        }
        // A little more than half a field would leave the line to padding.
        let half = (data.len() + seal).checked_ilog2().map_or(0, |log| (1usize << log).saturating_sub(seal));
        if self.short_packets
            && half + seal >= LEAST_DATA
            && half < data.len()
            && self.field(most + seal, data.len(), self.fits()) > data.len() * 5 / 4
        {
            let rest = data.split_off(half);
            self.queue.push_front(Item::Data { bytes: rest, at: 0 });
        }
        self.queued -= data.len();
        data
    }
}
