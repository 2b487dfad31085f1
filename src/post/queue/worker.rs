//! Sees to what is due: claims deliveries, gives each group to its transport, settles.
//!
//! Each group (one mailbox, one neighbour, one message to a neighbour) is a task of its own; one that panics ends alone,
//! and its deliveries come back when their lease has run out.

use super::report::{Failure, Original, failure};
use super::retry::{self, Next};
use super::{Door, QueueError};
use crate::agent::{Account, Agent};
use crate::clock;
use crate::fault::{Retry, ToFault, Whose};
use crate::job::SystemName;
use crate::post::address::Address;
use crate::post::delivery::local::Local;
use crate::post::delivery::{Failed, uucp};
use crate::post::mail::Sender;
use crate::post::mail::dsn::Action;
use crate::post::mail::head::HEAD_LIMIT;
use crate::post::route;
use crate::spool::{CHUNK, Claim, Delivery, MessageId, NewMessage, Outcome, Spool, SpoolError};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many deliveries are claimed at a time; as many as one message may have by default, so that a list stays together.
const CLAIM: usize = 1000;
/// How long work on them may take before they are given to somebody else.
const LEASE: Duration = Duration::from_secs(600);
/// How long the worker rests at most: hints that work has come may be missed.
const REST: Duration = Duration::from_secs(30);
/// After the spool refused, how long until it is asked again.
const REFUSED: Duration = Duration::from_secs(5);
/// Groups at work beyond which no more deliveries are claimed: those that wait for a lock must not become many.
const AT_WORK: usize = 64;

/// Groups of deliveries, each at work in a task of its own.
type Groups = JoinSet<()>;

/// The worker of the queue; there is one in a process.
#[derive(Debug, Clone)]
pub struct Worker {
    door: Door,
    local: Local,
    uucp: uucp::Settings,
    /// A handle of its own, for its view of what has changed.
    spool: Spool,
}

impl Worker {
    /// Delivers to the users of the door's tables through `agent`.
    pub fn new(door: Door, agent: Agent, uucp: uucp::Settings) -> Worker {
        let spool = door.spool().clone();
        let uid = agent.own_uid();
        let account = |mailbox: &PathBuf| Account { uid, mailbox: mailbox.clone() };
        let users = door.tables().users.iter().map(|(user, mailbox)| (user.clone(), account(mailbox)));
        let local = Local::new(spool.clone(), agent, users.collect());
        Worker { door, local, uucp, spool }
    }

    /// Works until `stop` becomes true (or its sender is gone); what was begun then is finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut recovered = clock::now();
        let mut first = true;
        let mut groups = Groups::new();
        while !*stop.borrow() {
            if std::mem::take(&mut first) || clock::now().duration_since(recovered) >= REST {
                recovered = clock::now();
                if let Err(error) = self.recover().await {
                    tracing::warn!(%error, "interrupted appends cannot be looked after now");
                }
            }
            // A group may wait for a mailbox that somebody has locked; the others do not wait for it.
            while groups.len() >= AT_WORK && one_ended(&mut groups).await {}
            let rest = match self.begin(&mut groups).await {
                Ok(0) => self.until_next_due().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be worked on now");
                    REFUSED
                }
            };
            tokio::select! {
                () = self.spool.changed() => {}
                true = one_ended(&mut groups) => {}
                () = clock::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        while one_ended(&mut groups).await {}
    }

    /// Looks after appends that a crash or a panic interrupted.
    pub async fn recover(&self) -> Result<(), SpoolError> {
        self.local.recover().await.map(drop)
    }

    /// Everything that is due now, once, to its end. Returns how much there was.
    pub async fn pass(&self) -> Result<usize, QueueError> {
        let mut groups = Groups::new();
        let begun = self.begin(&mut groups).await;
        while one_ended(&mut groups).await {}
        begun
    }

    /// Begins on everything that is due now. Returns how much there was.
    async fn begin(&self, tasks: &mut Groups) -> Result<usize, QueueError> {
        let notices = self.door.send_notices().await?;
        let deliveries = self.spool.claim_deliveries(clock::wall(), CLAIM, LEASE).await?;
        let count = notices + deliveries.len();
        let mut groups: BTreeMap<(String, String, MessageId, bool), Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            // A mailbox or a batch takes many messages at once, an `rmail` command one.
            let together = matches!(delivery.transport.as_str(), "local" | "uusmtp");
            let refused = delivery.refusal.is_some();
            let message = if together && !refused { MessageId(0) } else { delivery.message };
            let key = (delivery.transport.clone(), delivery.site.clone(), message, refused);
            groups.entry(key).or_default().push(delivery);
        }
        for ((transport, site, _, refused), group) in groups {
            let worker = self.clone();
            tasks.spawn(async move {
                if let Err(error) = worker.work(&transport, &site, refused, group).await {
                    // What is not settled comes back when its lease has run out.
                    tracing::warn!(transport, site, %error, "deliveries cannot be settled now");
                }
            });
        }
        Ok(count)
    }

    async fn until_next_due(&self) -> Duration {
        let due = self.spool.next_due().await.ok().flatten();
        let wait = due.map_or(SignedDuration::MAX, |due| due.duration_since(clock::wall()));
        // A delivery that is claimed by nobody and due would have been claimed: never spin on one.
        Duration::try_from(wait).unwrap_or_default().clamp(Duration::from_secs(1), REST)
    }

    async fn work(
        &self,
        transport: &str,
        site: &str,
        refused: bool,
        group: Vec<Delivery>,
    ) -> Result<(), QueueError> {
        let now = clock::wall();
        if refused {
            return self.bounce_refused(group, now).await;
        }
        match transport {
            "local" => {
                let due_again = now.saturating_add(SignedDuration::from_mins(1)).unwrap_or(now);
                for failed in self.local.deliver(site, group, due_again).await {
                    self.failed(failed, now).await?;
                }
                Ok(())
            }
            "uux" | "uusmtp" => {
                let Ok(system) = site.parse::<SystemName>() else {
                    let note = format!("{site:?} is no system name");
                    return self.hold(group, note, now).await;
                };
                let group = self.sound(group, now).await?;
                let lists = match transport {
                    "uux" => self.commands(&system, group),
                    _ => uucp::batches(&self.uucp, group),
                };
                for list in lists {
                    let handed = match transport {
                        "uux" => uucp::rmail(&self.uucp, &system, list, now),
                        _ => uucp::rsmtp(&self.spool, &self.uucp, &system, list, now).await,
                    };
                    match handed {
                        Ok(outcome) => self.spool.settle(now, vec![outcome]).await?,
                        Err(failed) => self.failed(failed, now).await?,
                    }
                }
                Ok(())
            }
            other => self.hold(group, format!("there is no transport {other:?} here"), now).await,
        }
    }

    /// Those whose message is what was written; the others fail, each alone.
    async fn sound(&self, group: Vec<Delivery>, now: Timestamp) -> Result<Vec<Delivery>, QueueError> {
        let mut sound: Vec<Delivery> = Vec::new();
        for delivery in group {
            let is_same = sound.last().is_some_and(|last| last.body == delivery.body);
            match if is_same { Ok(()) } else { self.spool.body_check(delivery.body).await } {
                Ok(()) => sound.push(delivery),
                Err(error) => {
                    self.failed(Failed { deliveries: vec![delivery], fault: error.fault() }, now).await?;
                }
            }
        }
        Ok(sound)
    }

    /// Cuts the deliveries of one message into those of one command each.
    fn commands(&self, system: &SystemName, deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
        let neighbour = self.door.tables().neighbours.get(system).cloned().unwrap_or_default();
        let addresses = deliveries.iter().filter_map(|delivery| Address::parse(&delivery.address).ok());
        let groups = route::group(addresses.collect(), &neighbour);
        let mut deliveries = deliveries.into_iter();
        let mut lists: Vec<Vec<Delivery>> =
            groups.iter().map(|group| deliveries.by_ref().take(group.len()).collect()).collect();
        // None is left unless an address did not read back.
        lists.extend(deliveries.map(|delivery| vec![delivery]));
        lists
    }

    async fn hold(&self, group: Vec<Delivery>, note: String, now: Timestamp) -> Result<(), QueueError> {
        let deliveries = group.iter().map(|delivery| delivery.claim).collect();
        Ok(self.spool.settle(now, vec![Outcome::Held { deliveries, note }]).await?)
    }

    /// Puts off what may succeed later; reports the rest.
    async fn failed(&self, failed: Failed, now: Timestamp) -> Result<(), QueueError> {
        let Failed { deliveries, fault } = failed;
        let note = fault.message.clone();
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
        let status = match fault.retry {
            Retry::Later => "4.4.7",
            Retry::Never if fault.whose == Whose::PeerRefused => "5.1.1",
            Retry::Never => "5.3.0",
        };
        self.bounce(hopeless, status, |_| note.clone(), now).await
    }

    async fn bounce_refused(&self, group: Vec<Delivery>, now: Timestamp) -> Result<(), QueueError> {
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

/// Waits for the end of one group; false: there is none.
async fn one_ended(groups: &mut Groups) -> bool {
    match groups.join_next().await {
        Some(Ok(())) => true,
        Some(Err(error)) => {
            tracing::error!(%error, "the work on a group of deliveries was broken off");
            true
        }
        None => false,
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
