//! The text of a message, from the spool to the wire.

use crate::fault::{Fault, ToFault};
use crate::post::smtp::client::drive::Text;
use crate::spool::{BodyReader, BodyRef, CHUNK, Spool, SpoolError};

/// What has to be known of a text before it is offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survey {
    /// Bytes with CRLF line ends, without NUL.
    pub size: u64,
    /// Some byte is above 127.
    pub eight_bit: bool,
}

impl Survey {
    fn push(&mut self, piece: &[u8]) {
        for byte in piece {
            self.size += match byte {
                0 => 0,
                b'\n' => 2,
                _ => 1,
            };
            self.eight_bit |= *byte > 127;
        }
    }
}

/// A body that is read from its beginning to its end.
pub struct BodyText {
    reader: BodyReader,
    offset: u64,
}

impl BodyText {
    /// Reads all of it once: one that is damaged is not begun with.
    pub async fn survey(spool: &Spool, body: BodyRef) -> Result<(Survey, BodyText), SpoolError> {
        let mut text = BodyText { reader: spool.body_open(body).await?, offset: 0 };
        let mut survey = Survey::default();
        loop {
            let piece = text.read().await?;
            if piece.is_empty() {
                text.offset = 0;
                return Ok((survey, text));
            }
            survey.push(&piece);
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, SpoolError> {
        let piece = self.reader.read(self.offset, CHUNK).await?;
        self.offset += piece.len() as u64;
        Ok(piece)
    }
}

impl Text for BodyText {
    async fn next_piece(&mut self) -> Result<Vec<u8>, Fault> {
        self.read().await.map_err(|error| error.fault())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_as_it_goes_out() {
        let mut survey = Survey::default();
        survey.push(b"a\n\0b");
        assert_eq!(survey, Survey { size: 4, eight_bit: false });
        survey.push("\u{e9}\n".as_bytes());
        assert_eq!(survey, Survey { size: 8, eight_bit: true });
    }
}
