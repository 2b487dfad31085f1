//! zstd, RFC 8878, by the library of its authors: of the readers at hand the one that unpacks by measured steps, whatever
//! a block says that it holds. Several frames are one text.

use super::unwrap::{PIECE, UnwrapError};
use super::wrap::PackerError;
use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window that is read: 8 MiB, which RFC 8878, 3.1.1.1.2 asks every reader to have.
const READ_WINDOW_BITS: u32 = 23;
/// The window that is written: 1 MiB, the usual size of a batch.
const WRITE_WINDOW_BITS: u32 = 20;
/// Of 19: half a second for a megabyte of text, which a telephone line carries in a minute; 19 gains nothing more.
const LEVEL: i32 = 17;

/// Unpacks what comes in pieces.
pub(super) struct Unpacker {
    frames: Decoder<'static>,
    /// Whether a frame has ended and none has begun behind it.
    between: bool,
}

impl Unpacker {
    pub fn new() -> Result<Unpacker, UnwrapError> {
        let mut frames = Decoder::new().map_err(damaged)?;
        frames.set_parameter(DParameter::WindowLogMax(READ_WINDOW_BITS)).map_err(damaged)?;
        Ok(Unpacker { frames, between: false })
    }

    /// Takes from the front of `input`, and appends at most [`PIECE`] bytes.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), UnwrapError> {
        let mut piece = Vec::with_capacity(PIECE);
        let mut source = InBuffer::around(input);
        let wanted = self.frames.run(&mut source, &mut OutBuffer::around(&mut piece)).map_err(damaged)?;
        let taken = source.pos();
        if taken > 0 || !piece.is_empty() {
            self.between = wanted == 0;
        }
        *input = input.get(taken..).unwrap_or_default();
        out.append(&mut piece);
        Ok(())
    }

    pub fn finish(&self) -> Result<(), UnwrapError> {
        if self.between { Ok(()) } else { Err(UnwrapError::Cut("zstd")) }
    }
}

fn damaged(error: std::io::Error) -> UnwrapError {
    UnwrapError::Damaged { form: "zstd", what: error.to_string() }
}

/// Packs what comes in pieces. It takes about 12 MiB.
pub(super) struct Packer {
    frame: Encoder<'static>,
}

impl Packer {
    pub fn new() -> Result<Packer, PackerError> {
        let mut frame = Encoder::new(LEVEL).map_err(failed)?;
        // The tables that the level would have are made for files of any length.
        for parameter in [
            CParameter::WindowLog(WRITE_WINDOW_BITS),
            CParameter::ChainLog(WRITE_WINDOW_BITS),
            CParameter::HashLog(WRITE_WINDOW_BITS - 1),
            CParameter::ChecksumFlag(true),
        ] {
            frame.set_parameter(parameter).map_err(failed)?;
        }
        Ok(Packer { frame })
    }

    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), PackerError> {
        let mut source = InBuffer::around(input);
        while source.pos() < input.len() {
            let mut piece = Vec::with_capacity(PIECE);
            self.frame.run(&mut source, &mut OutBuffer::around(&mut piece)).map_err(failed)?;
            out.append(&mut piece);
        }
        Ok(())
    }

    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), PackerError> {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let left = self.frame.finish(&mut OutBuffer::around(&mut piece), true).map_err(failed)?;
            out.append(&mut piece);
            if left == 0 {
                return Ok(());
            }
        }
    }
}

fn failed(error: std::io::Error) -> PackerError {
    PackerError { form: "zstd", what: error.to_string() }
}
