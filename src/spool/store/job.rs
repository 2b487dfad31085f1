//! Jobs for neighbours.

use super::super::{
    BodyId, BodyRef, Event, Job, JobState, JobSummary, NewJob, Order, RequestId, Wanted, WorkWaiting,
};
use super::lease::Kind;
use super::{
    PAGE, Result, Store, from_json, from_word, limit, micros, parsed, signed, time, to_json, unsigned,
};
use crate::job::{Grade, StableId, SystemName};
use jiff::Timestamp;
use rusqlite::params;
use std::time::Duration;

impl Store {
    pub fn submit_job(&mut self, request: Option<RequestId>, job: NewJob) -> Result<StableId> {
        self.room()?;
        let now = job.created;
        self.once(request, now, |store| store.add_job(job))
    }

    pub fn submit_jobs(&mut self, jobs: Vec<NewJob>) -> Result<()> {
        self.room()?;
        jobs.into_iter().try_for_each(|job| self.add_job(job).map(|_| ()))
    }

    pub(super) fn add_job(&mut self, job: NewJob) -> Result<StableId> {
        let body = job.content.map(|content| self.keep(content)).transpose()?;
        let number = self.meta("next-job")?.unwrap_or(0) + 1;
        self.set_meta("next-job", number)?;
        self.run(
            "INSERT INTO jobs (id, system, grade, work, body, size, created, state, attempts, note)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'queued', 0, '')",
            params![
                number,
                job.system.as_str(),
                job.grade.letter().to_string(),
                to_json(&job.work)?,
                body.map(|body| signed(body.id.0)),
                body.map_or(0, |body| signed(body.size)),
                micros(job.created)
            ],
        )?;
        self.note(&Event {
            at: job.created,
            what: "queued".into(),
            ids: format!("job={number:x}"),
            system: Some(job.system),
            text: format!("grade {}, {} bytes", job.grade, body.map_or(0, |body| body.size)),
        })?;
        Ok(StableId { spool: self.id, number: unsigned(number) })
    }

    /// The spool is the one of an earlier day, from a backup, and gives numbers out again under which its peers know other
    /// jobs. New jobs get numbers from far beyond those; what waits keeps its own, by which peers know what they have of it.
    pub fn leap(&mut self) -> Result<()> {
        // The same backup may be restored twice, hence the chance in it. A number has room for 30 000 leaps, in TEMP.
        let far = (1 << 32) + (super::random()? >> 24);
        let next = unsigned(self.meta("next-job")?.unwrap_or(0)).saturating_add(far);
        self.set_meta("next-job", signed(next))
    }

    pub fn claim_jobs(
        &mut self,
        now: Timestamp,
        system: &SystemName,
        wanted: Wanted,
        rows: usize,
        lease: Duration,
    ) -> Result<Vec<Job>> {
        let order = match wanted.order {
            Order::Age => "id",
            // Microseconds; the index has these very words.
            Order::Size => "created + 1000 * size, id",
        };
        let due: Vec<i64> = self.all(
            &format!(
                "SELECT id FROM jobs WHERE state = 'queued' AND lease IS NULL AND system = ?1 AND grade <= ?2
                    AND (size <= ?3 OR size > ?4) ORDER BY grade, {order} LIMIT ?5"
            ),
            params![
                system.as_str(),
                // Grades sort as their letters do, and no letter is after `z`.
                wanted.worst.map_or("z".to_owned(), |grade| grade.letter().to_string()),
                wanted.largest.map_or(i64::MAX, signed),
                wanted.or_beyond.map_or(i64::MAX, signed),
                limit(rows)
            ],
            |row| row.get(0),
        )?;
        let mut jobs = Vec::new();
        for id in due {
            let claim = self.grant(Kind::Job, id, now, lease, false)?;
            let (summary, body) = self.one_job(id)?;
            jobs.push(Job {
                claim,
                stable: summary.stable,
                system: summary.system,
                grade: summary.grade,
                work: summary.work,
                body: body.map(|id| BodyRef { id, size: summary.size }),
                created: summary.created,
                attempts: summary.attempts.saturating_sub(1),
            });
        }
        Ok(jobs)
    }

    pub fn waiting(&self, system: &SystemName, largest: Option<u64>) -> Result<Option<Grade>> {
        let best: Option<String> = self
            .one(
                "SELECT min(grade) FROM jobs
                    WHERE state = 'queued' AND lease IS NULL AND system = ?1 AND size <= ?2",
                params![system.as_str(), largest.map_or(i64::MAX, signed)],
                |row| row.get(0),
            )?
            .flatten();
        best.map(|letter| grade(&letter)).transpose()
    }

    pub fn work_waiting(&self, system: &SystemName, largest: Option<u64>) -> Result<Vec<WorkWaiting>> {
        let rows = self.all(
            "SELECT grade, min(created), max(created), sum(size) FROM jobs
                WHERE state = 'queued' AND lease IS NULL AND system = ?1 AND size <= ?2
                GROUP BY grade ORDER BY grade",
            params![system.as_str(), largest.map_or(i64::MAX, signed)],
            |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        rows.into_iter()
            .map(|(letter, oldest, youngest, bytes)| {
                let (oldest, youngest) = (time(oldest), time(youngest));
                Ok(WorkWaiting { grade: grade(&letter)?, oldest, youngest, bytes: unsigned(bytes) })
            })
            .collect()
    }

    pub fn waits_since(
        &self,
        system: &SystemName,
        above: u64,
        up_to: Option<u64>,
    ) -> Result<Option<Timestamp>> {
        let youngest: Option<i64> = self
            .one(
                "SELECT max(created) FROM jobs
                    WHERE state = 'queued' AND lease IS NULL AND system = ?1 AND size > ?2 AND size <= ?3",
                params![system.as_str(), signed(above), up_to.map_or(i64::MAX, signed)],
                |row| row.get(0),
            )?
            .flatten();
        Ok(youngest.map(time))
    }

    pub fn jobs(&self, system: Option<&SystemName>, after: Option<u64>) -> Result<Vec<JobSummary>> {
        let system = system.map(SystemName::as_str);
        let ids: Vec<i64> = self.all(
            "SELECT id FROM jobs WHERE id > ?2 AND (?1 IS NULL OR system = ?1) ORDER BY id LIMIT ?3",
            params![system, after.map_or(-1, signed), limit(PAGE)],
            |row| row.get(0),
        )?;
        ids.into_iter().map(|id| Ok(self.one_job(id)?.0)).collect()
    }

    fn one_job(&self, id: i64) -> Result<(JobSummary, Option<BodyId>)> {
        let row = self.one(
            "SELECT system, grade, work, body, size, created, state, attempts, note, lease IS NOT NULL
                FROM jobs WHERE id = ?1",
            [id],
            |row| {
                Ok((
                    (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?),
                    (row.get::<_, Option<i64>>(3)?, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?),
                    (row.get::<_, String>(6)?, row.get(7)?, row.get(8)?, row.get::<_, bool>(9)?),
                ))
            },
        )?;
        let missing = || super::SpoolError::Missing(format!("job {id:x}"));
        let ((system, letter, work), (body, size, created), (state, attempts, note, leased)) =
            row.ok_or_else(missing)?;
        let state = match from_word(&state)? {
            JobState::Queued if leased => JobState::Offered,
            state => state,
        };
        let summary = JobSummary {
            stable: StableId { spool: self.id, number: unsigned(id) },
            system: parsed(&system)?,
            grade: grade(&letter)?,
            work: from_json(&work)?,
            size: unsigned(size),
            created: time(created),
            state,
            attempts,
            note,
        };
        Ok((summary, body.map(|body| BodyId(unsigned(body)))))
    }

    /// Removes a job, and gives its system.
    pub(super) fn remove_job(&mut self, id: i64) -> Result<Option<SystemName>> {
        let gone = self.one("DELETE FROM jobs WHERE id = ?1 RETURNING system, body", [id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        let Some((system, body)) = gone else { return Ok(None) };
        if let Some(body) = body {
            self.release(BodyId(unsigned(body)))?;
        }
        Ok(Some(parsed(&system)?))
    }
}

pub fn grade(letter: &str) -> Result<Grade> {
    let damaged = || super::SpoolError::Corrupt(format!("{letter:?} is no grade"));
    letter.chars().next().and_then(Grade::new).ok_or_else(damaged)
}
