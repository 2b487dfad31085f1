//! Jobs that are out in a file, and files that came in.

use super::super::{BundleState, Claim, Content, Import, NewMessage, SpoolError};
use super::lease::Kind;
use super::{PAGE, Result, Store, from_word, limit, micros, signed, unsigned};
use jiff::Timestamp;
use rusqlite::params;

impl Store {
    pub fn withhold(&mut self, file: [u8; 32], name: &str, jobs: &[Claim], now: Timestamp) -> Result<()> {
        // The same jobs make the same file again after a recall.
        let new = self.run(
            "INSERT INTO bundles (digest, state, at, name) VALUES (?1, 'out', ?2, ?3)
                ON CONFLICT (digest) DO UPDATE SET state = 'out', at = excluded.at, name = excluded.name
                WHERE state = 'recalled'",
            params![file, micros(now), name],
        )?;
        if new == 0 {
            return Err(SpoolError::Conflict("a file with this very content was exported before".into()));
        }
        for job in jobs {
            let id = self.end_claim(Kind::Job, *job)?;
            self.run("UPDATE jobs SET state = 'withheld', bundle = ?2 WHERE id = ?1", params![id, file])?;
        }
        Ok(())
    }

    pub fn exported(&self, name: &str) -> Result<Vec<([u8; 32], BundleState)>> {
        let rows = self.all(
            "SELECT digest, state FROM bundles WHERE name = ?1 ORDER BY state = 'out' DESC, at DESC LIMIT ?2",
            params![name, limit(PAGE)],
            |row| Ok((row.get(0)?, row.get::<_, String>(1)?)),
        )?;
        rows.into_iter().map(|(digest, state)| Ok((digest, from_word(&state)?))).collect()
    }

    /// Gives the number of jobs that it was about; none when the file was settled so before.
    pub fn settle_withheld(&mut self, file: [u8; 32], state: BundleState, now: Timestamp) -> Result<u64> {
        let before: Option<String> =
            self.one("SELECT state FROM bundles WHERE digest = ?1", [file], |row| row.get(0))?;
        let Some(before) = before else {
            return Err(SpoolError::Missing("file that was exported from this spool".into()));
        };
        let before: BundleState = from_word(&before)?;
        if before == state {
            return Ok(0);
        }
        if before != BundleState::Out {
            return Err(SpoolError::Conflict("the file was settled otherwise before".into()));
        }
        let jobs: Vec<i64> =
            self.all("SELECT id FROM jobs WHERE bundle = ?1 ORDER BY id", [file], |row| row.get(0))?;
        let word = match state {
            BundleState::Out => return Ok(0),
            BundleState::Done => "done",
            BundleState::Recalled => "recalled",
        };
        for job in &jobs {
            if state == BundleState::Done {
                self.job_done(*job, now, "carried by a file")?;
            } else {
                self.run("UPDATE jobs SET state = 'queued', bundle = NULL WHERE id = ?1", [job])?;
            }
        }
        self.run(
            "UPDATE bundles SET state = ?2, at = ?3 WHERE digest = ?1",
            params![file, word, micros(now)],
        )?;
        Ok(jobs.len() as u64)
    }

    pub fn imported(&self, file: [u8; 32]) -> Result<bool> {
        self.exists("SELECT 1 FROM imports WHERE digest = ?1", [file])
    }

    pub fn quarantine_file(
        &mut self,
        file: [u8; 32],
        from: &str,
        reason: &str,
        content: Content,
        now: Timestamp,
    ) -> Result<u64> {
        let before: Option<i64> =
            self.one("SELECT id FROM quarantine WHERE file = ?1", [file], |row| row.get(0))?;
        if let Some(before) = before {
            content.rest.map_or(Ok(()), |again| self.body_drop(again))?;
            return Ok(unsigned(before));
        }
        let id = self.quarantine(from, reason, content, &[], now)?;
        self.run("UPDATE quarantine SET file = ?2 WHERE id = ?1", params![signed(id), file])?;
        Ok(id)
    }

    pub fn import(&mut self, file: [u8; 32], messages: Vec<NewMessage>, now: Timestamp) -> Result<Import> {
        self.room()?;
        if self.imported(file)? {
            return Ok(Import::Already);
        }
        self.run("INSERT INTO imports VALUES (?1, ?2)", params![file, micros(now)])?;
        for message in messages {
            self.add_message(message)?;
        }
        Ok(Import::Kept)
    }
}
