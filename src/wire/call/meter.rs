//! Counts what a call on a paid line costs, and ends it before it costs more than there is.

use super::{CallError, Node};
use crate::clock;
use crate::job::{Grade, SystemName};
use crate::schedule::{Allowance, Money, NotPaid, Spent, Tariff, month};
use crate::spool::{CallLease, Charge, Charges, Spool, SpoolError};
use crate::wire::session::SessionError;
use jiff::{SignedDuration, Zoned};
use std::convert::Infallible;
use std::future::Future;
use std::time::{Duration, Instant};

/// The exchange counts until the line is hung up: draining (2 s), DTR low (1 s), and what the modem needs.
const HANG_UP: Duration = Duration::from_secs(5);
/// A session that is to be over by then says its farewell in so much time.
const FAREWELL: Duration = Duration::from_secs(15);
/// What is left of a line that was cut: the disk may be slow to take the end of the session.
const SLACK: Duration = Duration::from_secs(5);
/// So long before its time is over a line is cut.
pub const CUT_BEFORE: Duration = HANG_UP.saturating_add(SLACK);

/// The running cost of a call of ours: from the moment at which it may have been answered.
#[derive(Debug)]
pub struct Meter {
    lease: CallLease,
    tariff: Tariff,
    answered: Zoned,
    /// The same moment.
    began: Instant,
    allowance: Result<Allowance, NotPaid>,
}

/// What the charges of a month come to.
pub fn spent(charges: &Charges) -> Spent {
    Spent { money: Money(charges.thousandths), airtime: Duration::from_secs(charges.seconds) }
}

impl Meter {
    /// Begins to count, now that a call with `system` is connected that was begun at `dialled`; `None` where calls cost nothing.
    /// The exchange has counted since the other end picked up.
    pub(super) async fn start(
        spool: &Spool,
        node: &Node,
        system: &SystemName,
        lease: CallLease,
        line: &str,
        dialled: Option<Instant>,
    ) -> Result<Option<Meter>, SpoolError> {
        let Some(tariff) = node.tariffs.get(line) else { return Ok(None) };
        let now = clock::now();
        let began =
            dialled.map_or(now, |dialled| dialled.max(now.checked_sub(tariff.training).unwrap_or(now)));
        let answered = ago(node, began);
        let spent = spent(&spool.charges(line.to_owned(), month(&answered)).await?);
        let wishes = spool.wishes().await?;
        let wished = wishes.iter().find(|wish| wish.system == *system).map(|wish| wish.grade);
        let waiting = spool.waiting(system.clone(), None).await?;
        let grade = wished.into_iter().chain(waiting).min().unwrap_or(Grade::WORST);
        let allowance = tariff.allows(&answered, spent, grade, node.longest_call(system));
        Ok(Some(Meter { lease, tariff: tariff.clone(), answered, began, allowance }))
    }

    /// Of a call that was begun at `dialled` and came to nothing, though somebody may have picked up.
    pub fn of_attempt(
        node: &Node,
        system: &SystemName,
        lease: CallLease,
        line: &str,
        dialled: Instant,
    ) -> Option<Meter> {
        let tariff = node.tariffs.get(line)?.clone();
        let allowance = Ok(Allowance { longest: node.longest_call(system), worst: None });
        Some(Meter { lease, tariff, answered: ago(node, dialled), began: dialled, allowance })
    }

    /// Whether there may be a call at all.
    pub(super) fn check(&self, line: &str) -> Result<(), CallError> {
        self.allowance.map(|_| ()).map_err(|why| CallError::NotPaid { line: line.to_owned(), why })
    }

    /// On the reserve, the worst grade that the call is for.
    pub(super) fn worst(&self) -> Option<Grade> {
        self.allowance.ok().and_then(|allowance| allowance.worst)
    }

    /// When the line is cut.
    pub(super) fn cut(&self) -> Instant {
        self.began + self.longest().saturating_sub(CUT_BEFORE)
    }

    /// How long the session may still take.
    pub(super) fn left(&self) -> Duration {
        let left = self.cut().saturating_duration_since(clock::now());
        left.saturating_sub(FAREWELL).max(Duration::from_secs(1))
    }

    /// A session that had to end early knows of its time alone; this says whether it was for the money.
    pub(super) fn explain(&self, error: CallError, line: &str, most: Duration) -> CallError {
        match error {
            CallError::Session(SessionError::TooLong(_)) if self.longest() < most => {
                CallError::SpentUp { line: line.to_owned() }
            }
            error => error,
        }
    }

    /// How many bytes go in the time that is paid already, on a line that carries so many a second. Half of that time is left to
    /// the protocol, and to what is sent again.
    pub(super) fn room(&self, bytes_per_second: u32) -> u64 {
        let so_far = self.so_far();
        let paid = self.tariff.paid_for(&self.answered, so_far).min(self.longest());
        paid.saturating_sub(so_far + SLACK).as_secs() * u64::from(bytes_per_second) / 2
    }

    /// What the call has cost.
    pub fn charge(&self) -> Charge {
        self.charge_for(self.so_far())
    }

    /// Writes down, time after time, what the call will have cost by the next time.
    pub(super) async fn account(&self, spool: &Spool, every: Duration) -> Infallible {
        let since = clock::now();
        loop {
            self.write(spool, self.counted(clock::now() + every, since)).await;
            clock::sleep(every).await;
        }
    }

    /// Counts on for a call that was not seen to end: until it is, or for the longest time that it was permitted.
    pub async fn count_on<T>(&self, spool: &Spool, every: Duration, seen: impl Future<Output = T>) -> T {
        let since = clock::now();
        let seen = tokio::select! {
            seen = seen => seen,
            never = self.account(spool, every) => match never {},
        };
        self.write(spool, self.counted(clock::now(), since)).await;
        seen
    }

    /// How long a call has cost something by `now`, that was still up at `since`.
    pub(super) fn counted(&self, now: Instant, since: Instant) -> Duration {
        self.length(now).min(self.longest().max(self.length(since)))
    }

    async fn write(&self, spool: &Spool, length: Duration) {
        if let Err(error) = spool.call_costs(self.lease, self.charge_for(length)).await {
            tracing::warn!(%error, "the cost of a call is not written down yet");
        }
    }

    fn so_far(&self) -> Duration {
        self.length(clock::now())
    }

    /// How long the call takes that is hung up at this moment.
    fn length(&self, end: Instant) -> Duration {
        end.saturating_duration_since(self.began) + HANG_UP
    }

    fn longest(&self) -> Duration {
        self.allowance.map_or(Duration::ZERO, |allowance| allowance.longest)
    }

    fn charge_for(&self, length: Duration) -> Charge {
        Charge {
            month: month(&self.answered),
            seconds: length.as_secs() + u64::from(length.subsec_nanos() > 0),
            thousandths: self.tariff.cost(&self.answered, length).0,
        }
    }
}

/// The hour of a moment that is past.
fn ago(node: &Node, moment: Instant) -> Zoned {
    let (now, since) = (node.now(), clock::now().saturating_duration_since(moment));
    SignedDuration::try_from(since).ok().and_then(|since| now.checked_sub(since).ok()).unwrap_or(now)
}
