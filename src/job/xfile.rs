//! The text of an execution (X.) file. Source: the Taylor UUCP manual, "Execution File Format".
//!
//! ```text
//! U jan barberouge          who asked, and where
//! F D.barberoC0001          a file that must be there first
//! I D.barberoC0001          which of them is the standard input
//! R jan@barberouge.example  whom to tell
//! C rmail ida               what to run
//! ```
//!
//! A peer wrote it, so nothing in it is believed: file names are plain names of D. files, words are bare words. What
//! this house does not carry out (a shell, files beside the standard input, output that goes into files) is
//! refused by name and never done by half.

use super::quote::{needs_quoting, quote, unquote};
use super::{Command, CommandError, Execute, Notify, SystemName};

/// The longest X. file that is read, in bytes. A command of five addresses has some 300; the argument lists of
/// POSIX systems end at 128 KiB.
const LONGEST: usize = 128 * 1024;

/// The longest name of a D. file, in bytes (NAME_MAX of Linux).
const LONGEST_NAME: usize = 255;

/// Whom notices go to when an X. file has no U line: who keeps the other system.
const NOBODY: &str = "uucp";

/// An execution file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XFile {
    pub execute: Execute,
    /// The D. file that is the standard input.
    pub input: Option<String>,
    /// Where the request says that it comes from. To be printed, not to be trusted: a session knows its peer.
    pub system: Option<SystemName>,
}

/// Why a text is no execution file that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XFileError {
    #[error("the execution file is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the execution file is not text")]
    NotText,
    #[error("the execution file has no command (no C line)")]
    NoCommand,
    #[error("the execution file has more than one {0} line")]
    Repeated(char),
    #[error("the execution file wants {0}, which is not done here")]
    Unsupported(&'static str),
    #[error("{0:?} is no name of a data file: D., then A-Z a-z 0-9 . _ -")]
    FileName(String),
    #[error("{0:?} has a backslash that quotes nothing, or quotes bytes that are not text")]
    Quoting(String),
    #[error("a name holds a control character: {0:?}")]
    Control(String),
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl XFile {
    /// Reads what came from a peer.
    pub fn parse(text: &[u8]) -> Result<XFile, XFileError> {
        if text.len() > LONGEST {
            return Err(XFileError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| XFileError::NotText)?;
        // Q may stand after the lines that it is about.
        let quoted = text.lines().any(|line| line.trim_end() == "Q");
        let mut found = Found::default();
        for line in text.lines() {
            let mut characters = line.chars();
            let Some(letter) = characters.next() else { continue };
            found.line(letter, characters.as_str(), quoted)?;
        }
        found.finish()
    }

    /// The text for a peer. Quoting is used only where a name needs it, for peers before Taylor 1.07 do not know it.
    pub fn print(&self) -> String {
        let Execute { command, user, requestor, notify } = &self.execute;
        let names = [Some(user), requestor.as_ref()];
        let quoted = names.into_iter().flatten().any(|name| name.is_empty() || name.contains(needs_quoting));
        let word = |text: &str| if quoted { quote(text) } else { text.to_owned() };
        let mut text = String::new();
        let mut line = |letter: char, rest: &str| {
            text.push(letter);
            if !rest.is_empty() {
                text.push(' ');
                text.push_str(rest);
            }
            text.push('\n');
        };
        if quoted {
            line('Q', "");
        }
        match &self.system {
            Some(system) => line('U', &format!("{} {system}", word(user))),
            None => line('U', &word(user)),
        }
        if let Some(input) = &self.input {
            line('F', input);
            line('I', input);
        }
        if let Some(requestor) = requestor {
            line('R', &word(requestor));
        }
        match notify {
            Notify::Never => line('N', ""),
            Notify::OnError => line('Z', ""),
            Notify::Always => line('n', ""),
        }
        let words: Vec<String> =
            std::iter::once(&command.program).chain(&command.arguments).map(|text| word(text)).collect();
        line('C', &words.join(" "));
        text
    }
}

/// What the lines so far have said.
#[derive(Debug, Default)]
struct Found {
    command: Option<Command>,
    /// User and, perhaps, system.
    user: Option<Vec<String>>,
    input: Option<String>,
    files: Vec<String>,
    requestor: Option<String>,
    notify: Notify,
}

impl Found {
    fn line(&mut self, letter: char, rest: &str, quoted: bool) -> Result<(), XFileError> {
        let words = || -> Result<Vec<String>, XFileError> {
            let words = rest.split_ascii_whitespace();
            words.map(|word| if quoted { unquoted(word) } else { Ok(word.to_owned()) }).collect()
        };
        match letter {
            'C' => {
                let mut words = words()?.into_iter();
                let program = words.next().ok_or(CommandError::Empty)?;
                set('C', &mut self.command, Command::new(program, words.collect())?)
            }
            'U' => set('U', &mut self.user, words()?.into_iter().map(plain).collect::<Result<_, _>>()?),
            'I' => match words()?.into_iter().next() {
                // What Unix peers say for no input at all.
                Some(name) if name == "/dev/null" => Ok(()),
                Some(name) => set('I', &mut self.input, data_name(name)?),
                None => Ok(()),
            },
            'F' => {
                let mut words = words()?.into_iter();
                let Some(name) = words.next() else { return Ok(()) };
                if words.next().is_some() {
                    return Err(XFileError::Unsupported("a file under a name of its own (F)"));
                }
                self.files.push(data_name(name)?);
                Ok(())
            }
            'R' => match words()?.into_iter().next() {
                Some(address) => set('R', &mut self.requestor, plain(address)?),
                None => Ok(()),
            },
            'O' => Err(XFileError::Unsupported("its output in a file (O)")),
            'M' => Err(XFileError::Unsupported("its status in a file (M)")),
            'e' if rest.trim().is_empty() => Err(XFileError::Unsupported("a shell (e)")),
            'N' if rest.trim().is_empty() => {
                self.notify = Notify::Never;
                Ok(())
            }
            'n' if rest.trim().is_empty() => {
                self.notify = Notify::Always;
                Ok(())
            }
            // Z and E are what happens anyhow. B asks for the input with an error message: the notices of this house
            // have what they have. The manual: comments and unknown lines are ignored.
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<XFile, XFileError> {
        let command = self.command.ok_or(XFileError::NoCommand)?;
        if self.files.iter().any(|file| Some(file) != self.input.as_ref()) {
            return Err(XFileError::Unsupported("a file beside its standard input (F)"));
        }
        let mut who = self.user.unwrap_or_default().into_iter();
        let user = who.next().filter(|user| !user.is_empty()).unwrap_or_else(|| NOBODY.to_owned());
        let system = who.next().and_then(|name| name.parse().ok());
        let execute = Execute { command, user, requestor: self.requestor, notify: self.notify };
        Ok(XFile { execute, input: self.input, system })
    }
}

fn set<T>(letter: char, place: &mut Option<T>, value: T) -> Result<(), XFileError> {
    match place.replace(value) {
        Some(_) => Err(XFileError::Repeated(letter)),
        None => Ok(()),
    }
}

fn unquoted(word: &str) -> Result<String, XFileError> {
    unquote(word).ok_or_else(|| XFileError::Quoting(word.chars().take(80).collect()))
}

/// A name for people: it may end up in a header, so it holds nothing that could begin another line.
fn plain(text: String) -> Result<String, XFileError> {
    if text.chars().any(char::is_control) {
        return Err(XFileError::Control(text.chars().take(80).collect()));
    }
    Ok(text)
}

fn data_name(name: String) -> Result<String, XFileError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let sound = name.len() > 2
        && name.len() <= LONGEST_NAME
        && name.starts_with("D.")
        && name.bytes().all(allowed)
        && !name.contains("..");
    if sound { Ok(name) } else { Err(XFileError::FileName(name.chars().take(80).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<XFile, XFileError> {
        XFile::parse(text.as_bytes())
    }

    #[test]
    fn mail_as_a_unix_peer_sends_it() {
        let text = "U ian test1\nR ian@test1.example\nF D.test1N003s\nI D.test1N003s\nZ\n# a comment\nC rmail ida uwe\n";
        let file = parse(text).unwrap();
        assert_eq!(file.execute.command.to_string(), "rmail ida uwe");
        assert_eq!(file.execute.user, "ian");
        assert_eq!(file.execute.requestor.as_deref(), Some("ian@test1.example"));
        assert_eq!(file.execute.notify, Notify::OnError);
        assert_eq!(file.input.as_deref(), Some("D.test1N003s"));
        assert_eq!(file.system, Some("test1".parse().unwrap()));
    }

    #[test]
    fn line_ends_order_and_unknown_lines_do_not_matter() {
        let file = parse("C rmail ida\r\n\r\nN\r\nB\r\nE\r\ny whatever\r\nU jan\r\nI /dev/null\r\n").unwrap();
        assert_eq!(file.execute.command.to_string(), "rmail ida");
        assert_eq!(file.execute.notify, Notify::Never);
        assert_eq!((file.execute.user.as_str(), file.system, file.input), ("jan", None, None));
        assert_eq!(parse("C true\nn\n").unwrap().execute.notify, Notify::Always);
        assert_eq!(parse("C true\n").unwrap().execute.user, "uucp");
    }

    #[test]
    fn the_example_of_the_manual_is_refused_for_what_it_wants() {
        let text = "U ian test1\nF D.test1N003r qux\nO /usr/spool/uucppublic/gorp test1\nF D.test1N003s\n\
                    I D.test1N003s\nC cat - ~ian/bar qux\n";
        assert!(matches!(parse(text), Err(XFileError::Unsupported(_))));
        for line in ["O /etc/passwd", "M /tmp/status", "e", "F D.other", "F D.in other"] {
            let refused = parse(&format!("I D.in\nF D.in\n{line}\nC rmail ida\n"));
            assert!(matches!(refused, Err(XFileError::Unsupported(_))), "{line}");
        }
    }

    #[test]
    fn file_names_stay_in_their_place() {
        for name in ["/etc/passwd", "D./../x", "D.a/b", "D...", "../D.a", "X.a", "D.", "D.a\u{1}", "~/a"] {
            for letter in ["I", "F"] {
                let refused = parse(&format!("{letter} {name}\nC rmail ida\n"));
                assert!(matches!(refused, Err(XFileError::FileName(_))), "{letter} {name}");
            }
        }
        assert!(matches!(parse("Q\nI D.a\\057b\nC rmail ida\n"), Err(XFileError::FileName(_))));
    }

    #[test]
    fn quoting_is_undone_only_when_it_is_announced() {
        let file = parse("U a\\040b there\nC rmail x\\\\y\nQ\n").unwrap();
        assert_eq!(file.execute.user, "a b");
        assert_eq!(file.execute.command.arguments, ["x\\y"]);
        assert_eq!(parse("C rmail x\\040y\n").unwrap().execute.command.arguments, ["x\\040y"]);
        for wrong in ["\\", "\\0", "\\08", "\\09a", "\\n", "\\400", "\\377"] {
            assert!(
                matches!(parse(&format!("Q\nC rmail {wrong}\n")), Err(XFileError::Quoting(_))),
                "{wrong}"
            );
        }
        assert!(matches!(parse("Q\nC rmail a\\012b\n"), Err(XFileError::Command(_))));
        assert!(matches!(parse("Q\nU a\\012Bcc:b\nC rmail a\n"), Err(XFileError::Control(_))));
    }

    #[test]
    fn doubtful_files_are_refused() {
        assert_eq!(parse(""), Err(XFileError::NoCommand));
        assert_eq!(parse("C \n"), Err(XFileError::Command(CommandError::Empty)));
        assert_eq!(parse("C rmail a\nC rmail b\n"), Err(XFileError::Repeated('C')));
        assert_eq!(parse("I D.a\nI D.b\nC rmail b\n"), Err(XFileError::Repeated('I')));
        assert_eq!(XFile::parse(b"C rmail \xff\n"), Err(XFileError::NotText));
        assert_eq!(XFile::parse(&vec![b'#'; LONGEST + 1]), Err(XFileError::TooLong));
    }

    #[test]
    fn plain_names_are_printed_without_quoting() {
        let file = parse("U ja\\n there\nF D.x\nI D.x\nR j\nC rmail a\\b\n").unwrap();
        assert_eq!(file.print(), "U ja\\n there\nF D.x\nI D.x\nR j\nZ\nC rmail a\\b\n");
    }

    fn files() -> impl Strategy<Value = XFile> {
        let name = "[^\\p{Cc}]{1,12}";
        let word = "[^\\p{Cc}\\s]{1,12}";
        let notify = prop_oneof![Just(Notify::Never), Just(Notify::OnError), Just(Notify::Always)];
        let system = proptest::option::of("[a-z][a-z0-9]{0,7}");
        let input = proptest::option::of("D\\.[A-Za-z0-9_-]{1,20}");
        let words = proptest::collection::vec(word, 1..6);
        (words, name, proptest::option::of(name), notify, input, system).prop_map(
            |(mut words, user, requestor, notify, input, system)| {
                let command = Command::new(words.remove(0), words).unwrap();
                let system = system.map(|name| name.parse().unwrap());
                XFile { execute: Execute { command, user, requestor, notify }, input, system }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(file in files()) {
            prop_assert_eq!(XFile::parse(file.print().as_bytes()), Ok(file));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(file) = XFile::parse(&bytes) {
                prop_assert_eq!(XFile::parse(file.print().as_bytes()), Ok(file));
            }
        }

        #[test]
        fn any_lines_are_read_or_refused(lines in "([CUIFRZNnQ#eEBMO]( [D.a-c\\\\0-7 ]{0,9})?\n){0,8}") {
            if let Ok(file) = XFile::parse(lines.as_bytes()) {
                prop_assert_eq!(XFile::parse(file.print().as_bytes()), Ok(file));
            }
        }
    }
}
