//! How fast the line takes packets, and how much of them waits in front of it.
//!
//! Between the program and the line there may be buffers that hold a window of packets. On a line without errors that
//! does no harm; on one with errors a packet that is sent again would wait behind all of them, while the window is
//! full. So there packets go out no faster than the line carries them, which is measured by what is acknowledged.

use std::time::{Duration, Instant};

/// How far ahead of the line packets are sent, in time on the line.
const AHEAD: Duration = Duration::from_millis(30);

/// The shortest time over which the line's rate is measured: acknowledgements may come in bunches.
const LEAST_SPAN: Duration = Duration::from_millis(250);

/// The line is as fast as the best measurement, for others may be of a time when it was idle now and then; with each the
/// best counts for a little less, for the line may have got slower.
const FADING: f64 = 0.99;

/// A line that is slower, in bytes a second, has stood still: its rate was not measured.
const LEAST_RATE: f64 = 1.0;

/// What is sent in relation to what the line was seen to carry: a little more as long as nothing waits in front of it,
/// to find out whether it carries more, else less, so that it is not in front of it for long.
const MORE: f64 = 1.1;
const LESS: f64 = 0.97;

/// On a slow line no packet takes longer, in seconds: an answer would be stuck behind it, and a lost one costs all of that.
const LONGEST_PACKET: f64 = 5.0;

/// How large a packet may be, in bytes, on a line of so many bytes a second.
pub fn largest_packet(rate: f64) -> usize {
    (rate * LONGEST_PACKET) as usize
}

/// The rate of one direction of a line.
#[derive(Debug, Default)]
pub struct Pace {
    /// Bytes handed out so far.
    out: u64,
    /// When so many bytes had left the line.
    mark: Option<(Instant, u64)>,
    /// Bytes a second.
    rate: Option<f64>,
    /// When what was handed out will have left the line.
    free: Option<Instant>,
    least_trip: Option<Duration>,
    crowded: bool,
}

impl Pace {
    /// A packet of so many bytes was handed out. `paced`: the next has to wait until the line is ready for it.
    pub fn sent(&mut self, now: Instant, bytes: usize, paced: bool) {
        self.out += bytes as u64;
        self.free = self.rate().filter(|_| paced).map(|rate| {
            let rate = rate * if self.crowded { LESS } else { MORE };
            let free = self.free.map_or(now, |free| free.max(now));
            free + Duration::from_secs_f64(bytes as f64 / rate)
        });
    }

    /// All that was handed out has passed the line, but for `waiting` bytes that were sent once; the newest of them took so
    /// long (`trip`), there and back.
    pub fn passed(&mut self, now: Instant, waiting: usize, trip: Duration, size: usize) {
        let passed = self.out.saturating_sub(waiting as u64);
        let least = self.least_trip.map_or(trip, |least| least.min(trip));
        self.least_trip = Some(least);
        if let Some(rate) = self.rate() {
            let own = Duration::from_secs_f64(size as f64 / rate);
            self.crowded = trip > least + own + AHEAD * 2;
        }
        let Some((since, before)) = self.mark else {
            self.mark = Some((now, passed));
            return;
        };
        let span = now.saturating_duration_since(since);
        if span < LEAST_SPAN.max(least) {
            return;
        }
        let measured = passed.saturating_sub(before) as f64 / span.as_secs_f64();
        self.rate = Some(self.rate.map_or(measured, |rate| measured.max(rate * FADING)));
        self.mark = Some((now, passed));
    }

    /// There is nothing to send: how fast the line is will not show.
    pub fn idle(&mut self) {
        self.mark = None;
    }

    /// Bytes a second.
    pub fn rate(&self) -> Option<f64> {
        self.rate.filter(|rate| *rate >= LEAST_RATE)
    }

    /// Until when nothing more is to be handed out.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        let until = self.free?.checked_sub(AHEAD)?;
        (until > now).then_some(until)
    }
}
