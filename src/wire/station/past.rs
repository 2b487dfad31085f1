//! What the calls of the past say of the next: how often in a row it went wrong and how, at which number, on which line.

use super::{Settings, SystemSettings};
use crate::fault::CallFailure;
use crate::schedule::{Attempt, Held, Retry, Setback, turn_of_numbers};
use crate::spool::{PastCall, Spool, SpoolError};
use jiff::Timestamp;

/// How many past calls to one number: two months of daily ones, so that it is long remembered that a modem was there.
const PAST_OF_NUMBER: usize = 64;
/// How many past calls on one line: more failures in a row make no wait longer.
const PAST_ON_LINE: usize = 8;

/// Calls on a line that failed before they were dialled, by something on our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFault {
    /// So many in a row.
    pub times: u32,
    pub last: Timestamp,
    /// Until then the line is left alone, but by who asks for a call at once.
    pub until: Timestamp,
}

impl Settings {
    /// What is the matter with a line, if its last calls failed on our side of it.
    pub async fn line_fault(
        &self,
        spool: &Spool,
        line: &str,
        now: Timestamp,
    ) -> Result<Option<LineFault>, SpoolError> {
        let past = spool.calls_on_line(line.to_owned(), PAST_ON_LINE).await?;
        let mut ended = past.iter().filter(|past| past.ended.is_some()).peekable();
        let Some(last) = ended.peek().map(|past| past.call.began).filter(|last| *last <= now) else {
            return Ok(None);
        };
        let faults = ended.take_while(|past| past.record.kind == Some(CallFailure::OwnSide)).count();
        let times = u32::try_from(faults).unwrap_or(u32::MAX);
        let until = Retry::default().next(times, last);
        Ok((times > 0).then_some(LineFault { times, last, until }))
    }
}

/// A good call either way ends the row; only our own failed ones count.
pub(super) fn failed_in_a_row(past: &[PastCall]) -> Vec<&PastCall> {
    let ended = past.iter().filter(|past| past.ended.is_some());
    ended.take_while(|past| past.record.failure.is_some()).filter(|past| past.call.outgoing).collect()
}

/// What the last failure was, and how often so in a row; of a busy number, at that one.
pub(super) fn setback(row: &[&PastCall]) -> Option<Setback> {
    let last = &row.first()?.record;
    let kind = last.kind?;
    let same = row.iter().map(|past| &past.record);
    let times = match kind {
        CallFailure::Busy => same
            .filter(|record| record.number == last.number)
            .take_while(|record| record.kind == last.kind)
            .count(),
        _ => same.take_while(|record| record.kind == last.kind).count(),
    };
    Some(Setback { kind, times: u32::try_from(times).unwrap_or(u32::MAX) })
}

/// Our modem has a list of numbers that it does not dial.
pub(super) fn is_barred(kind: Option<CallFailure>) -> bool {
    matches!(kind, Some(CallFailure::Delayed { .. } | CallFailure::Blacklisted))
}

/// The numbers of a system in the order in which they are to be dialled. `row`: when the first call since the last good one failed.
pub(super) async fn in_turn(
    spool: &Spool,
    system: &SystemSettings,
    row: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<(String, Option<Held>)>, SpoolError> {
    let redial = &system.plan.redial;
    let mut pasts = Vec::new();
    for number in &system.numbers {
        let past = spool.calls_to_number(system.name.clone(), number.clone(), PAST_OF_NUMBER).await?;
        let dialled = past.into_iter().filter(|past| {
            past.ended.is_some()
                && past.call.began <= now
                && past.record.kind != Some(CallFailure::OwnSide)
                && !past.record.line_taken
        });
        let attempt = |past: PastCall| Attempt {
            at: past.call.began,
            connected: past.record.connect.is_some(),
            failure: past.record.kind,
        };
        pasts.push(dialled.map(attempt).collect::<Vec<_>>());
    }
    let held =
        |past: &Vec<Attempt>| redial.held(past).filter(|held| held.until.is_none_or(|until| until > now));
    let turn = turn_of_numbers(redial, &pasts, row, now).into_iter();
    Ok(turn.filter_map(|place| Some((system.numbers.get(place)?.clone(), held(pasts.get(place)?)))).collect())
}
