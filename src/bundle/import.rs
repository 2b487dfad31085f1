//! Mail in from a file.

use super::BundleError;
use super::file::Source;
use crate::clock;
use crate::job::SystemName;
use crate::post::queue::{Door, Unbatched};
use crate::spool::{BodyRef, CHUNK, Content, Import};
use std::path::Path;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub messages: usize,
    /// This very content was imported before; nothing was done.
    pub already: bool,
    /// What reaches nobody, one line each.
    pub dropped: Vec<String>,
}

/// Takes in a batch that `peer` made: all of it, or nothing and the file is kept in quarantine. One that is broken is read
/// again when it comes again, for limits may have been changed since, and is kept once.
pub async fn import(door: &Door, path: &Path, peer: &SystemName) -> Result<Imported, BundleError> {
    let spool = door.spool();
    let mut source = Source::open(path).await?;
    let body = spool.body_new().await?;
    let mut size = 0;
    let mut hasher = blake3::Hasher::new();
    loop {
        let (rest, piece) = source.read(CHUNK as u64).await?;
        source = rest;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        let length = piece.len() as u64;
        spool.body_append(body, size, piece).await?;
        size += length;
    }
    spool.body_sync(body).await?;
    let digest = *hasher.finalize().as_bytes();
    if spool.imported(digest).await? {
        spool.body_drop(body).await?;
        return Ok(Imported { messages: 0, already: true, dropped: Vec::new() });
    }
    let now = clock::wall();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let origin = format!("batch file {name} from {peer}");
    let batch = door.prepare_batch(BodyRef { id: body, size }, Some(peer), &origin, now).await;
    let Unbatched { messages, count, dropped, .. } = match batch {
        Ok(batch) if batch.count == 0 && !batch.is_framed => {
            spool.body_drop(body).await?;
            return Err(BundleError::Empty { path: path.to_owned() });
        }
        Ok(batch) => batch,
        Err(error) if error.is_final() => {
            let kept = spool.quarantine_file(digest, origin, error.to_string(), Content::body(body), now);
            return Err(BundleError::Broken { path: path.to_owned(), error, quarantined: kept.await? });
        }
        Err(error) => {
            spool.body_drop(body).await?;
            return Err(BundleError::NotTaken { path: path.to_owned(), error });
        }
    };
    let bodies: Vec<_> = messages.iter().filter_map(|message| message.content.rest).collect();
    let already = spool.import(digest, messages, now).await? == Import::Already;
    if already {
        for unused in bodies {
            spool.body_drop(unused).await?;
        }
    }
    spool.body_drop(body).await?;
    Ok(Imported { messages: if already { 0 } else { count }, already, dropped })
}
