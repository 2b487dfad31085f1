//! Expect-send scripts.
