//! What is ahead for a system: when it will be called, why, and on which of its lines it may be. The scheduler goes by it, and
//! whoever asks is told it.
//!
//! What happened before is read from the call records each time, so that a restart changes nothing.

use super::{Settings, SystemSettings};
use crate::job::Grade;
use crate::schedule::{
    Allowance, Chance, Doubt, History, NextCall, NotPaid, Tariff, Waiting, Why, Wished, month, next_call,
};
use crate::spool::{PastCall, Spool, SpoolError, Wish};
use crate::wire::call::spent;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::time::Duration;

/// How many past calls are looked at to count failures in a row; the retry clock has long reached its limit by then.
const PAST: usize = 32;

/// What is ahead for one system.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// None: there is no reason to call it.
    pub next: Option<NextCall>,
    /// Since when it is in a call.
    pub in_call: Option<Timestamp>,
    /// When its last call began.
    pub last: Option<Timestamp>,
    /// Calls of ours that failed since the last good one.
    pub failures: u32,
    /// Since the last call its line was taken so often when it was to be called.
    pub line_taken: u32,
}

impl Settings {
    /// Looks ahead for a system.
    pub async fn outlook(
        &self,
        spool: &Spool,
        system: &SystemSettings,
        now: &Zoned,
    ) -> Result<Outlook, SpoolError> {
        let wishes = spool.wishes().await?;
        let wish = wishes.into_iter().find(|wish| wish.system == system.name);
        self.outlook_with(spool, system, wish, now).await
    }

    pub(super) async fn outlook_with(
        &self,
        spool: &Spool,
        system: &SystemSettings,
        wish: Option<Wish>,
        now: &Zoned,
    ) -> Result<Outlook, SpoolError> {
        let plan = &system.plan;
        let rows = PAST.max(usize::try_from(plan.max_retries).unwrap_or(PAST).saturating_add(1));
        let mut past = spool.calls(Some(system.name.clone()), rows).await?;
        // What a clock that ran ahead has dated is no longer gone by.
        past.retain(|past| past.ended.is_none() || past.call.began <= now.timestamp());
        past.retain(|past| !past.record.by_hand);
        let in_vain = past.iter().take_while(|past| past.ended.is_some() && past.record.line_taken);
        let line_taken = u32::try_from(in_vain.count()).unwrap_or(u32::MAX);
        let tried = past.first().map(|past| (past.call.began, line_taken)).filter(|_| line_taken > 0);
        let past: Vec<PastCall> = past.into_iter().filter(|past| !past.record.line_taken).collect();
        let in_call = past.first().filter(|past| past.ended.is_none()).map(|past| past.call.began);
        let failures = failures(&past);
        let mut history = History {
            last: past.first().map(|past| past.call.began),
            failures,
            wish: wish.filter(|wish| system.sends || wish.at_once).map(|wish| Wished {
                since: wish.since.min(now.timestamp()),
                grade: wish.grade,
                at_once: wish.at_once,
                why: Why::Wish,
            }),
            line_taken: tried,
            calls_back: past.first().is_some_and(|past| past.record.calls_back),
            work: Vec::new(),
            chance: Chance::of(&format!("{}!{}", self.node.name, system.name), failures),
        };
        if system.sends {
            if !plan.call_for.is_empty() {
                let waiting = spool.work_waiting(system.name.clone(), system.sizes.at(now)).await?;
                history.work = waiting
                    .into_iter()
                    .map(|work| Waiting {
                        grade: work.grade,
                        oldest: work.oldest.min(now.timestamp()),
                        youngest: work.youngest.min(now.timestamp()),
                        bytes: work.bytes,
                    })
                    .collect();
            }
            if history.wish.is_none()
                && let Some(since) = permitted_since(spool, system, &past, now.time_zone()).await?
                && let Some(grade) = spool.waiting(system.name.clone(), None).await?
            {
                history.wish = Some(Wished { since, grade, at_once: false, why: Why::Size });
            }
        }
        let next = next_call(now, plan, &history);
        Ok(Outlook { next, in_call, last: history.last, failures, line_taken })
    }

    /// Whether a line may be used now for a call that work of this grade is the reason for; `None`: it costs nothing.
    pub async fn may_pay(
        &self,
        spool: &Spool,
        line: &str,
        system: &SystemSettings,
        grade: Grade,
        now: &Zoned,
        doubt: Option<Doubt>,
    ) -> Result<Option<Result<Allowance, NotPaid>>, SpoolError> {
        let Some(tariff) = self.node.tariffs.get(line) else { return Ok(None) };
        let spent = spent(&spool.charges(line.to_owned(), month(now)).await?);
        let most = self.node.systems.get(&system.name).map_or(Duration::MAX, |system| system.max_time);
        let permitted = tariff.permits(now, doubt, spent, grade, most);
        let NotPaid::Cheaper(from) = (match permitted {
            Err(why) => why,
            Ok(_) => return Ok(Some(permitted)),
        }) else {
            return Ok(Some(permitted));
        };
        // An hour in which it may not be called is not worth waiting for.
        let cheaper = from.to_zoned(now.time_zone().clone());
        if system.plan.times.worst_at(&cheaper).is_some_and(|worst| grade <= worst) {
            return Ok(Some(permitted));
        }
        let impatient = Tariff { patience: Duration::ZERO, ..tariff.clone() };
        Ok(Some(impatient.permits(now, doubt, spent, grade, most)))
    }
}

fn failures(past: &[PastCall]) -> u32 {
    // A good call either way ends the row; only our own failed ones count.
    let ended = past.iter().filter(|past| past.ended.is_some());
    let failed = ended.take_while(|past| past.record.failure.is_some()).filter(|past| past.call.outgoing);
    u32::try_from(failed.count()).unwrap_or(u32::MAX)
}

/// The hour from which on work may go that was too large for the hour of our last call, or for that at which it came.
pub(super) async fn permitted_since(
    spool: &Spool,
    system: &SystemSettings,
    past: &[PastCall],
    zone: &TimeZone,
) -> Result<Option<Timestamp>, SpoolError> {
    let last = past.iter().find(|past| past.call.outgoing).map(|past| past.call.began);
    let mut first: Option<Timestamp> = None;
    for (above, up_to) in system.sizes.classes() {
        let Some(since) = spool.waits_since(system.name.clone(), above, up_to).await? else { continue };
        let then = last.map_or(since, |last| last.max(since)).to_zoned(zone.clone());
        let hour = system.sizes.next(above.saturating_add(1), &then).filter(|hour| *hour > then);
        let hour = hour.map(|hour| hour.timestamp());
        first = [first, hour].into_iter().flatten().min();
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Command, Execute, Grade, Notify, Work};
    use crate::schedule::{Plan, SizeLimits};
    use crate::spool::{CallId, CallRecord, Content, NewCall, NewJob};

    fn at(text: &str) -> Timestamp {
        format!("2026-11-23T{text}Z").parse().unwrap()
    }

    fn polux() -> SystemSettings {
        SystemSettings {
            name: "polux".parse().unwrap(),
            lines: Vec::new(),
            numbers: Vec::new(),
            address: None,
            certificate_name: None,
            sends: true,
            plan: Plan::default(),
            sizes: SizeLimits::new(vec![
                (100, "Wk0800-1800".parse().unwrap()),
                (1000, "Any0000-2200".parse().unwrap()),
            ]),
        }
    }

    #[tokio::test]
    async fn a_call_that_a_clock_ahead_has_dated_keeps_nobody_waiting() {
        let spool = Spool::in_memory();
        let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/public".into());
        let settings = Settings::new(std::sync::Arc::new(node));
        let plan = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
        let system = SystemSettings { plan, ..polux() };
        let now = at("12:00:00").to_zoned(TimeZone::UTC);
        let began = at("12:00:00") + jiff::SignedDuration::from_hours(24 * 365);
        let call = NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing: true, began };
        let lease = spool.call_began(call, Duration::from_secs(60)).await.unwrap();
        spool.call_ended(lease, began, CallRecord::default()).await.unwrap();
        let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
        assert_eq!(outlook.next.unwrap().due, crate::schedule::Due::At(now.timestamp()));
    }

    #[tokio::test]
    async fn work_that_is_too_large_for_the_hour_is_called_for_when_its_hour_comes() {
        let spool = Spool::in_memory();
        let system = polux();
        let submit = async |size: usize, created| {
            let command = Command::parse("rmail ann").unwrap();
            let work = Work::Execute(Execute {
                command,
                user: "jan".to_owned(),
                requestor: None,
                notify: Notify::OnError,
            });
            let (system, content) = (system.name.clone(), Some(Content::bytes(vec![b'x'; size])));
            let job = NewJob { system, grade: Grade::MAIL, work, content, created };
            spool.submit_job(None, job).await.unwrap();
        };
        let called = |outgoing, began| {
            let call = NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing, began };
            PastCall { id: CallId(1), call, ended: Some(began), record: CallRecord::default() }
        };
        let hour =
            async |past: &[PastCall]| permitted_since(&spool, &system, past, &TimeZone::UTC).await.unwrap();
        submit(100, at("09:00:00")).await;
        assert_eq!(hour(&[]).await, None, "it may go at once");
        submit(5000, at("09:00:00")).await;
        assert_eq!(hour(&[]).await, Some(at("22:00:00")));
        submit(500, at("09:30:00")).await;
        assert_eq!(hour(&[]).await, Some(at("18:00:00")), "a smaller one sooner");
        assert_eq!(hour(&[called(false, at("18:30:00"))]).await, Some(at("18:00:00")), "it was not our call");
        assert_eq!(
            hour(&[called(true, at("18:00:00"))]).await,
            Some(at("22:00:00")),
            "that hour has had its call"
        );
        assert_eq!(hour(&[called(true, at("22:00:00"))]).await, None);
        let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/nowhere".into());
        let settings = Settings::new(std::sync::Arc::new(node));
        let now = at("22:30:00").to_zoned(TimeZone::UTC);
        let next = settings.outlook(&spool, &system, &now).await.unwrap().next.unwrap();
        assert_eq!(next.why, Why::Size, "nobody has asked for it");
    }

    #[tokio::test]
    async fn a_call_that_found_its_line_taken_has_not_failed() {
        let spool = Spool::in_memory();
        let system = SystemSettings {
            plan: Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() },
            ..polux()
        };
        let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/nowhere".into());
        let settings = Settings::new(std::sync::Arc::new(node));
        let call = async |began: Timestamp, record: CallRecord| {
            let new =
                NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing: true, began };
            let lease = spool.call_began(new, Duration::from_secs(60)).await.unwrap();
            spool.call_ended(lease, began, record).await.unwrap();
        };
        call(at("09:00:00"), CallRecord::default()).await;
        let taken =
            || CallRecord { line_taken: true, failure: Some("in use".to_owned()), ..CallRecord::default() };
        call(at("10:00:00"), taken()).await;
        call(at("10:01:00"), taken()).await;
        let now = at("10:02:00").to_zoned(TimeZone::UTC);
        let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
        assert_eq!((outlook.failures, outlook.line_taken), (0, 2));
        let next = outlook.next.unwrap();
        assert_eq!(next.due, crate::schedule::Due::At(at("10:03:00")));
        assert_eq!(next.held, Some(crate::schedule::Hold::LineTaken));
    }
}
