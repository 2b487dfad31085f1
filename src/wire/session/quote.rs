//! Backslash quoting of command arguments: the `q` option of Taylor UUCP 1.07. Source: the manual, "UUCP Protocol
//! Commands": a backslash is followed by a backslash or three octal digits.

/// Quotes what would break a command apart: blanks, control characters and the backslash itself.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            c if c == ' ' || c.is_ascii_control() => quoted.push_str(&format!("\\{:03o}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted
}

/// The text behind the quoting; `None` if the quoting is broken or what it stands for is not UTF-8.
pub fn unquote(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next()? {
            b'\\' => plain.push(b'\\'),
            first => {
                let digits = [first, bytes.next()?, bytes.next()?];
                let value = digits
                    .iter()
                    .try_fold(0_u32, |value, &digit| Some(value * 8 + char::from(digit).to_digit(8)?))?;
                plain.push(u8::try_from(value).ok()?);
            }
        }
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_quoting_is_refused() {
        assert_eq!(unquote("a\\040b").as_deref(), Some("a b"));
        for broken in ["\\", "\\0", "\\04", "\\400", "\\9zz", "\\377"] {
            assert_eq!(unquote(broken), None, "{broken}");
        }
    }
}
