//! Jobs for neighbours.

use super::{BodyRef, Claim, Content};
use crate::job::{Grade, StableId, SystemName, Work};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone)]
pub struct NewJob {
    pub system: SystemName,
    pub grade: Grade,
    pub work: Work,
    /// The input of the command, or the file to send; none for a fetch.
    pub content: Option<Content>,
    pub created: Timestamp,
}

/// A job in the hands of a call.
#[derive(Debug, Clone)]
pub struct Job {
    pub claim: Claim,
    /// The number is the same in every call until the job is done; wire names are made from it.
    pub stable: StableId,
    pub system: SystemName,
    pub grade: Grade,
    pub work: Work,
    pub body: Option<BodyRef>,
    pub created: Timestamp,
    pub attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    Queued,
    /// In the hands of a call.
    Offered,
    /// Out in an exported file; no call takes it.
    Withheld,
    /// Kept with the reason why it failed.
    Quarantined,
}

/// One line of `uustat`.
#[derive(Debug, Clone)]
pub struct JobSummary {
    pub stable: StableId,
    pub system: SystemName,
    pub grade: Grade,
    pub work: Work,
    pub size: u64,
    pub created: Timestamp,
    pub state: JobState,
    pub attempts: u32,
    pub note: String,
}
