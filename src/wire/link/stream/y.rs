//! The `y` protocol: numbered packets, each with a checksum, none ever repeated: an error ends the call. Taylor UUCP
//! manual, section "UUCP `y' Protocol".
//!
//! ```text
//!  bytes 0, 1          bytes 2, 3                          bytes 4, 5
//! +-----------------+-----------------------------------+------------------+
//! | number, low first| length; from 8000 hex: a control  | sum of the data  |
//! +-----------------+-----------------------------------+------------------+
//! | data; in the first packet of each side: version, size / 256, flags (2) |
//! ```

use super::input::Input;
use super::sum::{START, sum};
use super::{Code, FAREWELL};
use crate::wire::link::{Channel, Event, Expect, LinkError};

const HEADER: usize = 6;
/// Lengths from here on are control packets.
const CONTROL: u16 = 0x8000;
const ACK: u16 = 0xfffe;
const BAD_SUM: u16 = 0xfffd;
const BAD_PACKET: u16 = 0xfffc;
const VERSION: u8 = 1;
/// What the size of packets is told in, in bytes.
const SIZE_UNIT: usize = 256;
/// The most that the length can tell, in whole units.
const MOST_SIZE: usize = 127 * SIZE_UNIT;

#[derive(Debug)]
pub struct Y {
    /// The largest packet that the peer may send, and that we send, in bytes of data.
    ours: usize,
    size: usize,
    started: bool,
    next_out: u16,
    next_in: u16,
    awaits_ack: bool,
    /// Why nothing more is read.
    failed: Option<LinkError>,
}

impl Y {
    /// `size` in bytes of data; it is cut to a multiple of 256.
    pub fn new(size: usize) -> Self {
        let ours = size.clamp(SIZE_UNIT, MOST_SIZE) / SIZE_UNIT * SIZE_UNIT;
        Y { ours, size: ours, started: false, next_out: 0, next_in: 0, awaits_ack: false, failed: None }
    }

    fn header(&mut self, length: u16, sum: u16, out: &mut Vec<u8>) {
        for field in [self.next_out, length, sum] {
            out.extend(field.to_le_bytes());
        }
        self.next_out = self.next_out.wrapping_add(1);
    }

    fn packet(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let checked = if data.is_empty() { 0 } else { sum(START, data) };
        self.header(data.len() as u16, checked, out);
        out.extend_from_slice(data);
    }

    /// Tells the peer why the call ends.
    fn give_up(&mut self, why: u16, out: &mut Vec<u8>) -> LinkError {
        self.header(why, 0, out);
        LinkError::Damaged { protocol: Self::LETTER }
    }

    /// The next packet of data, once it is whole; acknowledgements are dealt with.
    fn next_packet<'i>(
        &mut self,
        input: &'i mut Input,
        out: &mut Vec<u8>,
    ) -> Result<Option<&'i [u8]>, LinkError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            let Some([n0, n1, l0, l1, s0, s1]) = input.rest().first_chunk::<HEADER>().copied() else {
                return Ok(None);
            };
            if u16::from_le_bytes([n0, n1]) != self.next_in {
                return Err(self.give_up(BAD_PACKET, out));
            }
            let length = u16::from_le_bytes([l0, l1]);
            if length == ACK {
                input.take(HEADER);
                self.next_in = self.next_in.wrapping_add(1);
                self.awaits_ack = false;
                continue;
            }
            if length >= CONTROL {
                return Err(LinkError::Damaged { protocol: Self::LETTER });
            }
            let length = usize::from(length);
            if length > self.ours {
                return Err(self.give_up(BAD_PACKET, out));
            }
            let Some(data) = input.rest().get(HEADER..HEADER + length) else { return Ok(None) };
            if length > 0 && sum(START, data) != u16::from_le_bytes([s0, s1]) {
                return Err(self.give_up(BAD_SUM, out));
            }
            self.next_in = self.next_in.wrapping_add(1);
            return Ok(input.take(HEADER + length).and_then(|packet| packet.get(HEADER..)));
        }
    }

    /// The first packet of the peer.
    fn read_sync(&mut self, input: &mut Input, out: &mut Vec<u8>) -> Result<Option<Event>, LinkError> {
        let Some(data) = self.next_packet(input, out)? else { return Ok(None) };
        let Some(size) = told_size(data) else {
            let what = "no sync packet at its start".to_owned();
            return Err(LinkError::Misbehaved { protocol: Self::LETTER, what });
        };
        self.size = (usize::from(size) * SIZE_UNIT).clamp(SIZE_UNIT, self.ours);
        self.started = true;
        Ok(Some(Event::Started))
    }

    /// As much of the file as is there, over the borders of packets; its end is a packet of its own.
    fn read_file(&mut self, input: &mut Input, out: &mut Vec<u8>) -> Result<Option<Vec<u8>>, LinkError> {
        let mut bytes = Vec::with_capacity(input.rest().len());
        loop {
            let ends = matches!(input.rest(), [_, _, 0, 0, ..]);
            if ends && !bytes.is_empty() {
                break;
            }
            match self.next_packet(input, out) {
                Ok(Some([])) => {
                    self.header(ACK, 0, out);
                    return Ok(Some(bytes));
                }
                Ok(Some(data)) => bytes.extend_from_slice(data),
                Ok(None) => break,
                Err(error) if bytes.is_empty() => return Err(error),
                // What came before is sound.
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

/// The size in the first packet of a peer, if that is one; what later versions say beyond it does not count.
fn told_size(data: &[u8]) -> Option<u8> {
    match *data {
        [version, size, _, _, ..] if version >= VERSION => Some(size),
        _ => None,
    }
}

impl Code for Y {
    const LETTER: char = 'y';

    fn start(&mut self, out: &mut Vec<u8>) -> bool {
        let size = u8::try_from(self.ours / SIZE_UNIT).unwrap_or(u8::MAX);
        self.packet(&[VERSION, size, 0, 0], out);
        false
    }

    fn command(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let whole = [text, b"\0"].concat();
        for piece in whole.chunks(self.size) {
            self.packet(piece, out);
        }
    }

    fn data(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), LinkError> {
        if bytes.is_empty() {
            self.packet(&[], out);
            self.awaits_ack = true;
        }
        for piece in bytes.chunks(self.size) {
            self.packet(piece, out);
        }
        Ok(())
    }

    fn read(
        &mut self,
        input: &mut Input,
        expect: Expect,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event>, LinkError> {
        if !self.started {
            return self.read_sync(input, out);
        }
        let bytes = match expect {
            Expect::Command => self.next_packet(input, out)?.map(<[u8]>::to_vec),
            Expect::File => self.read_file(input, out)?,
        };
        Ok(bytes.map(|bytes| Event::Data { channel: Channel::ONLY, position: None, bytes }))
    }

    /// A packet could begin with these bytes too.
    fn is_farewell(&self, rest: &[u8]) -> bool {
        rest.starts_with(FAREWELL) && !rest.starts_with(&self.next_in.to_le_bytes())
    }

    fn awaits_verdict(&self) -> bool {
        self.awaits_ack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ends that have exchanged their first packets.
    fn started() -> (Y, Y) {
        let (mut one, mut other) = (Y::new(1024), Y::new(2048));
        let (mut forth, mut back) = (Vec::new(), Vec::new());
        assert!(!one.start(&mut forth) && !other.start(&mut back));
        for (code, bytes) in [(&mut one, back), (&mut other, forth)] {
            let mut input = Input::default();
            input.feed(&bytes);
            assert_eq!(code.read(&mut input, Expect::Command, &mut Vec::new()), Ok(Some(Event::Started)));
        }
        assert_eq!((one.size, other.size), (1024, 1024));
        (one, other)
    }

    fn events(code: &mut Y, bytes: &[u8], cut: usize) -> (Vec<Result<Event, LinkError>>, Vec<u8>) {
        let (mut input, mut out, mut events) = (Input::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            input.feed(piece);
            while let Some(event) = code.read(&mut input, Expect::File, &mut out).transpose() {
                let failed = event.is_err();
                events.push(event);
                if failed {
                    return (events, out);
                }
            }
        }
        (events, out)
    }

    #[test]
    fn the_first_packet_is_what_the_manual_says() {
        let mut out = Vec::new();
        Y::new(1024).start(&mut out);
        let sum = sum(START, &[1, 4, 0, 0]).to_le_bytes();
        assert_eq!(out, [0, 0, 4, 0, sum[0], sum[1], 1, 4, 0, 0]);
    }

    #[test]
    fn a_file_comes_back_and_is_acknowledged() {
        for cut in [1, 700, usize::MAX] {
            let (mut from, mut to) = started();
            let file: Vec<u8> = (0..3000).map(|n| (n / 7) as u8).collect();
            let mut out = Vec::new();
            from.data(&file, &mut out).unwrap();
            from.data(&[], &mut out).unwrap();
            assert!(from.awaits_verdict());
            let (got, answer) = events(&mut to, &out, cut);
            let mut whole: Vec<u8> = Vec::new();
            for event in &got {
                let Ok(Event::Data { bytes, .. }) = event else { panic!("{event:?}") };
                whole.extend(bytes);
            }
            assert!(whole == file);
            assert_eq!(answer, [1, 0, 0xfe, 0xff, 0, 0]);
            let mut input = Input::default();
            input.feed(&answer);
            assert_eq!(from.read(&mut input, Expect::Command, &mut Vec::new()), Ok(None));
            assert!(!from.awaits_verdict());
        }
    }

    #[test]
    fn damage_ends_the_call_and_the_peer_is_told() {
        for (at, why) in [(0, 0xfc), (3, 0xfc), (HEADER, 0xfd), (HEADER + 9, 0xfd)] {
            let (mut from, mut to) = started();
            let mut out = Vec::new();
            from.data(b"some bytes", &mut out).unwrap();
            out[at] ^= 0x40;
            let (got, answer) = events(&mut to, &out, usize::MAX);
            assert_eq!(got, [Err(LinkError::Damaged { protocol: 'y' })], "{at}");
            assert_eq!(answer, [1, 0, why, 0xff, 0, 0], "{at}");
            let mut input = Input::default();
            input.feed(&answer);
            assert!(from.read(&mut input, Expect::Command, &mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_came_before_the_damage_is_handed_out() {
        let (mut from, mut to) = started();
        let mut out = Vec::new();
        from.data(b"good", &mut out).unwrap();
        from.data(b"evil", &mut out).unwrap();
        *out.last_mut().unwrap() ^= 1;
        let (got, _) = events(&mut to, &out, usize::MAX);
        assert!(matches!(&got[0], Ok(Event::Data { bytes, .. }) if bytes == b"good"), "{got:?}");
        assert!(got[1].is_err());
    }
}
