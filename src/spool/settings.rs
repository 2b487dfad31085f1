//! What a site may set about its spool.

use std::time::Duration;

/// Filled by the configuration, section `[spool]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Free space, in bytes, under which no new work is taken; what is there can still be finished. Setting
    /// `spool.reserve`.
    pub reserve: u64,
    /// Work that waits for longer for a system, is held, or was refused and kept, is told to postmaster. Setting
    /// `spool.unclaimed-after`.
    pub unclaimed_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { reserve: 16 * 1024 * 1024, unclaimed_after: Duration::from_secs(7 * 24 * 3600) }
    }
}
