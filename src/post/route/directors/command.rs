//! The command line behind a `|`: a program and its words, read by rules of our own. No shell ever sees it.
//!
//! ```text
//! command = word *( blank word )
//! word    = *( plain / "\" any / "'" *any-but-' "'" / DQUOTE *( plain / "\" any ) DQUOTE )
//! ```
//!
//! What a shell would act on (`; & | < > $ ( ) * ? [ ] { }`, a backquote) is no plain character: a line that relies on it is
//! refused, not run as something else.

use std::fmt;

/// The longest command line, in bytes.
pub const COMMAND_MAX: usize = 2048;
/// The most words of one command.
pub const WORDS_MAX: usize = 64;

/// Programs that would run any command that is put in their words.
const SHELLS: [&str; 14] = [
    "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "csh", "tcsh", "fish", "rbash", "busybox", "env",
    "xargs",
];

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// As it was written: an absolute path, or a bare name.
    pub program: String,
    pub arguments: Vec<String>,
}

/// Why a text is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("no program is named")]
    Empty,
    #[error("a command may have {COMMAND_MAX} characters and {WORDS_MAX} words")]
    TooLong,
    #[error("{0:?} means nothing here, for there is no shell; quote it, or name a program that does it")]
    Shell(char),
    #[error("a quote or a backslash at the end has nothing after it")]
    Open,
    #[error("a control character")]
    Control,
}

impl Command {
    pub fn parse(text: &str) -> Result<Command, CommandError> {
        if text.len() > COMMAND_MAX {
            return Err(CommandError::TooLong);
        }
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(CommandError::Control);
        }
        let mut words: Vec<String> = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (Some('\''), _) => word.get_or_insert_default().push(c),
                (_, '\\') => word.get_or_insert_default().push(chars.next().ok_or(CommandError::Open)?),
                (_, '$' | '`') => return Err(CommandError::Shell(c)),
                (Some(_), _) => word.get_or_insert_default().push(c),
                (None, '"' | '\'') => {
                    word.get_or_insert_default();
                    quote = Some(c);
                }
                (None, ' ' | '\t') => words.extend(word.take()),
                (None, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | ']' | '{' | '}') => {
                    return Err(CommandError::Shell(c));
                }
                (None, _) => word.get_or_insert_default().push(c),
            }
        }
        if quote.is_some() {
            return Err(CommandError::Open);
        }
        words.extend(word);
        if words.len() > WORDS_MAX {
            return Err(CommandError::TooLong);
        }
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or(CommandError::Empty)?;
        Ok(Command { program, arguments: words.collect() })
    }
}

/// True for a program that runs whatever it is told, so that to allow it is to allow everything.
pub fn is_shell(program: &str) -> bool {
    SHELLS.contains(&program.rsplit('/').next().unwrap_or(program))
}

/// Prints so that it reads back as the same words.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
        for (number, word) in std::iter::once(&self.program).chain(&self.arguments).enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            if !word.is_empty() && word.chars().all(plain) {
                f.write_str(word)?;
                continue;
            }
            f.write_str("\"")?;
            for c in word.chars() {
                if matches!(c, '"' | '\\' | '$' | '`') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        let command = Command::parse(text).unwrap();
        std::iter::once(command.program).chain(command.arguments).collect()
    }

    #[test]
    fn words_are_cut_at_blanks_outside_of_quotes() {
        assert_eq!(
            words("/usr/bin/procmail -a  'x y' \"z \\\" z\""),
            ["/usr/bin/procmail", "-a", "x y", "z \" z"]
        );
        assert_eq!(words("vacation joe"), ["vacation", "joe"]);
        assert_eq!(words("a '' b\\ c '$HOME;'"), ["a", "", "b c", "$HOME;"]);
    }

    #[test]
    fn what_a_shell_would_act_on_is_refused() {
        for (text, culprit) in [
            ("IFS=' ' && exec /usr/bin/procmail -f- || exit 75", '&'),
            ("a; rm -rf x", ';'),
            ("a `id`", '`'),
            ("a $(id)", '$'),
            ("a \"$HOME\"", '$'),
            ("a > /etc/passwd", '>'),
            ("|sh", '|'),
            ("a *", '*'),
        ] {
            assert_eq!(Command::parse(text), Err(CommandError::Shell(culprit)), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_cut_or_empty_is_no_command() {
        for text in ["", "  ", "''", "\"\" x"] {
            assert_eq!(Command::parse(text), Err(CommandError::Empty), "{text}");
        }
        for text in ["a 'b", "a \"b", "a \\"] {
            assert_eq!(Command::parse(text), Err(CommandError::Open), "{text}");
        }
        assert_eq!(Command::parse("a\nb"), Err(CommandError::Control));
        assert_eq!(Command::parse(&"a ".repeat(WORDS_MAX + 1)), Err(CommandError::TooLong));
        assert_eq!(Command::parse(&"a".repeat(COMMAND_MAX + 1)), Err(CommandError::TooLong));
    }

    #[test]
    fn shells_are_known_by_any_path() {
        assert!(is_shell("sh") && is_shell("/bin/bash") && is_shell("/usr/bin/env"));
        assert!(!is_shell("/usr/bin/procmail") && !is_shell("/usr/sh/x"));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(words in proptest::collection::vec("[ -~]{0,12}", 1..6)) {
            let mut words = words.into_iter();
            let program = words.next().filter(|word| !word.is_empty()).unwrap_or_else(|| "a".to_owned());
            let command = Command { program, arguments: words.collect() };
            prop_assert_eq!(Command::parse(&command.to_string()), Ok(command));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            if let Ok(command) = Command::parse(&text) {
                prop_assert_eq!(Command::parse(&command.to_string()), Ok(command));
            }
        }
    }
}
