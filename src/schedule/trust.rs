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
    /// It has jumped by so much; it is believed again after `left`, if it runs steadily.
    Jumped { by: SignedDuration, left: Duration },
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Doubt::Unset => write!(f, "the clock of this machine is not set"),
            Doubt::Jumped { by, .. } => {
                let way = if by.is_negative() { "back" } else { "ahead" };
                write!(f, "the clock has jumped {way} by {} min", by.abs().as_mins())
            }
        }
    }
}

impl Doubt {
    /// What can be said of a clock that was not watched.
    pub fn of(wall: Timestamp) -> Option<Doubt> {
        (wall.as_second() < NOT_BEFORE).then_some(Doubt::Unset)
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
    /// `up`: the time on the monotonic clock, from whatever beginning. To be called every minute or so.
    pub fn look(&mut self, wall: Timestamp, up: Duration) -> Option<Doubt> {
        if let Some((wall_before, up_before)) = self.seen.replace((wall, up)) {
            let real = SignedDuration::try_from(up.saturating_sub(up_before)).unwrap_or(SignedDuration::MAX);
            let jump = wall.duration_since(wall_before).saturating_sub(real);
            // One that was not set, and now is, has been put right.
            if jump.abs() > MOST_APART && Doubt::of(wall_before).is_none() {
                self.jump = Some((jump, up));
            }
        }
        if let Some(unset) = Doubt::of(wall) {
            return Some(unset);
        }
        let (by, at) = self.jump?;
        let left = STEADY.saturating_sub(up.saturating_sub(at));
        (!left.is_zero()).then_some(Doubt::Jumped { by, left })
    }
}
