//! `uugate spool verify`, `uugate spool dump`.

use crate::spool::{Dumped, Verified};
use serde::Serialize;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verify {
    pub messages: u64,
    pub jobs: u64,
    pub executions: u64,
    pub bodies: u64,
    /// Something is lost or does not read back.
    pub damaged: bool,
    pub findings: Vec<String>,
}

impl From<Verified> for Verify {
    fn from(verified: Verified) -> Verify {
        Verify {
            messages: verified.messages,
            jobs: verified.jobs,
            executions: verified.executions,
            bodies: verified.bodies,
            damaged: verified.findings.iter().any(crate::spool::Finding::is_damage),
            findings: verified.findings.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Verify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        let Verify { messages, jobs, executions, bodies, .. } = self;
        let state = if self.damaged { "damaged; see `uugate spool dump`" } else { "sound" };
        writeln!(f, "{messages} messages, {jobs} jobs, {executions} executions, {bodies} bodies: {state}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dump {
    pub messages: u64,
    pub jobs: u64,
    pub executions: u64,
    pub data_files: u64,
    pub quarantined: u64,
    /// Bodies that nothing readable speaks of.
    pub loose_bodies: u64,
    /// What does not read.
    pub lost: Vec<String>,
}

impl From<Dumped> for Dump {
    fn from(dumped: Dumped) -> Dump {
        let Dumped { messages, jobs, executions, data_files, quarantined, loose_bodies, lost } = dumped;
        Dump { messages, jobs, executions, data_files, quarantined, loose_bodies, lost }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lost.iter().try_for_each(|lost| writeln!(f, "lost: {lost}"))?;
        let Dump { messages, jobs, executions, data_files, quarantined, loose_bodies, lost } = self;
        writeln!(
            f,
            "{messages} messages, {jobs} jobs, {executions} executions, {data_files} data files, {quarantined} in \
             quarantine, {loose_bodies} loose bodies; {} could not be read",
            lost.len()
        )
    }
}
