//! Batches that are taken up again.

use super::super::{BodyId, BodyRef, Carried, Claim, MessageId, NewJob, OpenBatch, SpoolError};
use super::lease::Kind;
use super::{Result, Store, limit, micros, signed, unsigned};
use crate::job::{Grade, SystemName};
use jiff::Timestamp;
use rusqlite::params;

/// A call may have had in its hands what was made before the spool was opened, though the spool does not know it: claims
/// may be lost with the power, and what a peer has must keep its number.
const OPEN: &str = "state = 'queued' AND lease IS NULL AND attempts = 0 AND id > ?1
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.job = jobs.id AND d.transport = 'uusmtp')";

impl Store {
    pub fn open_batches(
        &self,
        system: &SystemName,
        grade: Grade,
        since: Timestamp,
        rows: usize,
    ) -> Result<Vec<OpenBatch>> {
        let numbers: Vec<i64> = self.all(
            &format!(
                "SELECT id FROM jobs WHERE {OPEN} AND system = ?2 AND grade = ?3 AND created >= ?4
                    ORDER BY id DESC LIMIT ?5"
            ),
            params![
                self.jobs_before,
                system.as_str(),
                grade.letter().to_string(),
                micros(since),
                limit(rows)
            ],
            |row| row.get(0),
        )?;
        numbers.into_iter().map(|number| self.open_batch(number)).collect()
    }

    fn open_batch(&self, number: i64) -> Result<OpenBatch> {
        let sums = self.one(
            "SELECT count(*), coalesce(sum(size), 0) FROM (SELECT DISTINCT message FROM deliveries WHERE job = ?1) d
                JOIN messages m ON m.id = d.message JOIN bodies b ON b.id = m.body",
            [number],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (messages, bytes) = sums.unwrap_or_default();
        Ok(OpenBatch { number: unsigned(number), messages: unsigned(messages), bytes: unsigned(bytes) })
    }

    pub fn carried(&self, number: u64) -> Result<Vec<Carried>> {
        self.all(
            "SELECT message, sender, address, body, size
                FROM deliveries d JOIN messages m ON m.id = d.message JOIN bodies b ON b.id = m.body
                WHERE d.job = ?1 ORDER BY d.id",
            [signed(number)],
            |row| {
                Ok(Carried {
                    message: MessageId(unsigned(row.get(0)?)),
                    sender: row.get(1)?,
                    address: row.get(2)?,
                    body: BodyRef { id: BodyId(unsigned(row.get(3)?)), size: unsigned(row.get(4)?) },
                })
            },
        )
    }

    /// Deliveries become a job that stands for other batches as well.
    pub(super) fn gathered(
        &mut self,
        deliveries: Vec<Claim>,
        job: NewJob,
        instead_of: &[u64],
        now: Timestamp,
    ) -> Result<()> {
        let new = signed(self.add_job(job)?.number);
        for number in instead_of {
            let old = signed(*number);
            let is_open = format!("SELECT 1 FROM jobs WHERE {OPEN} AND id = ?2");
            if !self.exists(&is_open, params![self.jobs_before, old])? {
                return Err(SpoolError::Conflict(format!("the batch {number:x} is not open any more")));
            }
            // It has waited for as long as the oldest mail in it.
            self.run(
                "UPDATE jobs SET created = min(created, (SELECT created FROM jobs WHERE id = ?2)) WHERE id = ?1",
                params![new, old],
            )?;
            self.note_job(now, "gathered", old, &format!("into job={new:x}"))?;
            self.run("UPDATE deliveries SET job = ?2 WHERE job = ?1", params![old, new])?;
            self.remove_job(old)?;
        }
        self.handed(deliveries, new, now)
    }

    /// Deliveries are behind a job from now on.
    pub(super) fn handed(&self, deliveries: Vec<Claim>, job: i64, now: Timestamp) -> Result<()> {
        deliveries.into_iter().try_for_each(|claim| {
            let id = self.end_claim(Kind::Delivery, claim)?;
            self.run(
                "UPDATE deliveries SET state = 'handed', job = ?2, refusal = NULL, note = '' WHERE id = ?1",
                params![id, job],
            )?;
            self.delivery_changed(id)?;
            self.note_delivery(now, "handed", id, &format!("job={job:x}"))
        })
    }
}
