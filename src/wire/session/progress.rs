//! What a person watching a call is told.

use crate::job::SystemName;
use serde::{Deserialize, Serialize};

/// One thing that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// Both ends agreed; the packet protocol starts.
    Agreed { peer: SystemName, protocol: char },
    /// A job begins to cross the line. `job` is its name on the wire, the same in all events of it.
    Begun { sending: bool, job: String, what: String, size: Option<u64>, from: u64 },
    /// So many bytes of the file are across, counted from its start.
    Bytes { sending: bool, job: String, bytes: u64 },
    /// It ended: kept there or here, or refused with this reason.
    Done { sending: bool, job: String, refused: Option<String> },
}
