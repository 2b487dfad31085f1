//! Which protocols there are, what each needs of the line, which one to speak.
//! Taylor UUCP manual, section "Protocol Selection".

use super::g::G;
use super::i::{I, MOST_DATA};
use super::j::J;
use super::stream::{E, F, Stream, T, Y};
use super::{Link, Parameters, Role};

/// The letters that [`open`] knows, in the order in which we like them on a line where both ends may send at once.
/// Taylor UUCP's `a` is not among them: no document says what it is, and nothing else speaks it.
pub const KNOWN: &str = "itegGvyjf";

/// The same for a line where only one end may send at a time: what flows one way for a whole file comes first.
pub const KNOWN_HALF_DUPLEX: &str = "teygGvijf";

/// What a protocol needs of the line that it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Every byte value arrives as it was sent.
    pub eight_bit: bool,
    /// Nothing is lost or changed on the way.
    pub reliable: bool,
}

/// What a protocol needs; it must not even be offered on a line that lacks it.
pub fn needs(letter: char) -> Needs {
    Needs { eight_bit: !matches!(letter, 'f' | 'j'), reliable: matches!(letter, 't' | 'e' | 'f' | 'y') }
}

/// A machine for a protocol; nothing if the letter is not known.
pub fn open(letter: char, role: Role, parameters: &Parameters) -> Option<Box<dyn Link>> {
    match letter {
        'i' => Some(Box::new(I::new('i', role, parameters.i.clone(), MOST_DATA))),
        'g' => Some(Box::new(G::new('g', role, parameters.g.clone()))),
        'G' => Some(Box::new(G::new('G', role, parameters.big_g.clone()))),
        'v' => Some(Box::new(G::new('v', role, parameters.v.clone()))),
        'j' => Some(Box::new(J::new(role, parameters.j.clone()))),
        't' => Some(Box::new(Stream::new(T::default(), parameters.t.timeout))),
        'e' => Some(Box::new(Stream::new(E::default(), parameters.e.timeout))),
        'f' => Some(Box::new(Stream::new(F::new(parameters.f.retries), parameters.f.timeout))),
        'y' => {
            let code = Y::new(usize::from(parameters.y.packet_size));
            Some(Box::new(Stream::new(code, parameters.y.timeout)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_letter_opens() {
        let mut both = [KNOWN, KNOWN_HALF_DUPLEX].map(|letters| letters.chars().collect::<Vec<_>>());
        both.iter_mut().for_each(|letters| letters.sort_unstable());
        assert_eq!(both[0], both[1]);
        for letter in KNOWN.chars() {
            let link = open(letter, Role::Caller, &Parameters::default()).unwrap();
            assert_eq!(link.abilities().letter, letter);
        }
        assert!(open('?', Role::Called, &Parameters::default()).is_none());
    }
}
