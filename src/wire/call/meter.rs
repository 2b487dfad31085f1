//! Counts what a call on a paid line costs, and ends it before it costs more than there is.

use super::{CallError, Node};
use crate::clock;
use crate::job::{Grade, SystemName};
use crate::schedule::{Allowance, Money, NotPaid, Spent, Tariff, month};
use crate::spool::{CallLease, Charge, Charges, Spool, SpoolError};
use crate::wire::session::SessionError;
use jiff::Zoned;
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// The exchange counts until the line is hung up: draining (2 s), DTR low (1 s), and what the modem needs.
const HANG_UP: Duration = Duration::from_secs(5);
/// A session that is to be over by then says its farewell in so much time.
const FAREWELL: Duration = Duration::from_secs(15);
/// What is left of a line that was cut: the disk may be slow to take the end of the session.
const SLACK: Duration = Duration::from_secs(5);

/// The running cost of a call of ours.
#[derive(Debug)]
pub(super) struct Meter {
    tariff: Tariff,
    connected: Zoned,
    began: Instant,
    allowance: Result<Allowance, NotPaid>,
}

/// What the charges of a month come to.
pub fn spent(charges: &Charges) -> Spent {
    Spent { money: Money(charges.thousandths), airtime: Duration::from_secs(charges.seconds) }
}

impl Meter {
    /// Begins to count, now that a call with `system` is connected; `None` where calls cost nothing.
    pub(super) async fn start(
        spool: &Spool,
        node: &Node,
        system: &SystemName,
        line: &str,
        most: Duration,
    ) -> Result<Option<Meter>, SpoolError> {
        let Some(tariff) = node.tariffs.get(line) else { return Ok(None) };
        let (began, connected) = (clock::now(), node.now());
        let spent = spent(&spool.charges(line.to_owned(), month(&connected)).await?);
        let wishes = spool.wishes().await?;
        let wished = wishes.iter().find(|wish| wish.system == *system).map(|wish| wish.grade);
        let waiting = spool.waiting(system.clone(), None).await?;
        let grade = wished.into_iter().chain(waiting).min().unwrap_or(Grade::WORST);
        let allowance = tariff.allows(&connected, spent, grade, most);
        Ok(Some(Meter { tariff: tariff.clone(), connected, began, allowance }))
    }

    /// Whether there may be a call at all.
    pub(super) fn check(&self, line: &str) -> Result<(), CallError> {
        self.allowance.map(|_| ()).map_err(|why| CallError::NotPaid { line: line.to_owned(), why })
    }

    /// The worst grade that may go.
    pub(super) fn worst(&self) -> Option<Grade> {
        self.allowance.ok().and_then(|allowance| allowance.worst)
    }

    /// When the line is cut.
    pub(super) fn cut(&self) -> Instant {
        self.began + self.longest().saturating_sub(HANG_UP + SLACK)
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

    /// What the call has cost.
    pub(super) fn charge(&self) -> Charge {
        self.charge_for(clock::now().saturating_duration_since(self.began) + HANG_UP)
    }

    /// Writes down, time after time, what the call will have cost by the next time.
    pub(super) async fn account(&self, spool: &Spool, lease: CallLease, every: Duration) -> Infallible {
        loop {
            let so_far = clock::now().saturating_duration_since(self.began) + HANG_UP;
            let ahead = (so_far + every).min(self.longest().max(so_far));
            if let Err(error) = spool.call_costs(lease, self.charge_for(ahead)).await {
                tracing::warn!(%error, "the cost of a call is not written down yet");
            }
            clock::sleep(every).await;
        }
    }

    fn longest(&self) -> Duration {
        self.allowance.map_or(Duration::ZERO, |allowance| allowance.longest)
    }

    fn charge_for(&self, length: Duration) -> Charge {
        Charge {
            month: month(&self.connected),
            seconds: length.as_secs() + u64::from(length.subsec_nanos() > 0),
            thousandths: self.tariff.cost(&self.connected, length).0,
        }
    }
}
