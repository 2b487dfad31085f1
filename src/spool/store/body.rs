//! Bodies: open ones that are being written, and finished ones that are rows, with a file if they are large.
//!
//! A body is open until a verb makes it part of something; then it is finished and never changes again. Open bodies
//! live in this process: in memory up to [`CHUNK`], then in a file that is named by the final id and locked until its
//! row is committed. A partial is an open body whose file is known by a row, so that it outlives the process.

use super::super::{BodyId, BodyRef, CHUNK, Content, SpoolError};
use super::blocks::{self, Blocks, SUM};
use super::file::BodyFile;
use super::{Home, Result, Store, micros, signed, unsigned};
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How long a file without a row, or an open body that nobody wrote to, is left alone.
const LOOSE: SignedDuration = SignedDuration::from_hours(1);

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
        if bytes.len() > CHUNK {
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
                    blocks.push(&read_at(file, from, CHUNK)?);
                }
                if cut_into {
                    digest = Some(blocks.digest());
                }
                if let Err(error) = file.write_all_at(bytes, offset) {
                    // A part of it may stand there: what follows must not begin behind that.
                    file.set_len(body.size)?;
                    return Err(error.into());
                }
                blocks.push(bytes);
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

    pub fn body_read(&self, id: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        let limit = limit.min(CHUNK);
        let mut found = Vec::new();
        while found.len() < limit {
            let more = self.read_some(id, offset + found.len() as u64, limit - found.len())?;
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        Ok(found)
    }

    pub fn body_drop(&mut self, id: BodyId) -> Result<()> {
        if self.open.contains_key(&id) { self.forget(id) } else { self.release(id) }
    }

    /// Bytes from one piece of a body: at least one, unless it ends here.
    fn read_some(&self, mut id: BodyId, mut offset: u64, limit: usize) -> Result<Vec<u8>> {
        if let Some(body) = self.open.get(&id) {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            return match &body.bytes {
                Bytes::Held(held) => Ok(held.iter().skip(from).take(limit).copied().collect()),
                Bytes::Filed { file, blocks } => read_in_block(id, file, blocks.sum(offset), offset, limit),
            };
        }
        loop {
            let piece = self.one(
                "SELECT length(head), base, filed FROM bodies WHERE id = ?1",
                [signed(id.0)],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, bool>(2)?)),
            )?;
            let Some((head, base, filed)) = piece else {
                return Err(SpoolError::Missing(format!("body {}", id.0)));
            };
            if filed {
                return self.read_filed(id, offset, limit);
            }
            if offset < unsigned(head) {
                return self.read_head(id, offset, limit);
            }
            offset -= unsigned(head);
            match base {
                Some(base) => id = BodyId(unsigned(base)),
                None => return Ok(Vec::new()),
            }
        }
    }

    fn read_filed(&self, id: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        let path = self.body_path(id).unwrap_or_default();
        let file = File::open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SpoolError::Corrupt(format!("{}: {error}", path.display())),
            _ => error.into(),
        })?;
        let place = signed(blocks::number(offset)) * SUM as i64 + 1;
        let sum = self.one(
            "SELECT substr(blocks, ?2, ?3) FROM bodies WHERE id = ?1",
            params![signed(id.0), place, SUM as i64],
            |row| row.get::<_, Option<Vec<u8>>>(0),
        )?;
        match sum.flatten() {
            Some(sum) => read_in_block(id, &file, sum.try_into().ok(), offset, limit),
            // It was written before digests of files were kept.
            None => read_at(&file, offset, limit),
        }
    }

    fn read_head(&self, id: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        let row = self.one("SELECT head, digest FROM bodies WHERE id = ?1", [signed(id.0)], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?))
        })?;
        let Some((head, digest)) = row else { return Err(SpoolError::Missing(format!("body {}", id.0))) };
        // In memory a head may be large, and damage is not to be feared.
        if matches!(self.home, Home::Directory(_)) && *blake3::hash(&head).as_bytes() != digest {
            return Err(damaged(id));
        }
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(head.into_iter().skip(from).take(limit).collect())
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
                (read_in_block(id, file, blocks.sum(0), 0, CHUNK)?, None)
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

    /// Makes an open body the partial that `synced` is kept for: its bytes go to a file and to disk. Gives how many they
    /// are, and their digest.
    pub(super) fn file_open_body(&mut self, id: BodyId) -> Result<(u64, Option<[u8; SUM]>)> {
        let path = self.body_path(id);
        let Some(body) = self.open.get_mut(&id) else { return Err(self.not_open(id)) };
        if let Some(path) = path {
            if let Bytes::Held(held) = &body.bytes {
                body.bytes = new_file(&path, held)?;
            }
            if let Bytes::Filed { file, .. } = &body.bytes {
                file.sync()?;
            }
            sync_directory(&path)?;
        }
        body.synced = Some(body.size);
        Ok((body.size, body.digest()))
    }

    /// Opens the file of a partial that an earlier process, or call, left, and reads it, for what comes behind it makes
    /// one body with it. None: it is not there, or no longer what was written. What lies behind `synced` is cut off: after a
    /// power cut it may be anything, and a later sync would declare it sound.
    pub(super) fn reopen(
        &mut self,
        id: BodyId,
        synced: u64,
        digest: Option<[u8; SUM]>,
    ) -> Result<Option<u64>> {
        if let Some(body) = self.open.get(&id) {
            return Ok(Some(body.size.min(synced)));
        }
        let Some(path) = self.body_path(id) else { return Ok(None) };
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        lock(&file)?;
        let size = file.metadata()?.len().min(synced);
        file.set_len(size)?;
        let mut blocks = Blocks::default();
        let mut offset = 0;
        while offset < size {
            let piece = read_at(&file, offset, CHUNK)?;
            if piece.is_empty() {
                return Ok(None);
            }
            offset += piece.len() as u64;
            blocks.push(&piece);
        }
        if digest.is_some_and(|digest| digest != blocks.digest()) {
            tracing::warn!(path = %path.display(), "what came of a file is not what was written; it is given up");
            return Ok(None);
        }
        let bytes = Bytes::Filed { file: BodyFile::new(path, file), blocks };
        self.open.insert(id, OpenBody { bytes, size, synced: Some(size), touched: self.last_recovery });
        Ok(Some(size))
    }

    fn body_new_id(&mut self) -> BodyId {
        let id = BodyId(self.next_body);
        self.next_body += 1;
        id
    }

    fn not_open(&self, id: BodyId) -> SpoolError {
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
        any.map_or(Ok(()), |path| sync_directory(&path))
    }

    /// After COMMIT: finished bodies are no longer open, and the files of those that went are removed.
    pub(super) fn finish_bodies(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for id in batch.adopted {
            self.open.remove(&id);
        }
        for id in batch.unlink {
            self.open.remove(&id);
            if let Some(path) = self.body_path(id)
                && let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove a body; the sweep will");
            }
        }
    }

    // Housekeeping.

    /// The first id after every one that a row or a file has.
    pub(super) fn first_free_body(&self) -> Result<u64> {
        let rows: Option<i64> = self.one(
            "SELECT max((SELECT coalesce(max(id), 0) FROM bodies), (SELECT coalesce(max(body), 0) FROM partials))",
            [],
            |row| row.get(0),
        )?;
        let files = self.body_files()?.into_iter().map(|(id, _)| id.0).max();
        Ok(unsigned(rows.unwrap_or(0)).max(files.unwrap_or(0)) + 1)
    }

    fn body_files(&self) -> Result<Vec<(BodyId, PathBuf)>> {
        let Home::Directory(directory) = &self.home else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory.join("bodies"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(id) = name.and_then(body_of_name) {
                files.push((id, path));
            }
        }
        Ok(files)
    }

    /// Removes files that nothing refers to, and open bodies that their writers left.
    pub(super) fn sweep_bodies(&mut self, now: Timestamp) -> Result<()> {
        let before = now.checked_sub(LOOSE).unwrap_or(Timestamp::MIN);
        let left: Vec<BodyId> = self
            .open
            .iter()
            .filter(|(_, body)| body.synced.is_none() && body.touched < micros(before))
            .map(|(id, _)| *id)
            .collect();
        for id in left {
            self.forget(id)?;
        }
        for (id, path) in self.body_files()? {
            if self.open.contains_key(&id) {
                continue;
            }
            let used = self.exists(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM bodies WHERE id = ?1 AND filed = 1)
                    OR EXISTS (SELECT 1 FROM partials WHERE body = ?1)",
                [signed(id.0)],
            )?;
            if !used && is_loose(&path, before) {
                self.effects.unlink.push(id);
            }
        }
        Ok(())
    }
}

/// A file of `bodies/` is named by the id of its body.
pub fn body_name(id: BodyId) -> String {
    format!("{:016x}", id.0)
}

pub fn body_of_name(name: &str) -> Option<BodyId> {
    (name.len() == 16).then(|| u64::from_str_radix(name, 16).ok()).flatten().map(BodyId)
}

/// Old, and no process writes it.
fn is_loose(path: &Path, before: Timestamp) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let changed = file.metadata().and_then(|data| data.modified()).ok();
    let old = changed.and_then(|time| Timestamp::try_from(time).ok()).is_some_and(|time| time < before);
    old && file.try_lock().is_ok()
}

fn new_file(path: &Path, held: &[u8]) -> Result<Bytes> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    lock(&file)?;
    if let Err(error) = file.write_all_at(held, 0) {
        // Half a file is in nobody's hands, and may be what fills the disk.
        std::fs::remove_file(path)?;
        return Err(error.into());
    }
    let mut blocks = Blocks::default();
    blocks.push(held);
    Ok(Bytes::Filed { file: BodyFile::new(path.to_owned(), file), blocks })
}

fn lock(file: &File) -> Result<()> {
    file.try_lock().map_err(|error| SpoolError::Conflict(format!("a body is written elsewhere: {error}")))
}

/// What the block around `offset` has from there on, if the whole block is what was written.
fn read_in_block(
    id: BodyId,
    file: &impl FileExt,
    sum: Option<[u8; SUM]>,
    offset: u64,
    limit: usize,
) -> Result<Vec<u8>> {
    let begin = blocks::number(offset) * CHUNK as u64;
    let block = read_at(file, begin, CHUNK)?;
    if !blocks::is_sound(&block, sum) {
        return Err(damaged(id));
    }
    let from = usize::try_from(offset - begin).unwrap_or(usize::MAX);
    Ok(block.into_iter().skip(from).take(limit).collect())
}

fn damaged(id: BodyId) -> SpoolError {
    SpoolError::Corrupt(format!("body {} is not what was written", id.0))
}

fn read_at(file: &impl FileExt, offset: u64, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; limit];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Makes the name of a file durable.
fn sync_directory(path: &Path) -> Result<()> {
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
