//! Calls: wished, under way, and past.

use super::super::{
    CallId, CallLease, CallRecord, Charge, Charges, Claim, Event, Failure, ModemReport, NewCall, Outcome,
    PastCall, SpoolError, Tried, Wish,
};
use super::job::grade;
use super::lease::Kind;
use super::{PAGE, Result, Store, from_json, limit, micros, parsed, signed, time, to_json, unsigned};
use crate::fault::{CallFailure, Retry, Stage, Whose};
use crate::job::SystemName;
use jiff::Timestamp;
use rusqlite::params;
use std::time::Duration;

/// Calls of a system that were dialled or came in: to the letter the condition of the index `calls_tried`.
const TRIED: &str = "system = ?1 AND json_extract(record, '$.line_taken') IS NOT 1
    AND json_extract(record, '$.kind') IS NOT 'own-side'";
/// Calls to a number, in the same way.
const TO_NUMBER: &str = "system = ?1 AND json_extract(record, '$.number') = ?3
    AND json_extract(record, '$.number') IS NOT NULL";
/// Calls on a line, but those for which it was taken, in the same way.
const ON_LINE: &str = "line = ?1 AND json_extract(record, '$.line_taken') IS NOT 1";

impl Store {
    /// A wish is kept with the best grade and the latest time that it was uttered with: who asks again after a failed
    /// call wants another one.
    pub fn want_call(&mut self, wish: &Wish) -> Result<()> {
        self.run(
            "INSERT INTO wishes VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (system) DO UPDATE SET
                why = CASE WHEN excluded.grade < grade THEN excluded.why ELSE why END,
                grade = min(grade, excluded.grade), since = max(since, excluded.since),
                at_once = max(at_once, excluded.at_once)",
            params![
                wish.system.as_str(),
                wish.grade.letter().to_string(),
                wish.why,
                micros(wish.since),
                wish.at_once
            ],
        )?;
        Ok(())
    }

    pub fn wishes(&self) -> Result<Vec<Wish>> {
        let rows = self.all(
            "SELECT system, grade, why, since, at_once FROM wishes ORDER BY grade, since LIMIT ?1",
            [limit(PAGE)],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )?;
        rows.into_iter()
            .map(|(system, letter, why, since, at_once)| {
                Ok(Wish {
                    system: parsed(&system)?,
                    grade: grade(&letter)?,
                    why,
                    since: time(since),
                    at_once,
                })
            })
            .collect()
    }

    pub fn call_began(&mut self, call: &NewCall, lease: Duration) -> Result<CallLease> {
        let system = call.system.as_str();
        let other: Option<String> =
            self.one("SELECT line FROM calls WHERE system = ?1 AND ended IS NULL", [system], |row| {
                row.get(0)
            })?;
        if let Some(line) = other {
            return Err(SpoolError::Conflict(format!("{system} is on the line {line} already")));
        }
        let id = self.insert(
            "INSERT INTO calls (system, line, outgoing, began, record) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![system, call.line, call.outgoing, micros(call.began), to_json(&CallRecord::default())?],
        )?;
        let claim = self.grant(Kind::Call, id, call.began, lease, true)?;
        self.note(&Event {
            at: call.began,
            what: "call".into(),
            ids: format!("call={id}"),
            system: Some(call.system.clone()),
            text: format!("{} on {}", if call.outgoing { "calling" } else { "answering" }, call.line),
        })?;
        Ok(CallLease { id: CallId(unsigned(id)), claim })
    }

    /// What a call costs up to now, or a little later: should its process die, that is what it cost. It may do so after it has
    /// ended, while the line is not seen to be hung up.
    pub fn call_costs(&mut self, lease: CallLease, charge: &Charge) -> Result<()> {
        let call = signed(lease.id.0);
        self.charge(call, charge)?;
        self.run(
            "UPDATE calls SET record = json_set(record, '$.charge', json(?2)) WHERE id = ?1 AND ended IS NOT NULL",
            params![call, to_json(charge)?],
        )?;
        Ok(())
    }

    fn charge(&mut self, call: i64, charge: &Charge) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO charges (call, line, month, seconds, cost)
                SELECT id, line, ?2, ?3, ?4 FROM calls WHERE id = ?1",
            params![call, charge.month, signed(charge.seconds), signed(charge.thousandths)],
        )?;
        Ok(())
    }

    /// The sum of a month of a line.
    pub fn charges(&self, line: &str, month: &str) -> Result<Charges> {
        let sums = self.one(
            "SELECT count(*), coalesce(sum(seconds), 0), coalesce(sum(cost), 0) FROM charges
                WHERE line = ?1 AND month = ?2",
            params![line, month],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let (calls, seconds, cost) = sums.unwrap_or_default();
        Ok(Charges { calls: unsigned(calls), seconds: unsigned(seconds), thousandths: unsigned(cost) })
    }

    pub fn call_reported(&mut self, call: CallId, report: &ModemReport) -> Result<()> {
        self.run(
            "UPDATE calls SET record = json_set(record, '$.modem', json(?2)) WHERE id = ?1",
            params![signed(call.0), to_json(report)?],
        )?;
        Ok(())
    }

    pub fn call_ended(&mut self, lease: CallLease, now: Timestamp, record: &CallRecord) -> Result<()> {
        let id = self.end_claim(Kind::Call, lease.claim)?;
        self.end_call(id, now, record)
    }

    pub fn call_abandoned(&mut self, lease: CallLease, jobs: Vec<Claim>, now: Timestamp) -> Result<()> {
        let failure = "the call was cut off in the middle of its work".to_owned();
        for job in jobs {
            // A job that was settled meanwhile is nobody's any more.
            match self.settle(now, Outcome::JobDeferred { job, note: failure.clone() }) {
                Ok(()) | Err(SpoolError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.call_ended(lease, now, &broken_off("spool-call-cut-off", failure))
    }

    /// A call whose owner is gone.
    pub(super) fn call_broke_off(&mut self, id: i64, now: Timestamp) -> Result<()> {
        let failure = "the process that made the call ended".to_owned();
        self.end_call(id, now, &broken_off("spool-call-left", failure))
    }

    fn end_call(&mut self, id: i64, now: Timestamp, record: &CallRecord) -> Result<()> {
        let mut record = record.clone();
        match &record.charge {
            Some(charge) => self.charge(id, charge)?,
            None => record.charge = self.charged(id)?,
        }
        let record = &record;
        let ended = self.one(
            "UPDATE calls SET ended = ?2, record = ?3 WHERE id = ?1 AND ended IS NULL
                RETURNING system, began, outgoing",
            params![id, micros(now), to_json(record)?],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?)),
        )?;
        let Some((system, began, outgoing)) = ended else { return Ok(()) };
        if record.failure.is_none() && !record.by_hand {
            // A good call fulfils what was wished before it, and what was wished during it unless there is work left.
            self.run(
                "DELETE FROM wishes WHERE system = ?1 AND (since <= ?2 OR NOT EXISTS
                    (SELECT 1 FROM jobs WHERE system = ?1 AND state = 'queued'))",
                params![system, began],
            )?;
        }
        let tried = outgoing && !record.line_taken && record.kind != Some(CallFailure::OwnSide);
        if record.failure.is_some() && tried {
            // What was to be tried at once has been; it stays a wish, and who wishes the same later is not as urgent.
            self.run(
                "UPDATE wishes SET at_once = 0 WHERE system = ?1 AND since <= ?2",
                params![system, began],
            )?;
        }
        let text = match &record.failure {
            Some(failure) => format!("failed: {failure}"),
            None => format!(
                "ended: {} jobs and {} bytes sent, {} jobs and {} bytes received",
                record.jobs_sent, record.bytes_sent, record.jobs_received, record.bytes_received
            ),
        };
        self.note(&Event {
            at: now,
            what: "call".into(),
            ids: format!("call={id}"),
            system: Some(parsed(&system)?),
            text,
        })
    }

    /// The latest time that any call has: of its beginning, or the end of the last of them.
    pub fn last_call(&self) -> Result<Option<Timestamp>> {
        let began = self.one("SELECT max(began) FROM calls", [], |row| row.get::<_, Option<i64>>(0))?;
        let ended = self.one("SELECT ended FROM calls ORDER BY id DESC LIMIT 1", [], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        Ok(began.flatten().max(ended.flatten()).map(time))
    }

    /// What was written of the cost of a call while it was under way.
    fn charged(&self, call: i64) -> Result<Option<Charge>> {
        self.one("SELECT month, seconds, cost FROM charges WHERE call = ?1", [call], |row| {
            let (seconds, cost) = (row.get(1)?, row.get(2)?);
            Ok(Charge { month: row.get(0)?, seconds: unsigned(seconds), thousandths: unsigned(cost) })
        })
    }

    pub fn calls(&self, system: Option<&SystemName>, rows: usize) -> Result<Vec<PastCall>> {
        let system = system.map(SystemName::as_str);
        self.past_calls("?1 IS NULL OR system = ?1", params![system, limit(rows)])
    }

    pub fn calls_tried(&self, system: &SystemName, now: Timestamp, rows: usize) -> Result<Tried> {
        let system = system.as_str();
        let calls = self.past_calls(TRIED, params![system, limit(rows)])?;
        let newest = calls.first().map_or(0, |past| signed(past.id.0));
        let taken = self.one(
            "SELECT count(*), max(began) FROM calls WHERE system = ?1 AND id > ?2 AND began <= ?3
                AND json_extract(record, '$.line_taken') IS 1",
            params![system, newest, micros(now)],
            |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)),
        )?;
        let (count, last) = taken.unwrap_or_default();
        Ok(Tried {
            calls,
            line_taken: u32::try_from(unsigned(count)).unwrap_or(u32::MAX),
            taken_last: last.map(time),
        })
    }

    pub fn calls_to_number(&self, system: &SystemName, number: &str, rows: usize) -> Result<Vec<PastCall>> {
        self.past_calls(TO_NUMBER, params![system.as_str(), limit(rows), number])
    }

    pub fn calls_on_line(&self, line: &str, rows: usize) -> Result<Vec<PastCall>> {
        self.past_calls(ON_LINE, params![line, limit(rows)])
    }

    /// The newest calls that meet a condition, at most `?2`.
    fn past_calls(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<PastCall>> {
        let rows = self.all(
            &format!(
                "SELECT id, system, line, outgoing, began, ended, record FROM calls
                    WHERE {condition} ORDER BY id DESC LIMIT ?2"
            ),
            values,
            |row| {
                Ok((
                    (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?),
                    (row.get(4)?, row.get::<_, Option<i64>>(5)?, row.get::<_, String>(6)?),
                ))
            },
        )?;
        rows.into_iter()
            .map(|((id, system, line, outgoing), (began, ended, record))| {
                Ok(PastCall {
                    id: CallId(unsigned(id)),
                    call: NewCall { system: parsed(&system)?, line, outgoing, began: time(began) },
                    ended: ended.map(time),
                    record: from_json(&record)?,
                })
            })
            .collect()
    }
}

/// The record of a call of which nobody told the end.
fn broken_off(code: &str, failure: String) -> CallRecord {
    let cause = Failure {
        stage: Stage::Spool,
        code: code.to_owned(),
        whose: Whose::Local,
        retry: Retry::Later,
        advice: "see the log of the daemon".to_owned(),
        modem_said: None,
        last_bytes: None,
    };
    CallRecord { failure: Some(failure), cause: Some(cause), ..CallRecord::default() }
}

#[cfg(test)]
mod tests {
    use super::super::schema::{MIGRATIONS, migrate};
    use rusqlite::{Connection, params_from_iter};

    #[test]
    fn what_the_next_call_goes_by_is_found_without_reading_all_that_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS, None).unwrap();
        let plan = |condition: &str| {
            let query = format!(
                "EXPLAIN QUERY PLAN SELECT id, record FROM calls WHERE {condition} ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = connection.prepare(&query).unwrap();
            let values = params_from_iter(std::iter::repeat_n(1, statement.parameter_count()));
            let rows = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
        };
        for (condition, index) in [
            (super::TRIED, "calls_tried"),
            (super::TO_NUMBER, "calls_by_number"),
            (super::ON_LINE, "calls_by_line"),
        ] {
            let plan = plan(condition);
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
