//! Taking back what dead owners held, and forgetting what is too old to matter.

use super::super::{Event, SpoolError, Task};
use super::lease::{Kind, Lapsed};
use super::{Result, Store, from_json, micros};
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

/// How long request ids are known: far longer than any caller repeats itself.
const REQUESTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long history, settled receipts and the stable ids of received jobs are known (design: receipts).
const HISTORY: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long a partial file, or a D. or X. file whose other half does not come, is kept.
const INCOMPLETE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long it is known how a site went for which nothing waits, and how many reports went to an address.
const SITES: SignedDuration = SignedDuration::from_hours(24);
/// Deaths of owners after which work is held: one that may have been another's fault, and two that saw nothing else at work.
const DEATHS: i64 = 3;

impl Store {
    pub fn recover(&mut self, now: Timestamp) -> Result<()> {
        self.last_recovery = micros(now);
        for lapsed in self.lapsed(now)? {
            self.take_back(now, &lapsed)?;
        }
        self.give_up_incomplete(now)?;
        self.tell_unclaimed(now)?;
        self.relieve()?;
        self.forget_history(now)?;
        self.sweep_bodies(now)
    }

    fn take_back(&mut self, now: Timestamp, lapsed: &Lapsed) -> Result<()> {
        self.end_lease(lapsed.kind, lapsed.item, lapsed.token)?;
        // A death counts against what was claimed: once always, then only if nothing else was claimed with it and
        // could be to blame. Jobs are not blamed: a call only reads them, and is cut off for many reasons.
        let (count, hold) = match lapsed.kind {
            Kind::Delivery => (
                "UPDATE deliveries SET deaths = deaths + 1 WHERE id = ?1 AND (deaths = 0 OR ?2) RETURNING deaths",
                "UPDATE deliveries SET state = 'held', note = ?2
                     WHERE id = ?1 AND state = 'queued' AND intent IS NULL",
            ),
            Kind::Execution => (
                "UPDATE executions SET deaths = deaths + 1 WHERE id = ?1 AND (deaths = 0 OR ?2) RETURNING deaths",
                "UPDATE executions SET state = 'held', note = ?2 WHERE id = ?1 AND state = 'queued'",
            ),
            Kind::Call => return self.call_broke_off(lapsed.item, now),
            Kind::Job | Kind::Notice => return Ok(()),
        };
        let deaths = self.one(count, params![lapsed.item, lapsed.alone], |row| row.get::<_, i64>(0))?;
        if deaths.is_some_and(|deaths| deaths >= DEATHS) {
            let note = "held: work on it ended twice by a crash";
            if self.run(hold, params![lapsed.item, note])? > 0 {
                tracing::error!(kind = lapsed.kind.name(), id = lapsed.item, "{note}");
                let ids = format!("{}={}", lapsed.kind.name(), lapsed.item);
                self.note(&Event { at: now, what: "held".into(), ids, system: None, text: note.into() })?;
            }
        }
        match lapsed.kind {
            Kind::Delivery => self.delivery_changed(lapsed.item),
            _ => Ok(()),
        }
    }

    /// What waits too long for its other half is kept aside and said.
    fn give_up_incomplete(&mut self, now: Timestamp) -> Result<()> {
        let before = ago(now, INCOMPLETE)?;
        let data =
            self.all("SELECT id, peer, name, body FROM data_files WHERE at < ?1", [before], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, i64>(3)?,
                ))
            })?;
        for (id, peer, name, body) in data {
            let reason = format!("no execution file came for {name}");
            self.put_aside(now, &peer, &reason, Some(body))?;
            self.run("DELETE FROM data_files WHERE id = ?1", [id])?;
        }
        let waiting = self.all(
            "SELECT id, peer, wants, task FROM executions WHERE state = 'waiting' AND received < ?1",
            [before],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, String>(3)?,
                ))
            },
        )?;
        for (id, peer, wants, task) in waiting {
            let asked = match from_json(&task)? {
                Task::Run(execute) => execute.command.to_string(),
                Task::Place { to, .. } => to,
            };
            let reason = format!("the input {} of {asked:?} did not come", wants.unwrap_or_default());
            self.put_aside(now, &peer, &reason, None)?;
            self.run("DELETE FROM executions WHERE id = ?1", [id])?;
        }
        let partials = self.all("SELECT body FROM partials WHERE began < ?1", [before], |row| row.get(0))?;
        for body in partials {
            self.forget(super::BodyId(super::unsigned(body)))?;
        }
        Ok(())
    }

    fn forget_history(&mut self, now: Timestamp) -> Result<()> {
        self.run("DELETE FROM requests WHERE at < ?1", [ago(now, REQUESTS)?])?;
        let before = ago(now, HISTORY)?;
        self.run("DELETE FROM events WHERE at < ?1", [before])?;
        self.run("DELETE FROM receipts WHERE at < ?1", [before])?;
        self.run("DELETE FROM known_jobs WHERE at < ?1", [before])?;
        self.run("DELETE FROM calls WHERE began < ?1 AND ended IS NOT NULL", [before])?;
        let before = ago(now, SITES)?;
        self.run("DELETE FROM reported WHERE hour < ?1", [before])?;
        self.forget_sites(before)
    }
}

fn ago(now: Timestamp, age: SignedDuration) -> Result<i64> {
    let before = now.checked_sub(age).map_err(|error| SpoolError::Misuse(error.to_string()))?;
    Ok(micros(before))
}
