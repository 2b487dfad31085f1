//! The queue by hand: `mailq`, `runq`, `uugate queue`, and what became of a message.

use super::{VerbError, Verbs, Who};
use crate::clock;
use crate::fault::ToFault;
use crate::job::{Grade, SystemName};
use crate::node::report::{Entry, Handled, Queue, QueueSummary, Verified};
use crate::post::address::Address;
use crate::post::queue::QueueError;
use crate::spool::{ByHand, DeliveryState, MessageId, QueueEntry, SpoolError, Wish};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which mail of the queue; everything that is given has to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct QueueFilter {
    /// These messages; empty: any.
    pub messages: Vec<u64>,
    /// For this recipient.
    pub recipient: Option<String>,
    /// For this system, host or user.
    pub site: Option<String>,
    /// The recipient, or the sender, has this in it, in any case of letters.
    pub recipient_has: Option<String>,
    pub sender_has: Option<String>,
}

impl QueueFilter {
    pub fn is_empty(&self) -> bool {
        *self == QueueFilter::default()
    }

    fn fits(&self, entry: &QueueEntry) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let has = |wanted: &Option<String>, value: &str| {
            let lower = str::to_ascii_lowercase;
            wanted.as_ref().is_none_or(|wanted| lower(value).contains(&lower(wanted)))
        };
        (self.messages.is_empty() || self.messages.contains(&entry.message.0))
            && is(&self.recipient, &entry.recipient)
            && is(&self.site, &entry.site)
            && has(&self.recipient_has, &entry.recipient)
            && has(&self.sender_has, &entry.sender)
    }
}

/// What is done to mail of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueAction {
    Hold,
    Release,
    Requeue,
    Delete,
    Bounce,
    /// `sendmail -q`: tries what can be tried, and asks for the calls that the rest waits for.
    Flush,
}

impl QueueAction {
    fn done(self) -> &'static str {
        match self {
            QueueAction::Hold => "held",
            QueueAction::Release => "released",
            QueueAction::Requeue => "queued again",
            QueueAction::Delete => "deleted",
            QueueAction::Bounce => "sent back",
            QueueAction::Flush => "tried now",
        }
    }
}

impl Verbs {
    /// A page of the queue. Who is not trusted sees what he sent himself.
    pub(super) async fn queue(
        &self,
        who: &Who,
        filter: &QueueFilter,
        after: Option<u64>,
    ) -> Result<Queue, VerbError> {
        let (page, next) = self.page(who, filter, after).await?;
        Ok(Queue { entries: page.into_iter().map(Entry::from).collect(), next })
    }

    /// What of a page of the queue is meant, and after which message the next one begins.
    async fn page(
        &self,
        who: &Who,
        filter: &QueueFilter,
        after: Option<u64>,
    ) -> Result<(Vec<QueueEntry>, Option<u64>), VerbError> {
        let (mut page, next) = match filter.messages.as_slice() {
            [] => {
                let page = self.spool.queue(after.map(MessageId)).await?;
                let next = page.last().map(|entry| entry.message.0);
                (page, next)
            }
            named => {
                let named: BTreeSet<u64> = named.iter().copied().collect();
                let Some(message) = named.range(after.map_or(0, |after| after + 1)..).next() else {
                    return Ok((Vec::new(), None));
                };
                (self.spool.message(MessageId(*message)).await?, Some(*message))
            }
        };
        page.retain(|entry| filter.fits(entry) && (who.trusted || self.is_own(who, &entry.sender)));
        Ok((page, next))
    }

    pub(super) async fn queue_summary(&self, who: &Who) -> Result<QueueSummary, VerbError> {
        if !who.trusted {
            let what = "see how much mail of others waits".to_owned();
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        let totals = self.spool.queue_totals().await?;
        Ok(QueueSummary { next: self.spool.next_due().await?, ..QueueSummary::from(totals) })
    }

    /// Does something to mail that waits: to one's own, or, for who is trusted, to all.
    pub(super) async fn handle(
        &self,
        who: &Who,
        what: QueueAction,
        filter: &QueueFilter,
    ) -> Result<Handled, VerbError> {
        if filter.is_empty() && what != QueueAction::Flush {
            return Err(VerbError::Usage("which mail? Name messages, a recipient or a site".to_owned()));
        }
        let mut handled = Handled { what: what.done().to_owned(), done: 0, left: Vec::new() };
        let (mut found, mut calls) = (BTreeSet::new(), BTreeSet::new());
        let mut after = None;
        loop {
            let (page, next) = self.page(who, filter, after).await?;
            found.extend(page.iter().map(|entry| entry.message.0).filter(|id| filter.messages.contains(id)));
            let note = format!("{} by {}", what.done(), who.name);
            match what {
                QueueAction::Hold => self.by_hand(ByHand::Hold, &page, note, &mut handled).await?,
                QueueAction::Release => self.by_hand(ByHand::Release, &page, note, &mut handled).await?,
                QueueAction::Requeue => self.by_hand(ByHand::Requeue, &page, note, &mut handled).await?,
                QueueAction::Delete => self.by_hand(ByHand::Delete, &page, note, &mut handled).await?,
                QueueAction::Bounce => self.bounce(page, &note, &mut handled).await?,
                QueueAction::Flush => {
                    let is_handed = |entry: &QueueEntry| entry.state == DeliveryState::Handed;
                    calls
                        .extend(page.iter().filter(|entry| is_handed(entry)).map(|entry| entry.site.clone()));
                    let queued: Vec<QueueEntry> =
                        page.into_iter().filter(|entry| entry.state == DeliveryState::Queued).collect();
                    self.by_hand(ByHand::Requeue, &queued, note, &mut handled).await?;
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        for system in calls {
            self.wish_call(&system).await?;
        }
        let gone = filter.messages.iter().filter(|id| !found.contains(*id));
        handled.left.extend(gone.map(|id| format!("message {id} is not here, or not yours")));
        Ok(handled)
    }

    async fn by_hand(
        &self,
        what: ByHand,
        entries: &[QueueEntry],
        note: String,
        handled: &mut Handled,
    ) -> Result<(), VerbError> {
        if entries.is_empty() {
            return Ok(());
        }
        let ids = entries.iter().map(|entry| entry.delivery).collect();
        let done = self.spool.by_hand(what, ids, note, clock::wall()).await?;
        handled.done += done.done;
        handled.left.extend(done.left.into_iter().map(|(_, why)| why));
        Ok(())
    }

    async fn bounce(
        &self,
        entries: Vec<QueueEntry>,
        why: &str,
        handled: &mut Handled,
    ) -> Result<(), VerbError> {
        let mut messages: BTreeMap<MessageId, Vec<u64>> = BTreeMap::new();
        for entry in entries {
            messages.entry(entry.message).or_default().push(entry.delivery);
        }
        let worker = self.worker();
        for deliveries in messages.into_values() {
            match worker.bounce_now(deliveries, why, clock::wall()).await {
                Ok(count) => handled.done += count as u64,
                Err(QueueError::Spool(SpoolError::Conflict(why))) => handled.left.push(why),
                Err(error) => return Err(VerbError::Below(error.fault())),
            }
        }
        Ok(())
    }

    /// Asks for a call for mail that waits for it, at its own time: hours and pauses hold as they do.
    async fn wish_call(&self, system: &str) -> Result<(), VerbError> {
        let Some(system) = self.config.system(system).filter(|system| !system.lines.is_empty()) else {
            return Ok(());
        };
        let (system, grade): (SystemName, Grade) = (system.name.clone(), Grade::MAIL);
        let (why, since) = ("the queue was to be run".to_owned(), clock::wall());
        Ok(self.spool.want_call(Wish { system, grade, why, since, at_once: false }).await?)
    }

    /// `sendmail -bv`: where mail for each address would go.
    pub(super) async fn verify(&self, addresses: &[String]) -> Verified {
        let mut verified = Verified::default();
        for text in addresses {
            verified.addresses.push(self.verify_one(text).await);
        }
        verified
    }

    async fn verify_one(&self, text: &str) -> (String, bool, String) {
        let text = text.to_owned();
        match Address::parse(&text) {
            Err(error) => (text, false, error.to_string()),
            Ok(address) => {
                let (deliveries, failures) = self.door.look_up(&address).await;
                let goes = |to: &crate::spool::NewDelivery| {
                    format!("deliverable: mailer {}, host {}, user {}", to.transport, to.site, to.address)
                };
                let is_deliverable = !deliveries.is_empty();
                let texts: Vec<String> = deliveries.iter().map(goes).chain(failures).collect();
                (text, is_deliverable, texts.join("; "))
            }
        }
    }
}
