//! `uugate export`, `uugate import`: mail that travels as a file.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bundle {
    Exported {
        file: String,
        jobs: u64,
        messages: u64,
        bytes: u64,
        /// Jobs that such a file cannot carry, and why.
        left: Vec<String>,
    },
    /// The file has arrived: its jobs are done.
    Done { file: String, jobs: u64 },
    /// The file never went: its jobs wait again.
    Recalled { file: String, jobs: u64 },
    Imported {
        file: String,
        messages: u64,
        /// The same content was imported before; nothing was done.
        already: bool,
        /// What reaches nobody.
        dropped: Vec<String>,
    },
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bundle::Exported { file, jobs, messages, bytes, left } => {
                left.iter().try_for_each(|why| writeln!(f, "left: {why}"))?;
                writeln!(f, "{file}: {messages} messages of {jobs} jobs, {bytes} bytes")?;
                writeln!(
                    f,
                    "Say `uugate export --done {file}` when it has arrived, or --recall if it never went."
                )
            }
            Bundle::Done { file, jobs } => writeln!(f, "{file}: {jobs} jobs are done"),
            Bundle::Recalled { file, jobs } => writeln!(f, "{file}: {jobs} jobs wait again"),
            Bundle::Imported { file, already: true, .. } => {
                writeln!(f, "{file}: imported before; nothing was done")
            }
            Bundle::Imported { file, messages, dropped, .. } => {
                dropped.iter().try_for_each(|why| writeln!(f, "dropped: {why}"))?;
                writeln!(f, "{file}: {messages} messages imported")
            }
        }
    }
}
