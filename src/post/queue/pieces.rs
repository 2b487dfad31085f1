//! A batch in the spool, piece by piece, out of its wrapper.

use crate::post::batch::{BatchError, Limits, Unwrapper};
use crate::spool::{BodyRef, CHUNK, Spool, SpoolError};

/// Reads a batch from a body. It keeps one piece at most, beside what the wrapper needs.
#[derive(Debug)]
pub struct Pieces {
    spool: Spool,
    batch: BodyRef,
    offset: u64,
    /// What was read and is not unpacked.
    packed: Vec<u8>,
    at: usize,
    /// None: the batch has ended.
    unwrapper: Option<Unwrapper>,
}

/// Why there is no next piece.
#[derive(Debug, thiserror::Error)]
pub enum PieceError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl Pieces {
    pub fn new(spool: &Spool, batch: BodyRef, limits: Limits) -> Pieces {
        let unwrapper = Some(Unwrapper::new(limits));
        Pieces { spool: spool.clone(), batch, offset: 0, packed: Vec::new(), at: 0, unwrapper }
    }

    /// The next piece, of about 128 KiB at most and never empty; none at the end of a batch that is not cut.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, PieceError> {
        let mut piece = Vec::new();
        while let Some(unwrapper) = &mut self.unwrapper {
            let mut rest = self.packed.get(self.at..).unwrap_or_default();
            let moved = unwrapper.step(&mut rest, &mut piece).map_err(BatchError::from)?;
            self.at = self.packed.len() - rest.len();
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
            if moved {
                continue;
            }
            if self.offset < self.batch.size {
                self.packed = self.spool.body_read(self.batch.id, self.offset, CHUNK).await?;
                self.at = 0;
                if self.packed.is_empty() {
                    let what = format!("body {} ends early", self.batch.id.0);
                    return Err(SpoolError::Corrupt(what).into());
                }
                self.offset += self.packed.len() as u64;
            } else if let Some(unwrapper) = self.unwrapper.take() {
                unwrapper.finish(&mut piece).map_err(BatchError::from)?;
            }
        }
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }
}
