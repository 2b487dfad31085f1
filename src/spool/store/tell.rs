//! What senders are told: when it is time to, that it was done, and that it was not too much.

use super::super::{Claim, Event, NewMessage, Overdue, SpoolError};
use super::{Result, Store, from_word, limit, micros, signed, unsigned};
use jiff::Timestamp;
use rusqlite::params;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;

impl Store {
    pub fn overdue(&self, now: Timestamp, rows: usize) -> Result<Vec<Overdue>> {
        let found = self.all(
            "SELECT id, state, note FROM deliveries WHERE tell <= ?1 ORDER BY tell, message, id LIMIT ?2",
            params![micros(now), limit(rows)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )?;
        let read = |(id, state, note): (i64, String, String)| {
            let delivery = self.delivery(Claim { id: unsigned(id), token: 0 })?;
            Ok(Overdue { delivery, state: from_word(&state)?, note })
        };
        found.into_iter().map(read).collect()
    }

    /// These deliveries as they are, whoever works on them; what is not there any more is left out.
    pub fn look_at(&self, deliveries: &[u64]) -> Result<Vec<Overdue>> {
        let mut found = Vec::new();
        for id in deliveries {
            let row = self.one(
                "SELECT state, note FROM deliveries WHERE id = ?1 AND state IN ('queued', 'handed', 'held')",
                [signed(*id)],
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
            )?;
            if let Some((state, note)) = row {
                let delivery = self.delivery(Claim { id: *id, token: 0 })?;
                found.push(Overdue { delivery, state: from_word(&state)?, note });
            }
        }
        Ok(found)
    }

    pub fn tell_later(&mut self, deliveries: &[u64], at: Option<Timestamp>) -> Result<()> {
        for id in deliveries {
            let message = self.one(
                "UPDATE deliveries SET tell = ?2 WHERE id = ?1 RETURNING message",
                params![signed(*id), at.map(micros)],
                |row| row.get(0),
            )?;
            if let (Some(message), None) = (message, at) {
                self.finish_message(message)?;
            }
        }
        Ok(())
    }

    /// The sender is told, once: that it takes long (`next`: when it is looked at again), or that it arrived.
    pub fn told(
        &mut self,
        deliveries: &[u64],
        report: NewMessage,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<()> {
        let what = if next.is_some() { "warned" } else { "confirmed" };
        for id in deliveries {
            let untold = self.run(
                "UPDATE deliveries SET warned = 1 WHERE id = ?1 AND tell IS NOT NULL AND (?2 = 'confirmed' OR warned = 0)",
                params![signed(*id), what],
            )?;
            if untold == 0 {
                return Err(SpoolError::Conflict(format!("the sender of delivery {id} was told before")));
            }
            self.note_delivery(now, what, signed(*id), "the sender is told")?;
        }
        self.add_message(report)?;
        self.tell_later(deliveries, next)
    }

    /// Ends deliveries that nobody works on, in one transaction with the reports about it: all of them or none. A job that
    /// such a delivery became is recalled first; [`SpoolError::Conflict`] says that one is on offer in a call, or out in a file.
    pub fn give_up(
        &mut self,
        deliveries: &[u64],
        note: &str,
        reports: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<()> {
        for report in reports {
            self.add_message(report)?;
        }
        for id in deliveries {
            let id = signed(*id);
            self.take_out(id, now, note)?;
            self.delivery_becomes(id, now, "bounced", note)?;
        }
        Ok(())
    }

    /// Sees to it that nobody works on a delivery, or gives the reason why somebody does.
    pub(super) fn take_out(&mut self, id: i64, now: Timestamp, why: &str) -> Result<()> {
        let row = self.one(
            "SELECT state, job, lease IS NOT NULL OR intent IS NOT NULL FROM deliveries WHERE id = ?1",
            [id],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, bool>(2)?)),
        )?;
        let (state, job, at_work) = row.ok_or_else(|| SpoolError::Missing(format!("delivery {id}")))?;
        match (state.as_str(), job) {
            ("queued" | "held", _) if at_work => {
                Err(SpoolError::Conflict(format!("delivery {id} is being made at this moment")))
            }
            ("queued" | "held", _) => Ok(()),
            ("handed", Some(job)) => self.recall(job, now, why),
            _ => Err(SpoolError::Missing(format!("delivery {id}: it is {state}"))),
        }
    }

    /// Takes a job back that no call and no file has; the deliveries behind it are queued again, and due.
    fn recall(&mut self, job: i64, now: Timestamp, why: &str) -> Result<()> {
        let row =
            self.one("SELECT state, lease IS NOT NULL, system FROM jobs WHERE id = ?1", [job], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?))
            })?;
        let (state, in_call, system) = row.ok_or_else(|| SpoolError::Missing(format!("job {job:x}")))?;
        match state.as_str() {
            "queued" if in_call => {
                return Err(SpoolError::Conflict(format!("job {job:x} is on offer in a call with {system}")));
            }
            "queued" => {}
            "withheld" => {
                return Err(SpoolError::Conflict(format!("job {job:x} is out in an exported file")));
            }
            state => return Err(SpoolError::Conflict(format!("job {job:x} is {state}"))),
        }
        self.note_job(now, "recalled", job, why)?;
        for delivery in self.deliveries_behind(job)? {
            self.run(
                "UPDATE deliveries SET state = 'queued', job = NULL, due = ?2 WHERE id = ?1",
                params![delivery, micros(now)],
            )?;
            self.delivery_changed(delivery)?;
        }
        self.remove_job(job)?;
        Ok(())
    }

    /// Counts a report to an address; false: so many have gone there in this hour of the clock that this one does not.
    pub fn may_report(&mut self, address: &str, most: u32, now: Timestamp) -> Result<bool> {
        let hour = micros(now) - micros(now).rem_euclid(HOUR);
        let number: Option<u32> = self.one(
            "INSERT INTO reported VALUES (?1, ?2, 1) ON CONFLICT (address) DO UPDATE
                SET number = iif(hour = excluded.hour, number + 1, 1), hour = excluded.hour RETURNING number",
            params![address.to_ascii_lowercase(), hour],
            |row| row.get(0),
        )?;
        let number = number.unwrap_or_default();
        if number == most.saturating_add(1) {
            let text = format!(
                "to <{address}>: {most} have gone there within an hour; the others of this hour do not"
            );
            let (what, ids) = ("reports-stopped".to_owned(), format!("address={address}"));
            self.note(&Event { at: now, what, ids, system: None, text })?;
        }
        Ok(number <= most)
    }
}
