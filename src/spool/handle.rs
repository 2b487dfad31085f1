//! The async handle: what every other room holds.

use super::*;
use crate::job::{Grade, StableId, SystemName};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

type Result<T> = std::result::Result<T, SpoolError>;

/// A handle to an open spool; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Spool {}

#[expect(unused_variables, clippy::unused_async, reason = "the writer follows")]
impl Spool {
    /// Opens (and if need be makes) the spool in a directory: takes the gate, migrates, recovers, starts the writer.
    pub async fn open(directory: &Path, now: Timestamp) -> Result<Spool> {
        Err(SpoolError::Closed)
    }
    /// As [`Spool::open`], with other settings than the default.
    pub async fn open_with(directory: &Path, settings: Settings, now: Timestamp) -> Result<Spool> {
        Err(SpoolError::Closed)
    }
    /// A spool that forgets, for tests.
    pub fn in_memory() -> Spool {
        Spool {}
    }
    /// Writes what is queued, then stops the writer.
    pub async fn close(&self) {}
    /// The id of this spool, half of every [`StableId`].
    pub fn id(&self) -> u64 {
        0
    }
    /// Completes when something may have changed (work queued, wish made); a hint, so poll as well.
    pub async fn changed(&self) {}

    // Bodies.
    /// A new, empty body that nothing refers to yet.
    pub async fn body_new(&self) -> Result<BodyId> {
        Err(SpoolError::Closed)
    }
    /// Appends at most [`CHUNK`] bytes; `offset` is the length so far (a repeated append is harmless). What lies
    /// beyond `offset` is cut off first, so that a partial may be continued from an earlier place.
    pub async fn body_append(&self, body: BodyId, offset: u64, bytes: Vec<u8>) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Makes everything appended so far durable.
    pub async fn body_sync(&self, body: BodyId) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// At most [`CHUNK`] bytes from `offset`; empty at the end.
    pub async fn body_read(&self, body: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        Err(SpoolError::Closed)
    }
    /// Gives up a body that nothing refers to.
    pub async fn body_drop(&self, body: BodyId) -> Result<()> {
        Err(SpoolError::Closed)
    }

    // The queue.
    /// Keeps messages, all or none.
    pub async fn accept(
        &self,
        request: Option<RequestId>,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageId>> {
        Err(SpoolError::Closed)
    }
    /// Deliveries that are due, at most `limit`, those of one site and message together. `lease` is how long.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Delivery>> {
        Err(SpoolError::Closed)
    }
    /// When the next delivery or execution becomes due; None: nothing waits.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        Err(SpoolError::Closed)
    }
    /// Writes an append intent and gives its id; one at a time for each path.
    pub async fn intend(&self, intent: Intent) -> Result<u64> {
        Err(SpoolError::Closed)
    }
    /// Intents that nobody works on, after a crash or a panic. Their deliveries are claimed anew for `lease`; no other
    /// verb gives them out until the intent is settled. The deliveries come in the order of the intent, so that
    /// the very bytes can be made again.
    pub async fn open_intents(
        &self,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<(Intent, Vec<Delivery>)>> {
        Err(SpoolError::Closed)
    }
    /// Ends an intent: these of its deliveries are delivered, the others are due again at `due`.
    pub async fn settle_intent(
        &self,
        id: u64,
        delivered: Vec<Claim>,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// What waits, oldest first, one page of at most 1 000, after a message id.
    pub async fn queue(&self, after: Option<MessageId>) -> Result<Vec<QueueEntry>> {
        Err(SpoolError::Closed)
    }

    // Work in general.
    /// Settles claims; each outcome is one transaction, all are committed when this returns.
    pub async fn settle(&self, now: Timestamp, outcomes: Vec<Outcome>) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Prolongs leases.
    pub async fn renew(&self, now: Timestamp, claims: Vec<Claim>, lease: Duration) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Takes back the leases of owners that are gone.
    pub async fn recover(&self, now: Timestamp) -> Result<()> {
        Err(SpoolError::Closed)
    }

    // Jobs.
    pub async fn submit_job(&self, request: Option<RequestId>, job: NewJob) -> Result<StableId> {
        Err(SpoolError::Closed)
    }
    /// Keeps an execution that a local user asked of our own system.
    pub async fn submit_execution(
        &self,
        request: Option<RequestId>,
        system: SystemName,
        execute: crate::job::Execute,
        content: Content,
        now: Timestamp,
    ) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Jobs for a system in order (grade, then age), at most `limit`, of grade `worst` or better.
    pub async fn claim_jobs(
        &self,
        now: Timestamp,
        system: SystemName,
        worst: Option<Grade>,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Job>> {
        Err(SpoolError::Closed)
    }
    /// Whether any job waits for a system, and the best grade among them.
    pub async fn waiting(&self, system: SystemName) -> Result<Option<Grade>> {
        Err(SpoolError::Closed)
    }
    pub async fn jobs(&self, system: Option<SystemName>, after: Option<u64>) -> Result<Vec<JobSummary>> {
        Err(SpoolError::Closed)
    }

    // What peers send.
    /// A partial with this very identity, begun after `oldest`.
    pub async fn find_partial(&self, identity: Identity, oldest: Timestamp) -> Result<Option<Partial>> {
        Err(SpoolError::Closed)
    }
    /// Makes a body into the partial of this identity, so that it outlives the call.
    pub async fn keep_partial(&self, identity: Identity, body: BodyId, now: Timestamp) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Whether an in-doubt receipt matches this identity, or the stable id is known (answer SN8 / EN8).
    pub async fn already_received(&self, identity: Identity, stable: Option<StableId>) -> Result<bool> {
        Err(SpoolError::Closed)
    }
    /// Keeps what arrived, with its receipt in doubt, and ends its partial. Only then may CY be said.
    pub async fn receive(&self, arrival: Arrival) -> Result<Received> {
        Err(SpoolError::Closed)
    }
    /// The peer has shown that it heard our CY for everything received so far: its receipts are settled.
    pub async fn heard(&self, peer: SystemName, now: Timestamp) -> Result<()> {
        Err(SpoolError::Closed)
    }
    pub async fn claim_executions(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Execution>> {
        Err(SpoolError::Closed)
    }

    // Calls.
    pub async fn want_call(&self, wish: Wish) -> Result<()> {
        Err(SpoolError::Closed)
    }
    pub async fn wishes(&self) -> Result<Vec<Wish>> {
        Err(SpoolError::Closed)
    }
    /// Begins a call; its wish is taken.
    pub async fn call_began(&self, call: NewCall, lease: Duration) -> Result<CallLease> {
        Err(SpoolError::Closed)
    }
    pub async fn call_ended(&self, lease: CallLease, now: Timestamp, record: CallRecord) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// The last calls, newest first, at most `limit`.
    pub async fn calls(&self, system: Option<SystemName>, limit: usize) -> Result<Vec<PastCall>> {
        Err(SpoolError::Closed)
    }

    // History, notices, quarantine.
    pub async fn note(&self, event: Event) -> Result<()> {
        Err(SpoolError::Closed)
    }
    pub async fn events(&self, filter: EventFilter) -> Result<Vec<(u64, Event)>> {
        Err(SpoolError::Closed)
    }
    pub async fn notify(&self, notice: NewNotice, now: Timestamp) -> Result<()> {
        Err(SpoolError::Closed)
    }
    pub async fn claim_notices(&self, now: Timestamp, limit: usize, lease: Duration) -> Result<Vec<Notice>> {
        Err(SpoolError::Closed)
    }
    /// Keeps bytes that were refused at the door (a broken batch).
    pub async fn quarantine(
        &self,
        from: String,
        reason: String,
        content: Content,
        notices: Vec<NewNotice>,
        now: Timestamp,
    ) -> Result<u64> {
        Err(SpoolError::Closed)
    }
    pub async fn quarantined(&self, after: Option<u64>) -> Result<Vec<Quarantined>> {
        Err(SpoolError::Closed)
    }

    // Files that travel.
    /// Marks claimed jobs as out in a file with this digest; calls do not take them until it is settled.
    pub async fn withhold(&self, file: [u8; 32], jobs: Vec<Claim>, now: Timestamp) -> Result<()> {
        Err(SpoolError::Closed)
    }
    /// Done: the jobs are removed as if the peer had said CY. Recalled: they are queued again.
    pub async fn settle_withheld(&self, file: [u8; 32], state: BundleState, now: Timestamp) -> Result<u64> {
        Err(SpoolError::Closed)
    }
    /// Keeps the messages of a file, once.
    pub async fn import(&self, file: [u8; 32], messages: Vec<NewMessage>, now: Timestamp) -> Result<Import> {
        Err(SpoolError::Closed)
    }
}
