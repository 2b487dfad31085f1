//! A file on its way in: where its bytes go, what is put by of it for a later call, and what it is known by there.

use super::CallStore;
use crate::clock;
use crate::job::Work;
use crate::spool::{Appending, BodyId, Identity, Job, MOST_AT_ONCE, SpoolError};
use crate::wire::session::{Kind, Offer, Rest, real_temp};
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// How much of a file that comes in is put by at the least, so that it is not sent again even if we are killed, and how
/// long after it was done before: syncs cost more than a fast line takes to send so much again.
const PUT_BY: u64 = 64 * 1024;
const PUT_BY_EVERY: Duration = Duration::from_secs(2);

/// A file that comes in.
pub(super) struct Coming {
    pub(super) identity: Identity,
    pub(super) offer: Offer,
    pub(super) body: BodyId,
    /// Bytes that the spool has, or is given.
    pub(super) kept: u64,
    /// Bytes that came behind them.
    pub(super) waiting: Vec<u8>,
    /// The last bytes that the spool was given, and how many it had before.
    pub(super) appending: Option<(u64, Appending)>,
    /// How much the spool has as a partial, which outlives us, and since when.
    pub(super) put_by: (u64, Instant),
}

impl Coming {
    pub(super) fn is_to_be_put_by(&self, now: Instant) -> bool {
        let (known, at) = self.put_by;
        let more = (self.kept + self.waiting.len() as u64).saturating_sub(known);
        self.offer.restart && more >= PUT_BY && now.saturating_duration_since(at) >= PUT_BY_EVERY
    }

    /// The spool has what it was given. If it failed, what came behind that has no place.
    pub(super) async fn appended(&mut self) -> Result<(), SpoolError> {
        let Some((before, appending)) = self.appending.take() else { return Ok(()) };
        let done = appending.done().await;
        if done.is_err() {
            self.kept = before;
            self.waiting.clear();
        }
        done
    }
}

impl CallStore<'_> {
    pub(super) async fn put_by(&self, mut coming: Coming) -> Result<(), SpoolError> {
        if !coming.offer.restart || coming.kept == 0 && coming.waiting.is_empty() {
            return self.spool.body_drop(coming.body).await;
        }
        match self.keep_partial(&mut coming).await {
            // What was safe stays, and what is lost of it comes again.
            Err(SpoolError::Full(_)) if coming.put_by.0 > 0 => Ok(()),
            Err(SpoolError::Full(_)) => self.spool.body_drop(coming.body).await,
            kept => kept,
        }
    }

    /// Hands the waiting bytes to the spool, once it has those before them.
    pub(super) async fn append(&self, coming: &mut Coming) -> Result<(), SpoolError> {
        coming.appended().await?;
        // What came while the store was busy comes all at once, and may be more than the spool takes.
        while !coming.waiting.is_empty() {
            let rest = coming.waiting.split_off(coming.waiting.len().min(MOST_AT_ONCE));
            let bytes = std::mem::replace(&mut coming.waiting, rest);
            let count = bytes.len() as u64;
            coming.appended().await?;
            let appending = self.spool.body_append_begin(coming.body, coming.kept, bytes).await?;
            coming.appending = Some((coming.kept, appending));
            coming.kept += count;
        }
        Ok(())
    }

    /// What has come of a file is on disk, known by its name, when this returns.
    pub(super) async fn keep_partial(&self, coming: &mut Coming) -> Result<(), SpoolError> {
        self.append(coming).await?;
        coming.appended().await?;
        self.spool.keep_partial(coming.identity.clone(), coming.body, clock::wall()).await?;
        coming.put_by = (coming.kept, clock::now());
        Ok(())
    }

    pub(super) fn identity(&self, offer: &Offer) -> Identity {
        Identity {
            peer: self.peer.clone(),
            temp: match offer.kind {
                Kind::Fetched { job, .. } => {
                    self.jobs.get(&job).map(|held| fetched_name(&held.job)).unwrap_or_default()
                }
                _ if real_temp(&offer.temp) => offer.temp.clone(),
                // A dummy says nothing; without a name nothing is taken for the same.
                _ => String::new(),
            },
            size: offer.size,
            user: offer.user.clone(),
            command: offer.command.clone(),
            digest: offer.digest,
        }
    }

    /// The body to write to, and how much of the file it has.
    pub(super) async fn body_for(
        &self,
        identity: &Identity,
        offer: &Offer,
    ) -> Result<(BodyId, u64), SpoolError> {
        let partial = match offer.restart {
            true => self.spool.find_partial(identity.clone(), self.oldest_partial()).await?,
            false => None,
        };
        let partial = partial.filter(|partial| offer.size.is_some_and(|size| partial.offset <= size));
        let here = partial.map_or(0, |partial| partial.offset);
        self.spool.room_for(offer.size.unwrap_or(0).saturating_sub(here)).await?;
        match partial {
            Some(partial) => Ok((partial.body, partial.offset)),
            None => Ok((self.spool.body_new().await?, 0)),
        }
    }

    /// What lacks of the file that a job has begun to fetch in an earlier call.
    pub(super) async fn rest_of(&self, job: &Job) -> Result<Option<Rest>, SpoolError> {
        let Work::Fetch(_) = job.work else { return Ok(None) };
        let begun = self.spool.begun(self.peer.clone(), fetched_name(job), self.oldest_partial()).await?;
        Ok(begun.map(|(digest, start)| Rest { digest, start }))
    }

    /// A partial file that began before this is not gone on with.
    fn oldest_partial(&self) -> Timestamp {
        let life = SignedDuration::try_from(self.node.partial_life).unwrap_or(SignedDuration::MAX);
        clock::wall().checked_sub(life).unwrap_or(Timestamp::MIN)
    }
}

/// What a file that we fetch is known by among partial files: no name of a peer, which begin with `D.`.
fn fetched_name(job: &Job) -> String {
    format!("R.{:x}", job.stable.number)
}
