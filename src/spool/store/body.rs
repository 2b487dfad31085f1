//! Bodies: open ones that are being written, and finished ones that are rows, with a file if they are large.
//!
//! A body is open until a verb makes it part of something; then it is finished and never changes again. Open bodies
//! live in this process: in memory up to [`CHUNK`], then in a file that is named by the final id and locked until its
//! row is committed. A partial is an open body whose file is known by a row, so that it outlives the process.

mod partial;
mod read;
mod sweep;

pub use partial::FoundPartial;
pub use read::Piece;
pub use sweep::{body_name, body_of_name};

use super::super::{BodyId, BodyRef, CHUNK, Content, MOST_AT_ONCE, SpoolError};
use super::blocks::{Blocks, SUM};
use super::file::{BodyFile, lock, sync_directory};
use super::{Home, Result, Store, signed, unsigned};
use read::read_sound;
use rusqlite::params;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Whenever a file has grown by so many bytes, it begins to be written to disk, so that little is left to do when all of it
/// has to be there.
const EARLY: u64 = 4 * 1024 * 1024;

#[derive(Debug)]
enum Bytes {
    Held(Vec<u8>),
    Filed { file: BodyFile, blocks: Blocks },
}

/// A body that is being written.
#[derive(Debug)]
pub struct OpenBody {
    bytes: Bytes,
    size: u64,
    /// Set for a partial: how much of it is known to be on disk.
    synced: Option<u64>,
    /// When it was written to last, in microseconds, as far as the store knows the time.
    touched: i64,
}

impl OpenBody {
    /// The digest of all of it, wherever it lies.
    pub fn whole(&self) -> [u8; SUM] {
        match &self.bytes {
            Bytes::Held(held) => {
                let mut blocks = Blocks::default();
                blocks.push(held);
                blocks.whole()
            }
            Bytes::Filed { blocks, .. } => blocks.whole(),
        }
    }

    /// The digest of what is in its file.
    fn digest(&self) -> Option<[u8; SUM]> {
        match &self.bytes {
            Bytes::Held(_) => None,
            Bytes::Filed { blocks, .. } => Some(blocks.digest()),
        }
    }
}

impl Store {
    pub fn body_new(&mut self) -> Result<BodyId> {
        let id = BodyId(self.next_body);
        self.next_body += 1;
        let body =
            OpenBody { bytes: Bytes::Held(Vec::new()), size: 0, synced: None, touched: self.last_recovery };
        self.open.insert(id, body);
        Ok(id)
    }

    pub fn body_append(&mut self, id: BodyId, offset: u64, bytes: &[u8]) -> Result<()> {
        if bytes.len() > MOST_AT_ONCE {
            return Err(SpoolError::Misuse(format!("{} bytes appended at once", bytes.len())));
        }
        self.room()?;
        let file = self.body_path(id);
        let now = self.last_recovery;
        let Some(body) = self.open.get_mut(&id) else { return Err(self.not_open(id)) };
        if offset > body.size {
            return Err(SpoolError::Misuse(format!("body {} is {} bytes, not {offset}", id.0, body.size)));
        }
        body.touched = now;
        let end = offset + bytes.len() as u64;
        if let (Bytes::Held(held), Some(path)) = (&body.bytes, &file)
            && end > CHUNK as u64
        {
            body.bytes = new_file(path, held)?;
        }
        let cut_into = body.synced.is_some_and(|synced| offset < synced);
        let mut digest = None;
        match &mut body.bytes {
            Bytes::Held(held) => {
                held.truncate(usize::try_from(offset).unwrap_or(usize::MAX));
                held.extend_from_slice(bytes);
            }
            Bytes::Filed { file, blocks } => {
                if offset < body.size {
                    file.set_len(offset)?;
                    body.size = offset;
                    let from = blocks.cut(offset);
                    blocks.push(&file.read(from, CHUNK)?);
                }
                if cut_into {
                    digest = Some(blocks.digest());
                }
                if let Err(error) = file.write(bytes, offset) {
                    // A part of it may stand there: what follows must not begin behind that.
                    file.set_len(body.size)?;
                    return Err(error.into());
                }
                blocks.push(bytes);
                if end / EARLY > offset / EARLY {
                    self.write_back.begin(file.path());
                }
            }
        }
        body.size = end;
        if cut_into {
            body.synced = Some(offset);
            self.run(
                "UPDATE partials SET synced = ?2, digest = ?3 WHERE body = ?1",
                params![signed(id.0), signed(offset), digest],
            )?;
        }
        Ok(())
    }

    pub fn body_sync(&mut self, id: BodyId) -> Result<()> {
        let path = self.body_path(id);
        let Some(body) = self.open.get_mut(&id) else { return Err(self.not_open(id)) };
        if let (Bytes::Held(held), Some(path)) = (&body.bytes, path) {
            body.bytes = new_file(&path, held)?;
        }
        if let Bytes::Filed { file, .. } = &mut body.bytes {
            file.sync()?;
            if body.synced.is_none() {
                // It is likely whole, and may wait for many others.
                file.close();
            }
        }
        if body.synced.is_some() {
            body.synced = Some(body.size);
            let (size, digest) = (signed(body.size), body.digest());
            self.run(
                "UPDATE partials SET synced = ?2, digest = ?3 WHERE body = ?1",
                params![signed(id.0), size, digest],
            )?;
        }
        Ok(())
    }

    pub fn body_drop(&mut self, id: BodyId) -> Result<()> {
        if self.open.contains_key(&id) { self.forget(id) } else { self.release(id) }
    }

    // What other verbs do with bodies.

    /// Makes content into a finished body, within the running verb.
    pub(super) fn keep(&mut self, content: Content) -> Result<BodyRef> {
        if content.head.len() > CHUNK {
            return Err(SpoolError::Misuse(format!("a head of {} bytes", content.head.len())));
        }
        let rest = content.rest.map(|rest| self.finish(rest)).transpose()?;
        match rest {
            Some(rest) if content.head.is_empty() => Ok(rest),
            rest => {
                let id = self.body_new_id();
                let size = content.head.len() as u64 + rest.map_or(0, |rest| rest.size);
                self.insert_body(id, size, &content.head, rest.map(|rest| rest.id), None)?;
                Ok(BodyRef { id, size })
            }
        }
    }

    /// Makes an open body into a row; a finished one is as it was.
    pub(super) fn finish(&mut self, id: BodyId) -> Result<BodyRef> {
        let row =
            self.one("SELECT size FROM bodies WHERE id = ?1", [signed(id.0)], |row| row.get::<_, i64>(0))?;
        if let Some(size) = row {
            return Ok(BodyRef { id, size: unsigned(size) });
        }
        let Some(body) = self.open.get(&id) else {
            return Err(SpoolError::Missing(format!("body {}", id.0)));
        };
        let size = body.size;
        let (head, sums) = match &body.bytes {
            Bytes::Held(held) => (held.clone(), None),
            Bytes::Filed { file, blocks } if size <= CHUNK as u64 => {
                self.effects.unlink.push(id);
                let read = |offset, limit| file.read(offset, limit);
                (read_sound(id, read, blocks.sum(0).as_slice(), 0, CHUNK)?, None)
            }
            Bytes::Filed { blocks, .. } => (Vec::new(), Some(blocks.sums())),
        };
        self.insert_body(id, size, &head, None, sums.as_deref())?;
        self.run("DELETE FROM partials WHERE body = ?1", [signed(id.0)])?;
        self.effects.adopted.push(id);
        Ok(BodyRef { id, size })
    }

    fn insert_body(
        &self,
        id: BodyId,
        size: u64,
        head: &[u8],
        base: Option<BodyId>,
        sums: Option<&[u8]>,
    ) -> Result<()> {
        let digest = *blake3::hash(head).as_bytes();
        let (base, filed) = (base.map(|base| signed(base.0)), sums.is_some());
        self.run(
            "INSERT INTO bodies (id, size, head, digest, base, filed, blocks) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![signed(id.0), signed(size), head, digest, base, filed, sums],
        )?;
        Ok(())
    }

    /// Gives up an open body, partial or not.
    pub(super) fn forget(&mut self, id: BodyId) -> Result<()> {
        self.run("DELETE FROM partials WHERE body = ?1", [signed(id.0)])?;
        self.effects.unlink.push(id);
        Ok(())
    }

    /// Removes a finished body, and what it was made of, as far as nothing refers to it any more.
    pub(super) fn release(&mut self, id: BodyId) -> Result<()> {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let used = self.exists(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM messages WHERE body = ?1)
                    OR EXISTS (SELECT 1 FROM jobs WHERE body = ?1)
                    OR EXISTS (SELECT 1 FROM executions WHERE body = ?1)
                    OR EXISTS (SELECT 1 FROM data_files WHERE body = ?1)
                    OR EXISTS (SELECT 1 FROM quarantine WHERE body = ?1)
                    OR EXISTS (SELECT 1 FROM bodies WHERE base = ?1)",
                [signed(id.0)],
            )?;
            if used {
                break;
            }
            let gone =
                self.one("DELETE FROM bodies WHERE id = ?1 RETURNING base, filed", [signed(id.0)], |row| {
                    Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, bool>(1)?))
                })?;
            let Some((base, filed)) = gone else { break };
            if filed {
                self.effects.unlink.push(id);
            }
            next = base.map(|base| BodyId(unsigned(base)));
        }
        Ok(())
    }

    fn body_new_id(&mut self) -> BodyId {
        let id = BodyId(self.next_body);
        self.next_body += 1;
        id
    }

    pub(super) fn not_open(&self, id: BodyId) -> SpoolError {
        match self.exists("SELECT 1 FROM bodies WHERE id = ?1", [signed(id.0)]) {
            Ok(true) => SpoolError::Misuse(format!("body {} is finished", id.0)),
            Ok(false) => SpoolError::Missing(format!("body {}", id.0)),
            Err(error) => error,
        }
    }

    pub(super) fn body_path(&self, id: BodyId) -> Option<PathBuf> {
        match &self.home {
            Home::Directory(directory) => Some(directory.join("bodies").join(body_name(id))),
            Home::Memory => None,
        }
    }

    // The two ends of a transaction.

    /// Before COMMIT: the files that rows will speak of are on disk.
    pub(super) fn sync_bodies(&mut self) -> Result<()> {
        let mut any = None;
        for id in &self.batch.adopted {
            if let Some(OpenBody { bytes: Bytes::Filed { file, .. }, .. }) = self.open.get(id) {
                file.sync()?;
                any = self.body_path(*id);
            }
        }
        any.map_or(Ok(()), |path| Ok(sync_directory(&path)?))
    }

    /// After COMMIT: finished bodies are no longer open, and the files of those that went are removed, once it is sure that
    /// their rows do not come back.
    pub(super) fn finish_bodies(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for id in batch.adopted.iter().chain(&batch.unlink) {
            self.open.remove(id);
        }
        self.unlink_later.extend(batch.unlink);
        // A transaction that wrote nothing waits for no disk, and makes nothing before it durable.
        if self.connection.total_changes() != self.changes_before {
            self.unsynced = !self.durable;
        }
        if self.unsynced {
            return;
        }
        for id in std::mem::take(&mut self.unlink_later) {
            if let Some(path) = self.body_path(id)
                && let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove a body; the sweep will");
            }
        }
    }
}

fn new_file(path: &Path, held: &[u8]) -> Result<Bytes> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    lock(&file)?;
    let file = BodyFile::new(path.to_owned(), file);
    if let Err(error) = file.write(held, 0) {
        // Half a file is in nobody's hands, and may be what fills the disk.
        std::fs::remove_file(path)?;
        return Err(error.into());
    }
    let mut blocks = Blocks::default();
    blocks.push(held);
    Ok(Bytes::Filed { file, blocks })
}
