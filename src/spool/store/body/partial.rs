//! Partials: open bodies that outlive their process.

use super::super::super::{BodyId, CHUNK, Partial};
use super::super::blocks::{Blocks, SUM};
use super::super::file::{BodyFile, lock, read_at, sync_directory};
use super::super::{Result, Store, signed};
use super::{Bytes, OpenBody, new_file};
use std::fs::{File, OpenOptions};
use std::path::PathBuf;

impl Store {
    /// Makes an open body the partial that `synced` is kept for: its bytes go to a file and to disk. Gives how many they
    /// are, and their digest.
    pub(in super::super) fn file_open_body(&mut self, id: BodyId) -> Result<(u64, Option<[u8; SUM]>)> {
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

    /// Opens the file of a partial. What lies behind `synced` is cut off: after a power cut it may be anything, and a later
    /// sync would declare it sound. None: it is not there.
    pub(in super::super) fn open_partial(
        &mut self,
        id: BodyId,
        synced: u64,
        digest: Option<[u8; SUM]>,
    ) -> Result<Option<FoundPartial>> {
        if let Some(body) = self.open.get(&id) {
            let offset = body.size.min(synced);
            return Ok(Some(FoundPartial::Open(Partial { body: id, offset })));
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
        Ok(Some(FoundPartial::Unread(UnreadPartial { id, path, file, size, digest })))
    }

    /// Goes on with a partial that was read. None: it is no longer what was written, or was given up meanwhile.
    pub fn resume(&mut self, read: ReadPartial) -> Result<Option<Partial>> {
        let ReadPartial { id, size, bytes } = read;
        let known = self.exists("SELECT 1 FROM partials WHERE body = ?1", [signed(id.0)])?;
        match bytes {
            Some(bytes) if known => {
                let touched = self.last_recovery;
                self.open.insert(id, OpenBody { bytes, size, synced: Some(size), touched });
                Ok(Some(Partial { body: id, offset: size }))
            }
            Some(_) => Ok(None),
            None => self.forget(id).map(|()| None),
        }
    }
}

/// A partial that was found.
#[derive(Debug)]
pub enum FoundPartial {
    Open(Partial),
    /// It was left by an earlier process, or call.
    Unread(UnreadPartial),
}

/// What an earlier process, or call, left of a file; nobody else has it open.
#[derive(Debug)]
pub struct UnreadPartial {
    id: BodyId,
    path: PathBuf,
    file: File,
    size: u64,
    digest: Option<[u8; SUM]>,
}

/// The same, read.
#[derive(Debug)]
pub struct ReadPartial {
    id: BodyId,
    size: u64,
    /// None: they are no longer what was written.
    bytes: Option<Bytes>,
}

impl UnreadPartial {
    /// Reads it, for what comes behind it makes one body with it. That may take long, and so is not for the writer to do.
    pub fn read(self) -> Result<ReadPartial> {
        let UnreadPartial { id, path, file, size, digest } = self;
        let mut blocks = Blocks::default();
        let mut offset = 0;
        while offset < size {
            let piece = read_at(&file, offset, CHUNK)?;
            if piece.is_empty() {
                return Ok(ReadPartial { id, size, bytes: None });
            }
            offset += piece.len() as u64;
            blocks.push(&piece);
        }
        if digest.is_some_and(|digest| digest != blocks.digest()) {
            tracing::warn!(path = %path.display(), "what came of a file is not what was written; it is given up");
            return Ok(ReadPartial { id, size, bytes: None });
        }
        Ok(ReadPartial { id, size, bytes: Some(Bytes::Filed { file: BodyFile::new(path, file), blocks }) })
    }
}
