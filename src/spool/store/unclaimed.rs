//! What nobody claims: jobs for a system that never comes, what was refused and kept, work that is held. Postmaster hears of each once,
//! and gets a letter a day at most, however much it is.

use super::super::{Event, NewNotice};
use super::{PAGE, Result, Store, limit, micros, parsed, time};
use crate::observe::printable;
use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

/// When it was looked for last, among the meta values.
const LOOKED: &str = "unclaimed-looked";
/// In microseconds.
const DAY: i64 = 24 * 3_600_000_000;
/// So many are in one letter by name.
const NAMED: usize = 100;
/// What is said of one, in bytes.
const SHOWN: usize = 300;

/// All that is older than ?1 and was not told yet.
const UNTOLD: &str = "
WITH old AS (
    SELECT printf('job=%x', id) AS ids, system, created AS since, 'waits for a call with ' || system || ', grade ' || grade ||
        ', ' || size || ' bytes' || iif(note = '', '', ': ' || note) AS text FROM jobs WHERE created < ?1
    UNION ALL
    SELECT 'execution=' || id, NULL, received, 'work for ' || peer || ' is held: ' || note FROM executions
        WHERE state = 'held' AND received < ?1
    UNION ALL
    SELECT 'quarantine=' || id, NULL, at, 'refused and kept, from ' || source || ': ' || reason FROM quarantine WHERE at < ?1)
SELECT ids, system, since, text FROM old WHERE ids NOT IN (SELECT ids FROM events WHERE what = 'unclaimed')
    ORDER BY since, ids LIMIT ?2";

struct Unclaimed {
    ids: String,
    system: Option<String>,
    since: Timestamp,
    text: String,
}

impl Store {
    /// Tells, once a day, what has lain for longer than [`super::super::Settings::unclaimed_after`] and was not told yet.
    pub(super) fn tell_unclaimed(&mut self, now: Timestamp) -> Result<()> {
        let looked = self.meta(LOOKED)?;
        // A clock that was set back looks again.
        if looked.is_some_and(|looked| (0..DAY).contains(&(micros(now) - looked))) {
            return Ok(());
        }
        self.set_meta(LOOKED, micros(now))?;
        let age = SignedDuration::try_from(self.settings.unclaimed_after).unwrap_or(SignedDuration::MAX);
        let Ok(before) = now.checked_sub(age) else { return Ok(()) };
        let untold = self.untold(before)?;
        if untold.is_empty() {
            return Ok(());
        }
        for item in &untold {
            self.note(&Event {
                at: now,
                what: "unclaimed".into(),
                ids: item.ids.clone(),
                system: item.system.as_deref().map(parsed).transpose()?,
                text: format!("since {}: {}", item.since, item.text),
            })?;
        }
        self.notify(&letter(&untold), now)
    }

    fn untold(&self, before: Timestamp) -> Result<Vec<Unclaimed>> {
        self.all(UNTOLD, params![micros(before), limit(PAGE)], |row| {
            Ok(Unclaimed {
                ids: row.get(0)?,
                system: row.get(1)?,
                since: time(row.get(2)?),
                text: row.get(3)?,
            })
        })
    }
}

fn letter(items: &[Unclaimed]) -> NewNotice {
    let mut text = "Nobody has come for what follows, and it is told this once. It is kept: see `uustat -a`, `uugate queue` and\n\
        `uugate why`; unclaimed-after in [spool] says how old it may become.\n\n"
        .to_owned();
    for Unclaimed { ids, since, text: what, .. } in items.iter().take(NAMED) {
        text.push_str(&format!("{ids} since {since}: {}\n", printable(what.as_bytes(), SHOWN)));
    }
    if let Some(more) = items.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text.push_str(&format!("and {more} more; the events of the node have them all\n"));
    }
    let things = if items.len() == 1 { "thing lies" } else { "things lie" };
    NewNotice { to: "postmaster".to_owned(), subject: format!("{} {things} unclaimed", items.len()), text }
}
