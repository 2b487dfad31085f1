//! What is known: `uuname`, `uustat`; and wishes for calls.

use super::{JobFilter, PollRequest, VerbError, Verbs, Who};
use crate::clock;
use crate::job::{Grade, SystemName};
use crate::node::config::System;
use crate::node::report::{Calls, Job, Jobs, Name, Names, Poll};
use crate::spool::{CallRecord, Wish};

/// The most past calls that one request gives.
const MOST_CALLS: usize = 1000;

impl Verbs {
    pub(super) fn names(&self) -> Names {
        let name = |system: &System| Name {
            name: system.name.to_string(),
            aliases: system.aliases.iter().map(SystemName::to_string).collect(),
        };
        Names {
            node: self.config.node.name.to_string(),
            systems: self.config.systems.iter().map(name).collect(),
        }
    }

    /// A page of jobs. Who is not trusted sees his own alone.
    pub(super) async fn jobs(
        &self,
        who: &Who,
        filter: JobFilter,
        after: Option<u64>,
    ) -> Result<Jobs, VerbError> {
        let systems: Vec<SystemName> =
            filter.systems.iter().map(|name| self.neighbour(name)).collect::<Result<_, _>>()?;
        let page = self.spool.jobs(None, after).await?;
        let next = page.last().map(|job| job.stable.number);
        let user = if who.trusted { filter.user } else { Some(who.name.clone()) };
        let wanted = |job: &crate::spool::JobSummary| {
            (systems.is_empty() || systems.contains(&job.system))
                && user.as_ref().is_none_or(|user| job.work.user() == user)
        };
        Ok(Jobs { jobs: page.into_iter().filter(wanted).map(Job::from).collect(), next })
    }

    /// The last calls. Who is not trusted sees no bytes of them: they may be of somebody's mail.
    pub(super) async fn calls(
        &self,
        who: &Who,
        system: Option<String>,
        limit: usize,
    ) -> Result<Calls, VerbError> {
        let system = system.map(|name| self.neighbour(&name)).transpose()?;
        let mut calls = self.spool.calls(system, limit.min(MOST_CALLS)).await?;
        calls.iter_mut().for_each(|past| hide_bytes(who, &mut past.record));
        Ok(Calls { calls: calls.into_iter().map(Into::into).collect() })
    }

    /// Whether there is work for a system that a call of ours may carry at this hour.
    pub async fn has_work(&self, system: &SystemName) -> Result<bool, VerbError> {
        Ok(self.spool.waiting(system.clone(), self.largest(system)).await?.is_some())
    }

    /// The largest file that a call of ours may carry to a system at this hour.
    pub(super) fn largest(&self, system: &SystemName) -> Option<u64> {
        let now = clock::wall().to_zoned(self.config.node.time_zone.clone());
        self.config.system(system.as_str())?.sizes.call_local.at(&now)
    }

    /// Wishes for calls; the station answers them.
    pub async fn poll(&self, who: &Who, request: PollRequest) -> Result<Poll, VerbError> {
        let systems: Vec<&System> = match &request.system {
            Some(name) => self.config.system(name).into_iter().collect(),
            None => self.config.systems.iter().filter(|system| !system.lines.is_empty()).collect(),
        };
        if let (Some(name), []) = (&request.system, systems.as_slice()) {
            return Err(VerbError::NoSystem(name.clone()));
        }
        let only_with_work = request.if_work || request.system.is_none();
        let now = clock::wall().to_zoned(self.config.node.time_zone.clone());
        let mut waiting = Vec::new();
        for system in systems {
            let name = system.name.clone();
            // Who names a system is heard as if the best grade waited for it (the manual, "When to Call").
            let mut grade = Grade::BEST;
            if only_with_work {
                let Some(best) = self.spool.waiting(name.clone(), self.largest(&name)).await? else {
                    continue;
                };
                grade = best;
            }
            if system.lines.is_empty() {
                return Err(VerbError::Usage(format!("{name} has no line to call it on; it calls us")));
            }
            if system.plan.times.worst_at(&now).is_none_or(|worst| grade > worst) {
                if request.system.is_none() {
                    continue;
                }
                return Err(VerbError::Usage(format!("{name} may not be called at this hour")));
            }
            if let Some(why) = self.not_paid(&name, grade).await? {
                if request.system.is_none() {
                    continue;
                }
                return Err(VerbError::Usage(format!(
                    "{name} is not called now: {why}; see `uugate when {name}`"
                )));
            }
            let last = self.spool.calls(Some(name.clone()), 1).await?.first().map(|past| past.id.0);
            let (why, since) = ("a poll was asked for".to_owned(), clock::wall());
            // The pauses between calls that failed are the law's, or keep people from being rung.
            let at_once = request.force && who.trusted;
            self.spool.want_call(Wish { system: name.clone(), grade, why, since, at_once }).await?;
            waiting.push((name, last));
        }
        let wished = waiting.iter().map(|(name, _)| name.to_string()).collect();
        let mut calls = if request.wait { self.wait_for_calls(waiting).await? } else { Vec::new() };
        calls.iter_mut().for_each(|call| hide_bytes(who, &mut call.record));
        Ok(Poll { wished, calls })
    }
}

/// What a line brought last may be of anybody's mail.
fn hide_bytes(who: &Who, record: &mut CallRecord) {
    if let Some(cause) = record.cause.as_mut().filter(|_| !who.trusted) {
        cause.last_bytes = None;
    }
}
