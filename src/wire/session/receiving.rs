//! One file on its way in: how far it has come, and whether what comes fits.

use super::ahead::PART;

/// A file that is being received, in order and without gaps.
#[derive(Debug)]
pub struct Receiving {
    /// Bytes that the store has, from the start of the file.
    have: u64,
    /// Where the next packet without a position of its own belongs.
    next: u64,
    /// The size that was told for a file that cannot have changed since.
    size: Option<u64>,
    /// The most that is taken.
    largest: u64,
    /// Where the second part of a file begins that was sent ahead, while its first comes.
    second: Option<u64>,
}

/// What a packet of file data is.
#[derive(Debug, PartialEq, Eq)]
pub enum Fit {
    /// These bytes of it come next (it may be none).
    New(Vec<u8>),
    /// It would make the file larger than was told, or than is taken.
    TooMuch,
    /// It leaves a gap.
    Gap,
}

impl Receiving {
    /// The sender was told to begin at `start`; what stands before that is here already.
    pub fn new(start: u64, size: Option<u64>, largest: u64) -> Receiving {
        Receiving {
            have: start,
            next: start,
            size,
            largest: size.unwrap_or(largest).min(largest),
            second: None,
        }
    }

    /// A file of so many bytes that is sent ahead of our answer, and so from its first byte on.
    pub fn sent_ahead(self, size: u64) -> Receiving {
        let second = (size > PART).then(|| self.have.max(PART));
        Receiving { next: 0, second, ..self }
    }

    /// An empty packet: whether it ends the first of two parts, and no file.
    pub fn goes_on(&mut self) -> bool {
        let second = self.second.take();
        self.next = second.unwrap_or(self.next);
        second.is_some()
    }

    /// The sender begins here, at or before what is wanted.
    pub fn coming_from(mut self, place: u64) -> Receiving {
        self.next = place;
        self
    }

    /// A file that began with its first byte comes again.
    pub fn rewind(&mut self) {
        (self.have, self.next) = (0, 0);
    }

    pub fn have(&self) -> u64 {
        self.have
    }

    pub fn size_is_told(&self) -> bool {
        self.size.is_some()
    }

    /// Whether the end of the file may come here.
    pub fn whole(&self) -> bool {
        self.size.is_none_or(|size| size == self.have)
    }

    /// A packet. Over a link with channels the sender has begun before our answer told it from where on; what comes
    /// twice by that is skipped. `position` is modulo 2^32: the last such place is meant that leaves no gap.
    pub fn packet(&mut self, position: Option<u64>, mut bytes: Vec<u8>) -> Fit {
        let place = match position {
            Some(position) => {
                let before = (self.have as u32).wrapping_sub(position as u32);
                self.have.checked_sub(before.into())
            }
            None => Some(self.next),
        };
        let Some(position) = place else { return Fit::Gap };
        let Some(known) = self.have.checked_sub(position) else { return Fit::Gap };
        let Some(end) = position.checked_add(bytes.len() as u64) else { return Fit::Gap };
        self.next = end;
        if end > self.largest {
            return Fit::TooMuch;
        }
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(bytes.len());
        bytes.drain(..known);
        self.have += bytes.len() as u64;
        Fit::New(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_the_restart_was_told_is_skipped() {
        let mut file = Receiving::new(10, Some(20), 100);
        assert_eq!(file.packet(Some(0), vec![1; 4]), Fit::New(vec![]));
        assert_eq!(file.packet(Some(8), vec![1, 1, 2, 2]), Fit::New(vec![2, 2]));
        assert_eq!(file.packet(None, vec![3; 8]), Fit::New(vec![3; 8]));
        assert!(file.whole());
    }

    #[test]
    fn a_file_sent_ahead_is_taken_from_where_it_stopped() {
        let part = vec![1; PART as usize];
        for (start, next) in [(0, PART), (10, PART), (PART, PART), (PART + 5, PART + 5)] {
            let mut file = Receiving::new(start, Some(PART + 8), PART + 8).sent_ahead(PART + 8);
            let Fit::New(new) = file.packet(None, part.clone()) else { panic!() };
            assert_eq!(new.len() as u64, PART.saturating_sub(start));
            assert!(file.goes_on() && !file.whole());
            let rest = vec![2; usize::try_from(PART + 8 - next).unwrap()];
            assert_eq!(file.packet(None, rest.clone()), Fit::New(rest));
            assert!(!file.goes_on() && file.whole());
        }
        let mut small = Receiving::new(1, Some(3), 100).sent_ahead(3);
        assert_eq!(small.packet(None, vec![1, 2, 3]), Fit::New(vec![2, 3]));
        assert!(!small.goes_on() && small.whole());
        let mut cut = Receiving::new(0, Some(PART + 8), PART + 8).sent_ahead(PART + 8);
        assert_eq!(cut.packet(None, vec![1; 100]), Fit::New(vec![1; 100]));
        assert!(cut.goes_on());
        assert_eq!(cut.packet(None, vec![2; 8]), Fit::Gap);
    }

    #[test]
    fn a_file_may_be_larger_than_a_position_can_tell() {
        let start = (1 << 32) - 4;
        let mut file = Receiving::new(start, Some(start + 12), u64::MAX);
        // What was sent before it was told from where on comes first.
        assert_eq!(file.packet(Some(0), vec![1; 4]), Fit::New(vec![]));
        assert_eq!(file.packet(Some(start), vec![2; 8]), Fit::New(vec![2; 8]));
        assert_eq!(file.have(), (1 << 32) + 4);
        assert_eq!(file.packet(Some(2), vec![2, 2, 3, 3]), Fit::New(vec![3, 3]));
        assert_eq!(file.packet(Some(6), vec![3; 2]), Fit::New(vec![3; 2]));
        assert!(file.whole());
    }

    #[test]
    fn gaps_and_surplus_are_seen() {
        let mut file = Receiving::new(0, Some(10), 100);
        assert!(!file.whole());
        assert_eq!(file.packet(Some(1), vec![0]), Fit::Gap);
        assert_eq!(file.packet(Some(u64::MAX), vec![0]), Fit::Gap);
        assert_eq!(file.packet(None, vec![0; 11]), Fit::TooMuch);
        assert_eq!(Receiving::new(0, None, 5).packet(None, vec![0; 6]), Fit::TooMuch);
    }
}
