//! How many bytes are written ahead of a stream: as many as it takes in a short time, so that an answer is not stuck behind data
//! here. How fast it is shows when it makes us wait; what it takes at once may only go into a buffer in front of a slow line, until
//! that is full.

use std::time::{Duration, Instant};

/// What is written ahead, in time on the line; at least about a packet, at most what a pipe holds.
const AHEAD: Duration = Duration::from_millis(10);
const LEAST: usize = 1024;
const MOST: usize = 64 * 1024;

/// A stream that took this many times as much without a wait is faster than its buffer is large.
const BUFFERS: usize = 8;

#[derive(Debug)]
pub(super) struct WriteAhead {
    bytes: usize,
    /// When the stream was first asked to take what waits for it, and whether it made us wait since.
    offered: Option<Instant>,
    waited: bool,
    /// Bytes that it took since it last did.
    fluent: usize,
}

impl WriteAhead {
    pub(super) fn new() -> WriteAhead {
        WriteAhead { bytes: LEAST, offered: None, waited: false, fluent: 0 }
    }

    /// How many bytes may be written ahead.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The stream is asked to take what waits for it.
    pub(super) fn offered(&mut self, now: Instant) {
        self.offered.get_or_insert(now);
    }

    /// It takes no more now.
    pub(super) fn waits(&mut self) {
        (self.waited, self.fluent) = (true, 0);
    }

    /// It took all that waited: so many bytes.
    pub(super) fn taken(&mut self, now: Instant, count: usize) {
        self.fluent = self.fluent.saturating_add(count);
        let time = self.offered.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let rate = count as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let bytes = (rate * AHEAD.as_secs_f64()) as usize;
        let proven = if std::mem::take(&mut self.waited) { MOST } else { self.fluent / BUFFERS };
        self.bytes = bytes.min(self.bytes * 2).min(proven.max(self.bytes)).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_in_front_of_a_slow_line_is_taken_for_no_fast_line() {
        let mut ahead = WriteAhead::new();
        let mut now = crate::clock::now();
        // A page is taken at once, and what follows as 240 bytes a second are carried.
        for _ in 0..4 {
            ahead.offered(now);
            ahead.taken(now, 1024);
            assert_eq!(ahead.bytes(), LEAST);
        }
        for _ in 0..4 {
            ahead.offered(now);
            ahead.waits();
            now += Duration::from_secs(4);
            ahead.taken(now, 1024);
            assert_eq!(ahead.bytes(), LEAST);
        }
    }

    #[test]
    fn a_fast_stream_is_given_as_much_as_it_takes_and_a_slower_one_less() {
        let mut ahead = WriteAhead::new();
        let mut now = crate::clock::now();
        let mut all = 0;
        while ahead.bytes() < MOST {
            ahead.offered(now);
            all += ahead.bytes();
            ahead.taken(now, ahead.bytes());
            assert!(all <= MOST * BUFFERS * 2, "{} after {all}", ahead.bytes());
        }
        // A million bytes a second.
        ahead.offered(now);
        ahead.waits();
        now += Duration::from_micros(65_536);
        ahead.taken(now, MOST);
        assert!((9_000..11_000).contains(&ahead.bytes()), "{}", ahead.bytes());
    }
}
