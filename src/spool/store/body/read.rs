//! Reading bodies. Whatever is handed out was held against its digest first.

use super::super::super::{BodyId, CHUNK, MOST_AT_ONCE, SpoolError};
use super::super::blocks::{self, SUM};
use super::super::file::read_at;
use super::super::{Home, Result, Store, signed, unsigned};
use super::Bytes;
use rusqlite::params;
use std::fs::File;

/// A part of a finished body: bytes of a row, or a file.
#[derive(Debug)]
pub enum Piece {
    Held(Vec<u8>),
    Filed {
        id: BodyId,
        size: u64,
        file: File,
        /// The digest of each block; None: it was written before digests of files were kept.
        sums: Option<Vec<[u8; SUM]>>,
    },
}

impl Piece {
    pub fn size(&self) -> u64 {
        match self {
            Piece::Held(bytes) => bytes.len() as u64,
            Piece::Filed { size, .. } => *size,
        }
    }

    /// Whether it is in memory.
    pub fn is_held(&self) -> bool {
        matches!(self, Piece::Held(_))
    }

    /// The digest of all of it, if it is known.
    pub fn whole(&self) -> Option<[u8; SUM]> {
        match self {
            Piece::Held(_) | Piece::Filed { sums: None, .. } => None,
            Piece::Filed { sums: Some(sums), .. } => Some(blocks::whole(sums)),
        }
    }

    /// Bytes from `offset` on, at most `limit`: at least one, unless it ends there.
    pub fn read(&self, offset: u64, limit: usize) -> Result<Vec<u8>> {
        match self {
            Piece::Held(bytes) => Ok(part(bytes, offset, limit)),
            Piece::Filed { file, sums: None, .. } => Ok(read_at(file, offset, limit)?),
            Piece::Filed { id, file, sums: Some(sums), .. } => {
                let first = usize::try_from(blocks::number(offset)).unwrap_or(usize::MAX);
                let sums = sums.get(first..).unwrap_or_default();
                read_sound(*id, |offset, limit| read_at(file, offset, limit), sums, offset, limit)
            }
        }
    }

    /// Reads all of a file; the bytes of a row were held against their digest when they were read.
    pub fn check(&self) -> Result<()> {
        let Piece::Filed { id, size, .. } = self else { return Ok(()) };
        let mut length = 0;
        loop {
            match self.read(length, MOST_AT_ONCE)?.len() as u64 {
                0 if length == *size => return Ok(()),
                0 => return Err(SpoolError::Corrupt(format!("body {} ends early", id.0))),
                more => length += more,
            }
        }
    }
}

impl Store {
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

    /// The pieces of a finished body, in their order, for whoever reads all of it beside the writer.
    pub fn body_pieces(&self, id: BodyId) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let row = self.one(
                "SELECT size, base, filed, blocks FROM bodies WHERE id = ?1",
                [signed(id.0)],
                |row| {
                    let (size, base) = (row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?);
                    Ok((unsigned(size), base, row.get::<_, bool>(2)?, row.get::<_, Option<Vec<u8>>>(3)?))
                },
            )?;
            let Some((size, base, filed, sums)) = row else { return Err(missing(id)) };
            pieces.push(match filed {
                true => {
                    let sums = sums.map(|sums| sums.as_chunks().0.to_vec());
                    Piece::Filed { id, size, file: self.finished_file(id)?, sums }
                }
                false => Piece::Held(self.head(id)?),
            });
            next = base.map(|base| BodyId(unsigned(base)));
        }
        Ok(pieces)
    }

    /// Bytes from one piece of a body: at least one, unless it ends here.
    fn read_some(&self, mut id: BodyId, mut offset: u64, limit: usize) -> Result<Vec<u8>> {
        if let Some(body) = self.open.get(&id) {
            return match &body.bytes {
                Bytes::Held(held) => Ok(part(held, offset, limit)),
                Bytes::Filed { file, blocks } => {
                    let sum = blocks.sum(offset);
                    read_sound(id, |offset, limit| file.read(offset, limit), sum.as_slice(), offset, limit)
                }
            };
        }
        loop {
            let piece = self.one(
                "SELECT length(head), base, filed FROM bodies WHERE id = ?1",
                [signed(id.0)],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, bool>(2)?)),
            )?;
            let Some((head, base, filed)) = piece else { return Err(missing(id)) };
            if filed {
                return self.read_filed(id, offset, limit);
            }
            if offset < unsigned(head) {
                return Ok(part(&self.head(id)?, offset, limit));
            }
            offset -= unsigned(head);
            match base {
                Some(base) => id = BodyId(unsigned(base)),
                None => return Ok(Vec::new()),
            }
        }
    }

    fn read_filed(&self, id: BodyId, offset: u64, limit: usize) -> Result<Vec<u8>> {
        let file = self.finished_file(id)?;
        let place = signed(blocks::number(offset)) * SUM as i64 + 1;
        let sum = self.one(
            "SELECT substr(blocks, ?2, ?3) FROM bodies WHERE id = ?1",
            params![signed(id.0), place, SUM as i64],
            |row| row.get::<_, Option<Vec<u8>>>(0),
        )?;
        match sum.flatten() {
            Some(sum) => {
                let sums = sum.as_chunks().0;
                read_sound(id, |offset, limit| read_at(&file, offset, limit), sums, offset, limit)
            }
            // It was written before digests of files were kept.
            None => Ok(read_at(&file, offset, limit)?),
        }
    }

    fn finished_file(&self, id: BodyId) -> Result<File> {
        let path = self.body_path(id).unwrap_or_default();
        File::open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SpoolError::Corrupt(format!("{}: {error}", path.display())),
            _ => error.into(),
        })
    }

    /// What the row of a body holds of it.
    fn head(&self, id: BodyId) -> Result<Vec<u8>> {
        let row = self.one("SELECT head, digest FROM bodies WHERE id = ?1", [signed(id.0)], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?))
        })?;
        let Some((head, digest)) = row else { return Err(missing(id)) };
        // In memory a head may be large, and damage is not to be feared.
        if matches!(self.home, Home::Directory(_)) && *blake3::hash(&head).as_bytes() != digest {
            return Err(damaged(id));
        }
        Ok(head)
    }
}

fn part(bytes: &[u8], offset: u64, limit: usize) -> Vec<u8> {
    let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
    rest.get(..limit).unwrap_or(rest).to_vec()
}

/// Bytes from `offset` on, at most `limit`, if the blocks around them are what was written. `sums` are those from the block
/// on that holds `offset`: so many blocks are read at most; without one the file has to end there.
pub(super) fn read_sound(
    id: BodyId,
    read: impl FnOnce(u64, usize) -> std::io::Result<Vec<u8>>,
    sums: &[[u8; SUM]],
    offset: u64,
    limit: usize,
) -> Result<Vec<u8>> {
    let begin = blocks::number(offset) * CHUNK as u64;
    let from = usize::try_from(offset - begin).unwrap_or(usize::MAX);
    let count = from.saturating_add(limit).div_ceil(CHUNK).min(sums.len()).max(1);
    let mut bytes = read(begin, count * CHUNK)?;
    let mut found = bytes.chunks(CHUNK);
    for number in 0..count {
        if !blocks::is_sound(found.next().unwrap_or_default(), sums.get(number).copied()) {
            return Err(damaged(id));
        }
    }
    bytes.drain(..from.min(bytes.len()));
    bytes.truncate(limit);
    Ok(bytes)
}

fn damaged(id: BodyId) -> SpoolError {
    SpoolError::Corrupt(format!("body {} is not what was written", id.0))
}

fn missing(id: BodyId) -> SpoolError {
    SpoolError::Missing(format!("body {}", id.0))
}
