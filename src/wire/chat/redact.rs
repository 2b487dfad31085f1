//! Keeps what must not be shown out of what was seen.

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
    }
}
