//! A program as a way out of here: a gateway to another network, such as `ifmail` to FidoNet.
//!
//! Its words are given to it as they are, without a shell. `$host` in a word is the next system; a word `$user` stands
//! for the recipients, each a word of its own.

use crate::post::address::Address;
use std::fmt;

/// The word in whose place the recipients stand.
const USER: &str = "$user";
/// Replaced by the next system, anywhere in a word.
const HOST: &str = "$host";

/// The words of a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pipe(Vec<String>);

/// Why words are no such command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipeError {
    #[error("the program is not given by its whole path")]
    Program,
    #[error("the word {0:?} is empty, or holds a blank or a control character")]
    Word(String),
    #[error("there is no word $user, where the recipients go")]
    NoUser,
    #[error("{0:?} is unknown: there are $host and, as a word alone, $user")]
    Variable(String),
}

impl Pipe {
    pub fn new(words: Vec<String>) -> Result<Pipe, PipeError> {
        if !words.first().is_some_and(|program| program.starts_with('/')) {
            return Err(PipeError::Program);
        }
        for word in &words {
            if word.is_empty() || !word.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(PipeError::Word(word.clone()));
            }
            if word != USER && word.replace(HOST, "").contains('$') {
                return Err(PipeError::Variable(word.clone()));
            }
        }
        if words.iter().any(|word| word == USER) { Ok(Pipe(words)) } else { Err(PipeError::NoUser) }
    }

    /// The command line for one next system; the recipients are still to come.
    pub fn for_host(&self, host: &str) -> String {
        self.0.iter().map(|word| word.replace(HOST, host)).collect::<Vec<_>>().join(" ")
    }

    /// The words of such a command line, with the recipients in their place.
    pub fn words(command: &str, recipients: &[Address]) -> Vec<String> {
        let mut words = Vec::new();
        for word in command.split(' ') {
            if word == USER {
                words.extend(recipients.iter().map(Address::to_string));
            } else {
                words.push(word.to_owned());
            }
        }
        words
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(text: &str) -> Result<Pipe, PipeError> {
        Pipe::new(text.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn host_and_recipients_are_put_in_their_places() {
        let ifmail = pipe("/usr/local/bin/ifmail -x9 -r$host $user").unwrap();
        let command = ifmail.for_host("f105.n324.z2.fidonet.org");
        let recipients = ["joe", "f1.n324.z2.fidonet.org!ann"].map(|text| Address::parse(text).unwrap());
        assert_eq!(
            Pipe::words(&command, &recipients),
            [
                "/usr/local/bin/ifmail",
                "-x9",
                "-rf105.n324.z2.fidonet.org",
                "joe",
                "f1.n324.z2.fidonet.org!ann"
            ]
        );
    }

    #[test]
    fn what_a_shell_would_be_needed_for_is_refused() {
        assert_eq!(pipe("ifmail $user"), Err(PipeError::Program));
        assert_eq!(pipe("/bin/x  $user"), Err(PipeError::Word(String::new())));
        assert_eq!(pipe("/bin/x $host"), Err(PipeError::NoUser));
        assert_eq!(pipe("/bin/x ($user)"), Err(PipeError::Variable("($user)".to_owned())));
        assert_eq!(pipe("/bin/x $sender $user"), Err(PipeError::Variable("$sender".to_owned())));
    }
}
