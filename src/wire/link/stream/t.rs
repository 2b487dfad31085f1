//! The `t` protocol: blocks with their length before them. Taylor UUCP manual, section "UUCP `t' Protocol".
//!
//! ```text
//! command:  text, NUL, and NULs up to a multiple of 512 bytes
//! file:     length, 4 bytes, high first; so many bytes, at most 1024;  ...  length 0
//! ```

use super::Code;
use super::input::Input;
use crate::wire::link::{Channel, Event, Expect, LinkError};

/// Commands fill up blocks of this many bytes.
const COMMAND_BLOCK: usize = 512;
/// The most bytes of a file in one block.
const MOST_DATA: usize = 1024;
const LENGTH: usize = 4;

#[derive(Debug, Default)]
pub struct T {
    /// What has not come of the block that has begun.
    left: usize,
}

impl Code for T {
    const LETTER: char = 't';

    fn command(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let end = out.len() + (text.len() / COMMAND_BLOCK + 1) * COMMAND_BLOCK;
        out.extend_from_slice(text);
        out.resize(end, 0);
    }

    fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError> {
        if bytes.is_empty() {
            out.extend([0; LENGTH]);
        }
        for block in bytes.chunks(MOST_DATA) {
            out.extend((block.len() as u32).to_be_bytes());
            out.extend_from_slice(block);
        }
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut Input,
        expect: Expect,
        _out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        let bytes = match expect {
            Expect::Command => input.take(COMMAND_BLOCK).map(<[u8]>::to_vec),
            Expect::File => self.read_file(input)?,
        };
        Ok(bytes.map(|bytes| Event::Data { channel: Channel::ONLY, position: None, bytes }))
    }
}

impl T {
    /// As much of the file as is there, over the borders of blocks.
    fn read_file(&mut self, input: &mut Input) -> Result<Option<Vec<u8>>, LinkError> {
        let mut bytes = Vec::with_capacity(input.rest().len());
        loop {
            let piece = input.take_up_to(self.left);
            self.left -= piece.len();
            bytes.extend_from_slice(piece);
            if self.left > 0 {
                break;
            }
            let Some(length) = input.rest().first_chunk::<LENGTH>().map(|length| u32::from_be_bytes(*length))
            else {
                break;
            };
            let length = length as usize;
            if length == 0 && !bytes.is_empty() {
                // The end is a packet of its own.
                break;
            }
            if length > MOST_DATA {
                let what = format!("a block of {length} bytes");
                return Err(LinkError::Misbehaved { protocol: Self::LETTER, what });
            }
            input.take(LENGTH);
            if length == 0 {
                return Ok(Some(bytes));
            }
            self.left = length;
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_fill_blocks_with_room_for_a_nul() {
        for (length, whole) in [(0, 512), (1, 512), (511, 512), (512, 1024), (1023, 1024)] {
            let mut out = Vec::new();
            T::default().command(&vec![b'x'; length], &mut out);
            assert_eq!(out.len(), whole);
            assert!(out[length..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_file_is_what_the_manual_says() {
        let mut out = Vec::new();
        T::default().data(&[7; 1030], &mut out).unwrap();
        T::default().data(&[], &mut out).unwrap();
        assert_eq!(out.len(), 4 + 1024 + 4 + 6 + 4);
        assert_eq!(out[..5], [0, 0, 4, 0, 7]);
        assert_eq!(out[1028..1033], [0, 0, 0, 6, 7]);
        assert_eq!(out[1038..], [0; 4]);
    }

    #[test]
    fn a_block_that_is_too_long_is_no_block() {
        let mut input = Input::default();
        input.feed(&[0, 0, 4, 1]);
        assert!(T::default().read(&mut input, Expect::File, &mut Vec::new()).is_err());
    }
}
