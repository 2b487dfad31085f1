//! What goes first, by what a message says of itself and by its size.

use crate::post::mail::head;
use crate::spool::Priority;

/// `Precedence` as sendmail has it, `Priority` of RFC 2156; and what is so large that its header alone was looked at lets
/// the others pass.
pub fn priority(beginning: &[u8], whole: bool) -> Priority {
    for field in head::fields(beginning) {
        let value = field.value.trim_ascii();
        let is_one_of = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        if field.is("Precedence") && is_one_of(&["special-delivery"])
            || field.is("Priority") && is_one_of(&["urgent"])
        {
            return Priority::Urgent;
        }
        if field.is("Precedence") && is_one_of(&["list", "bulk", "junk"])
            || field.is("Priority") && is_one_of(&["non-urgent"])
        {
            return Priority::Bulk;
        }
    }
    if whole { Priority::Normal } else { Priority::Bulk }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_how_urgent_it_is() {
        let of = |text: &str| priority(text.as_bytes(), true);
        assert_eq!(of("Subject: x\nPrecedence: Bulk \n\n"), Priority::Bulk);
        assert_eq!(of("priority: urgent\n\n"), Priority::Urgent);
        assert_eq!(of("Subject: x\n\nPrecedence: bulk\n"), Priority::Normal);
        assert_eq!(priority(b"Subject: x\n\n", false), Priority::Bulk);
    }
}
