//! `uustat`: jobs that wait for a call.

use super::short_time;
use crate::job::{Work, shown_id};
use crate::spool::{JobState, JobSummary};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Jobs {
    pub jobs: Vec<Job>,
    /// There are more after this number.
    pub next: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    pub id: String,
    pub system: String,
    pub grade: char,
    pub user: String,
    pub created: Timestamp,
    /// What it does, in words.
    pub work: String,
    /// Bytes that travel; none for a fetch.
    pub size: Option<u64>,
    pub state: JobState,
    pub attempts: u32,
    pub note: String,
}

impl From<JobSummary> for Job {
    fn from(job: JobSummary) -> Job {
        Job {
            id: shown_id(&job.system, job.grade, job.stable.number),
            system: job.system.to_string(),
            grade: job.grade.letter(),
            user: job.work.user().to_owned(),
            created: job.created,
            size: matches!(job.work, Work::Execute(_) | Work::Send(_)).then_some(job.size),
            work: job.work.to_string(),
            state: job.state,
            attempts: job.attempts,
            note: job.note,
        }
    }
}

impl fmt::Display for Jobs {
    /// As the manual, "uustat Examples", shows a job: id, system, user, date, command, size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for job in &self.jobs {
            write!(f, "{} {} {} {} {}", job.id, job.system, job.user, short_time(job.created), job.work)?;
            if let Some(size) = job.size {
                write!(f, " (sending {size} bytes)")?;
            }
            match job.state {
                JobState::Queued => {}
                JobState::Offered => write!(f, " [in a call]")?,
                JobState::Withheld => write!(f, " [in an exported file]")?,
                JobState::Quarantined => write!(f, " [in quarantine]")?,
            }
            if !job.note.is_empty() {
                write!(f, " [{}]", job.note)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
