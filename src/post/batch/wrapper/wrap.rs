//! Puts the wrapper on.

use super::Wrapper;
use super::gzip::Gzip;
use super::lzw::Encoder;
use super::zstd::Packer as Zstd;

/// A batch could not be packed; of what is known, only for want of memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot pack a batch as {form}: {what}")]
pub struct PackerError {
    pub(super) form: &'static str,
    pub(super) what: String,
}

/// A batch being packed. Every step appends to the caller's buffer.
pub struct Packer {
    state: State,
}

enum State {
    Plain,
    Compress(Box<Encoder>),
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
}

impl Packer {
    pub fn new(wrapper: Wrapper) -> Result<Packer, PackerError> {
        let state = match wrapper {
            Wrapper::Plain => State::Plain,
            Wrapper::Compress => State::Compress(Box::new(Encoder::new())),
            Wrapper::Gzip => State::Gzip(Box::new(Gzip::new())),
            Wrapper::Zstd => State::Zstd(Box::new(Zstd::new()?)),
        };
        Ok(Packer { state })
    }

    /// The next bytes of the batch.
    pub fn push(&mut self, batch: &[u8], out: &mut Vec<u8>) -> Result<(), PackerError> {
        match &mut self.state {
            State::Plain => out.extend_from_slice(batch),
            State::Compress(encoder) => encoder.push(batch, out),
            State::Gzip(encoder) => encoder.push(batch, out)?,
            State::Zstd(encoder) => encoder.push(batch, out)?,
        }
        Ok(())
    }

    /// The batch has ended.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), PackerError> {
        match self.state {
            State::Plain => Ok(()),
            State::Compress(encoder) => {
                encoder.finish(out);
                Ok(())
            }
            State::Gzip(encoder) => encoder.finish(out),
            State::Zstd(encoder) => encoder.finish(out),
        }
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}
