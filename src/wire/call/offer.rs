//! Which protocols are offered on a line, and how they are set up. Taylor UUCP manual, section "Protocol Selection".

use crate::wire::line::Qualities;
use crate::wire::link::{Change, Expected, KNOWN, KNOWN_HALF_DUPLEX, Parameters, largest_packet, needs};
use crate::wire::session::{Features, Packets, Profile};

/// What the configuration says about protocols, for a system or for a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protocols {
    /// Their letters, best first; without any, all that the line is fit for.
    pub letters: Vec<char>,
    /// Settings that are other than usual.
    pub changes: Vec<Change>,
}

/// The letters of the protocols to offer, best first: those that are listed for the system, else those for the line, else
/// those of its kind, else all; of these, such as the line is fit for.
pub fn letters(system: &Protocols, line: &Protocols, profile: &Profile, qualities: Qualities) -> String {
    let all = match profile.protocols {
        "" if qualities.full_duplex => KNOWN,
        "" => KNOWN_HALF_DUPLEX,
        known => known,
    };
    let wanted: String = match (system.letters.as_slice(), line.letters.as_slice()) {
        ([], []) => all.to_owned(),
        ([], wanted) | (wanted, _) => wanted.iter().filter(|letter| KNOWN.contains(**letter)).collect(),
    };
    wanted.chars().filter(|letter| is_fit(qualities, *letter)).collect()
}

/// What is thought of a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outset {
    /// Of what we send.
    pub expected: Expected,
    /// Bytes a second that it brings us, if that is known.
    pub receive: Option<u32>,
}

/// How the protocols are set up; what is said of the system counts before what is said of the line, and that before what
/// is known of its kind, and that before what the line is fit for and what is thought of the connection.
pub fn parameters(
    system: &Protocols,
    line: &Protocols,
    profile: &Profile,
    features: Features,
    qualities: Qualities,
    outset: Outset,
) -> Parameters {
    let mut parameters = Parameters::default();
    if !qualities.eight_bit {
        parameters.j.avoid.extend(0x80..=u8::MAX);
    }
    let usual = profile.packets.is_none() && features != Features::NONE;
    let packets = profile.packets.unwrap_or(if usual { Packets::USUAL } else { Packets::OLD });
    (parameters.g.window, parameters.g.packet_size) = (packets.window, packets.size);
    if usual {
        (parameters.big_g.window, parameters.big_g.packet_size) = (packets.window, packets.size);
    }
    if features.has(Features::UUGATE) {
        parameters.among_uugates();
    }
    parameters.expect(outset.expected);
    if let Some(rate) = outset.receive {
        ask_for_no_more_than(&mut parameters, largest_packet(f64::from(rate)));
    }
    line.changes.iter().chain(&system.changes).for_each(|change| parameters.set(change));
    parameters
}

/// No end is asked for smaller packets, in bytes of data.
const LEAST: u16 = 64;
/// Of `y`, whose packets come in multiples of it.
const LEAST_OF_Y: u16 = 256;

/// On a slow line the other end is asked for packets that do not take too long; `most` is their size in bytes.
fn ask_for_no_more_than(parameters: &mut Parameters, most: usize) {
    let most = u16::try_from(most).unwrap_or(u16::MAX).max(LEAST);
    for size in [&mut parameters.i.packet_size, &mut parameters.j.i.packet_size] {
        *size = (*size).min(most);
    }
    for one in [&mut parameters.g, &mut parameters.big_g, &mut parameters.v] {
        one.packet_size = one.packet_size.min(1 << most.ilog2());
    }
    let multiple = (most / LEAST_OF_Y).max(1) * LEAST_OF_Y;
    parameters.y.packet_size = parameters.y.packet_size.min(multiple);
}

fn is_fit(line: Qualities, letter: char) -> bool {
    let needs = needs(letter);
    (line.is_transparent() || !needs.eight_bit) && (line.reliable || !needs.reliable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::Value;

    fn list(letters: &str) -> Protocols {
        Protocols { letters: letters.chars().collect(), ..Protocols::default() }
    }

    fn offered(wanted: &str, line: Qualities) -> String {
        letters(&list(wanted), &Protocols::default(), &Profile::SHOWN, line)
    }

    #[test]
    fn what_is_said_of_the_system_counts_before_what_is_said_of_the_line() {
        let shown = &Profile::SHOWN;
        assert_eq!(letters(&list(""), &list("gt"), shown, Qualities::STREAM), "gt");
        assert_eq!(letters(&list("i"), &list("gt"), shown, Qualities::STREAM), "i");
        let size = |bytes| Change { letter: 'g', name: "packet-size", value: Value::Number(bytes) };
        let (old, ours) = (Features::default(), Features::OURS);
        let with = |changes: Vec<Change>| Protocols { changes, ..Protocols::default() };
        let of = |system: &Protocols, line: &Protocols, features| {
            parameters(system, line, shown, features, Qualities::SERIAL, Outset::default()).g.packet_size
        };
        assert_eq!(of(&with(vec![]), &with(vec![]), old), 64);
        assert_eq!(of(&with(vec![]), &with(vec![]), ours), 2048);
        let i = |features| {
            parameters(&with(vec![]), &with(vec![]), shown, features, Qualities::SERIAL, Outset::default())
                .i
                .packet_size
        };
        assert_eq!((i(ours), i(ours.without(Features::UUGATE))), (4095, 1024));
        assert_eq!(of(&with(vec![]), &with(vec![size(128)]), old), 128);
        assert_eq!(of(&with(vec![size(256)]), &with(vec![size(128)]), ours), 256);
    }

    #[test]
    fn a_known_kind_of_system_is_offered_what_it_has_and_told_of_no_more_than_it_bears() {
        let nothing = Protocols::default();
        for (name, on_a_stream, by_modem, window, packet_size) in [
            ("taylor", "i", "i", 7, 2048),
            ("hdb", "e", "g", 7, 64),
            ("svr4", "e", "G", 7, 64),
            ("bsd", "t", "g", 3, 64),
            ("v7", "g", "g", 3, 64),
            ("uupc", "v", "v", 7, 64),
        ] {
            let profile = Profile::named(name).unwrap();
            let first = |line| letters(&nothing, &nothing, profile, line).chars().next().map(String::from);
            assert_eq!(first(Qualities::STREAM).as_deref(), Some(on_a_stream), "{name}");
            assert_eq!(first(Qualities::SERIAL).as_deref(), Some(by_modem), "{name}");
            assert_eq!(letters(&list("i"), &nothing, profile, Qualities::SERIAL), "i", "{name}: said");
            let g = parameters(
                &nothing,
                &nothing,
                profile,
                Features::TAYLOR,
                Qualities::SERIAL,
                Outset::default(),
            )
            .g;
            assert_eq!((g.window, g.packet_size), (window, packet_size), "{name}");
        }
    }

    #[test]
    fn on_a_slow_line_small_packets_are_asked_for_unless_a_size_is_said() {
        let of = |changes: Vec<Change>, features, receive| {
            let system = Protocols { changes, ..Protocols::default() };
            let expected = Expected { rate: Some(30), bytes_per_error: 6500 };
            let outset = Outset { expected, receive };
            let all = parameters(
                &system,
                &Protocols::default(),
                &Profile::SHOWN,
                features,
                Qualities::SERIAL,
                outset,
            );
            assert!(
                [all.i.expected, all.j.i.expected, all.g.expected, all.v.expected]
                    .iter()
                    .all(|e| *e == expected)
            );
            [all.i.packet_size, all.j.i.packet_size, all.g.packet_size, all.v.packet_size, all.y.packet_size]
        };
        let (old, ours) = (Features::NONE, Features::OURS);
        assert_eq!(of(vec![], ours, None), [4095, 1024, 2048, 1024, 1024]);
        assert_eq!(of(vec![], ours, Some(3420)), [4095, 1024, 2048, 1024, 1024]);
        assert_eq!(of(vec![], ours, Some(120)), [600, 600, 512, 512, 512]);
        assert_eq!(of(vec![], old, Some(120)), [600, 600, 64, 512, 512]);
        assert_eq!(of(vec![], ours, Some(7)), [64, 64, 64, 64, 256]);
        let said = |letter, bytes| Change { letter, name: "packet-size", value: Value::Number(bytes) };
        let said = vec![said('i', 1000), said('g', 1024)];
        assert_eq!(of(said, ours, Some(30)), [1000, 150, 1024, 128, 256], "what is said counts");
    }

    const SEVEN_BIT: Qualities = Qualities { eight_bit: false, ..Qualities::STREAM };

    #[test]
    fn what_the_line_is_not_fit_for_is_never_offered() {
        for letter in "tefy".chars() {
            let wanted = letter.to_string();
            assert_eq!(offered(&wanted, Qualities::STREAM), wanted);
            assert_eq!(offered(&wanted, Qualities::SERIAL), "");
            assert_eq!(offered(&wanted, SEVEN_BIT), if letter == 'f' { "f" } else { "" });
            assert!(!offered("", Qualities::SERIAL).contains(letter));
        }
        assert_eq!(offered("ti", Qualities::SERIAL), "i");
        assert_eq!(offered("a", Qualities::STREAM), "", "not known");
    }

    #[test]
    fn on_a_line_that_keeps_some_bytes_for_itself_j_is_left() {
        assert_eq!(offered("", Qualities { reliable: false, ..SEVEN_BIT }), "j");
        assert_eq!(offered("", SEVEN_BIT), "jf");
        assert_eq!(offered("gij", Qualities { reliable: false, ..SEVEN_BIT }), "j");
        assert_eq!(offered("gij", Qualities { xon_xoff: true, ..Qualities::SERIAL }), "j");
    }

    #[test]
    fn j_avoids_what_the_line_does_not_carry_unless_it_is_said_what_that_is() {
        let avoided = |qualities, changes| {
            let system = Protocols { changes, ..Protocols::default() };
            let (here, outset) = (Protocols::default(), Outset::default());
            parameters(&system, &here, &Profile::SHOWN, Features::OURS, qualities, outset).j.avoid
        };
        assert_eq!(avoided(Qualities { xon_xoff: true, ..Qualities::SERIAL }, vec![]), [0x11, 0x13]);
        let seven = avoided(SEVEN_BIT, vec![]);
        assert!((0x80..=0xff).chain([0x11, 0x13]).all(|byte| seven.contains(&byte)));
        let said = Change { letter: 'j', name: "avoid", value: Value::Characters(vec![0xff]) };
        assert_eq!(avoided(SEVEN_BIT, vec![said]), [0xff]);
    }

    #[test]
    fn the_order_is_the_one_that_is_wanted_or_that_fits_the_line() {
        assert_eq!(offered("gti", Qualities::STREAM), "gti");
        assert_eq!(offered("", Qualities::STREAM).get(..1), Some("i"));
        assert_eq!(offered("", Qualities::SERIAL).get(..2), Some("ig"));
        let one_way = Qualities { full_duplex: false, ..Qualities::SERIAL };
        assert_eq!(offered("", one_way).get(..1), Some("g"));
        let one_way = Qualities { reliable: true, ..one_way };
        assert_eq!(offered("", one_way).get(..1), Some("t"));
    }
}
