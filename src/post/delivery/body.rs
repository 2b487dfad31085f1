//! Reading and writing bodies of the spool as bytes.

use crate::spool::{BodyId, BodyRef, CHUNK, Content, Spool, SpoolError};

/// All of a body. Callers bound what they read by the limit on messages.
pub async fn read_whole(spool: &Spool, body: BodyRef) -> Result<Vec<u8>, SpoolError> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < body.size {
        let piece = spool.body_read(body.id, bytes.len() as u64, CHUNK).await?;
        if piece.is_empty() {
            return Err(SpoolError::Corrupt(format!("body {} ends early", body.id.0)));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// As much of a body as may hold the header of a message.
pub async fn beginning(spool: &Spool, body: BodyId, limit: usize) -> Result<Vec<u8>, SpoolError> {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        let piece = spool.body_read(body, bytes.len() as u64, CHUNK).await?;
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Collects bytes of unknown length: what is small stays in memory, what grows becomes a body.
#[derive(Debug)]
pub struct Writer {
    spool: Spool,
    /// Not yet in the body; less than [`CHUNK`] between calls.
    pending: Vec<u8>,
    body: Option<(BodyId, u64)>,
}

impl Writer {
    pub fn new(spool: &Spool) -> Writer {
        Writer { spool: spool.clone(), pending: Vec::new(), body: None }
    }

    /// How many bytes were written so far.
    pub fn length(&self) -> u64 {
        self.body.map_or(0, |(_, length)| length) + self.pending.len() as u64
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.pending.extend_from_slice(bytes);
        while self.pending.len() > CHUNK {
            let rest = self.pending.split_off(CHUNK);
            let piece = std::mem::replace(&mut self.pending, rest);
            self.append(piece).await?;
        }
        Ok(())
    }

    /// The same for bytes that nobody else needs: the first are not copied.
    pub async fn give(&mut self, bytes: Vec<u8>) -> Result<(), SpoolError> {
        if self.pending.is_empty() && bytes.len() < CHUNK {
            self.pending = bytes;
            return Ok(());
        }
        self.write(&bytes).await
    }

    /// Appends what a body holds from `offset` on.
    pub async fn copy(&mut self, from: BodyId, mut offset: u64) -> Result<(), SpoolError> {
        loop {
            let piece = self.spool.body_read(from, offset, CHUNK).await?;
            if piece.is_empty() {
                return Ok(());
            }
            offset += piece.len() as u64;
            self.write(&piece).await?;
        }
    }

    /// Makes what was written durable, as far as it is a body.
    pub async fn finish(mut self) -> Result<Content, SpoolError> {
        let pending = std::mem::take(&mut self.pending);
        if self.body.is_none() {
            return Ok(Content::bytes(pending));
        }
        self.append(pending).await?;
        let Some((body, _)) = self.body else { return Ok(Content::default()) };
        self.spool.body_sync(body).await?;
        Ok(Content::body(body))
    }

    /// Gives up what was written.
    pub async fn abandon(self) -> Result<(), SpoolError> {
        match self.body {
            Some((body, _)) => self.spool.body_drop(body).await,
            None => Ok(()),
        }
    }

    async fn append(&mut self, piece: Vec<u8>) -> Result<(), SpoolError> {
        let (body, length) = match self.body {
            Some(body) => body,
            None => (self.spool.body_new().await?, 0),
        };
        let longer = length + piece.len() as u64;
        self.body = Some((body, length));
        self.spool.body_append(body, length, piece).await?;
        self.body = Some((body, longer));
        Ok(())
    }
}
