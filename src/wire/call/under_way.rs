//! A call that has begun in the spool, and is ended there whatever becomes of its task.

use super::claims::{Claims, give_back};
use crate::clock;
use crate::spool::{CallId, CallLease, CallRecord, Spool};

/// Dropped without [`UnderWay::end`] (a task that panics or is aborted), it ends the call and gives its jobs back, so that
/// the system need not wait for its leases to lapse.
pub(super) struct UnderWay {
    spool: Spool,
    lease: CallLease,
    claims: Claims,
    ended: bool,
}

impl UnderWay {
    pub(super) fn new(spool: &Spool, lease: CallLease) -> UnderWay {
        UnderWay { spool: spool.clone(), lease, claims: Claims::of(lease), ended: false }
    }

    pub(super) fn id(&self) -> CallId {
        self.lease.id
    }

    /// What the call holds.
    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Writes the record.
    pub(super) async fn end(mut self, record: CallRecord) -> CallRecord {
        for job in self.claims.close().into_iter().filter(|claim| *claim != self.lease.claim) {
            if let Err(error) = give_back(&self.spool, job).await {
                tracing::warn!(%error, "a job of a call is left to lapse");
            }
        }
        if let Err(error) = self.spool.call_ended(self.lease, clock::wall(), record.clone()).await {
            tracing::error!(%error, "the record of a call could not be written");
        }
        self.ended = true;
        record
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut jobs = self.claims.close();
        jobs.retain(|claim| *claim != self.lease.claim);
        if let Err(error) = self.spool.call_abandoned(self.lease, jobs, clock::wall()) {
            tracing::warn!(%error, "a call was cut off, and is left to lapse");
        }
    }
}
