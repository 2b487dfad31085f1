//! Housekeeping: the names of the files of bodies, and those that nothing refers to any more.

use super::super::super::BodyId;
use super::super::{Home, Result, Store, micros, signed, unsigned};
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::path::{Path, PathBuf};

/// How long a file without a row is left alone.
const LOOSE: SignedDuration = SignedDuration::from_hours(1);

/// How long an open body that nobody writes to is left alone: longer than any call, for on a slow line hours go by before
/// what waits in memory is worth a write.
const UNWRITTEN: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Store {
    /// The first id after every one that a row or a file has.
    pub(in super::super) fn first_free_body(&self) -> Result<u64> {
        let rows: Option<i64> = self.one(
            "SELECT max((SELECT coalesce(max(id), 0) FROM bodies), (SELECT coalesce(max(body), 0) FROM partials))",
            [],
            |row| row.get(0),
        )?;
        let files = self.body_files()?.into_iter().map(|(id, _)| id.0).max();
        Ok(unsigned(rows.unwrap_or(0)).max(files.unwrap_or(0)) + 1)
    }

    fn body_files(&self) -> Result<Vec<(BodyId, PathBuf)>> {
        let Home::Directory(directory) = &self.home else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory.join("bodies"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(id) = name.and_then(body_of_name) {
                files.push((id, path));
            }
        }
        Ok(files)
    }

    /// Removes files that nothing refers to, and open bodies that their writers left.
    pub(in super::super) fn sweep_bodies(&mut self, now: Timestamp) -> Result<()> {
        let before = now.checked_sub(LOOSE).unwrap_or(Timestamp::MIN);
        let unwritten = now.checked_sub(UNWRITTEN).unwrap_or(Timestamp::MIN);
        let left: Vec<BodyId> = self
            .open
            .iter()
            .filter(|(_, body)| body.synced.is_none() && body.touched < micros(unwritten))
            .map(|(id, _)| *id)
            .collect();
        for id in left {
            self.forget(id)?;
        }
        for (id, path) in self.body_files()? {
            if self.open.contains_key(&id) {
                continue;
            }
            let used = self.exists(
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM bodies WHERE id = ?1 AND filed = 1)
                    OR EXISTS (SELECT 1 FROM partials WHERE body = ?1)",
                [signed(id.0)],
            )?;
            if !used && is_loose(&path, before) {
                self.effects.unlink.push(id);
            }
        }
        Ok(())
    }
}

/// A file of `bodies/` is named by the id of its body.
pub fn body_name(id: BodyId) -> String {
    format!("{:016x}", id.0)
}

pub fn body_of_name(name: &str) -> Option<BodyId> {
    (name.len() == 16).then(|| u64::from_str_radix(name, 16).ok()).flatten().map(BodyId)
}

/// Old, and no process writes it.
fn is_loose(path: &Path, before: Timestamp) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let changed = file.metadata().and_then(|data| data.modified()).ok();
    let old = changed.and_then(|time| Timestamp::try_from(time).ok()).is_some_and(|time| time < before);
    old && file.try_lock().is_ok()
}
