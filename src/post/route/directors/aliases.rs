//! An alias file as sendmail and smail keep it: `name: entry, entry`, continued on lines that begin with a blank.
//!
//! Names are folded to lower case and may stand in double quotes; what stands behind the colon is a list ([`super::list`]).
//! A file that is no such text, as the database of some program or the aliases of elm, is refused whole and by its kind; what is
//! wrong with single entries is collected, and the others count.

use super::list::{self, ListError};
use super::member::Member;
use std::collections::BTreeMap;

/// The longest name, in bytes: as that of a user part.
const NAME_MAX: usize = crate::post::address::USER_MAX;

/// The aliases of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases {
    /// By name, in lower case.
    pub names: BTreeMap<String, Alias>,
    /// What is wrong with single entries, in the order of the file.
    pub problems: Vec<Problem>,
}

/// What one name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Where it begins in its file, from 1.
    pub line: usize,
    pub members: Vec<Member>,
}

/// Something wrong in a file that is otherwise read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub text: String,
}

/// Why a file is no alias file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AliasesError {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(
        "line {line}: this is an alias of elm (name = full name = address), not of sendmail (name: address); \
         give each its own file"
    )]
    Elm { line: usize },
    #[error("line {line}: there is no colon after a name")]
    NoColon { line: usize },
    #[error(
        "line {line}: this line begins with a blank, so it continues an alias, and there is none before it"
    )]
    NothingToContinue { line: usize },
}

impl Aliases {
    pub fn parse(bytes: &[u8]) -> Result<Aliases, AliasesError> {
        let text = list::text_of(bytes)?;
        let mut aliases = Aliases::default();
        let mut open: Option<Paragraph> = None;
        for (line, text) in (1..).zip(text.lines()) {
            let content = text.trim_start_matches([' ', '\t']);
            let is_comment = content.is_empty() || content.starts_with('#');
            let continues = content.len() < text.len();
            match &mut open {
                // Comments inside of an alias keep their place, so that lines are counted right.
                Some(open) if continues || is_comment => {
                    open.list.push('\n');
                    open.list.push_str(text);
                }
                _ if is_comment => {}
                None if continues => return Err(AliasesError::NothingToContinue { line }),
                _ => {
                    let (name, list) = name_of(text, line)?;
                    let next = Paragraph { name: name.to_owned(), line, list: list.to_owned() };
                    aliases.take(open.replace(next))?;
                }
            }
        }
        aliases.take(open)?;
        Ok(aliases)
    }

    fn take(&mut self, paragraph: Option<Paragraph>) -> Result<(), AliasesError> {
        let Some(Paragraph { name, line, list }) = paragraph else { return Ok(()) };
        let mut problem = |line, text| self.problems.push(Problem { line, text });
        let plain = super::member::unquoted(name.trim()).unwrap_or_else(|| name.trim().to_owned());
        let is_plain = |b: u8| (b' '..=b'~').contains(&b);
        if plain.is_empty() || plain.len() > NAME_MAX || !plain.bytes().all(is_plain) {
            problem(line, format!("{:?} cannot be the name of an alias", excerpt(&plain)));
            return Ok(());
        }
        let mut members = Vec::new();
        for (line, entry) in list::entries(&list, line)? {
            let member = Member::parse(&entry);
            if let Member::Wrong(why) = &member {
                problem(line, format!("alias {plain}: {why}"));
            }
            members.push(member);
        }
        if members.is_empty() {
            problem(line, format!("alias {plain} stands for nothing"));
            return Ok(());
        }
        match self.names.entry(plain.to_ascii_lowercase()) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(Alias { line, members });
            }
            std::collections::btree_map::Entry::Occupied(first) => {
                let text =
                    format!("alias {plain} stands in line {} already; that one counts", first.get().line);
                problem(line, text);
            }
        }
        Ok(())
    }
}

/// One alias as it stands in the file.
struct Paragraph {
    name: String,
    line: usize,
    list: String,
}

/// The name before the first colon outside of quotes, and what stands behind.
fn name_of(text: &str, line: usize) -> Result<(&str, &str), AliasesError> {
    let mut quoted = false;
    let mut escaped = false;
    let colon = text.find(|c| {
        if escaped {
            escaped = false;
            return false;
        }
        escaped = quoted && c == '\\';
        quoted ^= c == '"';
        c == ':' && !quoted
    });
    let parts = colon.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    parts.ok_or(match text.matches('=').count() {
        0 => AliasesError::NoColon { line },
        _ => AliasesError::Elm { line },
    })
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::address::Address;
    use proptest::prelude::*;

    const FILE: &str = "\
# Basic system aliases -- these MUST be present.
MAILER-DAEMON: postmaster
Postmaster:\troot, \"|/usr/bin/log mail\"   # and a log
root:
    joe,
    # not bill
    Ann <ann@farm.example>,

    leaf!bill
\"joe farmer\" : joe
staff: :include:/etc/uugate/staff
";

    fn address(text: &str) -> Member {
        Member::Address(Address::parse(text).unwrap())
    }

    #[test]
    fn names_lists_and_continuations() {
        let aliases = Aliases::parse(FILE.as_bytes()).unwrap();
        assert!(aliases.problems.is_empty(), "{:?}", aliases.problems);
        let names: Vec<(&str, usize)> =
            aliases.names.iter().map(|(name, alias)| (name.as_str(), alias.line)).collect();
        let expected =
            [("joe farmer", 10), ("mailer-daemon", 2), ("postmaster", 3), ("root", 4), ("staff", 11)];
        assert_eq!(names, expected);
        assert_eq!(
            aliases.names["root"].members,
            [address("joe"), address("ann@farm.example"), address("leaf!bill")]
        );
        assert!(matches!(aliases.names["postmaster"].members.as_slice(), [_, Member::Pipe(_)]));
        assert!(matches!(aliases.names["staff"].members.as_slice(), [Member::Include(_)]));
    }

    #[test]
    fn what_is_wrong_with_an_entry_keeps_no_other_from_counting() {
        let file = "a: joe\nA: ann\nb:\nc: joe ann, bill\n: x\n";
        let aliases = Aliases::parse(file.as_bytes()).unwrap();
        let lines: Vec<usize> = aliases.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3, 4, 5], "{:?}", aliases.problems);
        assert_eq!(aliases.names["a"].members, [address("joe")]);
        assert!(
            matches!(aliases.names["c"].members.as_slice(), [Member::Wrong(_), bill] if *bill == address("bill"))
        );
    }

    #[test]
    fn the_files_of_other_programs_are_known() {
        let elm = b"joe, farmer = Joe Farmer = joe@farm.example\n";
        assert_eq!(Aliases::parse(elm), Err(AliasesError::Elm { line: 1 }));
        let error = Aliases::parse(elm).unwrap_err().to_string();
        assert!(error.contains("elm") && error.contains("line 1"), "{error}");
        let dbm = b"a: b\n\0\0\x13\x61\xff";
        assert_eq!(Aliases::parse(dbm), Err(AliasesError::List(ListError::Binary { line: 2 })));
        assert_eq!(Aliases::parse(b"joe ann\n"), Err(AliasesError::NoColon { line: 1 }));
        assert_eq!(Aliases::parse(b"\n  joe\n"), Err(AliasesError::NothingToContinue { line: 2 }));
        assert_eq!(Aliases::parse(b"a: \"b\nc: d\n"), Err(AliasesError::List(ListError::Open { line: 1 })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Aliases::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read(table in proptest::collection::btree_map(
            "[a-z][a-z0-9-]{0,8}", proptest::collection::vec("[a-z]{1,6}(@[a-z]{1,6})?", 1..5), 0..8)) {
            let mut file = String::new();
            for (name, to) in &table {
                file.push_str(&format!("{}: {}\n", name.to_ascii_uppercase(), to.join(",\n\t")));
            }
            let aliases = Aliases::parse(file.as_bytes()).unwrap();
            prop_assert!(aliases.problems.is_empty());
            let read: BTreeMap<String, Vec<Member>> =
                aliases.names.into_iter().map(|(name, alias)| (name, alias.members)).collect();
            let expected = table.into_iter().map(|(name, to)| {
                (name, to.iter().map(|to| address(to)).collect())
            }).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
