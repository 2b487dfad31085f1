//! How claimed work ends.

use super::super::{BodyId, Claim, Event, NewNotice, Outcome, SpoolError};
use super::lease::Kind;
use super::{Result, Store, micros, parsed, signed, unsigned};
use crate::job::SystemName;
use jiff::Timestamp;
use rusqlite::params;

impl Store {
    /// One outcome: all of it or nothing.
    pub fn settle(&mut self, now: Timestamp, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Delivered { deliveries, note } => {
                deliveries.into_iter().try_for_each(|claim| self.delivered(claim, now, &note))
            }
            Outcome::Deferred { deliveries, until, note } => deliveries.into_iter().try_for_each(|claim| {
                let id = self.end_claim(Kind::Delivery, claim)?;
                self.run(
                    "UPDATE deliveries SET due = ?2, note = ?3, deaths = 0 WHERE id = ?1",
                    params![id, micros(until), note],
                )?;
                self.delivery_changed(id)?;
                self.note_delivery(now, "deferred", id, &note)
            }),
            Outcome::Handed { deliveries, job } => {
                let job = signed(self.add_job(job)?.number);
                self.handed(deliveries, job, now)
            }
            Outcome::Gathered { deliveries, job, instead_of } => {
                self.gathered(deliveries, job, &instead_of, now)
            }
            Outcome::Bounced { deliveries, note, reports } => {
                // The reports first: they may be made of the very body that the last bounced delivery gives up.
                for report in reports {
                    self.add_message(report)?;
                }
                deliveries.into_iter().try_for_each(|claim| self.end_delivery(claim, now, "bounced", &note))
            }
            Outcome::Held { deliveries, note } => {
                deliveries.into_iter().try_for_each(|claim| self.end_delivery(claim, now, "held", &note))
            }
            Outcome::JobDone { job, note } => {
                let id = self.end_claim(Kind::Job, job)?;
                self.job_done(id, now, &note)
            }
            Outcome::JobDeferred { job, note } => {
                let id = self.end_claim(Kind::Job, job)?;
                self.run("UPDATE jobs SET note = ?2 WHERE id = ?1", params![id, note])?;
                self.note_job(now, "deferred", id, &note)
            }
            Outcome::JobRefused { job, note, notice } => {
                let id = self.end_claim(Kind::Job, job)?;
                self.job_refused(id, now, &note, notice)
            }
            Outcome::JobSpoiled { job, note, notice } => {
                let id = self.end_claim(Kind::Job, job)?;
                self.job_spoiled(id, now, &note)?;
                self.notify(&notice, now)
            }
            Outcome::Fetched { job } => {
                let id = self.end_claim(Kind::Job, job)?;
                self.job_done(id, now, "fetched")
            }
            Outcome::Executed { execution, messages, note } => {
                let id = self.end_claim(Kind::Execution, execution)?;
                for message in messages {
                    self.add_message(message)?;
                }
                self.note_execution(now, "executed", id, &note)?;
                self.remove_execution(id)
            }
            Outcome::ExecutionDeferred { execution, until, note } => {
                let id = self.end_claim(Kind::Execution, execution)?;
                self.run(
                    "UPDATE executions SET due = ?2, note = ?3, deaths = 0 WHERE id = ?1",
                    params![id, micros(until), note],
                )?;
                self.note_execution(now, "deferred", id, &note)
            }
            Outcome::Quarantined { execution, reason, notices } => {
                let id = self.end_claim(Kind::Execution, execution)?;
                let row = self.one("SELECT peer, body FROM executions WHERE id = ?1", [id], |row| {
                    Ok((row.get::<_, String>(0)?, row.get(1)?))
                })?;
                let (peer, body) =
                    row.ok_or_else(|| SpoolError::Corrupt(format!("execution {id} has gone")))?;
                self.put_aside(now, &peer, &reason, body)?;
                for notice in &notices {
                    self.notify(notice, now)?;
                }
                self.remove_execution(id)
            }
            Outcome::Noticed { notice, message } => {
                let id = self.end_claim(Kind::Notice, notice)?;
                if let Some(message) = message {
                    self.add_message(message)?;
                }
                self.run("DELETE FROM notices WHERE id = ?1", [id])?;
                Ok(())
            }
        }
    }

    pub(super) fn delivered(&mut self, claim: Claim, now: Timestamp, note: &str) -> Result<()> {
        self.end_delivery(claim, now, "delivered", note)
    }

    fn end_delivery(&mut self, claim: Claim, now: Timestamp, state: &str, note: &str) -> Result<()> {
        let id = self.end_claim(Kind::Delivery, claim)?;
        self.delivery_becomes(id, now, state, note)
    }

    pub(super) fn delivery_becomes(
        &mut self,
        id: i64,
        now: Timestamp,
        state: &str,
        note: &str,
    ) -> Result<()> {
        self.note_delivery(now, state, id, note)?;
        let arrived = matches!(state, "delivered" | "acknowledged");
        let row = self.one(
            "UPDATE deliveries SET state = ?2, note = ?3, job = NULL,
                    tell = iif(?4 AND notify IS NOT NULL AND json_extract(notify, '$.success'), ?5, NULL)
                WHERE id = ?1 RETURNING message, transport, site",
            params![id, state, note, arrived, micros(now)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )?;
        let Some((message, transport, site)) = row else { return Ok(()) };
        if arrived {
            self.site_recovered(&transport, &site)?;
        }
        self.site_changed(&transport, &site)?;
        self.finish_message(message)
    }

    pub(super) fn job_done(&mut self, id: i64, now: Timestamp, note: &str) -> Result<()> {
        self.note_job(now, "sent", id, note)?;
        for delivery in self.deliveries_behind(id)? {
            self.delivery_becomes(delivery, now, "acknowledged", note)?;
        }
        self.remove_job(id)?;
        Ok(())
    }

    fn job_refused(&mut self, id: i64, now: Timestamp, note: &str, notice: Option<NewNotice>) -> Result<()> {
        self.note_job(now, "refused", id, note)?;
        let deliveries = self.deliveries_behind(id)?;
        if !deliveries.is_empty() {
            for delivery in deliveries {
                self.run(
                    "UPDATE deliveries SET state = 'queued', job = NULL, refusal = ?2, note = ?2, due = ?3 WHERE id = ?1",
                    params![delivery, note, micros(now)],
                )?;
                self.delivery_changed(delivery)?;
            }
            self.remove_job(id)?;
            return Ok(());
        }
        self.put_job_aside(id, now, note)?;
        notice.map_or(Ok(()), |notice| self.notify(&notice, now))
    }

    fn job_spoiled(&mut self, id: i64, now: Timestamp, note: &str) -> Result<()> {
        self.note_job(now, "spoiled", id, note)?;
        self.put_job_aside(id, now, note)?;
        let deliveries = self.deliveries_behind(id)?;
        for delivery in &deliveries {
            self.run(
                "UPDATE deliveries SET state = 'queued', job = NULL, note = ?2, due = ?3 WHERE id = ?1",
                params![delivery, note, micros(now)],
            )?;
            self.delivery_changed(*delivery)?;
        }
        if !deliveries.is_empty() {
            self.remove_job(id)?;
        }
        Ok(())
    }

    fn put_job_aside(&self, id: i64, now: Timestamp, note: &str) -> Result<()> {
        let row = self.one(
            "UPDATE jobs SET state = 'quarantined', note = ?2 WHERE id = ?1 RETURNING system, body",
            params![id, note],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
        )?;
        if let Some((system, body)) = row {
            self.put_aside(now, &format!("job {id:x} for {system}"), note, body)?;
        }
        Ok(())
    }

    pub(super) fn deliveries_behind(&self, job: i64) -> Result<Vec<i64>> {
        self.all("SELECT id FROM deliveries WHERE job = ?1 ORDER BY id", [job], |row| row.get(0))
    }

    fn remove_execution(&mut self, id: i64) -> Result<()> {
        let body: Option<i64> = self
            .one("DELETE FROM executions WHERE id = ?1 RETURNING body", [id], |row| row.get(0))?
            .flatten();
        body.map_or(Ok(()), |body| self.release(BodyId(unsigned(body))))
    }

    // History of what was settled.

    pub(super) fn note_delivery(&self, at: Timestamp, what: &str, id: i64, note: &str) -> Result<()> {
        let row = self.one("SELECT message, recipient FROM deliveries WHERE id = ?1", [id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        let Some((message, recipient)) = row else { return Ok(()) };
        self.note(&Event {
            at,
            what: what.into(),
            ids: format!("msg={message} delivery={id}"),
            system: None,
            text: format!("to <{recipient}>: {note}"),
        })
    }

    pub(super) fn note_job(&self, at: Timestamp, what: &str, id: i64, note: &str) -> Result<()> {
        let system: Option<String> =
            self.one("SELECT system FROM jobs WHERE id = ?1", [id], |row| row.get(0))?;
        let system: Option<SystemName> = system.map(|name| parsed(&name)).transpose()?;
        self.note(&Event { at, what: what.into(), ids: format!("job={id:x}"), system, text: note.into() })
    }

    fn note_execution(&self, at: Timestamp, what: &str, id: i64, note: &str) -> Result<()> {
        let peer: Option<String> =
            self.one("SELECT peer FROM executions WHERE id = ?1", [id], |row| row.get(0))?;
        let system: Option<SystemName> = peer.map(|name| parsed(&name)).transpose()?;
        self.note(&Event { at, what: what.into(), ids: format!("execution={id}"), system, text: note.into() })
    }
}
