//! The one reader of the old command lines: single letters with a dash, bundled (`-rn`), with a value behind them or
//! in the next word (`-gC`, `-g C`), and the long names that Taylor UUCP gave them (`--grade C`, `--grade=C`).

use super::Failure;
use std::ffi::OsString;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// Behind the letter, or the next word.
    Value,
    /// Behind the letter alone, and it may be empty (`-oi`, `-bm`, `-r1`).
    Attached,
}

/// One option of a program: its letter, its long name (or none) and what it takes.
pub type Known = (char, &'static str, Takes);

/// The options that all programs have. The manual, "Standard Options".
pub const STANDARD: [Known; 5] = [
    ('x', "debug", Takes::Value),
    ('I', "config", Takes::Value),
    ('v', "version", Takes::Nothing),
    ('h', "help", Takes::Nothing),
    // For our own reports.
    (JSON, "json", Takes::Nothing),
];
/// `--json` has no letter; this one cannot be typed as an option.
pub const JSON: char = '\u{1}';

/// What stands on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// An option and its value; empty if it takes none.
    Option(char, String),
    Word(String),
}

/// What reading needs beside the words.
#[derive(Debug, Clone, Copy)]
pub struct Grammar {
    pub options: &'static [Known],
    /// A lone `-` is this option.
    pub dash: Option<char>,
    /// Options end at the first word, for the words are a command with options of its own.
    pub words_end_options: bool,
}

/// Reads a command line, the name of the program not included.
pub fn read(words: Vec<OsString>, grammar: Grammar) -> Result<Vec<Argument>, Failure> {
    let mut found = Vec::new();
    let mut texts = Vec::new();
    for word in words {
        let text = word.into_string();
        texts
            .push(text.map_err(|word| Failure::usage(format!("{:?} is not UTF-8", word.to_string_lossy())))?);
    }
    let mut words = texts.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            found.extend(words.by_ref().map(Argument::Word));
        } else if let Some(long) = word.strip_prefix("--") {
            found.push(read_long(long, grammar, &mut words)?);
        } else if word == "-" && grammar.dash.is_some() {
            found.extend(grammar.dash.map(|letter| Argument::Option(letter, String::new())));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            read_letters(letters, grammar, &mut words, &mut found)?;
        } else {
            found.push(Argument::Word(word));
            if grammar.words_end_options {
                found.extend(words.by_ref().map(Argument::Word));
            }
        }
    }
    Ok(found)
}

fn read_letters(
    letters: &str,
    grammar: Grammar,
    words: &mut Peekable<IntoIter<String>>,
    found: &mut Vec<Argument>,
) -> Result<(), Failure> {
    let mut rest = letters.chars();
    while let Some(letter) = rest.next() {
        let known = known(grammar).find(|(l, ..)| *l == letter && letter != JSON);
        let Some((_, _, takes)) = known else {
            return Err(Failure::usage(format!("unknown option -{}", letter.escape_default())));
        };
        let value = match takes {
            Takes::Nothing => String::new(),
            Takes::Attached => rest.by_ref().collect(),
            Takes::Value => {
                let behind: String = rest.by_ref().collect();
                match (behind.is_empty(), words.next_if(|_| behind.is_empty())) {
                    (false, _) => behind,
                    (true, Some(next)) => next,
                    (true, None) => return Err(Failure::usage(format!("option -{letter} needs a value"))),
                }
            }
        };
        found.push(Argument::Option(letter, value));
    }
    Ok(())
}

fn read_long(
    long: &str,
    grammar: Grammar,
    words: &mut Peekable<IntoIter<String>>,
) -> Result<Argument, Failure> {
    let (name, behind) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (long, None),
    };
    let Some((letter, _, takes)) = known(grammar).find(|(_, long, _)| *long == name) else {
        return Err(Failure::usage(format!("unknown option --{}", name.escape_default())));
    };
    let value = match (takes, behind) {
        (Takes::Nothing, None) => String::new(),
        (Takes::Nothing, Some(_)) => {
            return Err(Failure::usage(format!("option --{name} takes no value")));
        }
        (_, Some(value)) => value,
        (Takes::Attached, None) => String::new(),
        (Takes::Value, None) => {
            words.next().ok_or_else(|| Failure::usage(format!("option --{name} needs a value")))?
        }
    };
    Ok(Argument::Option(letter, value))
}

/// The program's own options come before the standard ones, which they may replace.
fn known(grammar: Grammar) -> impl Iterator<Item = Known> {
    grammar.options.iter().copied().chain(STANDARD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Argument::{Option as Opt, Word};

    const UUX_LIKE: Grammar = Grammar {
        options: &[
            ('p', "stdin", Takes::Nothing),
            ('r', "nouucico", Takes::Nothing),
            ('g', "grade", Takes::Value),
            ('o', "", Takes::Attached),
        ],
        dash: Some('p'),
        words_end_options: true,
    };

    fn arguments(line: &str) -> Result<Vec<Argument>, Failure> {
        read(line.split(' ').map(OsString::from).collect(), UUX_LIKE)
    }

    fn opt(letter: char, value: &str) -> Argument {
        Opt(letter, value.to_owned())
    }

    #[test]
    fn letters_are_bundled_and_values_stand_behind_or_next() {
        let grade = || opt('g', "C");
        for line in ["-r -g C", "-rgC", "-r -gC", "-rg C", "--nouucico --grade C", "-r --grade=C"] {
            assert_eq!(arguments(line).unwrap(), [opt('r', ""), grade()], "{line}");
        }
        assert_eq!(arguments("- -oi -o").unwrap(), [opt('p', ""), opt('o', "i"), opt('o', "")]);
    }

    #[test]
    fn options_behind_the_first_word_belong_to_the_command() {
        let words = |words: &[&str]| words.iter().map(|w| Word((*w).to_owned())).collect::<Vec<_>>();
        assert_eq!(arguments("polux!rmail -g x").unwrap(), words(&["polux!rmail", "-g", "x"]));
        assert_eq!(arguments("-- -r").unwrap(), words(&["-r"]));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in ["-w", "--wrong", "-g", "--grade", "--stdin=3", "-\u{1}"] {
            assert!(arguments(line).is_err(), "{line}");
        }
    }
}
