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

/// Which of the waiting jobs of a system are wanted, and which of them first. By default all, first come first served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Those of this grade or better.
    pub worst: Option<Grade>,
    /// Those of at most so many bytes.
    pub largest: Option<u64>,
    /// Those of more than so many bytes as well.
    pub or_beyond: Option<u64>,
    pub order: Order,
}

/// The order of jobs of one grade; the better grade goes first in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// First in, first out.
    #[default]
    Age,
    /// The smallest first, with ageing: as if each job had come a millisecond later for each of its bytes, which is the
    /// time that they take at 8000 bit/s. So a job of 10 MiB lets smaller ones pass that come up to three hours after it, and no
    /// others, however many come.
    Size,
}

/// The jobs of one grade that wait for a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkWaiting {
    pub grade: Grade,
    /// When the oldest and the youngest of them came.
    pub oldest: Timestamp,
    pub youngest: Timestamp,
    pub bytes: u64,
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
