//! Reading a body from its beginning to its end, beside the writer: what is read next is read ahead.

use super::store::{Blocks, Piece};
use super::{MOST_AT_ONCE, SpoolError};
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

type Result<T> = std::result::Result<T, SpoolError>;

/// A finished body that is being read. It stays readable even when nothing refers to it any more.
#[derive(Debug)]
pub struct BodyReader {
    pieces: Vec<Arc<Piece>>,
    /// What is being read already, and from where.
    ahead: Option<(u64, JoinHandle<Result<Vec<u8>>>)>,
}

impl BodyReader {
    pub(super) fn new(pieces: Vec<Piece>) -> BodyReader {
        BodyReader { pieces: pieces.into_iter().map(Arc::new).collect(), ahead: None }
    }

    pub(super) fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.size()).sum()
    }

    /// Bytes from `offset` on, at most `limit` and [`MOST_AT_ONCE`]; none at the end.
    pub async fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>> {
        let limit = limit.min(MOST_AT_ONCE);
        let mut found = Vec::new();
        while let Some((piece, inside)) = self.piece(offset + found.len() as u64)
            && found.len() < limit
        {
            if piece.is_held() {
                found.extend(piece.read(inside, limit - found.len())?);
                continue;
            }
            // Files are read from one block to the next.
            if found.is_empty() {
                let ahead = self.ahead.take().filter(|(from, _)| *from == offset).map(|(_, reading)| reading);
                found = finished(ahead.unwrap_or_else(|| begin(piece, inside, limit))).await?;
                found.truncate(limit);
            }
            break;
        }
        let next = offset + found.len() as u64;
        self.ahead = match self.piece(next) {
            Some((piece, inside)) if !piece.is_held() => Some((next, begin(piece, inside, limit))),
            _ => None,
        };
        Ok(found)
    }

    /// Reads all of it, for whoever must not begin with one that is damaged: [`SpoolError::Corrupt`] says that it is.
    pub async fn check(&self) -> Result<()> {
        for piece in &self.pieces {
            let piece = piece.clone();
            finished(spawn_blocking(move || piece.check())).await?;
        }
        Ok(())
    }

    /// The digest of all of it; it is read whole, as by [`BodyReader::check`].
    pub async fn digest(&mut self) -> Result<[u8; 32]> {
        if let [piece] = self.pieces.as_slice()
            && let Some(whole) = piece.whole()
        {
            self.check().await?;
            return Ok(whole);
        }
        let mut blocks = Blocks::default();
        let mut offset = 0;
        loop {
            let bytes = self.read(offset, MOST_AT_ONCE).await?;
            if bytes.is_empty() {
                break;
            }
            blocks.push(&bytes);
            offset += bytes.len() as u64;
        }
        match offset == self.size() {
            true => Ok(blocks.whole()),
            false => Err(SpoolError::Corrupt("a body ends early".to_owned())),
        }
    }

    /// The piece that has the byte at `offset`, and where.
    fn piece(&self, mut offset: u64) -> Option<(Arc<Piece>, u64)> {
        for piece in &self.pieces {
            match offset.checked_sub(piece.size()) {
                None => return Some((piece.clone(), offset)),
                Some(beyond) => offset = beyond,
            }
        }
        None
    }
}

fn begin(piece: Arc<Piece>, offset: u64, limit: usize) -> JoinHandle<Result<Vec<u8>>> {
    spawn_blocking(move || piece.read(offset, limit))
}

/// Only a panic, or the end of the runtime, keeps it from an answer.
async fn finished<T>(reading: JoinHandle<Result<T>>) -> Result<T> {
    reading.await.map_err(|_| SpoolError::Closed)?
}
