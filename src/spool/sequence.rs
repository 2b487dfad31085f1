//! The numbers of the conversations with a system, by which an impostor is found out: the manual, "The Initial
//! Handshake", `-Q`.
//!
//! Both ends keep the number of the last one. A caller says the next, and what was said is spent, whether the other end
//! heard it or not; so the called end takes any number above the last one that it took, up to a bound. One that was used
//! before is refused: somebody else used it, or one end was set back. So neither a lost line nor a crash at either end,
//! at any moment, keeps the two apart.

/// How far a caller may be ahead: so many calls in a row may be lost between its number and our answer.
const MOST_AHEAD: u32 = 100;

/// The numbers of one system; 0: none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequence {
    /// The last one of a conversation.
    pub taken: u32,
    /// The last one that we said.
    pub said: u32,
}

impl Sequence {
    /// What our next call says.
    pub fn next(self) -> u32 {
        self.taken.max(self.said).saturating_add(1)
    }

    /// Whether a caller may use this number.
    pub fn permits(self, number: u32) -> bool {
        number > self.taken && number - self.taken <= MOST_AHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_good_for_one_conversation() {
        let sequence = Sequence { taken: 7, said: 9 };
        assert_eq!((sequence.next(), Sequence::default().next()), (10, 1));
        // What we said and was never answered may have been lost: the other end may still say it.
        for (number, permitted) in [(0, false), (7, false), (8, true), (9, true), (107, true), (108, false)] {
            assert_eq!(sequence.permits(number), permitted, "{number}");
        }
        assert_eq!(Sequence { taken: u32::MAX, said: 0 }.next(), u32::MAX);
    }
}
