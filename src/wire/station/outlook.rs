//! What is ahead for a system: when it will be called, why, and on which of its lines it may be. The scheduler goes by it, and
//! whoever asks is told it.
//!
//! What happened before is read from the call records each time, so that a restart changes nothing.

use super::past::{failed_in_a_row, in_turn, is_barred, setback};
use super::{Settings, SystemSettings};
use crate::job::Grade;
use crate::schedule::{
    Allowance, Chance, Doubt, Held, History, NextCall, NotPaid, Tariff, Waiting, Why, Wished, month,
    next_call, soonest_number,
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
    /// Somebody asked for a call then, at once.
    pub asked: Option<Timestamp>,
    /// Its telephone numbers in the order in which they are to be dialled, each with what holds it up, if anything does.
    pub numbers: Vec<(String, Option<Held>)>,
}

impl Outlook {
    /// What holds up the number that can be dialled soonest; `None`: there is one that can be dialled now.
    pub(super) fn held(&self) -> Option<Held> {
        soonest_number(&self.numbers.iter().map(|(_, held)| *held).collect::<Vec<_>>())
    }
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
        let tried = spool.calls_tried(system.name.clone(), now.timestamp(), rows).await?;
        let (mut past, line_taken) = (tried.calls, tried.line_taken);
        // What a clock that ran ahead has dated is no longer gone by; and what the modem did not dial was no call.
        past.retain(|past| {
            past.ended.is_none() || past.call.began <= now.timestamp() && !is_barred(past.record.kind)
        });
        past.retain(|past| !past.record.by_hand);
        let in_call = past.first().filter(|past| past.ended.is_none()).map(|past| past.call.began);
        let row = failed_in_a_row(&past);
        let failures = u32::try_from(row.len()).unwrap_or(u32::MAX);
        let row_began = row.last().map(|past| past.call.began);
        let setback = setback(&row);
        let asked = wish.as_ref().filter(|wish| wish.at_once).map(|wish| wish.since);
        let mut history = History {
            last: past.first().map(|past| past.call.began),
            failures,
            setback,
            held: None,
            wish: wish.filter(|wish| system.sends || wish.at_once).map(|wish| Wished {
                since: wish.since.min(now.timestamp()),
                grade: wish.grade,
                at_once: wish.at_once,
                why: Why::Wish,
            }),
            line_taken: tried.taken_last.map(|last| (last, line_taken)),
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
        let (next, last, numbers) = (next_call(now, plan, &history), history.last, Vec::new());
        let mut outlook = Outlook { next, in_call, last, failures, line_taken, asked, numbers };
        if next.is_some() && !system.numbers.is_empty() {
            outlook.numbers = in_turn(spool, system, row_began, now.timestamp()).await?;
            // On other lines it is called meanwhile.
            if system.lines.iter().all(|line| self.dials_on(line)) {
                history.held = outlook.held();
                outlook.next = next_call(now, plan, &history);
            }
        }
        Ok(outlook)
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
mod tests;
