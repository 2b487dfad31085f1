//! How many errors a call may cost before it is given up.
//!
//! The manual's rule (`errors`, `error-decay` of protocols i and g) forgives one error every so many good
//! packets. By that rule alone a long call over a bad line always ends in failure although work gets done, so
//! errors are weighed against what came through in the same time: the budget is overdrawn only when more was
//! spoiled than a line worth its cost would spoil.

/// Good packets that one error may cost: a line on which fewer than one packet in this many gets through is
/// given up.
const WORTH: u32 = 5;

/// The errors of one call.
#[derive(Debug)]
pub struct Budget {
    errors: u32,
    error_decay: u32,
    /// Errors that are not forgiven yet.
    count: u32,
    /// Good packets since the last one was forgiven.
    since_forgiven: u32,
    /// Good packets and errors since the budget was last settled.
    good: u32,
    bad: u32,
}

impl Budget {
    /// `errors`: how many are permitted; `error_decay`: how many good packets forgive one.
    pub fn new(errors: u32, error_decay: u32) -> Self {
        Budget { errors, error_decay, count: 0, since_forgiven: 0, good: 0, bad: 0 }
    }

    /// A packet came through.
    pub fn good(&mut self) {
        self.good = self.good.saturating_add(1);
        self.since_forgiven += 1;
        if self.since_forgiven >= self.error_decay.max(1) {
            self.since_forgiven = 0;
            self.count = self.count.saturating_sub(1);
        }
    }

    /// Something was spoiled. Says how many errors there were when the call has to be given up.
    pub fn error(&mut self) -> Result<(), u32> {
        self.count += 1;
        self.bad += 1;
        if self.count <= self.errors {
            return Ok(());
        }
        if self.good < self.bad / (WORTH - 1) {
            return Err(self.count);
        }
        (self.count, self.good, self.bad) = (0, 0, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_work_done_end_the_call() {
        let mut budget = Budget::new(100, 10);
        assert!((0..100).all(|_| budget.error().is_ok()));
        assert_eq!(budget.error(), Err(101));
    }

    #[test]
    fn a_bad_line_on_which_work_gets_done_is_kept() {
        let mut budget = Budget::new(100, 10);
        for _ in 0..10_000 {
            budget.good();
            assert_eq!(budget.error(), Ok(()));
        }
    }

    #[test]
    fn good_packets_forgive() {
        let mut budget = Budget::new(3, 10);
        for _ in 0..100 {
            assert!(budget.error().is_ok());
            (0..10).for_each(|_| budget.good());
        }
        assert_eq!(budget.count, 0);
    }
}
