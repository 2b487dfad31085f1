//! The seal on a message of the handshake between uugates, by which noise shows that has changed it. It looks like one
//! more option, and others pass it over. It is the first, for noise makes an end of a message out of a space or a hyphen.
//!
//! ```text
//! Sleaf -#f426 -R -N02047
//! ```

/// What stands before the sum. No name of a system has a `#` in it.
const OPTION: &str = " -#";
const MARK: char = '#';
/// Hexadecimal digits of the sum: the low 16 bits of the CRC-32 (ISO-HDLC) of the text without its seal.
const DIGITS: usize = 4;

/// A text with its seal.
pub fn sealed(text: &str) -> String {
    let (before, options) = text.split_at(text.find(" -").unwrap_or(text.len()));
    format!("{before}{OPTION}{}{options}", sum(text))
}

/// A text without its seal, if it has one; `None`: it is not what was sealed.
pub fn open(text: &str) -> Option<String> {
    let Some((before, behind)) = text.split_once(MARK) else { return Some(text.to_owned()) };
    let before = before.strip_suffix(OPTION.trim_end_matches(MARK))?;
    let (told, options) = behind.split_at_checked(DIGITS)?;
    let whole = [before, options].concat();
    (told == sum(&whole)).then_some(whole)
}

fn sum(text: &str) -> String {
    format!("{:04x}", crc32fast::hash(text.as_bytes()) & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_without_a_seal_is_taken_as_it_is() {
        for text in ["", "Shere=polux", "Sleaf -z", "Sleaf -R -N02047", "RYou are unknown to me", "Pig"] {
            assert_eq!(open(text).as_deref(), Some(text));
        }
        for text in ["Sleaf#", "Sleaf -#", "Sleaf -#123", "Sleaf -R#1234"] {
            assert_eq!(open(text), None);
        }
    }

    #[test]
    fn a_bit_that_changed_leaves_no_other_text_under_a_whole_seal() {
        let text = "Sbarberouge -Q17 -R -N02047 -ui";
        let whole = sealed(text).into_bytes();
        for bit in 0..whole.len() * 8 {
            let mut spoiled = whole.clone();
            spoiled[bit / 8] ^= 1 << (bit % 8);
            let spoiled = String::from_utf8_lossy(&spoiled).into_owned();
            // If the seal itself is none any more, nothing else has changed.
            let is_whole =
                |found: String| found.starts_with("Sbarberouge -") && found.ends_with(" -Q17 -R -N02047 -ui");
            assert!(open(&spoiled).is_none_or(is_whole), "{spoiled}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened(text in "[ -\"$-~]{0,80}") {
            prop_assert_eq!(open(&sealed(&text)), Some(text));
        }
    }
}
