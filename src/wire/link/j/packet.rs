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

/// Where a character was changed, and how.
fn changed(high: u8, low: u8) -> (usize, u8) {
    let group = |digit: u8| usize::from(digit.saturating_sub(ZERO)) * PLACE_BASE;
    match (high, low) {
        (BOTH_AT_LAST, _) => (group(low) + PLACE_BASE - 1, BOTH),
        _ => (group(high) + usize::from(low) % PLACE_BASE, (low & 0x60).wrapping_sub(ZERO)),
    }
}

/// The packet of this length inside what [`Wrapped`] found, if it can be what was sent: a list of changes that noise has
/// spoiled would damage the header of the packet in ways that its own check does not see. So every change must bring
/// back a character that is avoided, in their order, and no such character may have come by itself. An onlooker may not
/// know what is avoided, and takes what comes.
pub fn unwrap(length: usize, body: &[u8], avoided: Option<&Avoided>) -> Option<Vec<u8>> {
    let (packet, places) = body.split_at_checked(length)?;
    if avoided.is_some_and(|avoided| packet.iter().any(|byte| avoided.has(*byte))) {
        return None;
    }
    let mut packet = packet.to_vec();
    let mut next = 0;
    for place in places.chunks_exact(2) {
        let [high, low] = *place else { return None };
        let (at, change) = changed(high, low);
        let byte = packet.get_mut(at).filter(|_| at >= next)?;
        *byte = match change {
            PLAIN_HIGH => *byte | 0x80,
            FLIPPED => *byte ^ 0x20,
            BOTH => (*byte ^ 0x20) | 0x80,
            _ => return None,
        };
        if avoided.is_some_and(|avoided| !avoided.has(*byte)) {
            return None;
        }
        next = at + 1;
    }
    Some(packet)
}

/// How the reader finds wrapped packets; what it finds is for [`unwrap`].
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

    fn open(_packet: &mut usize, body: &[u8]) -> Option<Vec<u8>> {
        let (&END, body) = body.split_last()? else { return None };
        Some(body.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::reader::{Found, Reader};
    use proptest::prelude::*;

    /// The packets inside, as the reader finds them in these pieces.
    fn all(pieces: &mut dyn Iterator<Item = &[u8]>, avoided: &Avoided) -> Vec<Option<Vec<u8>>> {
        let mut reader = Reader::<Wrapped>::default();
        let mut found = Vec::new();
        for piece in pieces {
            reader.feed(piece);
            while let Some(next) = reader.find() {
                found.push(match next {
                    Found::Packet(length, body) => unwrap(length, &body, Some(avoided)),
                    Found::BadData(_) | Found::BadHeader => None,
                });
            }
        }
        found
    }

    fn one(bytes: &[u8], avoided: &Avoided) -> Vec<Option<Vec<u8>>> {
        all(&mut std::iter::once(bytes), avoided)
    }

    #[test]
    fn a_wrapped_packet_is_what_the_manual_says() {
        let mut out = Vec::new();
        let avoided = Avoided::new(&[0x11, 0x93, 0xa1]);
        wrap(b"a\x11b\x93\xa1", &avoided, &mut out);
        assert_eq!(out, b"^ 3= %@a1b3! A c $~");
        assert_eq!(one(&out, &avoided), [Some(b"a\x11b\x93\xa1".to_vec())]);
    }

    #[test]
    fn changes_that_cannot_have_been_made_are_damage() {
        let avoided = Avoided::new(&[0x11, 0x93, 0xa1]);
        for broken in [
            // At another place, in another way, in another order, beyond the end, and one that came by itself.
            &b"^ 3= %@a1b3! B c $~"[..],
            b"^ 3= %@a1b3! ! c $~",
            b"^ 3= %@a1b3! c A $~",
            b"^ 3= %@a1b3! A c %~",
            b"^ 3= %@a1b\x93! A c $~",
        ] {
            assert_eq!(one(broken, &avoided), [None], "{}", broken.escape_ascii());
        }
    }

    #[test]
    fn every_character_at_every_place_comes_back_and_is_avoided() {
        let avoided = Avoided::new(&(0..=255).collect::<Vec<_>>());
        for shift in 0..32 {
            let packet: Vec<u8> = (0..ALWAYS_FITS).map(|n| (n * 3 + shift) as u8).collect();
            let mut out = Vec::new();
            wrap(&packet, &avoided, &mut out);
            assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)));
            assert_eq!(one(&out, &avoided), [Some(packet)]);
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
            let avoided = Avoided::new(&avoid);
            wrap(&packet, &avoided, &mut out);
            prop_assert_eq!(all(&mut out.chunks(cut), &avoided), vec![Some(packet)]);
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
