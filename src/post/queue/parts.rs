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
                    part.deliveries.push(NewDelivery {
                        recipient,
                        transport,
                        site,
                        address,
                        ..NewDelivery::default()
                    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::address::Address;
    use crate::post::route::Decision;

    fn parts(sender: &str) -> Vec<Part> {
        let routed = |user: &str, owner: Option<&str>, decision| Routed {
            recipient: Address::parse(user).unwrap(),
            decision,
            owner: owner.map(|owner| Address::parse(owner).unwrap()),
            why: String::new(),
            place: None,
        };
        let local = |user: &str| Decision::Local { user: user.to_owned(), mailbox: user.into() };
        let refused = Refusal { status: "5.1.1".to_owned(), reason: "no user".to_owned() };
        let mut parts = Parts::new(Sender::parse(sender).unwrap());
        parts
            .add(vec![
                routed("joe", Some("owner-cows@polux"), local("joe")),
                routed("ann", None, local("ann")),
                routed("gone", Some("owner-cows@polux"), Decision::Refused(refused)),
            ])
            .unwrap();
        parts.into_parts()
    }

    #[test]
    fn what_a_list_sends_is_its_owners() {
        let parts = parts("bill@leaf");
        let told: Vec<(&str, usize, usize)> = parts
            .iter()
            .map(|part| (part.sender.smtp(), part.deliveries.len(), part.failures.len()))
            .collect();
        assert_eq!(told, [("bill@leaf", 1, 0), ("owner-cows@polux", 1, 1)]);
    }

    #[test]
    fn what_has_no_sender_stays_without_one() {
        let parts = parts("<>");
        let [Part { sender: Sender::Null, deliveries, failures }] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert_eq!((deliveries.len(), failures.len()), (2, 1));
    }

    #[test]
    fn a_recipient_that_cannot_be_routed_now_keeps_the_message_out() {
        let passing = Refusal { status: "4.3.0".to_owned(), reason: "not now".to_owned() };
        let recipient = Address::parse("joe").unwrap();
        let routed = Routed {
            recipient,
            decision: Decision::Refused(passing),
            owner: None,
            why: String::new(),
            place: None,
        };
        let error = Parts::new(Sender::Null).add(vec![routed]).unwrap_err();
        assert_eq!(error, QueueError::NotNow("not now".to_owned()));
    }
}
