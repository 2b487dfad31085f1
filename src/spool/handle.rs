//! The async handle: what every other room holds.

use super::store::{FoundPartial, Room, Store};
use super::writer::Writer;
use super::*;
use crate::job::{Digest, Grade, StableId, SystemName};
use jiff::Timestamp;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

type Result<T> = std::result::Result<T, SpoolError>;

/// An append that is under way.
#[derive(Debug)]
pub struct Appending(oneshot::Receiver<Result<()>>);

impl Appending {
    /// What became of it.
    pub async fn done(self) -> Result<()> {
        self.0.await.map_err(|_| SpoolError::Closed)?
    }
}

/// A handle to an open spool; cloning it is cheap.
#[derive(Debug)]
pub struct Spool {
    writer: Writer,
    id: u64,
    room: Room,
    /// The last change that [`Spool::changed`] of this handle told of.
    seen: AtomicU64,
}

impl Clone for Spool {
    fn clone(&self) -> Spool {
        let seen = AtomicU64::new(self.seen.load(Ordering::Relaxed));
        Spool { writer: self.writer.clone(), id: self.id, room: self.room.clone(), seen }
    }
}

impl Spool {
    /// Opens (and if need be makes) the spool in a directory: takes the gate, migrates, recovers, starts the writer.
    pub async fn open(directory: &Path, now: Timestamp) -> Result<Spool> {
        Spool::open_with(directory, Settings::default(), now).await
    }
    /// As [`Spool::open`], with other settings than the default.
    pub async fn open_with(directory: &Path, settings: Settings, now: Timestamp) -> Result<Spool> {
        let directory = directory.to_owned();
        let opening = tokio::task::spawn_blocking(move || Store::open(&directory, settings, now));
        // Only a panic, or the end of the runtime, keeps it from an answer.
        Spool::start(opening.await.map_err(|_| SpoolError::Closed)??)
    }
    /// A spool that forgets, for tests.
    #[expect(clippy::expect_used, reason = "a test that has no memory cannot go on")]
    pub fn in_memory() -> Spool {
        Store::in_memory().and_then(Spool::start).expect("a spool in memory")
    }

    fn start(store: Store) -> Result<Spool> {
        let id = store.id();
        let (room, seen) = (store.room_beside(), AtomicU64::new(store.changes()));
        Ok(Spool { writer: Writer::start(store)?, id, room, seen })
    }

    #[cfg(test)]
    pub(in crate::spool) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Writes what is queued, then stops the writer.
    pub async fn close(&self) {
        self.writer.close().await;
    }
    /// The id of this spool, half of every [`StableId`].
    pub fn id(&self) -> u64 {
        self.id
    }
    /// Completes when something may have changed (work queued, wish made); a hint, so poll as well.
    pub async fn changed(&self) {
        let mut changes = self.writer.changes.clone();
        let seen = self.seen.load(Ordering::Relaxed);
        // The guard that comes back may not be held over a wait.
        let changed = changes.wait_for(|count| *count != seen).await.map(|count| *count);
        match changed {
            Ok(count) => self.seen.store(count, Ordering::Relaxed),
            // The writer has gone and nothing will change; verbs say so.
            Err(_) => std::future::pending().await,
        }
    }

    // Bodies.
    /// A new, empty body that nothing refers to yet.
    pub async fn body_new(&self) -> Result<BodyId> {
        self.writer.verb(0, move |store| store.body_new()).await
    }
    /// Appends at most [`MOST_AT_ONCE`] bytes; `offset` is the length so far (a repeated append is harmless). What lies
    /// beyond `offset` is cut off first, so that a partial may be continued from an earlier place.
    pub async fn body_append(&self, body: BodyId, offset: u64, bytes: Vec<u8>) -> Result<()> {
        self.body_append_begin(body, offset, bytes).await?.done().await
    }
    /// The same without waiting for its end. What is asked next of the spool comes behind it.
    pub async fn body_append_begin(&self, body: BodyId, offset: u64, bytes: Vec<u8>) -> Result<Appending> {
        let size = bytes.len();
        Ok(Appending(self.writer.enqueue(size, move |store| store.body_append(body, offset, &bytes)).await?))
    }
    /// Makes everything appended so far durable. It is no longer in memory then, and holds no file open.
    pub async fn body_sync(&self, body: BodyId) -> Result<()> {
        self.writer.verb(0, move |store| store.body_sync(body)).await
    }
    /// At most [`CHUNK`] bytes from `offset`; empty at the end.
    pub async fn body_read(&self, body: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        self.writer.verb(0, move |store| store.body_read(body, offset, limit)).await
    }
    /// Opens a finished body, to be read from its beginning to its end. [`SpoolError::Corrupt`] says that a part of it is not
    /// there.
    pub async fn body_open(&self, body: BodyRef) -> Result<BodyReader> {
        let pieces = self.writer.verb(0, move |store| store.body_pieces(body.id)).await;
        let reader = match pieces {
            Err(SpoolError::Missing(what)) => Err(SpoolError::Corrupt(format!("{what} is not there"))),
            pieces => Ok(BodyReader::new(pieces?)),
        }?;
        match reader.size() == body.size {
            true => Ok(reader),
            false => Err(SpoolError::Corrupt(format!("body {} ends early", body.id.0))),
        }
    }
    /// Reads all of a body, for whoever must not begin with one that is damaged: [`SpoolError::Corrupt`] says that it is.
    pub async fn body_check(&self, body: BodyRef) -> Result<()> {
        self.body_open(body).await?.check().await
    }
    /// Gives up a body that nothing refers to.
    pub async fn body_drop(&self, body: BodyId) -> Result<()> {
        self.writer.verb(0, move |store| store.body_drop(body)).await
    }

    /// Whether there is room for so many bytes more, beside the reserve; [`SpoolError::Full`] says that there is none.
    /// Nothing is set aside.
    pub async fn room_for(&self, bytes: u64) -> Result<()> {
        // Who asks before each message shall not stand in the line of those who write.
        if self.room.is_for(bytes) {
            return Ok(());
        }
        self.writer.verb(0, move |store| store.room_for(bytes)).await
    }

    // The queue.
    /// Keeps messages, all or none.
    pub async fn accept(
        &self,
        request: Option<RequestId>,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageId>> {
        let size = size_of_messages(&messages);
        self.writer.verb(size, move |store| store.accept(request, messages)).await
    }
    /// Deliveries that are due, at most `limit`, those of one site and message together; none for a site (a mailbox, a
    /// neighbour) for which some are claimed already: a mailbox has one writer. Of a site that has failed, a few. `lease` is how
    /// long.
    pub async fn claim_deliveries(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Delivery>> {
        self.writer.verb(0, move |store| store.claim_deliveries(now, limit, lease)).await
    }
    /// When the next delivery or execution becomes due, or somebody is to be told something; None: nothing waits.
    pub async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.writer.verb(0, move |store| store.next_due()).await
    }
    /// Writes an append intent and gives its id; one at a time for each path.
    pub async fn intend(&self, intent: Intent) -> Result<u64> {
        self.writer.verb(0, move |store| store.intend(&intent)).await
    }
    /// Intents that nobody works on, after a crash or a panic. Their deliveries are claimed anew for `lease`; no other
    /// verb gives them out until the intent is settled. The deliveries come in the order of the intent, so that
    /// the very bytes can be made again.
    pub async fn open_intents(
        &self,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<(Intent, Vec<Delivery>)>> {
        self.writer.verb(0, move |store| store.open_intents(now, lease)).await
    }
    /// Ends an intent: these of its deliveries are delivered, the others are due again at `due`.
    pub async fn settle_intent(
        &self,
        id: u64,
        delivered: Vec<Claim>,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        self.writer.verb(0, move |store| store.settle_intent(id, &delivered, due, now)).await
    }
    /// What waits, oldest first, one page of at most 1 000, after a message id.
    pub async fn queue(&self, after: Option<MessageId>) -> Result<Vec<QueueEntry>> {
        self.writer.verb(0, move |store| store.queue(after)).await
    }
    /// What waits of one message.
    pub async fn message(&self, message: MessageId) -> Result<Vec<QueueEntry>> {
        self.writer.verb(0, move |store| store.message(message)).await
    }
    /// How much waits.
    pub async fn queue_totals(&self) -> Result<QueueTotals> {
        self.writer.verb(0, |store| store.totals()).await
    }
    /// A site has failed as a whole, and nothing that waits for it is tried before `until`. It is over with the first
    /// delivery that is made.
    pub async fn site_failed(&self, transport: String, site: String, until: Timestamp) -> Result<()> {
        self.writer.verb(0, move |store| store.site_failed(&transport, &site, until)).await
    }
    /// Does something to each of these deliveries; a job that one became is recalled first, but not from a call or a file.
    pub async fn by_hand(
        &self,
        what: ByHand,
        deliveries: Vec<u64>,
        note: String,
        now: Timestamp,
    ) -> Result<Handled> {
        self.writer.verb(0, move |store| store.by_hand(what, &deliveries, &note, now)).await
    }

    // What senders are told.
    /// Deliveries about which it is time to see whether their senders have to be told something, at most `limit`.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Vec<Overdue>> {
        self.writer.verb(0, move |store| store.overdue(now, limit)).await
    }
    /// The same for these deliveries, as far as they wait.
    pub async fn look_at(&self, deliveries: Vec<u64>) -> Result<Vec<Overdue>> {
        self.writer.verb(0, move |store| store.look_at(&deliveries)).await
    }
    /// Nothing has to be told about these until then; None: nor ever.
    pub async fn tell_later(&self, deliveries: Vec<u64>, at: Option<Timestamp>) -> Result<()> {
        self.writer.verb(0, move |store| store.tell_later(&deliveries, at)).await
    }
    /// Tells a sender, once for each delivery, that it takes long (`next`: when it is looked at again), or that it arrived.
    /// [`SpoolError::Conflict`]: that was done before.
    pub async fn told(
        &self,
        deliveries: Vec<u64>,
        report: NewMessage,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let size = size_of(Some(&report.content));
        self.writer.verb(size, move |store| store.told(&deliveries, report, next, now)).await
    }
    /// Ends deliveries that nobody works on, with the reports about it, all or none; jobs that they became are recalled.
    /// [`SpoolError::Conflict`]: somebody works on one, or its job is on offer in a call or out in a file.
    pub async fn give_up(
        &self,
        deliveries: Vec<u64>,
        note: String,
        reports: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<()> {
        let size = size_of_messages(&reports);
        self.writer.verb(size, move |store| store.give_up(&deliveries, &note, reports, now)).await
    }
    /// Counts a report to an address; false: `most` have gone there within an hour of the clock.
    pub async fn may_report(&self, address: String, most: u32, now: Timestamp) -> Result<bool> {
        self.writer.verb(0, move |store| store.may_report(&address, most, now)).await
    }

    // Work in general.
    /// Settles claims; each outcome is one transaction, all are committed when this returns.
    pub async fn settle(&self, now: Timestamp, outcomes: Vec<Outcome>) -> Result<()> {
        // All are queued before the first answer is awaited, so that they share a commit.
        let mut answers = Vec::new();
        for outcome in outcomes {
            answers.push(self.writer.enqueue(0, move |store| store.settle(now, outcome)).await?);
        }
        let mut first_failure = Ok(());
        for answer in answers {
            first_failure = first_failure.and(answer.await.map_err(|_| SpoolError::Closed)?);
        }
        first_failure
    }
    /// The same for one outcome that may be found out again without harm: after a power cut it may be as if it had not been
    /// settled.
    pub async fn settle_soon(&self, now: Timestamp, outcome: Outcome) -> Result<()> {
        self.writer.soon(move |store| store.settle(now, outcome)).await
    }
    /// Prolongs leases.
    pub async fn renew(&self, now: Timestamp, claims: Vec<Claim>, lease: Duration) -> Result<()> {
        self.writer.verb(0, move |store| store.renew(now, &claims, lease)).await
    }
    /// Prolongs those of these claims that still hold.
    pub async fn prolong(&self, now: Timestamp, claims: Vec<Claim>, lease: Duration) -> Result<()> {
        self.writer.verb(0, move |store| store.prolong(now, &claims, lease)).await
    }
    /// Takes back the leases of owners that are gone.
    pub async fn recover(&self, now: Timestamp) -> Result<()> {
        self.writer.verb(0, move |store| store.recover(now)).await
    }

    // Jobs.
    pub async fn submit_job(&self, request: Option<RequestId>, job: NewJob) -> Result<StableId> {
        let size = size_of(job.content.as_ref());
        self.writer.verb(size, move |store| store.submit_job(request, job)).await
    }
    /// Keeps several, all or none of them.
    pub async fn submit_jobs(&self, jobs: Vec<NewJob>) -> Result<()> {
        let size = jobs.iter().map(|job| size_of(job.content.as_ref())).sum();
        self.writer.verb(size, move |store| store.submit_jobs(jobs)).await
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
        let size = size_of(Some(&content));
        self.writer
            .verb(size, move |store| store.submit_execution(request, &system, execute, content, now))
            .await
    }
    /// Jobs for a system in the order that is wanted, at most `limit`. After a power cut they may be as if they had not been
    /// claimed.
    pub async fn claim_jobs(
        &self,
        now: Timestamp,
        system: SystemName,
        wanted: Wanted,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Job>> {
        self.writer.soon(move |store| store.claim_jobs(now, &system, wanted, limit, lease)).await
    }
    /// Whether any job of at most so many bytes waits for a system, and the best grade among them.
    pub async fn waiting(&self, system: SystemName, largest: Option<u64>) -> Result<Option<Grade>> {
        self.writer.verb(0, move |store| store.waiting(&system, largest)).await
    }
    /// What waits for a system, of jobs of at most so many bytes, a grade each.
    pub async fn work_waiting(&self, system: SystemName, largest: Option<u64>) -> Result<Vec<WorkWaiting>> {
        self.writer.verb(0, move |store| store.work_waiting(&system, largest)).await
    }
    /// Since when the youngest waits of the jobs for a system that are larger than `above`, and at most `up_to` bytes.
    pub async fn waits_since(
        &self,
        system: SystemName,
        above: u64,
        up_to: Option<u64>,
    ) -> Result<Option<Timestamp>> {
        self.writer.verb(0, move |store| store.waits_since(&system, above, up_to)).await
    }
    /// The youngest batches for a system of this grade that may be taken up again and have waited since `since` at most, the
    /// youngest first, at most `limit`.
    pub async fn open_batches(
        &self,
        system: SystemName,
        grade: Grade,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<OpenBatch>> {
        self.writer.verb(0, move |store| store.open_batches(&system, grade, since, limit)).await
    }
    /// What a batch carries, by the number of its job; nothing if it has gone.
    pub async fn carried(&self, batch: u64) -> Result<Vec<Carried>> {
        self.writer.verb(0, move |store| store.carried(batch)).await
    }
    pub async fn jobs(&self, system: Option<SystemName>, after: Option<u64>) -> Result<Vec<JobSummary>> {
        self.writer.verb(0, move |store| store.jobs(system.as_ref(), after)).await
    }

    // What peers send.
    /// A partial with this very identity, begun after `oldest`.
    pub async fn find_partial(&self, identity: Identity, oldest: Timestamp) -> Result<Option<Partial>> {
        match self.writer.verb(0, move |store| store.find_partial(&identity, oldest)).await? {
            None => Ok(None),
            Some(FoundPartial::Open(partial)) => Ok(Some(partial)),
            Some(FoundPartial::Unread(unread)) => {
                let reading = tokio::task::spawn_blocking(move || unread.read());
                // Only a panic, or the end of the runtime, keeps it from an answer.
                let read = reading.await.map_err(|_| SpoolError::Closed)??;
                self.writer.verb(0, move |store| store.resume(read)).await
            }
        }
    }
    /// How much is here of a file that we fetch from a peer under this name, begun after `oldest`, and the digest of the whole.
    pub async fn begun(
        &self,
        peer: SystemName,
        temp: String,
        oldest: Timestamp,
    ) -> Result<Option<(Digest, u64)>> {
        self.writer.verb(0, move |store| store.begun(&peer, &temp, oldest)).await
    }
    /// Makes a body into the partial of this identity, so that it outlives the call.
    pub async fn keep_partial(&self, identity: Identity, body: BodyId, now: Timestamp) -> Result<()> {
        self.writer.verb(0, move |store| store.keep_partial(&identity, body, now)).await
    }
    /// Whether an in-doubt receipt matches this identity, or the stable id is known (answer SN8 / EN8).
    pub async fn already_received(&self, identity: Identity, stable: Option<StableId>) -> Result<bool> {
        self.writer.verb(0, move |store| store.already_received(&identity, stable)).await
    }
    /// Keeps what arrived, with its receipt in doubt, and ends its partial. Only then may CY be said.
    pub async fn receive(&self, arrival: Arrival) -> Result<Received> {
        self.writer.verb(0, move |store| store.receive(arrival)).await
    }
    /// The peer has shown that it heard our CY for everything received so far: its receipts are settled.
    pub async fn heard(&self, peer: SystemName, now: Timestamp) -> Result<()> {
        self.writer.verb(0, move |store| store.heard(&peer, now)).await
    }
    pub async fn claim_executions(
        &self,
        now: Timestamp,
        limit: usize,
        lease: Duration,
    ) -> Result<Vec<Execution>> {
        self.writer.verb(0, move |store| store.claim_executions(now, limit, lease)).await
    }

    /// Says that the spool was restored from a backup: numbers that it gave out since are not given to other jobs.
    pub async fn restored(&self) -> Result<()> {
        self.writer.verb(0, move |store| store.leap()).await
    }

    // Calls.
    pub async fn want_call(&self, wish: Wish) -> Result<()> {
        self.writer.verb(0, move |store| store.want_call(&wish)).await
    }
    pub async fn wishes(&self) -> Result<Vec<Wish>> {
        self.writer.verb(0, move |store| store.wishes()).await
    }
    /// Begins a call. A good end of it takes its wish.
    pub async fn call_began(&self, call: NewCall, lease: Duration) -> Result<CallLease> {
        self.writer.verb(0, move |store| store.call_began(&call, lease)).await
    }
    pub async fn call_ended(&self, lease: CallLease, now: Timestamp, record: CallRecord) -> Result<()> {
        self.writer.verb(0, move |store| store.call_ended(lease, now, &record)).await
    }
    /// Writes down what a call will have cost by the time at which this is said again; the last word is that of its record.
    pub async fn call_costs(&self, lease: CallLease, charge: Charge) -> Result<()> {
        self.writer.verb(0, move |store| store.call_costs(lease, &charge)).await
    }
    /// Adds to the record of a call that is over what its modem tells of it.
    pub async fn call_reported(&self, call: CallId, report: ModemReport) -> Result<()> {
        self.writer.verb(0, move |store| store.call_reported(call, &report)).await
    }
    /// What the calls of a month (as `2026-11`) cost on a line.
    pub async fn charges(&self, line: String, month: String) -> Result<Charges> {
        self.writer.verb(0, move |store| store.charges(&line, &month)).await
    }
    /// Ends a call whose task was cut off in the middle, and gives its jobs back. Does not wait, so that it can be done
    /// while that task is taken down; if too much else waits, all of it is left to lapse.
    pub fn call_abandoned(&self, lease: CallLease, jobs: Vec<Claim>, now: Timestamp) -> Result<()> {
        self.writer.enqueue_at_once(move |store| store.call_abandoned(lease, jobs, now))
    }
    /// The latest time that any call has, as the clock of that time had it.
    pub async fn last_call(&self) -> Result<Option<Timestamp>> {
        self.writer.verb(0, |store| store.last_call()).await
    }
    /// The last calls, newest first, at most `limit`.
    pub async fn calls(&self, system: Option<SystemName>, limit: usize) -> Result<Vec<PastCall>> {
        self.writer.verb(0, move |store| store.calls(system.as_ref(), limit)).await
    }

    /// The last calls with a system that were dialled, or came in, at most `limit`; and how often its line was taken since, up to
    /// now.
    pub async fn calls_tried(&self, system: SystemName, now: Timestamp, limit: usize) -> Result<Tried> {
        self.writer.verb(0, move |store| store.calls_tried(&system, now, limit)).await
    }
    /// The last calls of ours to a number of a system, newest first, at most `limit`; also those that the modem refused to dial.
    pub async fn calls_to_number(
        &self,
        system: SystemName,
        number: String,
        limit: usize,
    ) -> Result<Vec<PastCall>> {
        self.writer.verb(0, move |store| store.calls_to_number(&system, &number, limit)).await
    }
    /// The last calls on a line, newest first, at most `limit`; without those for which it was taken.
    pub async fn calls_on_line(&self, line: String, limit: usize) -> Result<Vec<PastCall>> {
        self.writer.verb(0, move |store| store.calls_on_line(&line, limit)).await
    }

    // History, notices, quarantine.
    pub async fn note(&self, event: Event) -> Result<()> {
        self.writer.verb(0, move |store| store.note(&event)).await
    }
    /// The same for what strangers can make happen: at most `most` of one kind, without a system, in one hour of the
    /// clock. The next says that there are more, and the others are not kept.
    pub async fn note_at_most(&self, most: u32, event: Event) -> Result<()> {
        self.writer.verb(0, move |store| store.note_at_most(most, &event)).await
    }
    pub async fn events(&self, filter: EventFilter) -> Result<Vec<(u64, Event)>> {
        self.writer.verb(0, move |store| store.events(&filter)).await
    }
    /// The history of a message, its first 1 000 events.
    pub async fn message_events(&self, message: MessageId) -> Result<Vec<Event>> {
        self.writer.verb(0, move |store| store.message_events(message)).await
    }
    pub async fn notify(&self, notice: NewNotice, now: Timestamp) -> Result<()> {
        self.writer.verb(0, move |store| store.notify(&notice, now)).await
    }
    pub async fn claim_notices(&self, now: Timestamp, limit: usize, lease: Duration) -> Result<Vec<Notice>> {
        self.writer.verb(0, move |store| store.claim_notices(now, limit, lease)).await
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
        let size = size_of(Some(&content));
        self.writer.verb(size, move |store| store.quarantine(&from, &reason, content, &notices, now)).await
    }
    pub async fn quarantined(&self, after: Option<u64>) -> Result<Vec<Quarantined>> {
        self.writer.verb(0, move |store| store.quarantined(after)).await
    }

    // Numbers of conversations.
    pub async fn sequence(&self, system: SystemName) -> Result<Sequence> {
        self.writer.verb(0, move |store| store.sequence(&system)).await
    }
    /// The number of a call of ours. It is spent.
    pub async fn say_sequence(&self, system: SystemName) -> Result<u32> {
        self.writer.verb(0, move |store| store.say_sequence(&system)).await
    }
    /// The number that was said last was refused: it is to be said again.
    pub async fn unsay_sequence(&self, system: SystemName, number: u32) -> Result<()> {
        self.writer.verb(0, move |store| store.unsay_sequence(&system, number)).await
    }
    /// There is a conversation with this number: none after it may have a lower one.
    pub async fn take_sequence(&self, system: SystemName, number: u32) -> Result<()> {
        self.writer.verb(0, move |store| store.take_sequence(&system, number)).await
    }
    /// The number of the last conversation, as somebody has found out who looked at both ends.
    pub async fn set_sequence(&self, system: SystemName, number: u32) -> Result<()> {
        self.writer.verb(0, move |store| store.set_sequence(&system, number)).await
    }

    // Files that travel.
    /// Marks claimed jobs as out in a file with this digest; calls do not take them until it is settled.
    /// `name` is that of the file, by which [`Spool::exported`] finds it.
    pub async fn withhold(
        &self,
        file: [u8; 32],
        name: String,
        jobs: Vec<Claim>,
        now: Timestamp,
    ) -> Result<()> {
        self.writer.verb(0, move |store| store.withhold(file, &name, &jobs, now)).await
    }
    /// The files that were exported under a name: those that are out first, of these the newest.
    pub async fn exported(&self, name: String) -> Result<Vec<([u8; 32], BundleState)>> {
        self.writer.verb(0, move |store| store.exported(&name)).await
    }
    /// Done: the jobs are removed as if the peer had said CY. Recalled: they are queued again.
    pub async fn settle_withheld(&self, file: [u8; 32], state: BundleState, now: Timestamp) -> Result<u64> {
        self.writer.verb(0, move |store| store.settle_withheld(file, state, now)).await
    }
    /// Whether a file with this digest was imported.
    pub async fn imported(&self, file: [u8; 32]) -> Result<bool> {
        self.writer.verb(0, move |store| store.imported(file)).await
    }
    /// As [`Spool::quarantine`], for a file that came; one with the same digest is kept once.
    pub async fn quarantine_file(
        &self,
        file: [u8; 32],
        from: String,
        reason: String,
        content: Content,
        now: Timestamp,
    ) -> Result<u64> {
        let size = size_of(Some(&content));
        self.writer.verb(size, move |store| store.quarantine_file(file, &from, &reason, content, now)).await
    }
    /// Keeps the messages of a file, once.
    pub async fn import(&self, file: [u8; 32], messages: Vec<NewMessage>, now: Timestamp) -> Result<Import> {
        let size = size_of_messages(&messages);
        self.writer.verb(size, move |store| store.import(file, messages, now)).await
    }
}

/// The bytes that content carries itself.
fn size_of(content: Option<&Content>) -> usize {
    content.map_or(0, |content| content.head.len())
}

fn size_of_messages(messages: &[NewMessage]) -> usize {
    messages.iter().map(|message| size_of(Some(&message.content))).sum()
}
