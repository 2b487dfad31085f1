//! Decides who is called next, and gives each due system to a free line.
//!
//! What happened before is read from the call records each time, so that a restart changes nothing.

use super::switch::Switch;
use super::{Shared, SystemSettings};
use crate::clock;
use crate::job::SystemName;
use crate::schedule::{Due, History, next_call};
use crate::spool::{PastCall, Spool, SpoolError, Wish};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How many past calls are looked at to count failures in a row; the retry clock has long reached its limit by then.
const PAST: usize = 32;
/// Rounds are made at least so often: hints may be lost, and the wall clock may jump.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Rounds are made at most so often: the spool of a busy node changes all the time.
const SHORTEST_REST: Duration = Duration::from_millis(250);
/// A system that a line gave back without a call record (it is calling us at this moment) is left alone so long.
const GIVEN_BACK: Duration = Duration::from_secs(2);

pub(super) struct Scheduler {
    shared: Shared,
    switch: Switch,
    /// When each system was last given to a line.
    given: BTreeMap<SystemName, Instant>,
}

/// A system that is due.
struct DueSystem {
    system: SystemSettings,
    at: Timestamp,
    failures: u32,
    why: &'static str,
}

impl Scheduler {
    pub(super) fn new(shared: Shared, switch: Switch) -> Self {
        Scheduler { shared, switch, given: BTreeMap::new() }
    }

    pub(super) async fn run(mut self) {
        loop {
            let rest = match self.round().await {
                Ok(rest) => rest.clamp(SHORTEST_REST, LONGEST_REST),
                Err(error) => {
                    tracing::error!(%error, "it cannot be said who is to be called");
                    LONGEST_REST
                }
            };
            clock::sleep(SHORTEST_REST).await;
            let mut settings = self.shared.settings.clone();
            tokio::select! {
                () = clock::sleep(rest) => {}
                () = self.shared.spool.changed() => {}
                () = self.switch.changed() => {}
                Ok(()) = settings.changed() => {}
            }
        }
    }

    /// Gives away what is due; how long to rest then.
    async fn round(&mut self) -> Result<Duration, SpoolError> {
        let settings = self.shared.settings.borrow_and_update().clone();
        let now = clock::wall().to_zoned(settings.zone.clone());
        let wishes = self.shared.spool.wishes().await?;
        let mut rest = LONGEST_REST;
        let mut due = Vec::new();
        for system in settings.systems.iter().filter(|system| !system.lines.is_empty()) {
            if self.switch.in_hand(&system.name) {
                continue;
            }
            if let Some(given) = self.given.get(&system.name) {
                let left = GIVEN_BACK.saturating_sub(clock::now().saturating_duration_since(*given));
                if !left.is_zero() {
                    rest = rest.min(left);
                    continue;
                }
            }
            let past = self.shared.spool.calls(Some(system.name.clone()), PAST).await?;
            if past.iter().any(|past| past.ended.is_none()) {
                // It is calling us. What is wished meanwhile may be fulfilled by that call.
                continue;
            }
            let mut history = history(system, &past, &wishes);
            if history.wished.is_none() && system.sends {
                let hour = permitted_since(&self.shared.spool, system, &past, &settings.zone);
                history.wished = hour.await?;
            }
            let Some(next) = next_call(&now, &system.plan, &history) else { continue };
            match next.due {
                Due::At(at) if at <= now.timestamp() => due.push(DueSystem {
                    system: system.clone(),
                    at,
                    failures: history.failures,
                    why: next.why.words(),
                }),
                Due::At(at) => rest = rest.min(until(now.timestamp(), at)),
                Due::NoWindow | Due::GivenUp => {}
            }
        }
        due.sort_by_key(|due| due.at);
        for due in due {
            self.give(due);
        }
        Ok(rest)
    }

    /// Gives a system to a line. After a failure the next of its numbers has its turn, and after all of them the next of its
    /// lines.
    fn give(&mut self, mut due: DueSystem) {
        let failures = usize::try_from(due.failures).unwrap_or(0);
        let numbers = due.system.numbers.len().max(1);
        let lines = due.system.lines.len().max(1);
        if !due.system.numbers.is_empty() {
            due.system.numbers.rotate_left(failures % numbers);
        }
        let turn = failures / numbers % lines;
        let in_turn = due.system.lines.iter().cycle().skip(turn).take(lines).cloned();
        if self.switch.give(&due.system, in_turn) {
            tracing::info!(system = %due.system.name, why = due.why, "is to be called");
            self.given.insert(due.system.name, clock::now());
        }
    }
}

fn history(system: &SystemSettings, past: &[PastCall], wishes: &[Wish]) -> History {
    // A good call either way ends the row; only our own failed ones count.
    let ended = past.iter().filter(|past| past.ended.is_some());
    let failed = ended.take_while(|past| past.record.failure.is_some()).filter(|past| past.call.outgoing);
    let wished = wishes.iter().filter(|wish| wish.system == system.name && (system.sends || wish.at_once));
    History {
        last: past.first().map(|past| past.call.began),
        calls_back: past.first().is_some_and(|past| past.record.calls_back),
        failures: u32::try_from(failed.count()).unwrap_or(u32::MAX),
        at_once: wishes.iter().any(|wish| wish.system == system.name && wish.at_once),
        wished: wished.map(|wish| wish.since).min(),
    }
}

/// The hour from which on work may go that was too large for the hour of our last call, or for that at which it came.
async fn permitted_since(
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

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default()
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

    #[tokio::test]
    async fn work_that_is_too_large_for_the_hour_is_called_for_when_its_hour_comes() {
        let spool = Spool::in_memory();
        let system = SystemSettings {
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
        };
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
    }
}
