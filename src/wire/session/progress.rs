//! What a person watching a call is told.

use crate::job::SystemName;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

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

/// What is still to be told, in order.
#[derive(Debug, Default)]
pub(super) struct News(VecDeque<Progress>);

impl News {
    pub fn agreed(&mut self, peer: &SystemName, protocol: char) {
        self.0.push_back(Progress::Agreed { peer: peer.clone(), protocol });
    }

    pub fn begun(&mut self, sending: bool, job: &str, what: &str, size: Option<u64>, from: u64) {
        let (job, what) = (job.to_owned(), what.to_owned());
        self.0.push_back(Progress::Begun { sending, job, what, size, from });
    }

    /// Nobody is told twice of one file before he listens.
    pub fn bytes(&mut self, sending: bool, job: &str, bytes: u64) {
        match self.0.back_mut() {
            Some(Progress::Bytes { sending: same, job: last, bytes: before })
                if *same == sending && last == job =>
            {
                *before = bytes;
            }
            _ => self.0.push_back(Progress::Bytes { sending, job: job.to_owned(), bytes }),
        }
    }

    pub fn done(&mut self, sending: bool, job: String, refused: Option<String>) {
        self.0.push_back(Progress::Done { sending, job, refused });
    }

    pub fn pop(&mut self) -> Option<Progress> {
        self.0.pop_front()
    }
}
