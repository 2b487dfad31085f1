//! The packets of the `g` family: header, checksum, short packets. Taylor UUCP manual, section "UUCP `g' Protocol".
//!
//! ```text
//!  byte 0   byte 1            byte 2     byte 3      byte 4              byte 5
//! +--------+-----------------+----------+-----------+-------------------+---------------+
//! | ^P 10  | K: 1 to 8, or 9 | sum, low | sum, high | TT 2, XXX 3, YYY 3| xor of 1 to 4 |
//! +--------+-----------------+----------+-----------+-------------------+---------------+
//! | data, 2^(K+4) bytes; none if K is 9 (a control packet)                              |
//! ```

use crate::wire::link::reader::Framing;

const START: u8 = 0x10;
pub const HEADER: usize = 6;
/// Value of K in a control packet.
const CONTROL: u8 = 9;
/// What checksums are taken from.
const SUM_BASE: u16 = 0xaaaa;
/// The smallest and the largest data field, in bytes.
pub const LEAST_DATA: usize = 32;
pub const MOST_DATA: usize = 4096;

/// Control packets: XXX, with the meaning of YYY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The protocol ends.
    Close,
    /// Last packet received in order; what followed it did not arrive.
    Reject(u8),
    /// A packet that did not arrive.
    SelectiveReject(u8),
    /// Last packet received in order.
    Ready(u8),
    /// Window to be used.
    InitC(u8),
    /// Size of packets to be used: 2^(YYY + 5).
    InitB(u8),
    /// Window to be used.
    InitA(u8),
}

impl Control {
    fn bits(self) -> u8 {
        let (kind, value) = match self {
            Control::Close => (1, 0),
            Control::Reject(value) => (2, value),
            Control::SelectiveReject(value) => (3, value),
            Control::Ready(value) => (4, value),
            Control::InitC(value) => (5, value),
            Control::InitB(value) => (6, value),
            Control::InitA(value) => (7, value),
        };
        kind << 3 | value & 7
    }

    fn from_bits(bits: u8) -> Option<Control> {
        let value = bits & 7;
        Some(match bits >> 3 {
            1 => Control::Close,
            2 => Control::Reject(value),
            3 => Control::SelectiveReject(value),
            4 => Control::Ready(value),
            5 => Control::InitC(value),
            6 => Control::InitB(value),
            7 => Control::InitA(value),
            _ => return None,
        })
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    Control(Control),
    Data {
        /// Sequence number, modulo 8.
        packet: u8,
        /// Last packet received in order, modulo 8.
        ack: u8,
        /// Not all of the data field is data.
        short: bool,
        sum: u16,
    },
}

fn header(k: u8, sum: u16, control: u8) -> [u8; HEADER] {
    let [low, high] = sum.to_le_bytes();
    [START, k, low, high, control, k ^ low ^ high ^ control]
}

/// A control packet.
pub fn control(control: Control) -> [u8; HEADER] {
    let bits = control.bits();
    header(CONTROL, SUM_BASE.wrapping_sub(u16::from(bits)), bits)
}

/// A data packet with a field of `size` bytes, a power of two from 32 to 4096. Data that leave the field unfilled
/// make it a short packet; `data` must not be longer than the field, and a short one leaves room for its length
/// (see [`fits`]).
pub fn data(packet: u8, ack: u8, size: usize, data: &[u8]) -> Vec<u8> {
    frame(packet, ack, size, data, None)
}

/// How much of a field a seal takes, the length of the data before it among that.
pub const SEAL: usize = 5;

/// The same with a seal: a CRC-32 of the data at the end of what the data leave unfilled, which any receiver drops. The sum of
/// the protocol does not show all damage; between uugates this does. `data` must be shorter than the field by [`SEAL`].
pub fn sealed(packet: u8, ack: u8, size: usize, data: &[u8]) -> Vec<u8> {
    frame(packet, ack, size, data, Some(seal(data)))
}

fn frame(packet: u8, ack: u8, size: usize, data: &[u8], seal: Option<[u8; 4]>) -> Vec<u8> {
    let unused = size.saturating_sub(data.len());
    let mut out = Vec::with_capacity(HEADER + size);
    out.extend([0; HEADER]);
    match unused {
        0 => {}
        1..128 => out.push(unused as u8),
        _ => out.extend([(unused & 0x7f) as u8 | 0x80, (unused >> 7) as u8]),
    }
    out.extend_from_slice(data);
    out.resize(HEADER + size, 0);
    if let (Some(seal), Some(end)) = (seal, out.last_chunk_mut::<4>()) {
        *end = seal;
    }
    let kind = if unused == 0 { 2 } else { 3 };
    stamp(&mut out, kind << 6 | (packet & 7) << 3 | ack & 7);
    out
}

/// Inverted, so that the zeros behind no data are none.
fn seal(content: &[u8]) -> [u8; 4] {
    (!crc32fast::hash(content)).to_be_bytes()
}

/// Whether so many bytes of data and a seal go into a packet with a field of `size`.
pub fn fits_sealed(length: usize, size: usize) -> bool {
    fits(length, size) && length + SEAL + usize::from(size >= length + 128) <= size
}

/// The data in the field of a packet, and whether it has a seal that fits them; nothing if they cannot be.
pub fn open(short: bool, mut field: Vec<u8>) -> Option<(Vec<u8>, bool)> {
    if !short {
        return Some((field, false));
    }
    let (unused, prefix) = match *field {
        [first, ..] if first < 128 => (usize::from(first), 1),
        [first, second, ..] => (usize::from(first & 0x7f) + (usize::from(second) << 7), 2),
        _ => return None,
    };
    // A length that cannot be is damage that the checksum did not show.
    let length = field.len().checked_sub(unused)?;
    let data = field.get(prefix..prefix + length)?;
    let end = field.get(prefix + length..).and_then(|rest| rest.last_chunk::<4>());
    let sealed = end.is_some_and(|end| *end == seal(data));
    field.truncate(prefix + length);
    field.drain(..prefix);
    Some((field, sealed))
}

/// Puts the present acknowledgement into a data packet that was framed earlier.
pub fn restamp(frame: &mut [u8], ack: u8) {
    if let Some(bits) = frame.get(4) {
        let bits = *bits & !7 | ack & 7;
        stamp(frame, bits);
    }
}

fn stamp(frame: &mut [u8], bits: u8) {
    if let Some((head, field)) = frame.split_first_chunk_mut::<HEADER>() {
        let k = field.len().ilog2() as u8 - 4;
        *head = header(k, SUM_BASE.wrapping_sub(check(field) ^ u16::from(bits)), bits);
    }
}

/// Whether so many bytes of data go into a packet with a field of `size`.
pub fn fits(length: usize, size: usize) -> bool {
    length == size || length < size && length + 1 + usize::from(size - length >= 128) <= size
}

/// The checksum of the manual, over the whole data field.
fn check(field: &[u8]) -> u16 {
    let (mut sum, mut weighed) = (0xffffu16, 0u16);
    let mut left = field.len() as u16;
    for byte in field {
        let overflow;
        (sum, overflow) = sum.rotate_left(1).overflowing_add(u16::from(*byte));
        weighed = weighed.wrapping_add(sum ^ left);
        if overflow || *byte == 0 {
            sum = stirred(sum, weighed);
        }
        left = left.wrapping_sub(1);
    }
    sum
}

/// Rare, and kept out of the way: each step of the sum waits for the one before it, which should do no more than turn and add.
#[cold]
#[inline(never)]
fn stirred(sum: u16, weighed: u16) -> u16 {
    sum ^ weighed
}

/// How the reader finds packets of this family.
#[derive(Debug)]
pub struct Packets;

impl Framing for Packets {
    type Header = Header;
    const START: u8 = START;
    const HEADER: usize = HEADER;

    fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
        let [START, k, low, high, bits, check, ..] = *bytes else { return None };
        if k ^ low ^ high ^ bits != check {
            return None;
        }
        let sum = u16::from_le_bytes([low, high]);
        match (bits >> 6, k) {
            (0, CONTROL) if sum == SUM_BASE.wrapping_sub(u16::from(bits)) => {
                Some((Header::Control(Control::from_bits(bits)?), 0))
            }
            (kind @ (2 | 3), 1..=8) => {
                let header = Header::Data { packet: bits >> 3 & 7, ack: bits & 7, short: kind == 3, sum };
                Some((header, 1 << (k + 4)))
            }
            _ => None,
        }
    }

    fn open(header: &mut Header, field: &[u8]) -> Option<Vec<u8>> {
        let field = Fields::open(header, field)?;
        match *header {
            Header::Data { short, .. } => open(short, field).map(|(data, _)| data),
            Header::Control(_) => Some(field),
        }
    }
}

/// How the reader finds packets of this family, with their whole data field; see [`open`].
#[derive(Debug)]
pub struct Fields;

impl Framing for Fields {
    type Header = Header;
    const START: u8 = START;
    const HEADER: usize = HEADER;

    fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
        Packets::parse(bytes)
    }

    fn open(header: &mut Header, field: &[u8]) -> Option<Vec<u8>> {
        let Header::Data { packet, ack, short, sum } = *header else { return Some(Vec::new()) };
        let kind = if short { 3 } else { 2 };
        let bits = kind << 6 | packet << 3 | ack;
        (SUM_BASE.wrapping_sub(check(field) ^ u16::from(bits)) == sum).then(|| field.to_vec())
    }
}

/// How many of the data packets that arrived sound were never sent: damage that the checksum does not show.
#[cfg(test)]
pub fn forged(sent: &[u8], arrived: &[u8]) -> usize {
    let all = |bytes: &[u8]| {
        let mut reader = crate::wire::link::reader::Reader::<Packets>::default();
        reader.feed(bytes);
        let mut packets = Vec::new();
        while let Some(found) = reader.find() {
            if let crate::wire::link::reader::Found::Packet(Header::Data { packet, short, .. }, data) = found
            {
                packets.push((packet, short, data));
            }
        }
        packets
    };
    let sent: std::collections::HashSet<_> = all(sent).into_iter().collect();
    all(arrived).into_iter().filter(|packet| !sent.contains(packet)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::reader::{Found, Reader};

    fn read(bytes: &[u8]) -> Vec<Found<Header>> {
        let mut reader = Reader::<Packets>::default();
        reader.feed(bytes);
        std::iter::from_fn(|| reader.find()).collect()
    }

    #[test]
    fn control_packets_are_what_the_manual_says() {
        // Observed with Taylor UUCP 1.07.
        assert_eq!(control(Control::InitA(7)), [0x10, 9, 0x6b, 0xaa, 0x3f, 9 ^ 0x6b ^ 0xaa ^ 0x3f]);
        for kind in 1..8 {
            for value in 0..8 {
                let packet = Control::from_bits(kind << 3 | value).unwrap();
                assert_eq!(read(&control(packet)), [Found::Packet(Header::Control(packet), Vec::new())]);
            }
        }
    }

    #[test]
    fn a_packet_of_any_length_comes_back() {
        for size in (5..13).map(|n| 1usize << n) {
            for length in (0..=size).filter(|length| fits(*length, size)) {
                if length > 300 && length < size - 300 && length % 97 != 0 {
                    continue;
                }
                let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
                let frame = data(5, 2, size, &content);
                assert_eq!(frame.len(), HEADER + size);
                let [Found::Packet(Header::Data { packet: 5, ack: 2, short, .. }, back)] = &read(&frame)[..]
                else {
                    panic!("{length} of {size}");
                };
                assert_eq!((back, *short), (&content, length < size));
            }
        }
    }

    #[test]
    fn a_seal_is_found_and_no_receiver_minds_it() {
        for size in (5..13).map(|n| 1usize << n) {
            for length in (0..size).filter(|length| fits_sealed(*length, size)) {
                if length > 200 && length < size - 200 && length % 97 != 0 {
                    continue;
                }
                let content: Vec<u8> = (0..length).map(|n| n as u8).collect();
                let frame = sealed(5, 2, size, &content);
                assert!(matches!(&read(&frame)[..], [Found::Packet(_, back)] if *back == content));
                assert_eq!(open(true, frame[HEADER..].to_vec()), Some((content.clone(), true)));
                assert!(
                    !open(true, data(5, 2, size, &content)[HEADER..].to_vec()).unwrap().1,
                    "{length} of {size}"
                );
            }
            assert!(fits_sealed(size - SEAL, size) && !fits_sealed(size - SEAL + 1, size));
        }
    }

    #[test]
    fn the_last_byte_of_the_packet_that_ends_a_command_is_nul() {
        // System V Release 4 looks for it there.
        for size in (5..13).map(|n| 1usize << n) {
            for length in (1..=size).filter(|length| fits(*length, size)) {
                let mut end = vec![b'x'; length - 1];
                end.push(0);
                assert_eq!(data(1, 0, size, &end).last(), Some(&0), "{length} of {size}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_known() {
        assert!(fits(32, 32) && fits(31, 32) && fits(0, 32) && fits(4096, 4096));
        assert!(!fits(33, 32));
        assert!((0..=4096).all(|length| fits(length, 4096)));
    }

    #[test]
    fn a_restamped_packet_is_sound() {
        let mut frame = data(1, 0, 64, b"text");
        restamp(&mut frame, 6);
        assert!(matches!(
            &read(&frame)[..],
            [Found::Packet(Header::Data { packet: 1, ack: 6, short: true, .. }, _)]
        ));
    }

    #[test]
    fn an_impossible_length_in_a_short_packet_is_damage() {
        for first in [[33, 0], [0xff, 0xff], [0, 0]] {
            let mut frame = data(1, 0, 32, b"x");
            frame[HEADER..HEADER + 2].copy_from_slice(&first);
            stamp(&mut frame, 3 << 6 | 1 << 3);
            assert!(matches!(&read(&frame)[..], [Found::BadData(_)]), "{first:?}");
        }
    }

    #[test]
    fn the_checksum_notices_most_damage_but_not_all() {
        // One inverted bit in about eighty goes unnoticed: a property of the protocol, which the tests on noisy lines
        // have to count apart.
        let mut random = crate::wire::noise::Random::new(1);
        let (mut noticed, mut all) = (0, 0);
        for _ in 0..20 {
            let content: Vec<u8> = (0..64).map(|_| random.byte()).collect();
            let good = data(1, 0, 64, &content);
            for bit in 0..64 * 8 {
                let mut frame = good.clone();
                frame[HEADER + bit / 8] ^= 1 << (bit % 8);
                all += 1;
                noticed += usize::from(matches!(&read(&frame)[..], [Found::BadData(_)]));
            }
        }
        assert!(noticed * 100 > all * 97, "{noticed} of {all}");
    }
}
