//! What a site may set about its spool.

/// Filled by the configuration, section `[spool]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Free space, in bytes, under which no new work is taken; what is there can still be finished. Setting
    /// `spool.reserve`.
    pub reserve: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { reserve: 16 * 1024 * 1024 }
    }
}
