//! Time windows, the retry clock, who to call next.
