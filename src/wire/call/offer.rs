//! Which protocols are offered on a line. Taylor UUCP manual, section "Protocol Selection".

use super::System;
use crate::wire::line::Qualities;
use crate::wire::link::{KNOWN, KNOWN_HALF_DUPLEX, needs};

/// The letters of the protocols to offer, best first: those of the configuration, or else all, but only such as the
/// line is fit for.
pub fn protocols(system: &System, line: Qualities) -> String {
    let all = if line.full_duplex { KNOWN } else { KNOWN_HALF_DUPLEX };
    let wanted: String = match system.protocols.as_slice() {
        [] => all.to_owned(),
        wanted => wanted.iter().filter(|letter| KNOWN.contains(**letter)).collect(),
    };
    wanted.chars().filter(|letter| is_fit(line, *letter)).collect()
}

fn is_fit(line: Qualities, letter: char) -> bool {
    let needs = needs(letter);
    (line.eight_bit || !needs.eight_bit) && (line.reliable || !needs.reliable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(wanted: &str, line: Qualities) -> String {
        protocols(&System { protocols: wanted.chars().collect(), ..System::default() }, line)
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
