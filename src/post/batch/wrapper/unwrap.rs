//! Takes the wrapper off, whatever it is.

use super::gzip::{self, Gunzip};
use super::lzw;
use super::zstd::{self, Unpacker};

/// How many bytes a step gives, more or less.
pub(super) const PIECE: usize = 64 * 1024;
/// Enough of the beginning to know every wrapper by.
const BEGINNING: usize = 6;
/// So much is given whatever the ratio: a small batch of a very regular text.
const SMALL: u64 = 1024 * 1024;

/// Compressed by programs whose form is not read here.
const NOT_READ: [(&[u8], &str); 5] = [
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x1f\x9e", "freeze"),
    (b"\x1f\x9f", "freeze"),
    (b"\x1f\x1e", "pack"),
];

/// What is taken out of one batch at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; default 1 GiB. Setting `max-batch-size`.
    pub size: u64,
    /// Bytes for each byte that came, beyond the first 1 MiB; default 200. Text comes to 3 or 5, and a file of zeros to
    /// 1 000 and more.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { size: 1024 * 1024 * 1024, ratio: 200 }
    }
}

/// Why a batch cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    #[error("the batch is compressed by {0}, which is not read here")]
    NotRead(&'static str),
    #[error("the batch is damaged: as {form} data: {what}")]
    Damaged { form: &'static str, what: String },
    #[error("the batch breaks off in the middle of its {0} data")]
    Cut(&'static str),
    #[error("the batch holds more than {0} bytes")]
    TooLarge(u64),
    #[error("the batch holds more than {0} times as many bytes as came")]
    Bomb(u64),
}

/// The machine. Push pieces through [`Unwrapper::step`], and read what comes out of it.
pub struct Unwrapper {
    limits: Limits,
    state: State,
    /// Bytes that came, and that were given.
    taken: u64,
    given: u64,
}

enum State {
    /// Too little has come to know.
    Beginning(Vec<u8>),
    Plain,
    Compress(Box<lzw::Decoder>),
    Gzip(Box<Gunzip>),
    Zstd(Box<Unpacker>),
}

impl Unwrapper {
    pub fn new(limits: Limits) -> Unwrapper {
        Unwrapper { limits, state: State::Beginning(Vec::new()), taken: 0, given: 0 }
    }

    /// Takes from the front of `input` and appends to `out` 128 KiB at most. False: nothing more comes without more input.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, UnwrapError> {
        let (before, had) = (input.len(), out.len());
        if let State::Beginning(beginning) = &mut self.state {
            let missing = BEGINNING.saturating_sub(beginning.len()).min(input.len());
            let (first, rest) = input.split_at(missing);
            beginning.extend_from_slice(first);
            *input = rest;
            if beginning.len() < BEGINNING {
                self.taken += before as u64;
                return Ok(false);
            }
            self.begin(out)?;
        }
        self.unpack(input, out)?;
        let (taken, given) = (before - input.len(), out.len() - had);
        self.taken += taken as u64;
        self.given += given as u64;
        self.check()?;
        Ok(taken > 0 || given > 0)
    }

    /// The input has ended, and all steps were done. Appends what is left.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        match &mut self.state {
            State::Beginning(_) => {
                self.begin(out)?;
                self.finish(out)
            }
            State::Plain => Ok(()),
            State::Compress(decoder) => decoder.finish(),
            State::Gzip(decoder) => decoder.finish(),
            State::Zstd(decoder) => decoder.finish(),
        }
    }

    /// Finds out what it is, and unpacks the beginning.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        let State::Beginning(beginning) = &mut self.state else { return Ok(()) };
        let beginning = std::mem::take(beginning);
        if let Some((_, form)) = NOT_READ.iter().find(|(magic, _)| beginning.starts_with(magic)) {
            return Err(UnwrapError::NotRead(form));
        }
        self.state = if beginning.starts_with(&lzw::MAGIC) {
            State::Compress(Box::new(lzw::Decoder::new()))
        } else if beginning.starts_with(&gzip::MAGIC) {
            State::Gzip(Box::new(Gunzip::new()))
        } else if beginning.starts_with(&zstd::MAGIC) {
            State::Zstd(Box::new(Unpacker::new()?))
        } else {
            State::Plain
        };
        let mut rest = beginning.as_slice();
        while !rest.is_empty() {
            self.unpack(&mut rest, out)?;
        }
        Ok(())
    }

    fn unpack(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        match &mut self.state {
            State::Beginning(_) => Ok(()),
            State::Plain => {
                let (piece, rest) = input.split_at(input.len().min(PIECE));
                out.extend_from_slice(piece);
                *input = rest;
                Ok(())
            }
            State::Compress(decoder) => decoder.step(input, out),
            State::Gzip(decoder) => decoder.step(input, out),
            State::Zstd(decoder) => decoder.step(input, out),
        }
    }

    fn check(&self) -> Result<(), UnwrapError> {
        let Limits { size, ratio } = self.limits;
        if self.given > size {
            return Err(UnwrapError::TooLarge(size));
        }
        if self.given > SMALL.saturating_add(self.taken.saturating_mul(ratio)) {
            return Err(UnwrapError::Bomb(ratio));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Unwrapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unwrapper")
            .field("taken", &self.taken)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}
