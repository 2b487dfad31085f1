//! Backslash quoting of words, in X. files (Q line) and in session commands (option `q`), since Taylor UUCP 1.07.
//! Source: the manual, "Execution File Format": a backslash is followed by a backslash or by three octal digits.

/// Whether a character would end a word or a line if it were not quoted.
pub fn needs_quoting(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

/// Quotes backslashes, and each byte that would break the text apart.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' {
            quoted.push_str("\\\\");
        } else if needs_quoting(character) {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                quoted.push_str(&format!("\\{byte:03o}"));
            }
        } else {
            quoted.push(character);
        }
    }
    quoted
}

/// The text behind the quoting; None if the quoting is broken or what it stands for is not UTF-8.
pub fn unquote(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match rest.next()? {
            b'\\' => plain.push(b'\\'),
            first => {
                let mut value = 0;
                for digit in [first, rest.next()?, rest.next()?] {
                    value = value * 8 + char::from(digit).to_digit(8)?;
                }
                plain.push(u8::try_from(value).ok()?);
            }
        }
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn broken_quoting_is_refused() {
        assert_eq!(unquote("a\\040b\\\\").as_deref(), Some("a b\\"));
        for broken in ["\\", "\\0", "\\04", "\\400", "\\9zz", "\\377"] {
            assert_eq!(unquote(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn quoted_text_is_one_word_and_reads_back(text in "\\PC{0,20}[ \t\n\u{a0}]?\\PC{0,20}") {
            let quoted = quote(&text);
            prop_assert!(!quoted.contains(char::is_whitespace));
            prop_assert_eq!(unquote(&quoted), Some(text));
        }
    }
}
