//! Jobs that are out in a file, and files that came in.

use serde::{Deserialize, Serialize};

/// Whether the content of a file was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    Kept,
    /// A file with this digest was imported before; nothing was done.
    Already,
}

/// How an exported file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleState {
    Out,
    Done,
    Recalled,
}
