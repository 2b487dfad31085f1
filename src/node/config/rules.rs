//! Where in the file it is said how systems and lines are used, so that whoever asks why something is so can be told the place.

use super::findings::Findings;
use super::names::Kind;
use super::section::Section;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The place of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// A key of a table is `tariff.budget`.
    pub key: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} `{}`", self.file, self.line, self.key)
    }
}

/// The places of all keys of systems and lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    file: String,
    lines: BTreeMap<(Kind, String, String), usize>,
}

impl Rules {
    pub(super) fn add(&mut self, kind: Kind, section: &Section<'_>, findings: &Findings) {
        findings.file().clone_into(&mut self.file);
        let Some(name) = section.peek("name") else { return };
        for (key, at) in section.keys() {
            let (line, _) = findings.place(at);
            self.lines.insert((kind, name.to_owned(), key), line);
        }
    }

    /// The place of a key of a system or line; `None`: it is not in the file, and its default holds.
    pub fn find(&self, kind: Kind, name: &str, key: &str) -> Option<Rule> {
        let line = *self.lines.get(&(kind, name.to_owned(), key.to_owned()))?;
        Some(Rule { file: self.file.clone(), line, key: key.to_owned() })
    }
}
