//! What the hours and the order of a call say about its jobs and files. Taylor UUCP manual, "File Transfer Control".

use crate::job::{Digest, Grade};
use crate::schedule::{SizeLimits, Sizes};
use crate::spool::{Order, Wanted};
use crate::wire::session::Refusal;
use jiff::Zoned;

/// What holds for one call.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    order: Order,
    /// For what we ask for, and for what the other end does.
    local: SizeLimits,
    remote: SizeLimits,
    /// The same at any hour and in any call.
    local_ever: Option<u64>,
    remote_ever: Option<u64>,
    /// The other end is told the digests of files.
    digests: bool,
    /// No job of ours of a worse grade goes.
    worst: Option<Grade>,
    /// No job of ours of a worse grade makes the call longer than is paid.
    reserve: Option<Grade>,
}

impl Terms {
    /// `caller`: we placed the call.
    pub fn new(order: Order, sizes: &Sizes, caller: bool) -> Terms {
        Terms {
            order,
            local: sizes.local(caller).clone(),
            remote: sizes.remote(caller).clone(),
            local_ever: sizes.local_ever(),
            remote_ever: sizes.remote_ever(),
            digests: false,
            worst: None,
            reserve: None,
        }
    }

    /// No job of ours of a worse grade goes, whatever the other end asks for.
    pub fn no_worse_than(mut self, worst: Option<Grade>) -> Terms {
        self.worst = worst;
        self
    }

    /// The call lives on the reserve, which is for this grade and better ones.
    pub fn on_the_reserve(mut self, worst: Option<Grade>) -> Terms {
        self.reserve = worst;
        self
    }

    /// The worst grade that the call is for, with an end that asks for this one or better.
    pub fn worst(&self, asked: Option<Grade>) -> Option<Grade> {
        self.worst.into_iter().chain(self.reserve).chain(asked).min()
    }

    /// Whether the other end is told the digests of files.
    pub fn with_digests(mut self, digests: bool) -> Terms {
        self.digests = digests;
        self
    }

    /// Whether a file of this size goes with its digest.
    pub fn digests(&self, size: u64) -> bool {
        self.digests && size > Digest::WORTHLESS
    }

    /// The largest file that we may ask for now.
    pub fn largest(&self, now: &Zoned) -> Option<u64> {
        self.local.at(now)
    }

    /// Whether a job of ours is too large for every hour.
    pub fn is_hopeless(&self, size: u64) -> bool {
        self.local_ever.is_some_and(|most| size > most)
    }

    /// The jobs to take now: those that may go, and those that never may, to be refused.
    pub fn wanted(&self, worst: Option<Grade>, now: &Zoned) -> Wanted {
        let worst = self.worst(worst);
        Wanted { worst, largest: self.largest(now), or_beyond: self.local_ever, order: self.order }
    }

    /// The jobs that go in the time that a call on the reserve has paid for, in which there is room for so many bytes.
    pub fn wanted_for_nothing(&self, asked: Option<Grade>, room: u64, now: &Zoned) -> Option<Wanted> {
        self.reserve.filter(|_| room > 0)?;
        let worst = self.worst.into_iter().chain(asked).min();
        let largest = self.largest(now).map_or(room, |largest| largest.min(room));
        Some(Wanted { worst, largest: Some(largest), or_beyond: None, order: self.order })
    }

    /// Why a file that the other end wants to give or to get may not go now, if it is too large.
    pub fn objection(&self, size: u64, now: &Zoned) -> Option<Refusal> {
        if self.remote.at(now).is_none_or(|most| size <= most) {
            return None;
        }
        let never = self.remote_ever.is_some_and(|most| size > most);
        Some(if never { Refusal::TooLarge } else { Refusal::TooLargeNow })
    }
}
