//! What failed: put off, or reported to its sender.

use super::report::{Failure, Original, failure};
use super::retry::{self, Next};
use super::{QueueError, Worker};
use crate::fault::{Retry, ToFault, Whose};
use crate::post::address::Address;
use crate::post::delivery::{Failed, Undelivered};
use crate::post::mail::Sender;
use crate::post::mail::dsn::Action;
use crate::post::mail::head::HEAD_LIMIT;
use crate::spool::{CHUNK, Claim, Delivery, MessageId, NewMessage, Outcome, SpoolError};
use jiff::Timestamp;
use std::collections::BTreeMap;

impl Worker {
    /// Puts off what may succeed later, holds what is our own fault, and reports the rest.
    pub(super) async fn failed(&self, undelivered: Undelivered, now: Timestamp) -> Result<(), QueueError> {
        let Undelivered { failed: Failed { deliveries, fault }, status } = undelivered;
        let note = fault.message.clone();
        if fault.whose == Whose::Bug {
            let deliveries = deliveries.iter().map(|delivery| delivery.claim).collect();
            return Ok(self.spool.settle(now, vec![Outcome::Held { deliveries, note }]).await?);
        }
        let mut hopeless = Vec::new();
        for delivery in deliveries {
            match retry::next(delivery.accepted, delivery.attempts, now) {
                Next::Again { at, warn } if fault.retry == Retry::Later => {
                    if warn && let Err(error) = self.warn(&delivery, &note, now).await {
                        // It is asked for again at the next attempt.
                        tracing::warn!(message = delivery.message.0, %error, "a sender cannot be warned of a delay");
                    }
                    let deliveries = vec![delivery.claim];
                    let deferred = Outcome::Deferred { deliveries, until: at, note: note.clone() };
                    self.spool.settle(now, vec![deferred]).await?;
                }
                _ => hopeless.push(delivery),
            }
        }
        let status = match (fault.retry, status.as_deref()) {
            (Retry::Later, _) => "4.4.7",
            (Retry::Never, Some(status)) => status,
            (Retry::Never, None) if fault.whose == Whose::PeerRefused => "5.1.1",
            (Retry::Never, None) => "5.3.0",
        };
        self.bounce(hopeless, status, |_| note.clone(), now).await
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
            let failed = |delivery| Some(failure(recipient(delivery)?, status, &reason(delivery)));
            let failures: Vec<_> = group.iter().filter_map(failed).collect();
            let claims: Vec<Claim> = group.iter().map(|delivery| delivery.claim).collect();
            let outcome = match self.prepare_report(first, &failures, now).await {
                Ok(Ok(report)) => Outcome::Bounced { deliveries: claims, note, bounce: Some(report) },
                // Nobody can be told: the message stays, where `mailq` shows it.
                Ok(Err(why)) => Outcome::Held { deliveries: claims, note: why },
                // The report cannot be made; the message must not end without one, nor hold up others.
                Err(error) => {
                    let fault = error.fault();
                    tracing::warn!(message = first.message.0, %fault, "a report cannot be made");
                    let told = format!("{note}; its sender cannot be told: {fault}");
                    match (fault.retry, retry::next(first.accepted, first.attempts, now)) {
                        (Retry::Later, Next::Again { at, .. }) => {
                            Outcome::Deferred { deliveries: claims, until: at, note: told }
                        }
                        _ => Outcome::Held { deliveries: claims, note: told },
                    }
                }
            };
            self.spool.settle(now, vec![outcome]).await?;
        }
        Ok(())
    }

    /// The report to the sender of a message; or why nobody can be told.
    async fn prepare_report(
        &self,
        delivery: &Delivery,
        failures: &[Failure],
        now: Timestamp,
    ) -> Result<Result<NewMessage, String>, QueueError> {
        let (beginning, whole) = self.beginning(delivery).await?;
        self.door.report(&original(delivery, &beginning, whole), failures, now).await
    }

    /// Tells the sender, once for each recipient, that it takes longer.
    async fn warn(&self, delivery: &Delivery, note: &str, now: Timestamp) -> Result<(), QueueError> {
        let Some(recipient) = recipient(delivery) else { return Ok(()) };
        let mut delayed = failure(recipient, "4.4.1", note);
        delayed.action = Action::Delayed;
        if let Ok(report) = self.prepare_report(delivery, &[delayed], now).await? {
            // The spool does a request once, so the warning goes once however often it is asked for.
            let id = format!("delay {:x} {:x}", self.spool.id(), delivery.claim.id);
            let digest = blake3::hash(id.as_bytes());
            let (first, _) = digest.as_bytes().split_at(16);
            let request = first.iter().fold(0u128, |id, byte| (id << 8) | u128::from(*byte));
            self.spool.accept(Some(request), vec![report]).await?;
        }
        Ok(())
    }

    async fn beginning(&self, delivery: &Delivery) -> Result<(Vec<u8>, bool), SpoolError> {
        let mut bytes = Vec::new();
        while bytes.len() < HEAD_LIMIT {
            let piece = self.spool.body_read(delivery.body.id, bytes.len() as u64, CHUNK).await?;
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        let whole = bytes.len() as u64 == delivery.body.size;
        Ok((bytes, whole))
    }
}

fn original<'a>(delivery: &Delivery, beginning: &'a [u8], whole: bool) -> Original<'a> {
    let sender = Sender::parse(&delivery.sender).unwrap_or(Sender::Null);
    Original { sender, arrived: delivery.accepted, beginning, whole }
}

/// Every delivery was made of an address; one that does not read back is a defect, and postmaster stands in.
fn recipient(delivery: &Delivery) -> Option<Address> {
    let parsed = Address::parse(&delivery.recipient).or_else(|_| Address::parse("postmaster"));
    parsed.ok()
}
