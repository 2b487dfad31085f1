//! What failed: put off, or reported to its sender.

use super::report::{Failure, Original, Told, failure};
use super::{QueueError, Worker, retry};
use crate::fault::{Retry, ToFault, Whose};
use crate::post::address::Address;
use crate::post::delivery::{Failed, Undelivered};
use crate::post::mail::Sender;
use crate::post::mail::head::HEAD_LIMIT;
use crate::spool::{CHUNK, Claim, Delivery, MessageId, Outcome};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Worker {
    /// Puts off what may succeed later, holds what is our own fault, and reports the rest. When and whether the sender hears
    /// of what is put off is the business of another clock ([`Worker::tell`]).
    pub(super) async fn failed(&self, undelivered: Undelivered, now: Timestamp) -> Result<(), QueueError> {
        let Undelivered { failed: Failed { deliveries, fault }, status } = undelivered;
        let note = fault.message.clone();
        if fault.whose == Whose::Bug {
            let deliveries = claims(&deliveries);
            return Ok(self.spool.settle(now, vec![Outcome::Held { deliveries, note }]).await?);
        }
        if fault.retry == Retry::Later {
            let put_off = deliveries.into_iter().map(|delivery| {
                let until = retry::again(delivery.attempts, now);
                Outcome::Deferred { deliveries: vec![delivery.claim], until, note: note.clone() }
            });
            return Ok(self.spool.settle(now, put_off.collect()).await?);
        }
        let status = match status.as_deref() {
            Some(status) => status,
            None if fault.whose == Whose::PeerRefused => "5.1.1",
            None => "5.3.0",
        };
        self.bounce(deliveries, status, |_| note.clone(), now).await
    }

    /// Puts off, untried, what waits for a site that has just failed as a whole.
    pub(super) async fn put_off(
        &self,
        deliveries: &[Delivery],
        note: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let deferred = Outcome::Deferred { deliveries: claims(deliveries), until, note: note.to_owned() };
        Ok(self.spool.settle(now, vec![deferred]).await?)
    }

    pub(super) async fn bounce_refused(
        &self,
        group: Vec<Delivery>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let reason = |delivery: &Delivery| {
            let refusal = delivery.refusal.as_deref().unwrap_or("no reason given");
            format!("{} refused it: {refusal}", delivery.site)
        };
        self.bounce(group, "5.0.0", reason, now).await
    }

    /// One report for each message.
    async fn bounce(
        &self,
        deliveries: Vec<Delivery>,
        status: &str,
        reason: impl Fn(&Delivery) -> String,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let mut messages: BTreeMap<MessageId, Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            messages.entry(delivery.message).or_default().push(delivery);
        }
        for group in messages.into_values() {
            let Some(first) = group.first() else { continue };
            let note = reason(first);
            let failed = |delivery: &Delivery| about(delivery, status, &reason(delivery));
            let wants = |delivery: &&Delivery| delivery.notify.is_none_or(|notify| notify.failure);
            let failures: Vec<Failure> = group.iter().filter(wants).filter_map(failed).collect();
            let deliveries = claims(&group);
            let outcome = match self.reports(first, &failures, now).await {
                Ok(Told::By(reports)) => Outcome::Bounced { deliveries, note, reports },
                // Nobody can be told: the message stays, where `mailq` shows it.
                Ok(Told::Nobody { why, keep: true }) => Outcome::Held { deliveries, note: why },
                Ok(Told::Nobody { why, keep: false }) => {
                    Outcome::Bounced { deliveries, note: format!("{note}; {why}"), reports: Vec::new() }
                }
                // The report cannot be made; the message must not end without one, nor hold up others.
                Err(error) => {
                    let fault = error.fault();
                    tracing::warn!(message = first.message.0, %fault, "a report cannot be made");
                    let note = format!("{note}; its sender cannot be told: {fault}");
                    match fault.retry {
                        Retry::Later => {
                            let until = retry::again(first.attempts, now);
                            Outcome::Deferred { deliveries, until, note }
                        }
                        Retry::Never => Outcome::Held { deliveries, note },
                    }
                }
            };
            self.spool.settle(now, vec![outcome]).await?;
        }
        Ok(())
    }

    /// The reports about recipients of a message, all of which its sender wants to hear of.
    pub(super) async fn reports(
        &self,
        delivery: &Delivery,
        failures: &[Failure],
        now: Timestamp,
    ) -> Result<Told, QueueError> {
        if failures.is_empty() {
            return Ok(Told::By(Vec::new()));
        }
        let mut beginning = Vec::new();
        while beginning.len() < HEAD_LIMIT {
            let piece = self.spool.body_read(delivery.body.id, beginning.len() as u64, CHUNK).await?;
            if piece.is_empty() {
                break;
            }
            beginning.extend_from_slice(&piece);
        }
        let original = Original {
            sender: Sender::parse(&delivery.sender).unwrap_or(Sender::Null),
            arrived: delivery.accepted,
            whole: beginning.len() as u64 == delivery.body.size,
            beginning: &beginning,
            ret: delivery.ret,
            envid: delivery.envid.as_deref(),
            unproven: delivery.unproven,
        };
        self.door.report(&original, failures, now).await
    }
}

fn claims(deliveries: &[Delivery]) -> Vec<Claim> {
    deliveries.iter().map(|delivery| delivery.claim).collect()
}

/// What a report says about a delivery. Every delivery was made of an address; one that does not read back is a defect, and
/// postmaster stands in.
pub(super) fn about(delivery: &Delivery, status: &str, text: &str) -> Option<Failure> {
    let parsed = Address::parse(&delivery.recipient).or_else(|_| Address::parse("postmaster"));
    Some(Failure { original: delivery.orcpt.clone(), ..failure(parsed.ok()?, status, text) })
}
