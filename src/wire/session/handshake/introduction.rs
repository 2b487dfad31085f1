//! How a caller introduces itself: its name and what it asks for. Source: the manual, "The Initial Handshake".
//!
//! ```text
//! Sleaf -Q17 -x5 -pC -vgrade=C -R -U0x1000000 -N02047 -ui
//! ```

use super::super::features::Told;
use super::{bytes_of_blocks, printable};
use crate::job::Grade;
use std::fmt;

/// The words of the S message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Introduction {
    pub name: String,
    /// `-Q`: the number of this conversation.
    pub sequence: Option<u32>,
    /// `-x`: how much the called system is asked to log.
    pub debug: Option<u32>,
    /// `-p`, `-vgrade=`: jobs of a worse grade are not wanted in this call.
    pub worst: Option<Grade>,
    /// `-R`: it can go on with files that broke off.
    pub restart: bool,
    /// `-U`: the largest file that it can make, in bytes.
    pub limit: Option<u64>,
    /// `-N`.
    pub told: Told,
    /// `-u`, between uugates alone: the protocol that it chooses ahead, and begins at once.
    pub choice: Option<char>,
}

/// The number behind `-N` is no octal number.
#[derive(Debug, PartialEq, Eq)]
pub struct NoNumber {
    pub name: String,
}

impl Introduction {
    /// Reads what stands behind the `S`; `None`: there is no name. Options that are not known are passed over.
    pub fn parse(text: &str) -> Option<Result<Introduction, NoNumber>> {
        let mut words = text.split_ascii_whitespace();
        let mut introduction = Introduction { name: printable(words.next()?), ..Introduction::default() };
        for word in words {
            let Some((letter, value)) = word.strip_prefix('-').and_then(|word| word.split_at_checked(1))
            else {
                continue;
            };
            let grade = |text: &str| text.chars().next().and_then(Grade::new);
            match letter {
                "Q" => introduction.sequence = value.parse().ok(),
                "x" => introduction.debug = value.parse().ok(),
                "p" => introduction.worst = grade(value).or(introduction.worst),
                "v" => {
                    let told = value.strip_prefix("grade=").and_then(grade);
                    introduction.worst = told.or(introduction.worst);
                }
                "R" if value.is_empty() => introduction.restart = true,
                "U" => introduction.limit = bytes_of_blocks(value).or(introduction.limit),
                "N" => match Told::parse(value) {
                    Some(told) => introduction.told = told,
                    None => return Some(Err(NoNumber { name: introduction.name })),
                },
                "u" => introduction.choice = value.chars().next(),
                _ => {}
            }
        }
        Some(Ok(introduction))
    }
}

/// As it is said, with the `S`. Some systems know `-p`, some `-vgrade=`, and none minds the other.
impl fmt::Display for Introduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.name)?;
        if let Some(number) = self.sequence {
            write!(f, " -Q{number}")?;
        }
        if let Some(level) = self.debug {
            write!(f, " -x{level}")?;
        }
        if let Some(grade) = self.worst {
            write!(f, " -p{grade} -vgrade={grade}")?;
        }
        if self.restart {
            write!(f, " -R")?;
        }
        if let Some(bytes) = self.limit {
            write!(f, " -U0x{:x}", bytes / 512)?;
        }
        match self.told {
            Told::Nothing => {}
            Told::Unnumbered => write!(f, " -N")?,
            Told::Number(features) => write!(f, " -N{features}")?,
        }
        self.choice.map_or(Ok(()), |letter| write!(f, " -u{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Features;
    use super::*;

    #[test]
    fn every_option_is_read_as_it_is_said() {
        let all = Introduction {
            name: "leaf".to_owned(),
            sequence: Some(17),
            debug: Some(5),
            worst: Grade::new('C'),
            restart: true,
            limit: Some(512 * 0x100_0000),
            told: Told::Number(Features::OURS),
            choice: Some('i'),
        };
        assert_eq!(all.to_string(), "Sleaf -Q17 -x5 -pC -vgrade=C -R -U0x1000000 -N02047 -ui");
        for told in [all.clone(), Introduction { name: "leaf".to_owned(), ..Introduction::default() }] {
            assert_eq!(Introduction::parse(&told.to_string()[1..]), Some(Ok(told)));
        }
    }

    #[test]
    fn what_is_malformed_is_passed_over_but_for_features() {
        let read = |text: &str| Introduction::parse(text).unwrap().unwrap();
        let plain = Introduction { name: "leaf".to_owned(), ..Introduction::default() };
        for words in [
            "",
            "-",
            "-Q",
            "-Qx",
            "-Q99999999999",
            "-x",
            "-p?",
            "-vgrade",
            "-Rx",
            "-U",
            "-UG",
            "-u",
            "-Zx",
            "Z",
        ] {
            assert_eq!(read(&format!("leaf {words}")), plain, "{words}");
        }
        assert_eq!(read("leaf -vgrade=? -pA").worst, Grade::new('A'));
        assert_eq!(read("leaf -N").told, Told::Unnumbered);
        assert_eq!(Introduction::parse("leaf -N9"), Some(Err(NoNumber { name: "leaf".to_owned() })));
        assert_eq!(Introduction::parse("  "), None);
    }
}
