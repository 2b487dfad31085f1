//! How long to wait for an answer: the round trip measured, after RFC 6298.
//!
//! On a serial line the time that the bytes ahead of a packet take is most of its round trip, so it is
//! measured with everything in it and no speed has to be told.

use std::time::Duration;

/// The longest wait that is believed; beyond it a line is of no use, and sums of waits stay sane.
const MOST_WAIT: Duration = Duration::from_secs(120);

/// The round trips seen on one link.
#[derive(Debug)]
pub struct RoundTrip {
    /// The wait while nothing was measured.
    first: Duration,
    /// The shortest wait.
    floor: Duration,
    smoothed: Option<Duration>,
    deviation: Duration,
    least: Duration,
}

impl RoundTrip {
    /// `first` is how long to wait before anything was measured; `floor` how long at least, for a busy host on the
    /// other side is not a lost packet.
    pub fn new(first: Duration, floor: Duration) -> Self {
        RoundTrip { first, floor, smoothed: None, deviation: Duration::ZERO, least: MOST_WAIT }
    }

    /// One round trip, of something that was sent once only (else it is not known which sending was answered).
    pub fn sample(&mut self, time: Duration) {
        let time = time.min(MOST_WAIT);
        self.least = self.least.min(time);
        match self.smoothed {
            None => {
                self.smoothed = Some(time);
                self.deviation = time / 2;
            }
            Some(smoothed) => {
                self.deviation = (self.deviation * 3 + smoothed.abs_diff(time)) / 4;
                self.smoothed = Some((smoothed * 7 + time) / 8);
            }
        }
    }

    /// How long to wait for an answer before asking again.
    pub fn timeout(&self) -> Duration {
        match self.smoothed {
            Some(smoothed) => (smoothed + self.deviation * 4).clamp(self.floor, MOST_WAIT),
            None => self.first,
        }
    }

    pub fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or_default()
    }

    pub fn is_known(&self) -> bool {
        self.smoothed.is_some()
    }

    /// How long an answer takes at most as a rule; zero while nothing was measured.
    pub fn usual(&self) -> Duration {
        self.smoothed.map_or(Duration::ZERO, |smoothed| smoothed + self.deviation * 4)
    }

    /// How long to wait for an answer that did not come so many times already: each time twice as long, up to
    /// `longest`.
    pub fn patience(&self, unanswered: u32, longest: Duration) -> Duration {
        let wait = self.timeout();
        (wait * 2u32.pow(unanswered.min(4))).min(wait.max(longest))
    }

    /// No answer can be quicker than this; zero while nothing was measured.
    pub fn least(&self) -> Duration {
        if self.smoothed.is_some() { self.least * 19 / 20 } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_what_was_measured() {
        let mut trip = RoundTrip::new(Duration::from_secs(10), Duration::from_secs(1));
        assert_eq!(trip.timeout(), Duration::from_secs(10));
        for _ in 0..30 {
            trip.sample(Duration::from_millis(3000));
        }
        assert!((3000..3100).contains(&trip.timeout().as_millis()), "{:?}", trip.timeout());
        assert_eq!(trip.least(), Duration::from_millis(2850));
        for _ in 0..60 {
            trip.sample(Duration::from_millis(20));
        }
        assert_eq!(trip.timeout(), Duration::from_secs(1));
    }
}
