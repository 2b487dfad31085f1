//! The packets of the `i` protocol: header, checksum, and finding them in a stream of bytes.
//! Taylor UUCP manual, section "UUCP `i' Protocol".
//!
//! ```text
//!  byte 0     byte 1              byte 2           byte 3                   byte 4   byte 5
//! +--------+-------------------+----------------+------------------------+--------+-----------------+
//! | ^G 07  | packet 5, local 3 | ack 5, remote 3| type 3, caller 1, len 4| len 8  | xor of 1 to 4   |
//! +--------+-------------------+----------------+------------------------+--------+-----------------+
//! | data, 0 to 4095 bytes ...                        | CRC-32, 4 bytes, high first; not if no data   |
//! ```
//!
//! Observed with Taylor UUCP 1.07: the CRC is the one of ISO-HDLC without the final inversion (called
//! JAMCRC); `SPOS` and `CLOSE` have both channels 0; `SYNC` carries four bytes.

use crate::wire::link::reader::Framing;

const START: u8 = 0x07;
const HEADER: usize = 6;
const CHECKSUM: usize = 4;
/// What a packet is longer than its data, in bytes.
pub const OVERHEAD: usize = HEADER + CHECKSUM;
/// The most data that the twelve bits of length can tell.
pub const MOST_DATA: usize = 4095;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Data,
    Sync,
    Ack,
    Nak,
    Spos,
    Close,
}

impl Kind {
    fn from_bits(bits: u8) -> Option<Kind> {
        Some(match bits {
            0 => Kind::Data,
            1 => Kind::Sync,
            2 => Kind::Ack,
            3 => Kind::Nak,
            4 => Kind::Spos,
            5 => Kind::Close,
            _ => return None,
        })
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// Sequence number, modulo 32; for a NAK the number to send again.
    pub packet: u8,
    /// Last packet received in order, modulo 32.
    pub ack: u8,
    /// Channel of a command of the sender, 0 to 7.
    pub local: u8,
    /// Channel of a command of the receiver, 0 to 7.
    pub remote: u8,
    /// Whether the system that placed the call sent it.
    pub caller: bool,
}

/// The beginning of a packet with room for so many bytes of data, which go behind it until it is sealed.
pub fn begin(room: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(OVERHEAD + room);
    frame.resize(HEADER, 0);
    frame
}

/// Makes what was begun a whole packet, with its header and its checksum. Data beyond 4095 bytes do not fit and must not
/// be given.
pub fn seal(frame: &mut Vec<u8>, header: Header) {
    let Some((head, data)) = frame.split_first_chunk_mut::<HEADER>() else { return };
    let [length_high, length] = (data.len().min(MOST_DATA) as u16).to_be_bytes();
    let first = header.packet << 3 | header.local & 7;
    let second = header.ack << 3 | header.remote & 7;
    let third = (header.kind as u8) << 5 | u8::from(header.caller) << 4 | length_high;
    *head = [START, first, second, third, length, first ^ second ^ third ^ length];
    if !data.is_empty() {
        let sum = checksum(data);
        frame.extend(sum);
    }
}

/// The CRC-32 behind the data, without the inversion at its end.
fn checksum(data: &[u8]) -> [u8; CHECKSUM] {
    (!crc32fast::hash(data)).to_be_bytes()
}

/// A whole packet.
pub fn frame(header: Header, data: &[u8]) -> Vec<u8> {
    let mut frame = begin(data.len());
    frame.extend_from_slice(data);
    seal(&mut frame, header);
    frame
}

/// How many bytes of data are in a packet that was begun.
pub fn filled(frame: &[u8]) -> usize {
    frame.len().saturating_sub(HEADER)
}

/// Puts the present acknowledgement into a packet that was framed earlier.
pub fn restamp(frame: &mut [u8], ack: u8) {
    if let [_, packet, second, third, fourth, check, ..] = frame {
        *second = ack << 3 | *second & 7;
        *check = *packet ^ *second ^ *third ^ *fourth;
    }
}

/// The header at the beginning of `bytes` and the length of its data.
fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
    let [START, first, second, third, fourth, check, ..] = *bytes else { return None };
    if first ^ second ^ third ^ fourth != check {
        return None;
    }
    let header = Header {
        kind: Kind::from_bits(third >> 5)?,
        packet: first >> 3,
        local: first & 7,
        ack: second >> 3,
        remote: second & 7,
        caller: third & 0x10 != 0,
    };
    // At least one channel number is zero; anything else is a piece of data that looks like a header.
    let whole = header.local == 0 || header.remote == 0;
    whole.then_some((header, usize::from(third & 0x0f) << 8 | usize::from(fourth)))
}

/// The length of the whole packet at the beginning of what [`frame`] made; 0 if there is none.
pub fn length(frames: &[u8]) -> usize {
    match frames {
        [_, _, _, third, fourth, _, ..] => match usize::from(third & 0x0f) << 8 | usize::from(*fourth) {
            0 => HEADER,
            data => HEADER + data + CHECKSUM,
        },
        _ => 0,
    }
}

/// How the reader finds packets of this protocol.
#[derive(Debug)]
pub struct Packets;

impl Framing for Packets {
    type Header = Header;
    const START: u8 = START;
    const HEADER: usize = HEADER;

    fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
        let (header, length) = parse(bytes)?;
        Some((header, if length > 0 { length + CHECKSUM } else { 0 }))
    }

    fn open(_header: Header, body: &[u8]) -> Option<Vec<u8>> {
        let (data, sum) = body.split_at_checked(body.len().saturating_sub(CHECKSUM))?;
        (data.is_empty() || checksum(data) == *sum).then(|| data.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::reader;
    use proptest::prelude::*;

    type Found = reader::Found<Header>;
    type Reader = reader::Reader<Packets>;

    fn header(packet: u8) -> Header {
        Header { kind: Kind::Data, packet, ack: 3, local: 1, remote: 0, caller: true }
    }

    fn all(reader: &mut Reader) -> Vec<Found> {
        std::iter::from_fn(|| reader.find()).collect()
    }

    fn read(bytes: &[u8]) -> Vec<Found> {
        let mut reader = Reader::default();
        reader.feed(bytes);
        all(&mut reader)
    }

    #[test]
    fn a_packet_is_what_the_manual_draws() {
        let frame = frame(
            Header { kind: Kind::Sync, packet: 0, ack: 0, local: 0, remote: 0, caller: true },
            &[4, 0, 16, 7],
        );
        // Observed with Taylor UUCP 1.07, calling.
        assert_eq!(frame, [0x07, 0, 0, 0x30, 4, 0x34, 4, 0, 16, 7, 0x85, 0x7f, 0x30, 0x46]);
    }

    #[test]
    fn a_restamped_packet_is_sound() {
        let mut bytes = frame(header(5), b"text");
        restamp(&mut bytes, 31);
        assert_eq!(read(&bytes), [Found::Packet(Header { ack: 31, ..header(5) }, b"text".to_vec())]);
    }

    #[test]
    fn a_spoiled_packet_costs_itself_alone() {
        let mut bytes = frame(header(1), b"first");
        let second = bytes.len();
        bytes.extend(frame(header(2), b"second"));
        let third = bytes.len();
        bytes.extend(frame(header(3), b"third"));
        let good = |n, text: &[u8]| Found::Packet(header(n), text.to_vec());

        let mut flipped = bytes.clone();
        flipped[second + 8] ^= 1;
        assert_eq!(read(&flipped), [good(1, b"first"), Found::BadData(header(2)), good(3, b"third")]);
        let mut spoiled = bytes.clone();
        spoiled[second + 2] ^= 1;
        assert_eq!(read(&spoiled), [good(1, b"first"), Found::BadHeader, good(3, b"third")]);
        let mut shorter = bytes.clone();
        shorter.remove(second + 8);
        shorter.extend(frame(header(4), b"fourth"));
        assert_eq!(read(&shorter).last(), Some(&good(4, b"fourth")));
        assert!(read(&shorter).contains(&good(3, b"third")));
        let mut longer = bytes.clone();
        longer.insert(third, b'x');
        assert_eq!(
            read(&longer),
            [good(1, b"first"), good(2, b"second"), Found::BadHeader, good(3, b"third")]
        );
    }

    #[test]
    fn data_that_look_like_packets_are_not_read_as_such_when_bits_were_spoiled() {
        let inner = frame(header(2), b"a trap");
        let mut bytes = frame(header(1), &[&b"xx"[..], &inner, b"yy"].concat());
        bytes[7] ^= 0x40;
        bytes.extend(frame(header(2), b"true"));
        assert_eq!(read(&bytes), [Found::BadData(header(1)), Found::Packet(header(2), b"true".to_vec())]);
    }

    #[test]
    fn a_header_in_the_noise_does_not_hold_up_what_follows_for_ever() {
        let mut reader = Reader::default();
        reader.feed(&frame(header(1), &[0; 4000])[..HEADER]);
        reader.feed(&frame(header(2), b"text"));
        assert_eq!(reader.find(), None);
        assert!(reader.waiting() > 0);
        reader.give_up_packet();
        assert_eq!(all(&mut reader), [Found::Packet(header(2), b"text".to_vec())]);
        assert_eq!(reader.waiting(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_framed_is_found_however_it_arrives(
            data in proptest::collection::vec(any::<u8>(), 0..5000),
            packet in 0u8..32, ack in 0u8..32, local in 0u8..8, caller: bool, cut in 1usize..700,
        ) {
            let data = &data[..data.len().min(MOST_DATA)];
            let header = Header { kind: Kind::Data, packet, ack, local, remote: 0, caller };
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in frame(header, data).chunks(cut) {
                reader.feed(piece);
                found.extend(all(&mut reader));
            }
            prop_assert_eq!(found, vec![Found::Packet(header, data.to_vec())]);
        }

        #[test]
        fn noise_is_never_kept(noise in proptest::collection::vec(prop_oneof![Just(7u8), any::<u8>()], 0..10_000)) {
            let mut reader = Reader::default();
            for piece in noise.chunks(1000) {
                reader.feed(piece);
                all(&mut reader);
                prop_assert!(reader.waiting() <= 2 * (HEADER + MOST_DATA + CHECKSUM));
            }
        }
    }
}
