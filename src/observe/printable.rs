//! Foreign bytes, made safe for a log or a terminal.

/// Printable ASCII as it is, everything else as an escape (`\r`, `\n`, `\t`, `\\`, `\x1b`); what goes over `limit` bytes
/// of input is cut and counted. The result has no control character and nothing that a terminal obeys.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let shown = bytes.get(..limit).unwrap_or(bytes);
    let mut text = String::with_capacity(shown.len());
    for byte in shown {
        text.extend(byte.escape_ascii().map(char::from).filter(|_| !matches!(byte, b'"' | b'\'')));
        if matches!(byte, b'"' | b'\'') {
            text.push(char::from(*byte));
        }
    }
    let cut = bytes.len() - shown.len();
    if cut > 0 {
        text.push_str(&format!("... ({cut} bytes more)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminals_escapes_and_line_ends_are_shown_not_obeyed() {
        assert_eq!(printable(b"\x1b[2JShere=po'lux\r\n\0\xff\\", 80), r"\x1b[2JShere=po'lux\r\n\x00\xff\\");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        assert_eq!(printable(&[b'x'; 10], 4), "xxxx... (6 bytes more)");
        assert_eq!(printable(b"xxxx", 4), "xxxx");
    }

    proptest! {
        #[test]
        fn only_printable_ascii_ever_comes_out(bytes: Vec<u8>, limit in 0usize..64) {
            prop_assert!(printable(&bytes, limit).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
