//! Whether to ask a fast stream again and again for a moment before sleeping on it (a busy wait). Who is put to sleep and woken again
//! loses tens of microseconds; a peer on the same machine that was sent little has answered before that. On a line that takes its
//! time nobody waits awake.

use std::time::{Duration, Instant};

/// How long is waited awake at most, before the waiting goes on asleep: what it takes a peer to be woken on another processor and
/// to answer, where a virtual machine makes that dear.
const AWAKE: Duration = Duration::from_micros(100);

/// A wait no longer than this is short, when it was slept through; falling asleep and waking are part of it.
const SHORT: Duration = Duration::from_micros(250);

/// So many short waits in a row show that the peer is quick. If it only seemed so, as where there is one processor for both,
/// little is lost.
const PROOFS: u32 = 3;

/// More at once is part of a stream of data: what follows comes at its own pace, and asking for it gains nothing.
const LITTLE: usize = 8 * 1024;

/// What the last waits were like.
#[derive(Debug, Default)]
pub(super) struct Awake {
    short: u32,
}

impl Awake {
    /// Until when a wait that begins now goes without sleep.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        (self.short >= PROOFS).then(|| now + AWAKE)
    }

    /// A wait is over, and so many bytes have come. One that was awake in vain takes the proofs away.
    pub(super) fn waited(&mut self, time: Duration, count: usize) {
        let most = if self.short >= PROOFS { AWAKE } else { SHORT };
        self.short = if time <= most && count <= LITTLE { (self.short + 1).min(PROOFS) } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_peer_is_waited_for_awake_until_it_is_slow_or_sends_much() {
        let now = crate::clock::now();
        let micros = Duration::from_micros;
        let quick = || {
            let mut awake = Awake::default();
            for _ in 0..PROOFS {
                assert_eq!(awake.until(now), None);
                awake.waited(micros(200), 64);
            }
            assert_eq!(awake.until(now), Some(now + AWAKE));
            awake
        };
        let mut answered = quick();
        answered.waited(micros(100), LITTLE);
        assert!(answered.until(now).is_some());
        let mut slow = quick();
        slow.waited(micros(101), 64);
        assert_eq!(slow.until(now), None);
        let mut busy = quick();
        busy.waited(micros(10), LITTLE + 1);
        assert_eq!(busy.until(now), None);
    }
}
