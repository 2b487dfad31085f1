//! The grade of a job: one character that says how urgent it is.
//!
//! Order of the manual, "UUCP Grades": `0`..`9` go first, then `A`..`Z`, then `a`..`z`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// `0` is the most urgent, `z` the least. Ordered so that the more urgent is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Grade(u8);

impl Grade {
    /// What mail is sent with.
    pub const MAIL: Grade = Grade(b'C');
    /// What `uux` and `uucp` use when nothing is said.
    pub const DEFAULT: Grade = Grade(b'N');
    /// What goes before everything else; a call that somebody asks for by hand is for it.
    pub const BEST: Grade = Grade(b'0');
    /// What everything is at least.
    pub const WORST: Grade = Grade(b'z');

    pub fn new(letter: char) -> Option<Grade> {
        // '0' < 'A' < 'a' in ASCII already, which is the order of grades.
        letter.is_ascii_alphanumeric().then_some(Grade(letter as u8))
    }

    pub fn letter(self) -> char {
        char::from(self.0)
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

impl From<Grade> for char {
    fn from(grade: Grade) -> char {
        grade.letter()
    }
}

impl TryFrom<char> for Grade {
    type Error = &'static str;

    fn try_from(letter: char) -> Result<Grade, Self::Error> {
        Grade::new(letter).ok_or("a grade is one character of 0-9, A-Z, a-z")
    }
}
