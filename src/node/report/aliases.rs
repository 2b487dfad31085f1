//! `newaliases`: the alias files, and what is wrong with them.

use serde::Serialize;
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Aliases {
    pub files: Vec<AliasFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AliasFile {
    pub file: String,
    /// It is there. One that is not is an empty one.
    pub present: bool,
    /// How many names it has.
    pub names: usize,
    /// How many entries these have together.
    pub entries: usize,
    /// Why none of it is used.
    pub unusable: Option<String>,
    /// What is wrong with single entries; the others are used.
    pub problems: Vec<AliasProblem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AliasProblem {
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Aliases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.files.is_empty() {
            return writeln!(f, "no alias files (`alias-files` of [directors])");
        }
        for AliasFile { file, present, names, entries, unusable, problems } in &self.files {
            match unusable {
                Some(why) => writeln!(f, "{file}: not used: {why}")?,
                None if !present => writeln!(f, "{file}: not there")?,
                None => writeln!(f, "{file}: names: {names}, entries: {entries}")?,
            }
            for AliasProblem { line, message } in problems {
                writeln!(f, "{file}:{line}: {message}")?;
            }
        }
        Ok(())
    }
}
