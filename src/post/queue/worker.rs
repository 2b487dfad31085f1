//! Sees to what is due: claims deliveries, gives each group to its transport, settles.
//!
//! Each group (one mailbox, one neighbour, one message to a neighbour) is a task of its own; one that panics ends alone,
//! and its deliveries come back when their lease has run out.

use super::transports::{Transports, takes_many_messages};
use super::{Door, QueueError};
use crate::agent::Agent;
use crate::clock;
use crate::post::delivery::smtp::{self, Smtp};
use crate::post::delivery::uucp;
use crate::spool::{Delivery, MessageId, Spool, SpoolError};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
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
    pub(super) door: Door,
    transports: Transports,
    /// A handle of its own, for its view of what has changed.
    pub(super) spool: Spool,
}

impl Worker {
    /// Delivers to the users of the door's tables through `agent`.
    pub fn new(door: Door, agent: Agent, uucp: uucp::Settings) -> Worker {
        let spool = door.spool().clone();
        let transports = Transports::new(&door, agent, uucp);
        Worker { door, transports, spool }
    }

    /// The same, with what a site sets for mail that goes out by SMTP.
    pub fn sending_by(mut self, settings: smtp::Settings) -> Worker {
        self.transports.smtp = Smtp::new(self.spool.clone(), settings);
        self
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
        self.transports.stop();
        while one_ended(&mut groups).await {}
    }

    /// Looks after appends that a crash or a panic interrupted.
    pub async fn recover(&self) -> Result<(), SpoolError> {
        self.transports.recover().await.map(drop)
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
            let refused = delivery.refusal.is_some();
            let together = takes_many_messages(&delivery.transport) && !refused;
            let message = if together { MessageId(0) } else { delivery.message };
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

    /// Gives a group to its transport, which settles what it has delivered, and settles the rest.
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
        let (failed, mut told) = mpsc::channel(16);
        let settling = async move {
            while let Some(undelivered) = told.recv().await {
                self.failed(undelivered, clock::wall()).await?;
            }
            Ok::<_, QueueError>(())
        };
        let delivering = self.transports.deliver(transport, site, group, now, failed);
        let (delivered, settled) = tokio::join!(delivering, settling);
        delivered?;
        settled
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
