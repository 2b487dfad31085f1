//! Sees to what is due: claims deliveries, gives each group to its transport, settles.
//!
//! Each site (a mailbox, a neighbour, a host) is worked on in a task of its own, one at a time, so that none keeps another waiting; one
//! that panics ends alone, and its deliveries come back when their lease has run out.

use super::transports::{Transports, takes_many_messages};
use super::{Door, QueueError, retry};
use crate::agent::Agent;
use crate::clock;
use crate::fault::{Retry, Whose};
use crate::post::delivery::smtp::{self, Smtp};
use crate::post::delivery::{Failed, Undelivered, uucp};
use crate::spool::{Claim, Delivery, Spool, SpoolError};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How many deliveries are claimed at a time; as many as one message may have by default, so that a list stays together.
const CLAIM: usize = 1000;
/// How long work on them may take before they are given to somebody else.
const LEASE: Duration = Duration::from_secs(600);
/// How often that is prolonged, each time by a third: eight hours for all that goes to one site at a time.
const PROLONGED: usize = 144;
/// How long the worker rests at most: hints that work has come may be missed.
const REST: Duration = Duration::from_secs(30);
/// How long mail is kept that waits for somebody who runs the queue: for ever, but for the clock of its sender.
const KEPT: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);
/// After the spool refused, how long until it is asked again.
const REFUSED: Duration = Duration::from_secs(5);
/// Sites at work beyond which no more deliveries are claimed: those that wait for a lock must not become many.
const AT_WORK: usize = 200;

/// Sites of deliveries, each at work in a task of its own.
type Sites = JoinSet<()>;

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
        let mut sites = Sites::new();
        while !*stop.borrow() {
            if std::mem::take(&mut first) || clock::now().duration_since(recovered) >= REST {
                recovered = clock::now();
                if let Err(error) = self.recover().await {
                    tracing::warn!(%error, "interrupted appends cannot be looked after now");
                }
            }
            // One may wait for a mailbox that somebody has locked; the others do not wait for it.
            while sites.len() >= AT_WORK && one_ended(&mut sites).await {}
            let rest = match self.begin(&mut sites, clock::wall()).await {
                Ok(0) => self.until_next_due().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be worked on now");
                    REFUSED
                }
            };
            tokio::select! {
                () = self.spool.changed() => {}
                true = one_ended(&mut sites) => {}
                () = clock::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.transports.stop();
        while one_ended(&mut sites).await {}
    }

    /// Looks after appends that a crash or a panic interrupted.
    pub async fn recover(&self) -> Result<(), SpoolError> {
        self.transports.recover().await.map(drop)
    }

    /// Everything that is due now, once, to its end. Returns how much there was.
    pub async fn pass(&self) -> Result<usize, QueueError> {
        self.pass_at(clock::wall()).await
    }

    /// The same at a time that need not have come.
    pub async fn pass_at(&self, now: Timestamp) -> Result<usize, QueueError> {
        let mut sites = Sites::new();
        let begun = self.begin(&mut sites, now).await;
        while one_ended(&mut sites).await {}
        begun
    }

    /// Begins on everything that is due. Returns how much there was.
    async fn begin(&self, tasks: &mut Sites, now: Timestamp) -> Result<usize, QueueError> {
        let count = self.door.send_notices().await? + self.tell(now).await?;
        let deliveries = self.spool.claim_deliveries(now, CLAIM, LEASE).await?;
        let count = count + deliveries.len();
        let mut sites: BTreeMap<(String, String), Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            let site = (delivery.transport.clone(), delivery.site.clone());
            sites.entry(site).or_default().push(delivery);
        }
        for ((transport, site), deliveries) in sites {
            let worker = self.clone();
            tasks.spawn(async move {
                let claims = deliveries.iter().map(|delivery| delivery.claim).collect();
                let work = worker.work_on(&transport, &site, deliveries, now);
                if let Err(error) = worker.holding(claims, work).await {
                    // What is not settled comes back when its lease has run out.
                    tracing::warn!(transport, site, %error, "deliveries cannot be settled now");
                }
            });
        }
        Ok(count)
    }

    /// Works on what is claimed. The claims are prolonged meanwhile, but not for ever: a transport that hangs loses them.
    async fn holding<T>(&self, claims: Vec<Claim>, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        for _ in 0..PROLONGED {
            tokio::select! {
                done = &mut work => return done,
                () = clock::sleep(LEASE / 3) => {}
            }
            if let Err(error) = self.spool.prolong(clock::wall(), claims.clone(), LEASE).await {
                tracing::warn!(%error, "deliveries that are at work may be given out again");
            }
        }
        work.await
    }

    async fn until_next_due(&self) -> Duration {
        let due = self.spool.next_due().await.ok().flatten();
        let wait = due.map_or(SignedDuration::MAX, |due| due.duration_since(clock::wall()));
        // A delivery that is claimed by nobody and due would have been claimed: never spin on one.
        Duration::try_from(wait).unwrap_or_default().clamp(Duration::from_secs(1), REST)
    }

    /// Works on what is due at a site, message by message or all at once, as its transport takes it. When the site fails as a
    /// whole, the rest waits with it.
    async fn work_on(
        &self,
        transport: &str,
        site: &str,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        if transport == "queueonly" {
            let until = now.checked_add(KEPT).unwrap_or(Timestamp::MAX);
            return self.put_off(&deliveries, "kept until the queue is run", until, now).await;
        }
        let failures = deliveries.first().map_or(0, |delivery| delivery.site_failures);
        let mut groups = groups(transport, deliveries).into_iter();
        let began = clock::now();
        while let Some(group) = groups.next() {
            if group.iter().any(|delivery| delivery.refusal.is_some()) {
                self.bounce_refused(group, now).await?;
                continue;
            }
            let (failed, mut told) = mpsc::channel(16);
            let settling = async move {
                let mut down = None;
                while let Some(undelivered) = told.recv().await {
                    let Undelivered { failed: Failed { fault, .. }, .. } = &undelivered;
                    let at = later(now, clock::now().duration_since(began));
                    if down.is_none() && (fault.whose, fault.retry) == (Whose::Line, Retry::Later) {
                        let until = retry::again(failures, at);
                        down = Some((fault.message.clone(), until));
                        // First, so that nothing else of it is claimed meanwhile.
                        self.spool.site_failed(transport.to_owned(), site.to_owned(), until).await?;
                    }
                    self.failed(undelivered, at).await?;
                }
                Ok::<_, QueueError>(down)
            };
            let delivering = self.transports.deliver(transport, site, group, now, failed);
            let (delivered, settled) = tokio::join!(delivering, settling);
            delivered?;
            if let Some((note, until)) = settled? {
                let rest: Vec<Delivery> = groups.flatten().collect();
                return self.put_off(&rest, &note, until, now).await;
            }
        }
        Ok(())
    }
}

/// The time after work that began at `now`, to the minute: retries are no finer.
fn later(now: Timestamp, worked: Duration) -> Timestamp {
    let minutes = i64::try_from(worked.as_secs() / 60).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(minutes.saturating_mul(60))).unwrap_or(now)
}

/// What is given to a transport together. Recipients that the other side has refused already are told of by message.
fn groups(transport: &str, deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let together = takes_many_messages(transport);
    let mut groups: Vec<Vec<Delivery>> = Vec::new();
    let (refused, mut rest): (Vec<Delivery>, Vec<Delivery>) =
        deliveries.into_iter().partition(|delivery| delivery.refusal.is_some());
    if together && !rest.is_empty() {
        groups.push(std::mem::take(&mut rest));
    }
    for deliveries in [refused, rest] {
        let mut last = None;
        for delivery in deliveries {
            if last != Some(delivery.message) {
                last = Some(delivery.message);
                groups.push(Vec::new());
            }
            groups.last_mut().into_iter().for_each(|group| group.push(delivery.clone()));
        }
    }
    groups
}

/// Waits for the end of one site; false: there is none.
async fn one_ended(sites: &mut Sites) -> bool {
    match sites.join_next().await {
        Some(Ok(())) => true,
        Some(Err(error)) => {
            tracing::error!(%error, "the work on a site was broken off");
            true
        }
        None => false,
    }
}
