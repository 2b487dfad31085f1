//! `uugate sequence`: the number of the last conversation with a system.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sequence {
    pub system: String,
    /// The last one of a conversation; 0: there was none. Taylor UUCP has it in `.Sequence`.
    pub last: u32,
    /// What our next call says.
    pub next: u32,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sequence { system, last, next } = self;
        writeln!(f, "{system}: the last conversation was {last}, our next call says {next}")
    }
}
