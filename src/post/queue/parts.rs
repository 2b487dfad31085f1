//! What one message comes to: a part for each envelope sender that its copies have.

use super::QueueError;
use super::report::{Failure, failure};
use crate::post::mail::Sender;
use crate::post::route::{Handover, Refusal, Routed};
use crate::spool::NewDelivery;
use std::collections::BTreeMap;

/// The copies of one sender: each part is a message of its own, and has a report of its own.
#[derive(Debug)]
pub(super) struct Part {
    pub sender: Sender,
    pub deliveries: Vec<NewDelivery>,
    pub failures: Vec<Failure>,
}

/// All of a message.
#[derive(Debug)]
pub(super) struct Parts {
    /// What has the sender that the message came with.
    own: Part,
    /// What lists have given to their owners, by their addresses.
    owned: BTreeMap<String, Part>,
}

impl Part {
    fn of(sender: Sender) -> Part {
        Part { sender, deliveries: Vec::new(), failures: Vec::new() }
    }
}

impl Parts {
    pub fn new(sender: Sender) -> Parts {
        Parts { own: Part::of(sender), owned: BTreeMap::new() }
    }

    /// Recipients that were never routed.
    pub fn fail(&mut self, failures: impl IntoIterator<Item = Failure>) {
        self.own.failures.extend(failures);
    }

    /// What routing made of the recipients. An error: one of them cannot be routed now.
    pub fn add(&mut self, routed: Vec<Routed>) -> Result<(), QueueError> {
        for Routed { recipient, decision, owner, .. } in routed {
            let part = match owner {
                // What has no sender stays without one, so that no report is ever answered by a report.
                Some(owner) if self.own.sender != Sender::Null => {
                    let part = || Part::of(Sender::from(owner.clone()));
                    self.owned.entry(owner.to_string()).or_insert_with(part)
                }
                _ => &mut self.own,
            };
            match decision.handover() {
                Ok(Handover { transport, site, address }) => {
                    let recipient = recipient.to_string();
                    part.deliveries.push(NewDelivery { recipient, transport, site, address });
                }
                Err(refusal) if refusal.is_passing() => return Err(QueueError::NotNow(refusal.reason)),
                Err(Refusal { status, reason }) => {
                    part.failures.push(failure(recipient, &status, &reason));
                }
            }
        }
        Ok(())
    }

    /// Those that are not empty, the sender's own first.
    pub fn into_parts(self) -> Vec<Part> {
        let is_used = |part: &Part| !part.deliveries.is_empty() || !part.failures.is_empty();
        std::iter::once(self.own).chain(self.owned.into_values()).filter(is_used).collect()
    }
}
