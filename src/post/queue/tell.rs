//! The clock of the sender: warns of delays, gives up what took too long, and confirms what was asked to be confirmed.

use super::failed::about;
use super::report::{Failure, Told};
use super::{QueueError, Worker};
use crate::fault::ToFault;
use crate::post::mail::dsn::Action;
use crate::spool::{ByHand, DeliveryState, MessageId, Overdue, SpoolError};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Deliveries that are looked at together.
const AT_ONCE: usize = 1000;
/// What is in a call, at work, or cannot be reported now is looked at again after this.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);

impl Worker {
    /// Tells senders what it is time for. Returns how many deliveries that was about.
    pub(super) async fn tell(&self, now: Timestamp) -> Result<usize, QueueError> {
        let overdue = self.spool.overdue(now, AT_ONCE).await?;
        let count = overdue.len();
        let mut messages: BTreeMap<MessageId, Vec<Overdue>> = BTreeMap::new();
        for one in overdue {
            messages.entry(one.delivery.message).or_default().push(one);
        }
        let mut later: BTreeMap<Option<Timestamp>, Vec<u64>> = BTreeMap::new();
        for (message, all) in messages {
            let ids = ids(&all);
            if let Err(error) = self.tell_of(all, &mut later, now).await {
                let fault = error.fault();
                tracing::warn!(message = message.0, %fault, "a sender cannot be told now");
                later.entry(now.checked_add(AGAIN).ok()).or_default().extend(ids);
            }
        }
        for (at, deliveries) in later {
            self.spool.tell_later(deliveries, at).await?;
        }
        Ok(count)
    }

    /// One message: what is not told now goes to `later`.
    async fn tell_of(
        &self,
        all: Vec<Overdue>,
        later: &mut BTreeMap<Option<Timestamp>, Vec<u64>>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let (mut arrived, mut delayed, mut expired) = (Vec::new(), Vec::new(), Vec::new());
        let patience = &self.door.settings().patience;
        let mut given_up = Timestamp::MAX;
        for one in all {
            let Overdue { delivery, state, .. } = &one;
            let terms = patience.terms(&delivery.transport, &delivery.site, delivery.accepted);
            match state {
                DeliveryState::Delivered | DeliveryState::Acknowledged => arrived.push(one),
                // Its clock stands still.
                DeliveryState::Held | DeliveryState::Bounced => {
                    later.entry(None).or_default().push(delivery.claim.id);
                }
                _ if now >= terms.give_up => expired.push(one),
                _ => match terms.warn.filter(|_| !delivery.warned) {
                    Some(warn) if now >= warn => {
                        given_up = given_up.min(terms.give_up);
                        delayed.push(one);
                    }
                    next => {
                        let next = next.unwrap_or(terms.give_up);
                        later.entry(Some(next)).or_default().push(delivery.claim.id);
                    }
                },
            }
        }
        self.confirm(arrived, now).await?;
        self.warn(delayed, given_up, now).await?;
        self.expire(expired, now).await
    }

    /// Tells the sender, once, that it arrived, or went on to where nothing more is heard of it.
    async fn confirm(&self, arrived: Vec<Overdue>, now: Timestamp) -> Result<(), QueueError> {
        let confirmed = |one: &Overdue| {
            let is_here = matches!(one.delivery.transport.as_str(), "local" | "pipe" | "file");
            let (action, text) = match is_here {
                true => (Action::Delivered, "delivered".to_owned()),
                false => (Action::Relayed, format!("handed over to {}", one.delivery.site)),
            };
            Some(Failure { action, ..about(&one.delivery, "2.0.0", &text)? })
        };
        self.report_once(&arrived, confirmed, None, now).await
    }

    /// Tells the sender, once for each recipient, that it takes longer.
    async fn warn(
        &self,
        delayed: Vec<Overdue>,
        given_up: Timestamp,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let wants = |one: &Overdue| one.delivery.notify.is_none_or(|notify| notify.delay);
        let (told, untold): (Vec<Overdue>, Vec<Overdue>) = delayed.into_iter().partition(wants);
        self.spool.tell_later(ids(&untold), Some(given_up)).await?;
        let why = |one: &Overdue| {
            let text = match (one.state, one.note.as_str()) {
                (DeliveryState::Handed, _) => format!("it waits for a call with {}", one.delivery.site),
                (_, "") => "it was not tried yet".to_owned(),
                (_, note) => note.to_owned(),
            };
            let delay = about(&one.delivery, "4.4.1", &text)?;
            Some(Failure { action: Action::Delayed, retried_until: Some(given_up), ..delay })
        };
        self.report_once(&told, why, Some(given_up), now).await
    }

    /// One report about deliveries that go on as they are; where nobody can be told, nobody is. `next`: when they are
    /// looked at again.
    async fn report_once(
        &self,
        group: &[Overdue],
        outcome: impl Fn(&Overdue) -> Option<Failure>,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let Some(first) = group.first() else { return Ok(()) };
        let outcomes: Vec<Failure> = group.iter().filter_map(outcome).collect();
        if let Told::By(mut reports) = self.reports(&first.delivery, &outcomes, now).await?
            && let Some(report) = reports.drain(..).next()
        {
            match self.spool.told(ids(group), report, next, now).await {
                // It was told, and the spool did not get to say so before.
                Err(SpoolError::Conflict(_)) => {}
                told => return Ok(told?),
            }
        }
        Ok(self.spool.tell_later(ids(group), next).await?)
    }

    /// Gives up. A job that a call or a file has may still arrive, so that its mail is left for a while.
    async fn expire(&self, expired: Vec<Overdue>, now: Timestamp) -> Result<(), QueueError> {
        let why = |one: &Overdue| {
            let days = now.duration_since(one.delivery.accepted).as_hours() / 24;
            match (one.state, one.note.as_str()) {
                (DeliveryState::Handed, _) => {
                    format!("no call with {} has taken it for {days} days", one.delivery.site)
                }
                (_, "") => format!("given up after {days} days"),
                (_, note) => format!("given up after {days} days: {note}"),
            }
        };
        match self.end(&expired, "4.4.7", why, now).await {
            Err(QueueError::Spool(SpoolError::Conflict(_))) if expired.len() > 1 => {
                for one in expired {
                    Box::pin(self.expire(vec![one], now)).await?;
                }
                Ok(())
            }
            Err(QueueError::Spool(SpoolError::Conflict(why))) => {
                tracing::info!(why, "mail that is overdue is not given up yet");
                Ok(self.spool.tell_later(ids(&expired), now.checked_add(AGAIN).ok()).await?)
            }
            ended => ended,
        }
    }

    /// Ends deliveries of one message that nobody works on, with the report about it.
    async fn end(
        &self,
        group: &[Overdue],
        status: &str,
        why: impl Fn(&Overdue) -> String,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let Some(first) = group.first() else { return Ok(()) };
        let failed = |one: &Overdue| about(&one.delivery, status, &why(one));
        let wants = |one: &&Overdue| one.delivery.notify.is_none_or(|notify| notify.failure);
        let failures: Vec<Failure> = group.iter().filter(wants).filter_map(failed).collect();
        let note = why(first);
        match self.reports(&first.delivery, &failures, now).await? {
            Told::By(reports) => Ok(self.spool.give_up(ids(group), note, reports, now).await?),
            Told::Nobody { why, keep: false } => {
                let note = format!("{note}; {why}");
                Ok(self.spool.give_up(ids(group), note, Vec::new(), now).await?)
            }
            Told::Nobody { why, keep: true } => {
                let handled = self.spool.by_hand(ByHand::Hold, ids(group), why, now).await?;
                let left = handled.left.into_iter().map(|(id, _)| id).collect();
                Ok(self.spool.tell_later(left, now.checked_add(AGAIN).ok()).await?)
            }
        }
    }

    /// Bounces deliveries now, because somebody says so. [`SpoolError::Conflict`]: one of them is at work, in a call or in a file,
    /// and all are left as they are.
    pub async fn bounce_now(
        &self,
        deliveries: Vec<u64>,
        why: &str,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let mut messages: BTreeMap<MessageId, Vec<Overdue>> = BTreeMap::new();
        for one in self.spool.look_at(deliveries).await? {
            messages.entry(one.delivery.message).or_default().push(one);
        }
        let mut count = 0;
        for group in messages.into_values() {
            self.end(&group, "5.0.0", |_| why.to_owned(), now).await?;
            count += group.len();
        }
        Ok(count)
    }
}

fn ids(group: &[Overdue]) -> Vec<u64> {
    group.iter().map(|one| one.delivery.claim.id).collect()
}
