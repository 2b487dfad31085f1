//! Whether the wall clock may be believed. Before it may, no call is placed that costs money: it would be in the wrong hour, and
//! in the account of the wrong month.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Nobody runs this program before: 2025-01-01, in seconds since 1970. A machine whose clock has no battery begins in 1970,
/// 2000 or the year of its kernel.
const NOT_BEFORE: i64 = 1_735_689_600;
/// Wall clock and monotonic clock run apart by less: NTP slews half a millisecond a second, a minute's round is far
/// below this.
const MOST_APART: SignedDuration = SignedDuration::from_mins(5);
/// After a jump the clock has to run steadily for so long: whoever has set it wrong has time to see it.
const STEADY: Duration = Duration::from_secs(15 * 60);

/// Why the wall clock is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It is before this program.
    Unset,
    /// A call was placed so much later than it says: it may be that of the last shutdown, where no battery keeps it.
    Behind { by: SignedDuration },
    /// It has jumped by so much; it is believed again after `left`, if it runs steadily.
    Jumped { by: SignedDuration, left: Duration },
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Doubt::Unset => write!(f, "the clock of this machine is not set"),
            Doubt::Behind { by } => {
                write!(f, "the clock is {} min behind the last call", by.as_mins())
            }
            Doubt::Jumped { by, .. } => {
                let way = if by.is_negative() { "back" } else { "ahead" };
                write!(f, "the clock has jumped {way} by {} min", by.abs().as_mins())
            }
        }
    }
}

impl Doubt {
    /// What can be said of a clock that was not watched; `last`: when something happened last, by the same clock.
    pub fn of(wall: Timestamp, last: Option<Timestamp>) -> Option<Doubt> {
        if wall.as_second() < NOT_BEFORE {
            return Some(Doubt::Unset);
        }
        let by = last?.duration_since(wall);
        (by > MOST_APART).then_some(Doubt::Behind { by })
    }
}

/// Watches the wall clock beside one that never jumps.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    seen: Option<(Timestamp, Duration)>,
    /// By how much it jumped, and when that was seen.
    jump: Option<(SignedDuration, Duration)>,
}

impl ClockWatch {
    /// `up`: the time on the monotonic clock, from whatever beginning; `last`: when a call was placed last. To be called every
    /// minute or so. Whoever sets the clock while it is watched, and leaves it so, is believed: also that it ran ahead before.
    pub fn look(&mut self, wall: Timestamp, up: Duration, last: Option<Timestamp>) -> Option<Doubt> {
        if let Some((wall_before, up_before)) = self.seen.replace((wall, up)) {
            let real = SignedDuration::try_from(up.saturating_sub(up_before)).unwrap_or(SignedDuration::MAX);
            let jump = wall.duration_since(wall_before).saturating_sub(real);
            // One that was not set, and now is, has been put right.
            if jump.abs() > MOST_APART && Doubt::of(wall_before, None).is_none() {
                self.jump = Some((jump, up));
            }
        }
        let Some((by, at)) = self.jump else { return Doubt::of(wall, last) };
        if let Some(unset) = Doubt::of(wall, None) {
            return Some(unset);
        }
        let left = STEADY.saturating_sub(up.saturating_sub(at));
        (!left.is_zero()).then_some(Doubt::Jumped { by, left })
    }
}
