//! The text of forward files, mailing lists and included files: entries between commas and line ends.
//!
//! `#` at the start of a line or behind a blank begins a comment; so does `(`, up to its `)`. In double quotes all these are
//! plain characters. The file is bytes from anybody: comments may be in any 8-bit character set.

use super::member::Member;

/// The longest entry, in characters.
const ENTRY_MAX: usize = 4096;

/// Why a text is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error("line {line}: this is no text (a control character): is it a database that some program made?")]
    Binary { line: usize },
    #[error("line {line}: a quote or a bracket is not closed")]
    Open { line: usize },
    #[error("line {line}: an entry of more than {ENTRY_MAX} characters")]
    TooLong { line: usize },
}

/// Reads a list. Each member comes with the line that it begins on, from 1.
pub fn parse(bytes: &[u8]) -> Result<Vec<(usize, Member)>, ListError> {
    let text = text_of(bytes)?;
    let entries = entries(&text, 1)?;
    Ok(entries.into_iter().map(|(line, entry)| (line, Member::parse(&entry))).collect())
}

/// The bytes as text, if they are one: line ends as LF, what is not UTF-8 replaced.
pub(super) fn text_of(bytes: &[u8]) -> Result<String, ListError> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let culprit = text.find(|c: char| c.is_ascii_control() && !matches!(c, '\n' | '\t'));
    match culprit.and_then(|at| text.get(..at)) {
        Some(before) => Err(ListError::Binary { line: before.matches('\n').count() + 1 }),
        None => Ok(text),
    }
}

/// Cuts a text into its entries, without comments and blank ones; `line` is the number of its first line.
pub(super) fn entries(text: &str, mut line: usize) -> Result<Vec<(usize, String)>, ListError> {
    let mut entries = Vec::new();
    let mut entry = Entry { text: String::new(), line };
    let (mut quoted, mut escaped, mut in_comment) = (false, false, false);
    let mut brackets = 0usize;
    for c in text.chars() {
        match c {
            '\n' => {
                if quoted || brackets > 0 {
                    return Err(ListError::Open { line });
                }
                in_comment = false;
                line += 1;
                entry.end(&mut entries, line);
            }
            _ if in_comment => {}
            _ if escaped => {
                escaped = false;
                entry.push(c)?;
            }
            '\\' if quoted => {
                escaped = true;
                entry.push(c)?;
            }
            '"' if brackets == 0 => {
                quoted = !quoted;
                entry.push(c)?;
            }
            _ if quoted => entry.push(c)?,
            '(' if brackets > 0 || !entry.is_command() => brackets += 1,
            ')' if brackets > 0 => brackets -= 1,
            _ if brackets > 0 => {}
            ',' => entry.end(&mut entries, line),
            '#' if entry.text.is_empty() || entry.text.ends_with([' ', '\t']) => in_comment = true,
            _ => entry.push(c)?,
        }
    }
    if quoted || brackets > 0 {
        return Err(ListError::Open { line });
    }
    entry.end(&mut entries, line);
    Ok(entries)
}

/// The entry that is being read.
struct Entry {
    text: String,
    line: usize,
}

impl Entry {
    fn push(&mut self, c: char) -> Result<(), ListError> {
        if self.text.len() >= ENTRY_MAX {
            return Err(ListError::TooLong { line: self.line });
        }
        self.text.push(c);
        Ok(())
    }

    /// The words of a command may have brackets, which its own rules judge.
    fn is_command(&self) -> bool {
        self.text.trim_start().starts_with('|')
    }

    fn end(&mut self, entries: &mut Vec<(usize, String)>, next_line: usize) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            entries.push((self.line, text));
        }
        self.line = next_line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::address::Address;
    use proptest::prelude::*;

    fn texts(text: &str) -> Vec<String> {
        entries(text, 1).unwrap().into_iter().map(|(_, entry)| entry.trim().to_owned()).collect()
    }

    #[test]
    fn commas_and_line_ends_part_entries() {
        assert_eq!(texts("joe, ann\nbill,,\n\n  leaf!x ,"), ["joe", "ann", "bill", "leaf!x"]);
        assert!(texts("").is_empty() && texts("\n , \n").is_empty());
    }

    #[test]
    fn comments_are_no_entries() {
        let text = "# all of us\njoe # the farmer, who else\n  # more\nann (Ann, of (old) Polux)\nx#y";
        assert_eq!(texts(text), ["joe", "ann", "x#y"]);
        assert_eq!(texts("\"|prog # x\", \"a(b\"@c"), ["\"|prog # x\"", "\"a(b\"@c"]);
        assert_eq!(texts("|prog (x)"), ["|prog (x)"]);
    }

    #[test]
    fn each_entry_knows_its_line() {
        let lines: Vec<usize> =
            parse(b"# x\r\njoe,\r\n\r\nann, bill\r\n").unwrap().iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 4]);
    }

    #[test]
    fn what_is_no_text_is_said_with_its_line() {
        assert_eq!(parse(b"joe\n\0\0\x01"), Err(ListError::Binary { line: 2 }));
        assert_eq!(parse(b"joe\n\"ann\nbill\""), Err(ListError::Open { line: 2 }));
        assert_eq!(parse(b"joe (x"), Err(ListError::Open { line: 1 }));
        assert_eq!(parse(&[b'x'; 5000]), Err(ListError::TooLong { line: 1 }));
        let latin = parse(b"J\xf6rg <joe> # \xe4\n").unwrap();
        assert!(matches!(latin.as_slice(), [(1, Member::Address(_))]), "{latin:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(members) = parse(&bytes) {
                let lines = bytes.split(|byte| *byte == b'\n').count();
                prop_assert!(members.iter().all(|(line, _)| (1..=lines).contains(line)));
            }
        }

        #[test]
        fn plain_addresses_come_out_as_they_went_in(
            names in proptest::collection::vec("[a-z]{1,8}(@[a-z]{1,8})?", 0..20),
            separators in proptest::collection::vec("(,|\n| ,\n |, # x\n|\n\n)", 20),
        ) {
            let text: String =
                names.iter().zip(&separators).map(|(name, after)| format!("{name}{after}")).collect();
            let members: Vec<Member> = parse(text.as_bytes()).unwrap().into_iter().map(|(_, m)| m).collect();
            let expected: Vec<Member> =
                names.iter().map(|name| Member::Address(Address::parse(name).unwrap())).collect();
            prop_assert_eq!(members, expected);
        }
    }
}
