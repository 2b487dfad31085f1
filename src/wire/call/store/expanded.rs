//! Files that the peer asked for by a pattern: each becomes a job for it.

use super::super::matching::matching;
use super::super::public::{PublicFile, passes};
use super::CallStore;
use super::arrived::is_plain;
use crate::clock;
use crate::job::{Grade, Send, Work};
use crate::spool::{BodyId, CHUNK, Content, JobState, JobSummary, NewJob, SpoolError};
use crate::wire::session::Expansion;

/// Files that may wait for a system because it asked for them by patterns. Enough for any directory that a person fills.
const MOST_FILES: usize = 256;
/// The same in bytes. They are copied while the line stands still, and no slower disk than a card takes long for so much.
const MOST_BYTES: u64 = 64 << 20;

/// A file, copied into the spool.
struct Copied {
    path: String,
    mode: u32,
    body: BodyId,
}

impl CallStore<'_> {
    /// Queues what fits. False: nothing was queued, and the log says why.
    pub(super) async fn expanded(&self, expansion: &Expansion) -> Result<bool, SpoolError> {
        let mut copied = Vec::new();
        let refusal = match self.copy_all(expansion, &mut copied).await {
            Ok(None) if copied.is_empty() => Ok("nothing fits".to_owned()),
            Ok(None) => return self.queue(expansion, copied).await.map(|()| true),
            Ok(Some(why)) => Ok(why),
            // The peer can only be told no; who asked there hears of it.
            Err(SpoolError::Full(why)) => Ok(why.to_string()),
            Err(error) => Err(error),
        };
        for file in copied {
            self.spool.body_drop(file.body).await?;
        }
        let refusal = refusal?;
        let (peer, pattern) = (&self.peer, &expansion.pattern);
        tracing::info!(%peer, pattern, why = refusal, "files that were asked for by a pattern are not sent");
        Ok(false)
    }

    /// `Some`: why none of it is sent.
    async fn copy_all(
        &self,
        expansion: &Expansion,
        copied: &mut Vec<Copied>,
    ) -> Result<Option<String>, SpoolError> {
        // No peer has a job stand in the name of somebody elsewhere.
        if !is_plain(&expansion.user) {
            return Ok(Some(format!("{:?} is no user of it", expansion.user)));
        }
        let (files, mut bytes) = self.asked_for().await?;
        let (public, pattern) = (self.node.public.clone(), expansion.pattern.clone());
        let most = MOST_FILES.saturating_sub(files);
        let walk = tokio::task::spawn_blocking(move || matching(&public, &pattern, most));
        let found = match walk.await.map_err(|_| SpoolError::Closed)? {
            Ok(found) => found,
            Err(error) => return Ok(Some(error.to_string())),
        };
        for path in found {
            let file = match PublicFile::open(&self.node.public, &path) {
                Ok(file) => file,
                Err(error) if passes(&error) => return Ok(Some(error.to_string())),
                // A directory, or nothing for everybody.
                Err(_) => continue,
            };
            bytes = bytes.saturating_add(file.size);
            if bytes > MOST_BYTES {
                return Ok(Some("more bytes than may wait for one system".to_owned()));
            }
            self.spool.room_for(file.size).await?;
            let body = self.spool.body_new().await?;
            copied.push(Copied { path, mode: file.mode, body });
            let mut offset = 0;
            loop {
                let piece = match file.read(offset, CHUNK) {
                    Ok(piece) if piece.is_empty() => break,
                    Ok(piece) => piece,
                    Err(error) => return Ok(Some(error.to_string())),
                };
                let length = piece.len() as u64;
                self.spool.body_append(body, offset, piece).await?;
                offset += length;
            }
        }
        Ok(None)
    }

    /// Files, and their bytes, that wait for the peer because it asked for them so.
    async fn asked_for(&self) -> Result<(usize, u64), SpoolError> {
        let theirs = format!("{}!", self.peer);
        let (mut files, mut bytes, mut after) = (0, 0_u64, None);
        loop {
            let jobs = self.spool.jobs(Some(self.peer.clone()), after).await?;
            let Some(last) = jobs.last() else { return Ok((files, bytes)) };
            after = Some(last.stable.number);
            let waits = |job: &&JobSummary| job.state != JobState::Quarantined;
            for job in jobs.iter().filter(waits).filter(|job| job.work.user().starts_with(&theirs)) {
                files += 1;
                bytes = bytes.saturating_add(job.size);
            }
        }
    }

    async fn queue(&self, expansion: &Expansion, files: Vec<Copied>) -> Result<(), SpoolError> {
        let several = files.len() > 1 && !expansion.to.ends_with('/');
        let to = format!("{}{}", expansion.to, if several { "/" } else { "" });
        let created = clock::wall();
        let job = |file: Copied| {
            let work = Work::Send(Send {
                from: file.path,
                to: to.clone(),
                user: format!("{}!{}", self.peer, expansion.user),
                mode: file.mode,
                make_directories: expansion.make_directories,
                notify: None,
            });
            let content = Some(Content::body(file.body));
            NewJob { system: self.peer.clone(), grade: Grade::DEFAULT, work, content, created }
        };
        // All or none: a peer that hears no answer asks again.
        self.spool.submit_jobs(files.into_iter().map(job).collect()).await
    }
}
