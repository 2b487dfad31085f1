//! What the called system answers to an introduction. Source: the manual, "The Initial Handshake".
//!
//! ```text
//! ROKN02047    ROK -R -U0x1000000    ROK    RLCK  RCB  RBADSEQ  RLOGIN  RYou are unknown to me
//! ```

use super::super::features::Told;
use super::super::{Denial, SessionError};
use super::{bytes_of_blocks, printable};
use std::fmt;

/// The R message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Welcome(Welcome),
    Refused(Denial),
}

/// The caller may go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Welcome {
    /// Behind `ROK`.
    pub told: Told,
    /// `-R`: it can go on with files that broke off.
    pub restart: bool,
    /// `-U`: the largest file that it can make, in bytes.
    pub limit: Option<u64>,
}

impl Answer {
    /// Reads what stands behind the `R`.
    pub fn parse(text: &str) -> Result<Answer, SessionError> {
        let mut words = text.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        let Some(told) = word.strip_prefix("OK") else { return Ok(Answer::Refused(denial(text, word))) };
        let mut welcome = Welcome::default();
        if let Some(number) = told.strip_prefix('N') {
            let wrong = "the features of the other end are no octal number";
            welcome.told = Told::parse(number).ok_or(SessionError::Handshake(wrong))?;
        }
        for word in words {
            welcome.restart |= word == "-R";
            welcome.limit = word.strip_prefix("-U").and_then(bytes_of_blocks).or(welcome.limit);
        }
        Ok(Answer::Welcome(welcome))
    }
}

fn denial(text: &str, word: &str) -> Denial {
    match word {
        "LCK" => Denial::Locked,
        "CB" => Denial::CallBack,
        "BADSEQ" => Denial::BadSequence,
        "LOGIN" => Denial::WrongLogin,
        _ if text.starts_with("You are unknown") => Denial::Unknown,
        _ => Denial::Other(printable(text)),
    }
}

/// As it is said, with the `R`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let welcome = match self {
            Answer::Welcome(welcome) => welcome,
            Answer::Refused(denial) => {
                return f.write_str(match denial {
                    Denial::Locked => "RLCK",
                    Denial::CallBack => "RCB",
                    Denial::BadSequence => "RBADSEQ",
                    Denial::WrongLogin => "RLOGIN",
                    // No answer of the manual fits; whatever a caller does not know ends the call for now.
                    Denial::NotNow(_) => "RNot now, call again later",
                    Denial::Unknown | Denial::Other(_) => "RYou are unknown to me",
                });
            }
        };
        match welcome.told {
            Told::Nothing => write!(f, "ROK")?,
            Told::Unnumbered => write!(f, "ROKN")?,
            Told::Number(features) => write!(f, "ROKN{features}")?,
        }
        if welcome.restart {
            write!(f, " -R")?;
        }
        match welcome.limit {
            Some(bytes) => write!(f, " -U0x{:x}", bytes / 512),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Features;
    use super::*;

    #[test]
    fn a_welcome_is_read_as_it_is_said() {
        let number = Told::Number(Features::OURS);
        for (text, told, restart, limit) in [
            ("ROK", Told::Nothing, false, None),
            ("ROKN", Told::Unnumbered, false, None),
            ("ROKN02047", number, false, None),
            ("ROK -R -U0x800", Told::Nothing, true, Some(1 << 20)),
        ] {
            let answer = Answer::Welcome(Welcome { told, restart, limit });
            assert_eq!(answer.to_string(), text);
            assert_eq!(Answer::parse(&text[1..]), Ok(answer));
        }
        let odd = Answer::Welcome(Welcome { restart: true, ..Welcome::default() });
        assert_eq!(Answer::parse("OK -x9 -R -U"), Ok(odd));
        assert!(Answer::parse("OKN8").is_err());
    }
}
