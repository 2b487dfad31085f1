//! Mail for a neighbour as batches: jobs for `rsmtp` and its kin.
//!
//! Mail becomes a job at once, so no call begins without it, and none is waited for. More mail that comes before
//! the call does not become a second job: the batch that waits is taken up again, and a larger one takes its place in one
//! transaction, as long as it is below the limits of the neighbour ([`Terms`]) and no call has had it. So a batch is closed
//! by its size, by the number of its messages, by its age, or by the call that takes it.
//!
//! Not to write a batch of a megabyte anew for each message, one that is no longer small is taken up only for as much
//! mail again as it has.

use super::{Failed, body};
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::job::SystemName;
use crate::post::address::Address;
use crate::post::batch::{self, Packer, PackerError, Wrapper};
use crate::post::delivery::uucp::{self, Settings};
use crate::post::mail::dots::Ends;
use crate::post::mail::{Envelope, Sender};
use crate::spool::{CHUNK, Carried, Content, Delivery, MessageId, OpenBatch, Outcome, Spool, SpoolError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How batches for a neighbour are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How they are packed; default not at all. Setting `batch-compress`.
    pub wrapper: Wrapper,
    /// The most bytes of messages, before they are packed; default 1 MiB: a call that fails near its end loses no more than
    /// that where the peer cannot go on in mid-file. A message that is larger goes alone. Setting `batch-size`.
    pub bytes: u64,
    /// The most messages; default 1 000. Setting `batch-messages`.
    pub messages: u64,
    /// For how long a batch that waits is made larger; default 1 day. Setting `batch-age`.
    pub age: Duration,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            wrapper: Wrapper::Plain,
            bytes: 1024 * 1024,
            messages: 1000,
            age: Duration::from_secs(24 * 3600),
        }
    }
}

/// A batch of so many bytes is taken up for any mail.
const SMALL: u64 = 64 * 1024;
/// So many batches that wait are looked at, the youngest.
const LOOKED_AT: usize = 8;

/// Hands deliveries of any messages to a neighbour as batches. Gives those that cannot be handed to it, and whether any were.
pub(super) async fn hand(
    spool: &Spool,
    settings: &Settings,
    site: &SystemName,
    deliveries: Vec<Delivery>,
    now: Timestamp,
) -> Result<(Vec<Failed>, bool), SpoolError> {
    let terms = settings.batches.get(site).cloned().unwrap_or_default();
    let (mut failed, mut handed) = (Vec::new(), false);
    for list in cut(&terms, deliveries) {
        match hand_one(spool, settings, &terms, site, list, now).await? {
            None => handed = true,
            Some(one) => failed.push(one),
        }
    }
    Ok((failed, handed))
}

/// Cuts deliveries into those of one batch each. The recipients of a message stay together.
fn cut(terms: &Terms, deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut lists: Vec<Vec<Delivery>> = Vec::new();
    let (mut bytes, mut messages) = (0, 0);
    for delivery in deliveries {
        let size = delivery.body.size;
        match lists.last_mut() {
            Some(list) if list.last().is_some_and(|last| last.message == delivery.message) => {
                list.push(delivery);
            }
            Some(list) if bytes + size <= terms.bytes && messages < terms.messages => {
                (bytes, messages) = (bytes + size, messages + 1);
                list.push(delivery);
            }
            _ => {
                (bytes, messages) = (size, 1);
                lists.push(vec![delivery]);
            }
        }
    }
    lists
}

async fn hand_one(
    spool: &Spool,
    settings: &Settings,
    terms: &Terms,
    site: &SystemName,
    list: Vec<Delivery>,
    now: Timestamp,
) -> Result<Option<Failed>, SpoolError> {
    let since = now.checked_sub(terms.age).unwrap_or(Timestamp::MIN);
    let open = spool.open_batches(site.clone(), settings.grade, since, LOOKED_AT).await?;
    let mut taken_up = taken_up(terms, &list, open);
    loop {
        let mut carried = Vec::new();
        for number in &taken_up {
            carried.extend(spool.carried(*number).await?);
        }
        carried.extend(list.iter().map(|delivery| Carried {
            message: delivery.message,
            sender: delivery.sender.clone(),
            address: delivery.address.clone(),
            body: delivery.body,
        }));
        let content = match write(spool, settings, terms.wrapper, &carried).await {
            Ok(content) => content,
            // What is damaged of the mail that waits already is found when its turn comes.
            Err(_) if !taken_up.is_empty() => {
                taken_up.clear();
                continue;
            }
            Err(fault) => return Ok(Some(Failed { deliveries: list, fault })),
        };
        let body = content.rest;
        let command = terms.wrapper.command();
        let job = match uucp::job(settings, site, command, Vec::new(), None, content, now) {
            Ok(job) => job,
            Err(fault) => return Ok(Some(Failed { deliveries: list, fault })),
        };
        let deliveries = list.iter().map(|delivery| delivery.claim).collect();
        let outcome = match taken_up.is_empty() {
            true => Outcome::Handed { deliveries, job },
            false => Outcome::Gathered { deliveries, job, instead_of: taken_up.clone() },
        };
        match spool.settle(now, vec![outcome]).await {
            // A call has begun with one of them: what is new goes by itself.
            Err(SpoolError::Conflict(_)) if !taken_up.is_empty() => {
                if let Some(body) = body {
                    spool.body_drop(body).await?;
                }
                taken_up.clear();
            }
            settled => return settled.map(|()| None),
        }
    }
}

/// Which of the batches that wait become one with this mail.
fn taken_up(terms: &Terms, list: &[Delivery], open: Vec<OpenBatch>) -> Vec<u64> {
    let new: BTreeMap<MessageId, u64> =
        list.iter().map(|delivery| (delivery.message, delivery.body.size)).collect();
    let (mut bytes, mut messages) = (new.values().sum::<u64>(), new.len() as u64);
    let mut taken_up = Vec::new();
    for batch in open {
        let is_worth_it = batch.bytes <= SMALL || batch.bytes <= bytes;
        let fits = bytes + batch.bytes <= terms.bytes && messages + batch.messages <= terms.messages;
        if is_worth_it && fits {
            (bytes, messages) = (bytes + batch.bytes, messages + batch.messages);
            taken_up.push(batch.number);
        }
    }
    taken_up
}

/// A batch with each message once, for all its recipients.
async fn write(
    spool: &Spool,
    settings: &Settings,
    wrapper: Wrapper,
    carried: &[Carried],
) -> Result<Content, Fault> {
    let below = |error: SpoolError| error.fault();
    let mut messages: BTreeMap<MessageId, Vec<&Carried>> = BTreeMap::new();
    for one in carried {
        messages.entry(one.message).or_default().push(one);
    }
    let mut parcel = Parcel::new(spool, wrapper)?;
    let mut out = Vec::new();
    let batch = batch::Writer::new(&settings.host, Ends::Lf, &mut out);
    for group in messages.into_values() {
        let Some(first) = group.first() else { continue };
        let envelope = envelope(settings, &first.sender, &group);
        let mut text = batch.message(&envelope, &mut out);
        let mut offset = 0;
        while offset < first.body.size {
            let piece = spool.body_read(first.body.id, offset, CHUNK).await.map_err(below)?;
            if piece.is_empty() {
                return Err(below(SpoolError::Corrupt(format!("body {} ends early", first.body.id.0))));
            }
            offset += piece.len() as u64;
            text.push(&piece, &mut out);
            if out.len() >= CHUNK {
                parcel.put(std::mem::take(&mut out)).await?;
            }
        }
        text.finish(&mut out);
    }
    batch.finish(&mut out);
    parcel.put(out).await?;
    parcel.finish().await
}

fn envelope(settings: &Settings, sender: &str, group: &[&Carried]) -> Envelope {
    let recipients = group.iter().filter_map(|one| Address::parse(&one.address).ok()).collect();
    // A bare name would be one of theirs there.
    let sender = Sender::parse(sender).and_then(|sender| sender.by_way_of(settings.node.as_str()));
    Envelope { sender: sender.unwrap_or(Sender::Null), recipients }
}

/// A batch on its way through the wrapper into the spool.
struct Parcel {
    /// None: as it is.
    packer: Option<Packer>,
    writer: body::Writer,
}

impl Parcel {
    fn new(spool: &Spool, wrapper: Wrapper) -> Result<Parcel, Fault> {
        let packer = (wrapper != Wrapper::Plain).then(|| Packer::new(wrapper)).transpose();
        let packer = packer.map_err(|error| not_packed(&error))?;
        Ok(Parcel { packer, writer: body::Writer::new(spool) })
    }

    async fn put(&mut self, batch: Vec<u8>) -> Result<(), Fault> {
        let packed = match self.packer.take() {
            None => batch,
            Some(mut packer) => {
                let push = move || {
                    let mut packed = Vec::new();
                    packer.push(&batch, &mut packed).map(|()| (packer, packed))
                };
                let (packer, packed) = aside(push).await?;
                self.packer = Some(packer);
                packed
            }
        };
        self.writer.write(&packed).await.map_err(|error| error.fault())
    }

    async fn finish(mut self) -> Result<Content, Fault> {
        if let Some(packer) = self.packer.take() {
            let end = move || {
                let mut packed = Vec::new();
                packer.finish(&mut packed).map(|()| packed)
            };
            let packed = aside(end).await?;
            self.writer.write(&packed).await.map_err(|error| error.fault())?;
        }
        self.writer.finish().await.map_err(|error| error.fault())
    }
}

/// To make a text small takes longer than other tasks are to wait.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PackerError> + Send + 'static,
) -> Result<T, Fault> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended
        .map_err(|error| local(format!("packing a batch was broken off: {error}")))?
        .map_err(|e| not_packed(&e))
}

fn not_packed(error: &PackerError) -> Fault {
    local(error.to_string())
}

fn local(message: String) -> Fault {
    let (stage, whose, retry) = (Stage::Deliver, Whose::Local, Retry::Later);
    Fault { stage, whose, retry, message, advice: String::new() }
}

#[cfg(test)]
mod tests;
