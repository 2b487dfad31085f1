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
//!
//! Two bits that are spoiled in one column leave the check byte of a header as it was, and make a packet the next one, or one
//! of another channel. So between uugates packets are sealed: the CRC is over the header as well, with an acknowledgement of
//! 0, for that is put in anew whenever the packet is sent; and where there are no data and no CRC, byte 5 is a CRC-8 of 1 to 4.

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
    /// Its checksums are those of a uugate.
    pub sealed: bool,
}

impl Header {
    /// The header of a packet with so many bytes of data.
    fn print(self, data: usize) -> [u8; HEADER] {
        let [length_high, length] = (data.min(MOST_DATA) as u16).to_be_bytes();
        let first = self.packet << 3 | self.local & 7;
        let second = self.ack << 3 | self.remote & 7;
        let third = (self.kind as u8) << 5 | u8::from(self.caller) << 4 | length_high;
        let told = [first, second, third, length];
        let check = if self.sealed && data == 0 { sealed_check(told) } else { plain_check(told) };
        [START, first, second, third, length, check]
    }

    /// The checksum of a sealed packet.
    fn checksum_with(self, data: &[u8]) -> [u8; CHECKSUM] {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&Header { ack: 0, ..self }.print(data.len()));
        sum.update(data);
        (!sum.finalize()).to_be_bytes()
    }
}

fn plain_check(told: [u8; 4]) -> u8 {
    told.iter().fold(0, |check, byte| check ^ byte)
}

/// The CRC-8 of the polynomial 0x07, begun with all ones: up to three spoiled bits of a header never leave it as it was.
fn sealed_check(told: [u8; 4]) -> u8 {
    let shift = |sum: u8| sum << 1 ^ if sum & 0x80 != 0 { 0x07 } else { 0 };
    told.iter().fold(0xff, |sum, byte| (0..8).fold(sum ^ byte, |sum, _| shift(sum)))
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
    *head = header.print(data.len());
    if !data.is_empty() {
        let sum = if header.sealed { header.checksum_with(data) } else { checksum(data) };
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
pub fn restamp(frame: &mut [u8], ack: u8, sealed: bool) {
    let empty = frame.len() == HEADER;
    if let [_, first, second, third, fourth, check, ..] = frame {
        *second = ack << 3 | *second & 7;
        let told = [*first, *second, *third, *fourth];
        *check = if sealed && empty { sealed_check(told) } else { plain_check(told) };
    }
}

/// The header at the beginning of `bytes` and the length of its data.
fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
    let [START, first, second, third, fourth, check, ..] = *bytes else { return None };
    let told = [first, second, third, fourth];
    let length = usize::from(third & 0x0f) << 8 | usize::from(fourth);
    let sealed = length == 0 && sealed_check(told) == check;
    if !sealed && plain_check(told) != check {
        return None;
    }
    let header = Header {
        kind: Kind::from_bits(third >> 5)?,
        packet: first >> 3,
        local: first & 7,
        ack: second >> 3,
        remote: second & 7,
        caller: third & 0x10 != 0,
        sealed,
    };
    // At least one channel number is zero; anything else is a piece of data that looks like a header.
    let whole = header.local == 0 || header.remote == 0;
    whole.then_some((header, length))
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

    /// Takes either checksum, and tells which it was, as `parse` does.
    fn open(header: &mut Header, body: &[u8]) -> Option<Vec<u8>> {
        let (data, sum) = body.split_at_checked(body.len().saturating_sub(CHECKSUM))?;
        if data.is_empty() {
            return Some(Vec::new());
        }
        header.sealed = header.checksum_with(data) == *sum;
        (header.sealed || checksum(data) == *sum).then(|| data.to_vec())
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
        Header { kind: Kind::Data, packet, ack: 3, local: 1, remote: 0, caller: true, sealed: false }
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
            Header { kind: Kind::Sync, packet: 0, ack: 0, local: 0, remote: 0, caller: true, sealed: false },
            &[4, 0, 16, 7],
        );
        // Observed with Taylor UUCP 1.07, calling.
        assert_eq!(frame, [0x07, 0, 0, 0x30, 4, 0x34, 4, 0, 16, 7, 0x85, 0x7f, 0x30, 0x46]);
    }

    #[test]
    fn a_restamped_packet_is_sound() {
        let mut bytes = frame(header(5), b"text");
        restamp(&mut bytes, 31, false);
        assert_eq!(read(&bytes), [Found::Packet(Header { ack: 31, ..header(5) }, b"text".to_vec())]);
    }

    /// Two spoiled bits in one column of a header leave its plain check byte as it was.
    #[test]
    fn a_sealed_packet_is_never_taken_for_another() {
        for data in [&b""[..], b"text", b"more of it than that"] {
            let header = Header { sealed: true, ..header(5) };
            let mut sound = frame(header, data);
            restamp(&mut sound, 31, true);
            let header = Header { ack: 31, ..header };
            assert_eq!(read(&sound), [Found::Packet(header, data.to_vec())]);
            let columns = (1..=5).flat_map(|one| (one + 1..=5).map(move |other| (one, other)));
            for (one, other) in columns {
                for bit in 0..8 {
                    // Of a packet with data, what it acknowledges is not sealed.
                    if (one, other) == (2, 5) && bit >= 3 && !data.is_empty() {
                        continue;
                    }
                    let mut spoiled = sound.clone();
                    spoiled[one] ^= 1 << bit;
                    spoiled[other] ^= 1 << bit;
                    let taken =
                        |found: &Found| matches!(found, Found::Packet(Header { sealed: true, .. }, _));
                    assert!(!read(&spoiled).iter().any(taken), "{data:?} {one} {other} {bit}");
                }
            }
        }
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
            packet in 0u8..32, ack in 0u8..32, local in 0u8..8, caller: bool, sealed: bool,
            cut in 1usize..700,
        ) {
            let data = &data[..data.len().min(MOST_DATA)];
            let header = Header { kind: Kind::Data, packet, ack, local, remote: 0, caller, sealed };
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in frame(header, data).chunks(cut) {
                reader.feed(piece);
                found.extend(all(&mut reader));
            }
            // One check byte in 256 is right either way.
            let either = header.sealed || data.is_empty();
            let told = |sealed| vec![Found::Packet(Header { sealed, ..header }, data.to_vec())];
            prop_assert!(found == told(header.sealed) || either && found == told(true), "{:?}", found);
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
