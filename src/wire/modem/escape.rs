//! Keeps data from being taken for the escape of a modem.
//!
//! A modem goes back to command state when three escape characters (S2) come between two silences, each of the guard time
//! (S12), and with no such silence among them. Whoever chooses what is in a message may have a packet end so, and then say
//! nothing more. Where the escape cannot be switched off, the third of three that follow a silence is therefore held back
//! for longer than the guard time: it is then the first of its kind.
//!
//! A modem that needs no silence (the "time independent" escape, `+++` and at once a whole command) cannot be kept from it so;
//! against that the escape is another character than the usual one, where the modem takes it.

use std::time::{Duration, Instant};

/// How many make an escape.
const ESCAPE: u8 = 3;

/// The data of one call on its way to a modem that has its escape on.
#[derive(Debug, Clone)]
pub struct EscapeGuard {
    character: u8,
    /// A pause that may be a silence to the modem, and one that is for certain.
    short: Duration,
    long: Duration,
    /// When the last byte was written.
    last: Option<Instant>,
    /// The last bytes are so many escape characters behind a silence; `None`: other bytes came since.
    run: Option<u8>,
}

impl EscapeGuard {
    /// `guard`: the modem's guard time, or a little more.
    pub fn new(character: u8, guard: Duration) -> EscapeGuard {
        EscapeGuard { character, short: guard / 2, long: guard * 5 / 4, last: None, run: None }
    }

    /// How many of these bytes may be written now; none: not before [`EscapeGuard::poll_timeout`].
    pub fn may_write(&self, now: Instant, bytes: &[u8]) -> usize {
        let mut run = self.run_at(now);
        let third = bytes.iter().position(|byte| {
            let before = run;
            run = self.behind(run, *byte);
            before == Some(ESCAPE - 1) && run.is_some()
        });
        third.unwrap_or(bytes.len())
    }

    /// These bytes were written.
    pub fn wrote(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let run = bytes.iter().fold(self.run_at(now), |run, byte| self.behind(run, *byte));
        self.run = run;
        self.last = Some(now);
    }

    /// What was written has not left yet: the silence before a byte that is held back begins later.
    pub fn still_leaving(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// When a byte that is held back may go.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.last.map(|last| last + self.long)
    }

    /// How many escape characters a modem counts now.
    fn run_at(&self, now: Instant) -> Option<u8> {
        let Some(last) = self.last else { return Some(0) };
        let pause = now.saturating_duration_since(last);
        if pause >= self.long {
            Some(0)
        } else if pause >= self.short {
            self.run.or(Some(0))
        } else {
            self.run
        }
    }

    fn behind(&self, run: Option<u8>, byte: u8) -> Option<u8> {
        run.filter(|_| byte == self.character).map(|run| run.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUARD: Duration = Duration::from_secs(1);

    #[test]
    fn the_third_escape_character_behind_a_silence_waits_longer_than_the_guard_time() {
        let now = crate::clock::now();
        let mut guard = EscapeGuard::new(b'+', GUARD);
        assert_eq!(guard.may_write(now, b"+++ATH\r"), 2, "nothing was said before");
        guard.wrote(now, b"++");
        assert_eq!(guard.may_write(now + GUARD, b"+ATH\r"), 0);
        let at = guard.poll_timeout().unwrap();
        assert!(at - now > GUARD);
        assert_eq!(guard.may_write(at, b"+ATH\r"), 5);
        guard.wrote(at, b"+ATH\r");
        assert_eq!(guard.may_write(at, b"+++"), 3, "there was no silence");
    }

    #[test]
    fn what_flow_control_holds_up_makes_no_escape_when_it_leaves() {
        let now = crate::clock::now();
        let mut guard = EscapeGuard::new(b'+', GUARD);
        guard.wrote(now, b"++");
        let at = guard.poll_timeout().unwrap();
        guard.still_leaving(at);
        assert_eq!(guard.may_write(at, b"+"), 0);
        assert_eq!(guard.may_write(guard.poll_timeout().unwrap(), b"+"), 1);
    }

    #[test]
    fn it_costs_nothing_in_the_midst_of_data() {
        let now = crate::clock::now();
        let mut guard = EscapeGuard::new(b'+', GUARD);
        guard.wrote(now, b"data");
        assert_eq!(guard.may_write(now, b"+++"), 3);
        assert_eq!(guard.may_write(now + GUARD * 2, b"-+++"), 4);
        assert_eq!(guard.may_write(now + GUARD * 2, b"++-+"), 4);
        // A pause of which it is not certain what the modem took it for.
        assert_eq!(guard.may_write(now + GUARD * 3 / 4, b"+++"), 2);
    }

    /// What a modem of that guard time takes for an escape: as the virtual one of the exchange does.
    fn escapes(written: &[(Instant, u8)]) -> bool {
        let (mut last, mut run) = (None, 0);
        for (at, byte) in written {
            let pause = last.map_or(GUARD, |last| *at - last);
            last = Some(*at);
            let counts = if run == 0 { pause >= GUARD } else { pause <= GUARD };
            run = match (*byte == b'+', counts, run) {
                (true, true, _) => run + 1,
                (true, false, 1..) if pause >= GUARD => 1,
                _ => 0,
            };
            if run == 3 {
                return true;
            }
        }
        false
    }

    proptest! {
        #[test]
        fn no_data_makes_an_escape_and_all_of_it_goes_out(
            pieces in proptest::collection::vec(("[+a]{1,6}", 0u64..3000), 1..20),
        ) {
            let mut now = crate::clock::now();
            let mut guard = EscapeGuard::new(b'+', GUARD);
            let mut written = Vec::new();
            for (piece, pause) in &pieces {
                now += Duration::from_millis(*pause);
                let mut bytes = piece.as_bytes();
                while !bytes.is_empty() {
                    let count = guard.may_write(now, bytes);
                    if count == 0 {
                        let at = guard.poll_timeout().unwrap();
                        prop_assert!(at > now);
                        now = at;
                        continue;
                    }
                    let (head, tail) = bytes.split_at(count);
                    guard.wrote(now, head);
                    written.extend(head.iter().map(|byte| (now, *byte)));
                    bytes = tail;
                }
            }
            prop_assert!(!escapes(&written));
        }
    }
}
