//! Partials: open bodies that outlive their process.

use super::super::super::{BodyId, CHUNK};
use super::super::blocks::{Blocks, SUM};
use super::super::file::{BodyFile, lock, read_at, sync_directory};
use super::super::{Result, Store};
use super::{Bytes, OpenBody, new_file};
use std::fs::OpenOptions;

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

    /// Opens the file of a partial that an earlier process, or call, left, and reads it, for what comes behind it makes
    /// one body with it. None: it is not there, or no longer what was written. What lies behind `synced` is cut off: after a
    /// power cut it may be anything, and a later sync would declare it sound.
    pub(in super::super) fn reopen(
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
}
