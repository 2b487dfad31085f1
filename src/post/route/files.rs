//! The files that routes are kept in beside the configuration.

use super::Pipe;
use std::path::PathBuf;

/// Which files there are. Whoever holds the tables reads them, and again when they change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Paths that win over everything.
    pub forced: Option<PathBuf>,
    /// Path files, in order, those of gateways among them.
    pub paths: Vec<PathFile>,
    /// The table of transports.
    pub table: Option<PathBuf>,
}

/// A path file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFile {
    pub path: PathBuf,
    /// The program that is given what goes by these paths; without it, it goes to the first system of the path.
    pub gateway: Option<Pipe>,
}

/// The largest of them, in bytes. The map of the whole UUCP network in its best years came to about 3 MB of paths.
pub const FILE_MAX: u64 = 16 << 20;
