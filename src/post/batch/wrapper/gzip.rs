//! gzip, RFC 1952. Files of several members are one text, as `gzip -d` has it.

use super::unwrap::{PIECE, UnwrapError};
use super::wrap::PackerError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The largest window of the form: 2^15 bytes.
const WINDOW_BITS: u8 = 15;

/// Unpacks what comes in pieces.
#[derive(Debug)]
pub(super) struct Gunzip {
    member: Decompress,
    /// A member has ended and none has begun behind it.
    between: bool,
}

impl Gunzip {
    pub fn new() -> Gunzip {
        Gunzip { member: Decompress::new_gzip(WINDOW_BITS), between: false }
    }

    /// Takes from the front of `input`, and appends at most [`PIECE`] bytes.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        if self.between {
            if input.is_empty() {
                return Ok(());
            }
            (self.member, self.between) = (Decompress::new_gzip(WINDOW_BITS), false);
        }
        out.reserve(PIECE);
        let before = self.member.total_in();
        let status = self.member.decompress_vec(input, out, FlushDecompress::None);
        let taken = usize::try_from(self.member.total_in() - before).unwrap_or(usize::MAX);
        *input = input.get(taken..).unwrap_or_default();
        match status {
            Ok(Status::StreamEnd) => self.between = true,
            Ok(Status::Ok | Status::BufError) => {}
            Err(error) => {
                return Err(UnwrapError::Damaged { form: "gzip", what: error.to_string() });
            }
        }
        Ok(())
    }

    pub fn finish(&self) -> Result<(), UnwrapError> {
        if self.between { Ok(()) } else { Err(UnwrapError::Cut("gzip")) }
    }
}

/// Packs what comes in pieces, as small as it can.
#[derive(Debug)]
pub(super) struct Gzip {
    stream: Compress,
}

impl Gzip {
    pub fn new() -> Gzip {
        Gzip { stream: Compress::new_gzip(Compression::best(), WINDOW_BITS) }
    }

    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), PackerError> {
        while !input.is_empty() {
            self.step(&mut input, out, FlushCompress::None)?;
        }
        Ok(())
    }

    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), PackerError> {
        while self.step(&mut &[][..], out, FlushCompress::Finish)? != Status::StreamEnd {}
        Ok(())
    }

    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<Status, PackerError> {
        out.reserve(PIECE);
        let before = self.stream.total_in();
        let status = self.stream.compress_vec(input, out, flush);
        let taken = usize::try_from(self.stream.total_in() - before).unwrap_or(usize::MAX);
        *input = input.get(taken..).unwrap_or_default();
        status.map_err(|error| PackerError { form: "gzip", what: error.to_string() })
    }
}
