//! What a session needs of the spool.

mod arrived;
mod coming;
mod expanded;

use super::claims::Claims;
use super::meter::Meter;
use super::public::{self, PublicFile};
use super::settings::Node;
use super::terms::Terms;
use crate::clock;
use crate::job::{Digest, Grade, SystemName, Work, shown_id};
use crate::spool::{
    BodyReader, BodyRef, Job, MOST_AT_ONCE, NewNotice, Outcome, Spool, SpoolError, Wanted, Wish,
};
use crate::wire::session::{
    Committed, Ending, Expansion, Failure, JobKey, Kind, Offer, Opened, OutgoingJob, Refusal, Slot, Store,
    Verdict,
};
use coming::Coming;
use jiff::Zoned;
use std::collections::BTreeMap;
use std::io;

/// How often a job is tried before one that arrived damaged brings no further call by itself: a file that changes all the time
/// would bring one after another.
const DAMAGED_ATTEMPTS: u32 = 4;
/// What a line carries of which nothing is known, in bytes a second: 2400 bit/s.
const SLOW: u32 = 240;

/// A job in our hands.
struct Held {
    job: Job,
    /// Its body, from which it is sent.
    reader: Option<BodyReader>,
    /// Why it is not to be tried again in this call.
    deferred: Option<String>,
}

/// The spool, as one call with one peer sees it.
pub struct CallStore<'a> {
    spool: &'a Spool,
    node: &'a Node,
    peer: SystemName,
    claims: Claims,
    terms: Terms,
    /// The peer knows jobs by their ids.
    peer_remembers: bool,
    /// Our jobs go to the peer in this call.
    sends: bool,
    /// What the call costs, and how many bytes its line carries in a second.
    paid: Option<(&'a Meter, u32)>,
    jobs: BTreeMap<JobKey, Held>,
    /// Those that arrived damaged, and did not come through since: their grade, and how often they had been tried before.
    damaged: BTreeMap<JobKey, (Grade, u32)>,
    coming: BTreeMap<Slot, Coming>,
    opened: BTreeMap<Slot, PublicFile>,
}

fn failure(error: SpoolError) -> Failure {
    error.to_string()
}

impl<'a> CallStore<'a> {
    pub fn new(
        spool: &'a Spool,
        node: &'a Node,
        peer: SystemName,
        claims: Claims,
        terms: Terms,
    ) -> CallStore<'a> {
        CallStore {
            spool,
            node,
            peer,
            claims,
            terms,
            peer_remembers: false,
            sends: true,
            paid: None,
            jobs: BTreeMap::new(),
            damaged: BTreeMap::new(),
            coming: BTreeMap::new(),
            opened: BTreeMap::new(),
        }
    }

    /// The peer knows jobs by their ids, and refuses what it has had: that one of ours is done need not be on disk at once.
    pub fn peer_remembers(mut self, it_does: bool) -> Self {
        self.peer_remembers = it_does;
        self
    }

    /// Whether our jobs go to the peer in this call; the others wait.
    pub fn sending(mut self, sends: bool) -> CallStore<'a> {
        self.sends = sends;
        self
    }

    /// What the call costs, and how many bytes its line promises to carry in a second.
    pub fn paid_by(mut self, meter: Option<&'a Meter>, bytes_per_second: Option<u32>) -> CallStore<'a> {
        self.paid = meter.map(|meter| (meter, bytes_per_second.unwrap_or(SLOW)));
        self
    }

    /// The jobs that go for nothing in the time that is paid, beside those in our hands.
    fn wanted_for_nothing(&self, worst: Option<Grade>) -> Option<Wanted> {
        let (meter, bytes_per_second) = self.paid?;
        let under_way = self.jobs.values().filter(|held| held.deferred.is_none());
        let before =
            under_way.filter_map(|held| held.job.body).fold(0u64, |sum, body| sum.saturating_add(body.size));
        let room = meter.room(bytes_per_second).saturating_sub(before);
        self.terms.wanted_for_nothing(worst, room, &self.now())
    }

    /// The session is over: what has come of unfinished files is kept for the next call, and what was not sent waits
    /// for it.
    pub async fn finish(mut self, why: &str) -> Result<(), SpoolError> {
        let mut first_failure = Ok(());
        for coming in std::mem::take(&mut self.coming).into_values() {
            first_failure = first_failure.and(self.put_by(coming).await);
        }
        // What arrives damaged again and again waits for the next call as other jobs do.
        let fresh = self.damaged.into_values().filter(|(_, attempts)| *attempts < DAMAGED_ATTEMPTS);
        if let Some(grade) = fresh.map(|(grade, _)| grade).min() {
            let (why, since) = ("a file arrived damaged".to_owned(), clock::wall());
            let wish = Wish { system: self.peer.clone(), grade, why, since, at_once: false };
            first_failure = first_failure.and(self.spool.want_call(wish).await);
        }
        let outcomes = self.jobs.into_values().map(|held| Outcome::JobDeferred {
            job: held.job.claim,
            note: held.deferred.unwrap_or_else(|| why.to_owned()),
        });
        self.spool.settle(clock::wall(), outcomes.collect()).await.and(first_failure)
    }

    /// A job whose body is damaged is not sent, and does not hold up those behind it.
    async fn set_aside(&self, job: &Job, error: &SpoolError) -> Result<(), SpoolError> {
        tracing::error!(peer = %self.peer, job = %job.stable, %error, "a job is not sent");
        let (peer, user, note) = (&self.peer, job.work.user(), error.to_string());
        let notice = NewNotice {
            to: "postmaster".to_owned(),
            subject: format!("A job for {peer} is damaged"),
            text: format!(
                "Job {} of {user} for {peer} was not sent: {note}.\nWhat there is of it is kept in quarantine; mail \
                 that is sound is sent again.\nThe disk may be failing: run `uugate spool verify`.\n",
                job.stable
            ),
        };
        self.claims.remove(job.claim);
        self.spool.settle(clock::wall(), vec![Outcome::JobSpoiled { job: job.claim, note, notice }]).await
    }

    /// A job that never goes; its user is told.
    fn refused(&self, job: &Job, note: String, why: &str) -> Outcome {
        let (peer, work) = (&self.peer, &job.work);
        let id = shown_id(&job.system, job.grade, job.stable.number);
        let notice = NewNotice {
            to: work.user().to_owned(),
            subject: format!("Your job for {peer} was refused"),
            text: format!(
                "Your job {id} for {peer} was refused: {why}.\n\nIt was:\n\n  {work}\n\nIt is kept in quarantine here.\n"
            ),
        };
        Outcome::JobRefused { job: job.claim, note, notice: Some(notice) }
    }

    /// The hour, as time strings mean it.
    fn now(&self) -> Zoned {
        clock::wall().to_zoned(self.node.zone.clone())
    }

    /// Opens the body of a job, and reads all of it: a file that has begun to be sent can only be ended with the call. Gives
    /// its digest too, if the other end is told that.
    async fn open_checked(
        &self,
        body: Option<BodyRef>,
    ) -> Result<(Option<BodyReader>, Option<Digest>), SpoolError> {
        let Some(body) = body else { return Ok((None, None)) };
        let mut reader = self.spool.body_open(body).await?;
        let digest = if self.terms.digests(body.size) {
            Some(Digest::of(reader.digest().await?))
        } else {
            reader.check().await?;
            None
        };
        Ok((Some(reader), digest))
    }
}

impl Store for CallStore<'_> {
    async fn next_job(&mut self, worst: Option<Grade>) -> Result<Option<OutgoingJob>, Failure> {
        if !self.sends {
            return Ok(None);
        }
        let mut wanted = self.terms.wanted(worst, &self.now());
        let mut paid = false;
        let (held, digest) = loop {
            let claimed = self.claims.next_job(self.spool, self.peer.clone(), wanted, self.node.lease).await;
            let Some(job) = claimed.map_err(failure)? else {
                match self.wanted_for_nothing(worst).filter(|_| !std::mem::replace(&mut paid, true)) {
                    Some(more) => wanted = more,
                    None => return Ok(None),
                }
                continue;
            };
            if self.terms.is_hopeless(job.body.map_or(0, |body| body.size)) {
                let why = "no call at any hour carries a file as large".to_owned();
                self.claims.remove(job.claim);
                let outcome = self.refused(&job, why.clone(), &why);
                self.spool.settle(clock::wall(), vec![outcome]).await.map_err(failure)?;
                continue;
            }
            match self.open_checked(job.body).await {
                Err(error @ SpoolError::Corrupt(_)) => {
                    self.set_aside(&job, &error).await.map_err(failure)?;
                }
                opened => {
                    let (reader, digest) = opened.map_err(failure)?;
                    break (Held { reader, job, deferred: None }, digest);
                }
            }
        };
        let job = &held.job;
        let key = JobKey(job.claim.id);
        let outgoing = OutgoingJob {
            key,
            stable: job.stable,
            grade: job.grade,
            work: job.work.clone(),
            size: job.body.map_or(0, |body| body.size),
            largest: wanted.largest,
            begun: job.attempts > 0,
            digest,
            rest: self.rest_of(job).await.map_err(failure)?,
        };
        self.jobs.insert(key, held);
        Ok(Some(outgoing))
    }

    async fn read(&mut self, job: JobKey, offset: u64, limit: usize) -> Result<Vec<u8>, Failure> {
        match self.jobs.get_mut(&job).and_then(|held| held.reader.as_mut()) {
            Some(reader) => reader.read(offset, limit).await.map_err(failure),
            None => Ok(Vec::new()),
        }
    }

    async fn settle(&mut self, job: JobKey, ending: Ending) -> Result<(), Failure> {
        let Some(held) = self.jobs.get(&job) else { return Err("an ending of no job".to_owned()) };
        let (claim, is_request) = (held.job.claim, matches!(held.job.work, Work::Expand(_)));
        let outcome = match (ending, &held.job.work) {
            (Ending::Done, Work::Fetch(_)) => Outcome::Fetched { job: claim },
            (Ending::Done, Work::Expand(_)) => {
                Outcome::JobDone { job: claim, note: format!("{} sends the files", self.peer) }
            }
            (Ending::Done, _) => Outcome::JobDone { job: claim, note: format!("sent to {}", self.peer) },
            (Ending::Deferred(why), _) => {
                // It stays in our hands to the end of the call, or it would be given out again at once.
                if let Some(held) = self.jobs.get_mut(&job) {
                    held.deferred = Some(why);
                }
                return Ok(());
            }
            (Ending::Damaged, _) => {
                let note = "it arrived damaged".to_owned();
                if self.damaged.insert(job, (held.job.grade, held.job.attempts)).is_some() {
                    // Not a third time in this call.
                    if let Some(held) = self.jobs.get_mut(&job) {
                        held.deferred = Some(note);
                    }
                    return Ok(());
                }
                Outcome::JobDeferred { job: claim, note }
            }
            (Ending::Refused(why), _) => {
                let note = format!("{} refused it: {why}", self.peer);
                self.refused(&held.job, note, &why)
            }
        };
        // First, for a renewal that comes behind the settling would find the claim gone, and end the call.
        self.claims.remove(claim);
        if !matches!(outcome, Outcome::JobDeferred { .. }) {
            self.damaged.remove(&job);
        }
        let settled = match &outcome {
            // A request that was answered is known by nothing, and would be answered again.
            Outcome::JobDone { .. } if self.peer_remembers && !is_request => {
                self.spool.settle_soon(clock::wall(), outcome).await
            }
            _ => self.spool.settle(clock::wall(), vec![outcome]).await,
        };
        settled.map_err(failure)?;
        self.jobs.remove(&job);
        Ok(())
    }

    async fn offer(&mut self, slot: Slot, offer: Offer) -> Result<Verdict, Failure> {
        let asked_by_them = !matches!(offer.kind, Kind::Fetched { .. });
        if let Some(size) = offer.size.filter(|_| asked_by_them)
            && let Some(why) = self.terms.objection(size, &self.now())
        {
            return Ok(Verdict::Refuse(why));
        }
        let identity = self.identity(&offer);
        if offer.knows_already {
            let known = self.spool.already_received(identity.clone(), offer.stable).await.map_err(failure)?;
            if known {
                return Ok(Verdict::Already);
            }
        }
        match self.body_for(&identity, &offer).await {
            Ok((body, kept)) => {
                let put_by = (kept, clock::now());
                let (waiting, appending) = (Vec::new(), None);
                self.coming.insert(slot, Coming { identity, offer, body, kept, waiting, appending, put_by });
                Ok(Verdict::Take { offset: kept })
            }
            Err(error @ SpoolError::Full(_)) => {
                tracing::warn!(peer = %self.peer, %error, command = offer.command, "an offer is put off");
                Ok(Verdict::Refuse(Refusal::TooLargeNow))
            }
            Err(error) => Err(failure(error)),
        }
    }

    async fn write(&mut self, slot: Slot, bytes: Vec<u8>) -> Result<(), Failure> {
        let Some(mut coming) = self.coming.remove(&slot) else { return Err("bytes for no file".to_owned()) };
        let mut result = Ok(());
        if coming.waiting.len() + bytes.len() > MOST_AT_ONCE {
            result = self.append(&mut coming).await;
        }
        if result.is_ok() {
            coming.waiting.extend(bytes);
            if coming.is_to_be_put_by(clock::now()) {
                result = self.keep_partial(&mut coming).await;
            }
        }
        self.coming.insert(slot, coming);
        result.map_err(failure)
    }

    async fn rewind(&mut self, slot: Slot) -> Result<(), Failure> {
        let Some(coming) = self.coming.get_mut(&slot) else {
            return Err("a rewinding of no file".to_owned());
        };
        coming.appended().await.map_err(failure)?;
        (coming.kept, coming.put_by.0) = (0, 0);
        coming.waiting.clear();
        // An append cuts off what lies beyond its place.
        self.spool.body_append(coming.body, 0, Vec::new()).await.map_err(failure)
    }

    async fn commit(&mut self, slot: Slot) -> Result<Committed, Failure> {
        let Some(mut coming) = self.coming.remove(&slot) else { return Err("the end of no file".to_owned()) };
        let result = async {
            self.append(&mut coming).await?;
            coming.appended().await?;
            self.arrived(coming).await
        };
        result.await.map_err(failure)
    }

    async fn drop_slot(&mut self, slot: Slot) -> Result<(), Failure> {
        self.opened.remove(&slot);
        match self.coming.remove(&slot) {
            Some(coming) => self.spool.body_drop(coming.body).await.map_err(failure),
            None => Ok(()),
        }
    }

    async fn open(
        &mut self,
        slot: Slot,
        path: String,
        digested: bool,
    ) -> Result<Result<Opened, Refusal>, Failure> {
        let opened = match PublicFile::open(&self.node.public, &path) {
            Ok(file) => {
                if let Some(why) = self.terms.objection(file.size, &self.now()) {
                    return Ok(Err(why));
                }
                match digested && self.terms.digests(file.size) {
                    true => digest_of(file).await.map(|(file, digest)| (file, Some(digest))),
                    false => Ok((file, None)),
                }
            }
            Err(error) => Err(error),
        };
        match opened {
            Ok((file, digest)) => {
                let told = Opened { size: file.size, mode: file.mode, digest };
                self.opened.insert(slot, file);
                Ok(Ok(told))
            }
            Err(error) => {
                tracing::info!(peer = %self.peer, path, %error, "a file that was asked for cannot be had");
                Ok(Err(if public::passes(&error) { Refusal::NoChannel } else { Refusal::Denied }))
            }
        }
    }

    async fn read_opened(&mut self, slot: Slot, offset: u64, limit: usize) -> Result<Vec<u8>, Failure> {
        let Some(file) = self.opened.get(&slot) else { return Err("bytes of no file".to_owned()) };
        let bytes = file.read(offset, limit).map_err(|error| error.to_string())?;
        if bytes.is_empty() {
            self.opened.remove(&slot);
        }
        Ok(bytes)
    }

    async fn expand(&mut self, expansion: Expansion) -> Result<bool, Failure> {
        self.expanded(&expansion).await.map_err(failure)
    }

    async fn waiting(&mut self, worst: Option<Grade>) -> Result<Option<Grade>, Failure> {
        if !self.sends {
            return Ok(None);
        }
        let largest = self.terms.largest(&self.now());
        let best = self.spool.waiting(self.peer.clone(), largest).await.map_err(failure)?;
        let worst = self.terms.worst(worst);
        Ok(best.filter(|best| worst.is_none_or(|worst| *best <= worst)))
    }

    async fn heard(&mut self) -> Result<(), Failure> {
        self.spool.heard(self.peer.clone(), clock::wall()).await.map_err(failure)
    }
}

/// The digest of a file of the public directory, which may be large and on a slow disk.
async fn digest_of(file: PublicFile) -> io::Result<(PublicFile, Digest)> {
    let reading = tokio::task::spawn_blocking(move || file.digest().map(|digest| (file, digest)));
    // Only a panic, or the end of the runtime, keeps it from an answer.
    reading.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}
