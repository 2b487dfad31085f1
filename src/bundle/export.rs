//! Mail out into a file.

use super::BundleError;
use super::file::{self, Draft};
use crate::clock;
use crate::job::{Execute, SystemName, Work};
use crate::post::address::Address;
use crate::post::batch::wrapper::takes_batch;
use crate::post::batch::{self, Event, Reader};
use crate::post::mail::dots::Ends;
use crate::post::mail::{Envelope, Sender, read_from_lines};
use crate::post::queue::{PieceError, Pieces};
use crate::spool::{BodyRef, BundleState, CHUNK, Claim, Job, Outcome, Spool, SpoolError, Wanted};
use std::path::Path;
use std::time::Duration;

/// How many jobs are claimed at a time, and how many one file takes; the next export takes the rest.
const CLAIM: usize = 500;
const JOBS: usize = 10_000;
/// How long writing may take before calls get the jobs back: a slow medium takes megabytes in minutes.
const LEASE: Duration = Duration::from_secs(3600);

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Jobs in the file, withheld from calls.
    pub jobs: usize,
    pub messages: u64,
    /// Length of the file.
    pub bytes: u64,
    pub digest: [u8; 32],
    /// Jobs that such a file cannot carry, which wait for a call as before: why, a line each.
    pub left: Vec<String>,
}

/// Writes the mail that waits for `system` into a new file. `node` is our name for neighbours, `host` that in mail.
pub async fn export(
    spool: &Spool,
    node: &SystemName,
    host: &str,
    system: &SystemName,
    path: &Path,
) -> Result<Exported, BundleError> {
    take_back_draft(spool, path).await?;
    let mut claimed = Vec::new();
    let made = make(spool, node, host, system, path, &mut claimed).await;
    let made = match made {
        Ok(Some(made)) => Ok(made),
        Ok(None) => Err(BundleError::Nothing(system.clone())),
        Err(error) => Err(error),
    };
    if made.is_err() {
        release(spool, claimed, "not exported").await?;
        // A file that stood there before is not ours to touch; the draft is.
        if !matches!(made, Err(BundleError::Exists(_))) {
            file::remove_draft(path).await?;
        }
    }
    made
}

/// The other side has the file: its jobs are done, as if they had gone by a call. Gives their number; none if that was
/// said before.
///
/// The file is known by its content. It may have stayed with the other side: if nothing stands under its name, and one
/// file that was exported under it is out, that one is meant. A file that is other than what was exported settles nothing:
/// what has arrived may be as broken, and its jobs would be lost.
pub async fn done(spool: &Spool, path: &Path) -> Result<u64, BundleError> {
    if let Some(digest) = file::digest(path).await? {
        return settle(spool, path, digest, BundleState::Done).await;
    }
    let named = spool.exported(name(path)).await?;
    let out = named.iter().filter(|(_, state)| *state == BundleState::Out).count();
    match named.first() {
        Some(_) if out > 1 => Err(BundleError::Several { path: path.to_owned(), count: out }),
        Some((digest, _)) => settle(spool, path, *digest, BundleState::Done).await,
        None => {
            let source = std::io::ErrorKind::NotFound.into();
            Err(BundleError::Io { action: "read", path: path.to_owned(), source })
        }
    }
}

/// The file never went, or was lost: its jobs wait for a call again. Gives their number; none if that was said before.
///
/// The file is known by its content, or, if it is gone, cannot be read or is another now, by the name that it was exported
/// under: of several that are out the newest, and the next if it is said again. Nothing is lost by that; what was carried
/// all the same comes twice.
pub async fn recall(spool: &Spool, path: &Path) -> Result<u64, BundleError> {
    // A medium that fails is what a file is recalled for.
    if let Ok(Some(digest)) = file::digest(path).await {
        match settle(spool, path, digest, BundleState::Recalled).await {
            Err(BundleError::NotOurs { .. }) => {}
            settled => return settled,
        }
    }
    match spool.exported(name(path)).await?.first() {
        Some((digest, _)) => settle(spool, path, *digest, BundleState::Recalled).await,
        None => Err(BundleError::NotOurs { path: path.to_owned() }),
    }
}

/// The name by which the spool knows a file.
fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

async fn settle(spool: &Spool, path: &Path, file: [u8; 32], state: BundleState) -> Result<u64, BundleError> {
    let path = path.to_owned();
    match spool.settle_withheld(file, state, clock::wall()).await {
        Err(SpoolError::Missing(_)) => Err(BundleError::NotOurs { path }),
        Err(SpoolError::Conflict(reason)) => Err(BundleError::Settled { path, reason }),
        settled => Ok(settled?),
    }
}

/// A draft of this name is from an export that ended in a crash; it was never carried, so its jobs come back.
async fn take_back_draft(spool: &Spool, path: &Path) -> Result<(), BundleError> {
    if let Some(digest) = file::digest(&file::draft_path(path)?).await? {
        match spool.settle_withheld(digest, BundleState::Recalled, clock::wall()).await {
            Ok(_) | Err(SpoolError::Missing(_) | SpoolError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
        file::remove_draft(path).await?;
    }
    Ok(())
}

/// Writes the file and withholds its jobs; all that it claimed and did not give back is in `claimed` on return of an error.
async fn make(
    spool: &Spool,
    node: &SystemName,
    host: &str,
    system: &SystemName,
    path: &Path,
    claimed: &mut Vec<Claim>,
) -> Result<Option<Exported>, BundleError> {
    let mut draft = Draft::begin(path).await?;
    let mut out = Vec::new();
    let batch = batch::Writer::new(host, Ends::Lf, &mut out);
    let mut exported = Exported { jobs: 0, messages: 0, bytes: 0, digest: [0; 32], left: Vec::new() };
    let mut left = Vec::new();
    loop {
        let jobs = spool.claim_jobs(clock::wall(), system.clone(), Wanted::default(), CLAIM, LEASE).await?;
        claimed.extend(jobs.iter().map(|job| job.claim));
        let is_last = jobs.is_empty() || claimed.len() >= JOBS;
        for job in jobs {
            let carried = match content(spool, node, &job).await? {
                Ok(Carried::Message { envelope, body, skip }) => {
                    let mut text = batch.message(&envelope, &mut out);
                    let mut offset = skip;
                    while offset < body.size {
                        let piece = read(spool, body, offset).await?;
                        offset += piece.len() as u64;
                        text.push(&piece, &mut out);
                        draft = draft.write(std::mem::take(&mut out)).await?;
                    }
                    text.finish(&mut out);
                    1
                }
                Ok(Carried::Batch { body }) => {
                    let mut messages = 0;
                    let mut reader = Reader::new(batch::Settings::default());
                    let mut pieces = Pieces::new(spool, body, batch::Limits::default());
                    let mut text = None;
                    // It was read to its end before, so it does not fail now.
                    let corrupt = |why: &dyn std::error::Error| SpoolError::Corrupt(why.to_string());
                    while let Some(piece) = pieces.next().await.map_err(|error| corrupt(&error))? {
                        reader.push(&piece).map_err(|error| corrupt(&error))?;
                        while let Some(event) = reader.poll_event() {
                            match event {
                                Event::Message { envelope, .. } => {
                                    text = Some(batch.message(&envelope, &mut out));
                                    messages += 1;
                                }
                                Event::Data(bytes) => {
                                    if let Some(text) = &mut text {
                                        text.push(&bytes, &mut out);
                                    }
                                }
                                Event::MessageEnd => {
                                    if let Some(text) = text.take() {
                                        text.finish(&mut out);
                                    }
                                }
                            }
                        }
                        draft = draft.write(std::mem::take(&mut out)).await?;
                    }
                    messages
                }
                Err(why) => {
                    exported.left.push(format!("{}: {why}", shown(&job.work)));
                    left.push(job.claim);
                    continue;
                }
            };
            exported.jobs += 1;
            exported.messages += carried;
        }
        if is_last {
            break;
        }
    }
    claimed.retain(|claim| !left.contains(claim));
    release(spool, left, "a batch file cannot carry it").await?;
    if exported.jobs == 0 {
        return Ok(None);
    }
    batch.finish(&mut out);
    draft = draft.write(out).await?;
    let (draft, digest, bytes) = draft.sync().await?;
    spool.withhold(digest, name(path), claimed.clone(), clock::wall()).await?;
    claimed.clear();
    if let Err(error) = draft.publish().await {
        spool.settle_withheld(digest, BundleState::Recalled, clock::wall()).await?;
        return Err(error);
    }
    Ok(Some(Exported { bytes, digest, ..exported }))
}

/// What a job gives to the file.
enum Carried {
    Message {
        envelope: Envelope,
        body: BodyRef,
        /// Bytes of From_ lines before the message; the envelope says it all.
        skip: u64,
    },
    Batch {
        body: BodyRef,
    },
}

/// What a job carries, or why a file of batched mail cannot carry it.
async fn content(
    spool: &Spool,
    node: &SystemName,
    job: &Job,
) -> Result<Result<Carried, String>, BundleError> {
    let (Work::Execute(execute), Some(body)) = (&job.work, job.body) else {
        return Ok(Err("it is not mail".to_owned()));
    };
    match spool.body_check(body).await {
        Err(error @ SpoolError::Corrupt(_)) => return Ok(Err(error.to_string())),
        checked => checked?,
    }
    match execute.command.program.as_str() {
        "rmail" => {
            let beginning = spool.body_read(body.id, 0, CHUNK).await?;
            Ok(message(node, execute, body, &beginning))
        }
        program if takes_batch(program) && execute.command.arguments.is_empty() => {
            let mut reader = Reader::new(batch::Settings::default());
            let mut pieces = Pieces::new(spool, body, batch::Limits::default());
            loop {
                let piece = match pieces.next().await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => break,
                    Err(PieceError::Spool(error)) => return Err(error.into()),
                    Err(PieceError::Batch(error)) => return Ok(Err(error.to_string())),
                };
                if let Err(error) = reader.push(&piece) {
                    return Ok(Err(error.to_string()));
                }
                while let Some(event) = reader.poll_event() {
                    if matches!(event, Event::Message { refused, .. } if !refused.is_empty()) {
                        return Ok(Err("a recipient in it is no address".to_owned()));
                    }
                }
            }
            Ok(reader.finish().map(|_| Carried::Batch { body }).map_err(|error| error.to_string()))
        }
        _ => Ok(Err("it is not mail".to_owned())),
    }
}

fn message(node: &SystemName, execute: &Execute, body: BodyRef, beginning: &[u8]) -> Result<Carried, String> {
    let recipients: Result<Vec<Address>, _> =
        execute.command.arguments.iter().map(|text| Address::parse(text)).collect();
    let recipients = recipients.map_err(|error| error.to_string())?;
    if recipients.is_empty() {
        return Err("it has no recipients".to_owned());
    }
    let lines = read_from_lines(beginning, None);
    let asker =
        || Sender::parse(execute.requestor.as_deref().unwrap_or(&execute.user)).unwrap_or(Sender::Null);
    // In a batch our own name stands in the sender's path; a From_ line has it after `remote from`.
    let sender = lines.sender.unwrap_or_else(asker).by_way_of(node.as_str()).unwrap_or(Sender::Null);
    Ok(Carried::Message { envelope: Envelope { sender, recipients }, body, skip: lines.length as u64 })
}

/// The next piece of a body, never empty.
async fn read(spool: &Spool, body: BodyRef, offset: u64) -> Result<Vec<u8>, SpoolError> {
    let piece = spool.body_read(body.id, offset, CHUNK).await?;
    if piece.is_empty() {
        return Err(SpoolError::Corrupt(format!("body {} ends early", body.id.0)));
    }
    Ok(piece)
}

async fn release(spool: &Spool, jobs: Vec<Claim>, note: &str) -> Result<(), SpoolError> {
    let deferred = |job| Outcome::JobDeferred { job, note: note.to_owned() };
    spool.settle(clock::wall(), jobs.into_iter().map(deferred).collect()).await
}

/// A job as it is shown to people.
fn shown(work: &Work) -> String {
    let text = match work {
        Work::Execute(execute) => execute.command.to_string(),
        Work::Send(send) => format!("file to {}", send.to),
        Work::Fetch(fetch) => format!("fetch of {}", fetch.from),
        Work::Expand(expand) => format!("fetch of {}", expand.from),
    };
    text.chars().take(80).collect()
}
