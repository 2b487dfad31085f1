//! The wrapping of the `j` protocol: a packet of `i` whose unwanted characters are changed into printable ones, and a
//! list of where they stood. Taylor UUCP manual, section "UUCP `j' Protocol".
//!
//! ```text
//!  byte 0   bytes 1, 2        byte 3   bytes 4, 5         byte 6
//! +--------+-----------------+--------+------------------+--------+
//! | ^      | length of all   | =      | length of packet | @      |
//! +--------+-----------------+--------+------------------+--------+
//! | the packet; two characters for each that was changed;       ~ |
//! ```
//!
//! Observed with Taylor UUCP 1.07: what the manual calls "020" where it tells how characters are changed is 20 hex.

use super::avoid::Avoided;
use crate::wire::link::reader::Framing;

const START: u8 = b'^';
const HEADER: usize = 7;
const END: u8 = b'~';
/// The longest packet that the places of changed characters can be told of.
const MOST_WRAPPED: usize = 3007;
/// The longest packet that fits even if every character has to be changed: the length of all is 6079 at most.
pub const ALWAYS_FITS: usize = (6079 - HEADER - 1) / 3;
/// Where the printable characters begin, with which numbers are written.
const ZERO: u8 = 0x20;
/// Lengths are written in digits of this base, places in digits of half of it.
const LENGTH_BASE: usize = 0x40;
const PLACE_BASE: usize = 0x20;
/// In place of the first digit: both changes, at the last place of a group.
const BOTH_AT_LAST: u8 = 0x7e;
/// The changes, as they are added to the second digit.
const PLAIN_HIGH: u8 = 0;
const FLIPPED: u8 = 0x20;
const BOTH: u8 = 0x40;

/// Appends a packet in its wrapping; it must be no longer than [`ALWAYS_FITS`].
pub fn wrap(packet: &[u8], avoided: &Avoided, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; HEADER]);
    let mut places = Vec::new();
    for (at, byte) in packet.iter().enumerate() {
        if !avoided.has(*byte) {
            out.push(*byte);
            continue;
        }
        let low = byte & 0x7f;
        let flip = low < 0x20 || low == 0x7f;
        out.push(if flip { low ^ 0x20 } else { low });
        let change = match (*byte >= 0x80, flip) {
            (true, true) => BOTH,
            (false, _) => FLIPPED,
            (true, false) => PLAIN_HIGH,
        };
        places.extend(place(at, change));
    }
    out.extend(places);
    out.push(END);
    let [a, b] = length(out.len() - start);
    let [c, d] = length(packet.len());
    if let Some(header) = out.get_mut(start..start + HEADER) {
        header.copy_from_slice(&[START, a, b, b'=', c, d, b'@']);
    }
}

fn length(length: usize) -> [u8; 2] {
    [(length / LENGTH_BASE) as u8 + ZERO, (length % LENGTH_BASE) as u8 + ZERO]
}

fn place(at: usize, change: u8) -> [u8; 2] {
    let (high, low) = ((at / PLACE_BASE) as u8 + ZERO, (at % PLACE_BASE) as u8 + ZERO);
    // 7f would be no printable character.
    if change == BOTH && low == 0x3f { [BOTH_AT_LAST, high] } else { [high, low + change] }
}

fn number(high: u8, low: u8) -> Option<usize> {
    let fits = (ZERO..0x7f).contains(&high) && (ZERO..0x60).contains(&low);
    fits.then(|| usize::from(high - ZERO) * LENGTH_BASE + usize::from(low - ZERO))
}

/// Undoes a change. A place that cannot be is let stand: the checksum of the packet inside decides.
fn restore(packet: &mut [u8], high: u8, low: u8) {
    let group = |digit: u8| usize::from(digit.saturating_sub(ZERO)) * PLACE_BASE;
    let (at, change) = match (high, low) {
        (BOTH_AT_LAST, _) => (group(low) + PLACE_BASE - 1, BOTH),
        _ => (group(high) + usize::from(low) % PLACE_BASE, (low & 0x60).wrapping_sub(ZERO)),
    };
    if let Some(byte) = packet.get_mut(at) {
        match change {
            PLAIN_HIGH => *byte |= 0x80,
            FLIPPED => *byte ^= 0x20,
            BOTH => *byte = (*byte ^ 0x20) | 0x80,
            _ => {}
        }
    }
}

/// How the reader finds wrapped packets; what it finds is the packet inside.
#[derive(Debug)]
pub struct Wrapped;

impl Framing for Wrapped {
    /// The length of the packet inside.
    type Header = usize;
    const START: u8 = START;
    const HEADER: usize = HEADER;

    fn parse(bytes: &[u8]) -> Option<(usize, usize)> {
        let [START, a, b, b'=', c, d, b'@', ..] = *bytes else { return None };
        let (all, packet) = (number(a, b)?, number(c, d)?);
        let places = all.checked_sub(HEADER + 1 + packet)?;
        let fits = packet > 0 && packet <= MOST_WRAPPED && places % 2 == 0 && places <= 2 * packet;
        fits.then_some((packet, all - HEADER))
    }

    fn open(packet: usize, body: &[u8]) -> Option<Vec<u8>> {
        let (&END, body) = body.split_last()? else { return None };
        let (packet, places) = body.split_at_checked(packet)?;
        let mut packet = packet.to_vec();
        for place in places.chunks_exact(2) {
            if let [high, low] = *place {
                restore(&mut packet, high, low);
            }
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::reader::{Found, Reader};
    use proptest::prelude::*;

    fn unwrap(bytes: &[u8]) -> Vec<Found<usize>> {
        let mut reader = Reader::<Wrapped>::default();
        reader.feed(bytes);
        std::iter::from_fn(|| reader.find()).collect()
    }

    #[test]
    fn a_wrapped_packet_is_what_the_manual_says() {
        let mut out = Vec::new();
        wrap(b"a\x11b\x93\xa1", &Avoided::new(&[0x11, 0x93, 0xa1]), &mut out);
        assert_eq!(out, b"^ 3= %@a1b3! A c $~");
        assert_eq!(unwrap(&out), [Found::Packet(5, b"a\x11b\x93\xa1".to_vec())]);
    }

    #[test]
    fn every_character_at_every_place_comes_back_and_is_avoided() {
        let avoided = Avoided::new(&(0..=255).collect::<Vec<_>>());
        for shift in 0..32 {
            let packet: Vec<u8> = (0..ALWAYS_FITS).map(|n| (n * 3 + shift) as u8).collect();
            let mut out = Vec::new();
            wrap(&packet, &avoided, &mut out);
            assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)));
            assert_eq!(unwrap(&out), [Found::Packet(packet.len(), packet)]);
        }
        let mut out = Vec::new();
        wrap(&[0xff; ALWAYS_FITS], &avoided, &mut out);
        assert!(out.len() <= 6079);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_wrapped_is_found_however_it_arrives(
            packet in proptest::collection::vec(any::<u8>(), 1..ALWAYS_FITS),
            avoid in proptest::collection::vec(any::<u8>(), 0..40), cut in 1usize..700,
        ) {
            let mut out = Vec::new();
            wrap(&packet, &Avoided::new(&avoid), &mut out);
            let mut reader = Reader::<Wrapped>::default();
            let mut found = Vec::new();
            for piece in out.chunks(cut) {
                reader.feed(piece);
                found.extend(std::iter::from_fn(|| reader.find()));
            }
            prop_assert_eq!(found, vec![Found::Packet(packet.len(), packet)]);
        }

        #[test]
        fn noise_is_never_kept(noise in proptest::collection::vec(prop_oneof![Just(b'^'), Just(b'='), Just(b'@'), any::<u8>()], 0..20_000)) {
            let mut reader = Reader::<Wrapped>::default();
            for piece in noise.chunks(1000) {
                reader.feed(piece);
                while reader.find().is_some() {}
                prop_assert!(reader.waiting() <= 2 * 6100);
            }
        }
    }
}
