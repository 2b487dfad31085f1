//! The `e` protocol: a file as it is, with its length before it. Taylor UUCP manual, section "UUCP `e' Protocol".
//!
//! ```text
//! command:  text, NUL
//! file:     its length in decimal digits, filled up with NUL to 20 bytes; so many bytes
//! ```

use super::input::Input;
use super::{Code, LONGEST_COMMAND};
use crate::wire::link::{Channel, Event, Expect, LinkError};

/// Bytes that the length of a file takes.
const LENGTH: usize = 20;

#[derive(Debug, Default)]
pub struct E {
    /// What has not gone out yet of what was promised.
    owed: u64,
    /// What has not come of the file that has begun.
    left: Option<u64>,
}

impl Code for E {
    const LETTER: char = 'e';

    fn command(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(text);
        out.push(0);
    }

    fn begin_file(&mut self, bytes: u64, out: &mut Vec<u8>) {
        let end = out.len() + LENGTH;
        out.extend(bytes.to_string().into_bytes());
        out.resize(end, 0);
        self.owed = bytes;
    }

    /// A file that has grown since its length was told ends where it was told.
    fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError> {
        if bytes.is_empty() && self.owed > 0 {
            return Err(LinkError::Shrunk { protocol: Self::LETTER });
        }
        let owed = usize::try_from(self.owed).unwrap_or(usize::MAX).min(bytes.len());
        out.extend_from_slice(bytes.get(..owed).unwrap_or_default());
        self.owed -= owed as u64;
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut Input,
        expect: Expect,
        _out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        let bytes = match expect {
            Expect::Command => {
                let whole = input.take_through(0).map(<[u8]>::to_vec);
                if whole.is_none() && input.rest().len() > LONGEST_COMMAND {
                    let what = "a command without end".to_owned();
                    return Err(LinkError::Misbehaved { protocol: Self::LETTER, what });
                }
                whole
            }
            Expect::File => self.read_file(input)?,
        };
        Ok(bytes.map(|bytes| Event::Data { channel: Channel::ONLY, position: None, bytes }))
    }
}

impl E {
    fn read_file(&mut self, input: &mut Input) -> Result<Option<Vec<u8>>, LinkError> {
        let left = match self.left {
            Some(left) => left,
            None => {
                let Some(told) = input.take(LENGTH) else { return Ok(None) };
                let Some(length) = length(told) else {
                    let what = format!("a length of {:?}", told.escape_ascii().to_string());
                    return Err(LinkError::Misbehaved { protocol: Self::LETTER, what });
                };
                length
            }
        };
        if left == 0 {
            self.left = None;
            return Ok(Some(Vec::new()));
        }
        let bytes = input.take_up_to(usize::try_from(left).unwrap_or(usize::MAX)).to_vec();
        self.left = Some(left - bytes.len() as u64);
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// Digits, and what stands behind the first NUL does not count.
fn length(told: &[u8]) -> Option<u64> {
    let digits = told.split(|byte| *byte == 0).next()?;
    let digits = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &mut E, input: &mut Input) -> Result<Option<Event>, LinkError> {
        code.read(input, Expect::File, &mut Vec::new())
    }

    #[test]
    fn a_file_is_what_the_manual_says() {
        let (mut code, mut out) = (E::default(), Vec::new());
        code.begin_file(1000, &mut out);
        assert_eq!(out, b"1000\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        code.data(&[9; 1000], &mut out).unwrap();
        code.data(&[], &mut out).unwrap();
        assert_eq!(out.len(), 1020);
    }

    #[test]
    fn a_file_that_changes_while_it_is_sent_does_not_break_the_stream() {
        let (mut code, mut out) = (E::default(), Vec::new());
        code.begin_file(4, &mut out);
        code.data(b"longer", &mut out).unwrap();
        code.data(b"still", &mut out).unwrap();
        assert_eq!(code.data(&[], &mut out), Ok(()));
        assert!(out.ends_with(b"\0long"));
        code.begin_file(4, &mut out);
        code.data(b"abc", &mut out).unwrap();
        assert_eq!(code.data(&[], &mut out), Err(LinkError::Shrunk { protocol: 'e' }));
    }

    #[test]
    fn lengths_are_digits() {
        assert_eq!(length(b"0\0\0\0"), Some(0));
        assert_eq!(length(b"18446744073709551615"), Some(u64::MAX));
        for bad in
            [&b"18446744073709551616"[..], b"\0\x30\x30", b"+4\0\0", b"-1\0\0", b"12 \0", b"\xff\0\0\0"]
        {
            assert_eq!(length(bad), None, "{bad:?}");
        }
        let mut input = Input::default();
        input.feed(b"rubbish rubbish rubbish");
        assert!(read(&mut E::default(), &mut input).is_err());
    }
}
