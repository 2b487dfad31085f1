//! The `f` protocol: nothing but printable characters and carriage returns, and one checksum a file. For lines that
//! correct errors but take some characters for themselves. Taylor UUCP manual, section "UUCP `f' Protocol".
//!
//! ```text
//! command:  text, CR
//! file:     each byte as one character or two;  ~ ~ and the checksum as 4 hex digits, CR
//! verdict:  G (it came right), R (send it again) or Q (it never comes right), CR
//! ```

use super::input::Input;
use super::sum::{START, sum};
use super::{Code, LONGEST_COMMAND};
use crate::wire::link::{Channel, Event, Expect, LinkError};

const CR: u8 = b'\r';
/// What the checksum stands behind, twice. Once only, it is the prefix of the highest bytes.
const END: u8 = 0x7e;
/// The end of a file: twice [`END`], four digits, CR.
const TRAILER: usize = 7;
/// Flow control that a line lets through means nothing.
const XON: u8 = 0x11;
const XOFF: u8 = 0x13;

#[derive(Debug)]
pub struct F {
    /// How often a file that came damaged is sent again.
    retries: u32,
    /// The sum of what went out of a file, and how often it was wanted again.
    sent: u16,
    resent: u32,
    awaits_verdict: bool,
    /// The sum of what came of a file; something came that cannot be of any; how often it came damaged.
    come: u16,
    damaged: bool,
    spoiled: u32,
}

impl F {
    pub fn new(retries: u32) -> Self {
        F { retries, sent: START, resent: 0, awaits_verdict: false, come: START, damaged: false, spoiled: 0 }
    }
}

impl Code for F {
    const LETTER: char = 'f';
    const SOUND: bool = false;

    fn command(&mut self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(text);
        out.push(CR);
    }

    fn begin_file(&mut self, _bytes: u64, _out: &mut Vec<u8>) {
        (self.sent, self.resent) = (START, 0);
    }

    fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError> {
        if bytes.is_empty() {
            out.extend([END, END]);
            out.extend(format!("{:04x}\r", self.sent).into_bytes());
            self.sent = START;
            self.awaits_verdict = true;
            return Ok(());
        }
        self.sent = sum(self.sent, bytes);
        for byte in bytes {
            match written(*byte) {
                (0, character) => out.push(character),
                (prefix, character) => out.extend([prefix, character]),
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut Input,
        expect: Expect,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        match expect {
            Expect::File => self.read_file(input, out),
            Expect::Command => self.read_line(input),
        }
    }

    fn awaits_verdict(&self) -> bool {
        self.awaits_verdict
    }
}

impl F {
    fn read_line(&mut self, input: &mut Input) -> Result<Option<Event>, LinkError> {
        while let Some(line) = input.take_through(CR) {
            let mut text: Vec<u8> =
                line.iter().copied().filter(|byte| ![XON, XOFF, CR].contains(byte)).collect();
            if !self.awaits_verdict {
                text.push(0);
                return Ok(Some(Event::Data { channel: Channel::ONLY, position: None, bytes: text }));
            }
            self.awaits_verdict = false;
            match text.as_slice() {
                b"G" => {}
                b"R" if self.resent < self.retries => {
                    self.resent += 1;
                    return Ok(Some(Event::Again));
                }
                _ => return Err(LinkError::Damaged { protocol: Self::LETTER }),
            }
        }
        if input.rest().len() > LONGEST_COMMAND {
            let what = "a command without end".to_owned();
            return Err(LinkError::Misbehaved { protocol: Self::LETTER, what });
        }
        Ok(None)
    }

    /// As much of the file as is there; its end is a packet of its own.
    fn read_file(&mut self, input: &mut Input, out: &mut Vec<u8>) -> Result<Option<Event>, LinkError> {
        let rest = input.rest();
        let mut bytes = Vec::with_capacity(rest.len());
        let mut at = 0;
        let mut told = None;
        while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
            let count = match *tail {
                [END, END, ..] if !bytes.is_empty() => break,
                [END, END, a, b, c, d, CR, ..] => {
                    told = Some([a, b, c, d]);
                    at += TRAILER;
                    break;
                }
                [END, END, ..] if tail.len() < TRAILER => break,
                [byte @ b' '..=0x79, ..] => {
                    bytes.push(byte);
                    1
                }
                [0x7a..=END] => break,
                [prefix @ 0x7a..=END, character, ..] => match read(prefix, character) {
                    Some(byte) => {
                        bytes.push(byte);
                        2
                    }
                    None => {
                        self.damaged = true;
                        1
                    }
                },
                [XON | XOFF, ..] => 1,
                _ => {
                    self.damaged = true;
                    1
                }
            };
            at += count;
        }
        input.take(at);
        self.come = sum(self.come, &bytes);
        match told {
            Some(told) => self.judge(&told, out).map(Some),
            None if bytes.is_empty() => Ok(None),
            None => Ok(Some(Event::Data { channel: Channel::ONLY, position: None, bytes })),
        }
    }

    /// The file has come to its end; this is its checksum as it came.
    fn judge(&mut self, told: &[u8], out: &mut Vec<u8>) -> Result<Event, LinkError> {
        let told = std::str::from_utf8(told).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let right = told.and_then(|text| u16::from_str_radix(text, 16).ok()) == Some(self.come);
        let right = right && !self.damaged;
        (self.come, self.damaged) = (START, false);
        if right {
            self.spoiled = 0;
            out.extend(b"G\r");
            return Ok(Event::Data { channel: Channel::ONLY, position: None, bytes: Vec::new() });
        }
        self.spoiled += 1;
        if self.spoiled > self.retries {
            out.extend(b"Q\r");
            return Err(LinkError::Damaged { protocol: Self::LETTER });
        }
        out.extend(b"R\r");
        Ok(Event::Spoiled)
    }
}

/// How a byte of a file is written: prefix (0: none) and character. The table of the manual.
fn written(byte: u8) -> (u8, u8) {
    match byte {
        0..=0x1f => (0x7a, byte + 0x40),
        0x20..=0x79 => (0, byte),
        0x7a..=0x7f => (0x7b, byte - 0x40),
        0x80..=0x9f => (0x7c, byte - 0x40),
        0xa0..=0xf9 => (0x7d, byte - 0x80),
        0xfa..=0xff => (0x7e, byte - 0xc0),
    }
}

/// What a prefix and a character stand for.
fn read(prefix: u8, character: u8) -> Option<u8> {
    Some(match (prefix, character) {
        (0x7a, 0x40..=0x5f) => character - 0x40,
        (0x7b, 0x3a..=0x3f) => character + 0x40,
        (0x7c, 0x40..=0x5f) => character + 0x40,
        (0x7d, 0x20..=0x79) => character + 0x80,
        (0x7e, 0x3a..=0x3f) => character + 0xc0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(code: &mut F, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        code.data(bytes, &mut out).unwrap();
        code.data(&[], &mut out).unwrap();
        out
    }

    /// What is read of a file that comes in pieces, and what is answered.
    fn receive(code: &mut F, bytes: &[u8], cut: usize) -> (Vec<Result<Event, LinkError>>, Vec<u8>) {
        let (mut input, mut out, mut events) = (Input::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            input.feed(piece);
            while let Some(event) = code.read(&mut input, Expect::File, &mut out).transpose() {
                events.push(event);
            }
        }
        (events, out)
    }

    #[test]
    fn every_byte_comes_back_and_is_printable_on_the_way() {
        for byte in 0..=255 {
            let (prefix, character) = written(byte);
            assert!((0x20..0x7f).contains(&character), "{byte}");
            if prefix > 0 {
                assert_eq!(read(prefix, character), Some(byte));
            }
        }
        let all: Vec<u8> = (0..=255).chain(0..=255).collect();
        for cut in [1, 2, 3, 1000] {
            let sent = send(&mut F::new(2), &all);
            assert!(sent.iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == CR));
            let (events, answer) = receive(&mut F::new(2), &sent, cut);
            let mut whole: Vec<u8> = Vec::new();
            for event in &events {
                let Ok(Event::Data { bytes, .. }) = event else { panic!("{event:?}") };
                whole.extend(bytes);
            }
            assert!(whole == all && answer == b"G\r");
        }
    }

    #[test]
    fn the_end_is_what_the_manual_says() {
        // 0xffff, turned, and 'A' added.
        assert_eq!(send(&mut F::new(2), b"A"), b"A~~0040\r");
        let mut empty = Vec::new();
        F::new(2).data(&[], &mut empty).unwrap();
        assert_eq!(empty, b"~~ffff\r");
    }

    #[test]
    fn a_damaged_file_is_asked_for_again_and_at_last_given_up() {
        let mut code = F::new(2);
        for bad in [&b"B~~0040\r"[..], b"A~~00x0\r"] {
            let (events, answer) = receive(&mut code, bad, 100);
            assert_eq!((events.last(), &answer[..]), (Some(&Ok(Event::Spoiled)), &b"R\r"[..]));
        }
        let (events, answer) = receive(&mut code, b"\x01A~~0040\r", 100);
        assert_eq!(events.last(), Some(&Err(LinkError::Damaged { protocol: 'f' })));
        assert_eq!(answer, b"Q\r");
    }

    #[test]
    fn flow_control_that_leaks_through_is_no_damage() {
        let (_, answer) = receive(&mut F::new(2), b"\x13\x11A~~0040\r", 100);
        assert_eq!(answer, b"G\r");
    }

    #[test]
    fn the_verdict_is_heeded() {
        let mut code = F::new(1);
        let mut input = Input::default();
        send(&mut code, b"text");
        assert!(code.awaits_verdict());
        input.feed(b"R\rG\rCY\r");
        let mut read = |code: &mut F| code.read(&mut input, Expect::Command, &mut Vec::new());
        assert_eq!(read(&mut code), Ok(Some(Event::Again)));
        send(&mut code, b"text");
        let text = Event::Data { channel: Channel::ONLY, position: None, bytes: b"CY\0".to_vec() };
        assert_eq!(read(&mut code), Ok(Some(text)));
        let mut input = Input::default();
        send(&mut code, b"text");
        input.feed(b"R\r");
        let given_up = code.read(&mut input, Expect::Command, &mut Vec::new());
        assert_eq!(given_up, Err(LinkError::Damaged { protocol: 'f' }));
    }
}
