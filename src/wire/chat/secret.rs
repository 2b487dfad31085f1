//! Text that must never be shown.

use std::fmt;

/// A password. Its `Debug` form shows nothing of it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// The text itself, for the wire and for the check alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Replaces every occurrence of `secret` in `bytes`, and a beginning of it at the very end (an echo still
/// under way), with `***`.
pub(super) fn redact(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    if secret.is_empty() {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(secret) {
            out.extend_from_slice(b"***");
            rest = after;
        } else if secret.starts_with(rest) {
            out.extend_from_slice(b"***");
            rest = &[];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_seen_whole_or_begun() {
        assert_eq!(redact(b"word: geheim\r\nno geh", b"geheim"), b"word: ***\r\nno ***");
        assert_eq!(redact(b"word: ", b""), b"word: ");
        assert_eq!(format!("{:?}", Secret::new("geheim".into())), "Secret(***)");
    }
}
