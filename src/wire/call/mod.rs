//! One call, from a locked line to its written record.
