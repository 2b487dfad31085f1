//! `uugate check`: what is wrong with a configuration.

use crate::node::config::Severity;
use serde::Serialize;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    pub file: String,
    pub errors: usize,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for Check {
    /// The last line; the findings themselves are shown with the text that they are about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warnings = self.findings.len() - self.errors;
        match (self.errors, warnings) {
            (0, 0) => writeln!(f, "{}: nothing is wrong", self.file),
            (0, n) => writeln!(f, "{}: can be used; warnings: {n}", self.file),
            (n, m) => writeln!(f, "{}: cannot be used; errors: {n}, warnings: {m}", self.file),
        }
    }
}
