//! Events, notices, quarantine.

use super::super::{BodyId, BodyRef, Content, Event, EventFilter, MessageId, NewNotice, Notice, Quarantined};
use super::lease::Kind;
use super::{PAGE, Result, Store, limit, micros, parsed, signed, time, unsigned};
use crate::job::SystemName;
use jiff::Timestamp;
use rusqlite::params;
use std::cmp::Ordering;
use std::time::Duration;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;

impl Store {
    pub fn note(&self, event: &Event) -> Result<()> {
        self.run(
            "INSERT INTO events (at, what, ids, system, text) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                micros(event.at),
                event.what,
                event.ids,
                event.system.as_ref().map(SystemName::as_str),
                event.text
            ],
        )?;
        self.effects.told.borrow_mut().push(event.clone());
        Ok(())
    }

    pub fn note_at_most(&self, most: u32, event: &Event) -> Result<()> {
        let hour = micros(event.at) - micros(event.at).rem_euclid(HOUR);
        let before: u32 = self
            .one(
                "SELECT count(*) FROM events WHERE at >= ?1 AND at < ?2 AND what = ?3 AND system IS NULL",
                params![hour, hour + HOUR, event.what],
                |row| row.get(0),
            )?
            .unwrap_or_default();
        match before.cmp(&most) {
            Ordering::Less => self.note(event),
            Ordering::Equal => {
                let more =
                    format!("{}; there are more, and the others of this hour are not kept", event.text);
                self.note(&Event { text: more, ..event.clone() })
            }
            Ordering::Greater => Ok(()),
        }
    }

    pub fn events(&self, filter: &EventFilter) -> Result<Vec<(u64, Event)>> {
        let system = filter.system.as_ref().map(SystemName::as_str);
        let rows = if filter.limit == 0 { PAGE } else { filter.limit };
        let rows = self.all(
            "SELECT id, at, what, ids, system, text FROM events
                WHERE id > ?2 AND (?1 IS NULL OR system = ?1) ORDER BY id LIMIT ?3",
            params![system, filter.after.map_or(0, signed), limit(rows)],
            |row| {
                Ok((
                    (row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?),
                    (row.get(3)?, row.get::<_, Option<String>>(4)?, row.get(5)?),
                ))
            },
        )?;
        rows.into_iter()
            .map(|((id, at, what), (ids, system, text))| {
                let system = system.map(|name| parsed(&name)).transpose()?;
                Ok((unsigned(id), Event { at: time(at), what, ids, system, text }))
            })
            .collect()
    }

    pub fn message_events(&self, message: MessageId) -> Result<Vec<Event>> {
        let ids = format!("msg={}", message.0);
        // What has more ids behind this one is between a blank and the character after it.
        self.all(
            "SELECT at, what, ids, text FROM events WHERE ids = ?1 OR (ids > ?1 || ' ' AND ids < ?1 || '!')
                ORDER BY id LIMIT ?2",
            params![ids, limit(PAGE)],
            |row| {
                Ok(Event {
                    at: time(row.get(0)?),
                    what: row.get(1)?,
                    ids: row.get(2)?,
                    system: None,
                    text: row.get(3)?,
                })
            },
        )
    }

    pub fn notify(&mut self, notice: &NewNotice, now: Timestamp) -> Result<()> {
        self.run(
            "INSERT INTO notices (whom, subject, text, at) VALUES (?1, ?2, ?3, ?4)",
            params![notice.to, notice.subject, notice.text, micros(now)],
        )?;
        Ok(())
    }

    pub fn claim_notices(&mut self, now: Timestamp, rows: usize, lease: Duration) -> Result<Vec<Notice>> {
        let due = self.all(
            "SELECT id, whom, subject, text FROM notices WHERE lease IS NULL ORDER BY id LIMIT ?1",
            [limit(rows)],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    NewNotice { to: row.get(1)?, subject: row.get(2)?, text: row.get(3)? },
                ))
            },
        )?;
        due.into_iter()
            .map(|(id, notice)| {
                Ok(Notice { claim: self.grant(Kind::Notice, id, now, lease, false)?, notice })
            })
            .collect()
    }

    pub fn quarantine(
        &mut self,
        from: &str,
        reason: &str,
        content: Content,
        notices: &[NewNotice],
        now: Timestamp,
    ) -> Result<u64> {
        self.room()?;
        let body = self.keep(content)?;
        for notice in notices {
            self.notify(notice, now)?;
        }
        Ok(unsigned(self.put_aside(now, from, reason, Some(signed(body.id.0)))?))
    }

    pub(super) fn put_aside(
        &self,
        now: Timestamp,
        from: &str,
        reason: &str,
        body: Option<i64>,
    ) -> Result<i64> {
        let id = self.insert(
            "INSERT INTO quarantine (at, source, reason, body) VALUES (?1, ?2, ?3, ?4)",
            params![micros(now), from, reason, body],
        )?;
        self.note(&Event {
            at: now,
            what: "quarantined".into(),
            ids: format!("quarantine={id}"),
            system: None,
            text: format!("from {from}: {reason}"),
        })?;
        Ok(id)
    }

    pub fn quarantined(&self, after: Option<u64>) -> Result<Vec<Quarantined>> {
        self.all(
            "SELECT q.id, at, source, reason, body, size FROM quarantine q LEFT JOIN bodies b ON b.id = q.body
                WHERE q.id > ?1 ORDER BY q.id LIMIT ?2",
            params![after.map_or(0, signed), limit(PAGE)],
            |row| {
                let body: Option<i64> = row.get(4)?;
                let size: Option<i64> = row.get(5)?;
                Ok(Quarantined {
                    id: unsigned(row.get(0)?),
                    at: time(row.get(1)?),
                    from: row.get(2)?,
                    reason: row.get(3)?,
                    body: body
                        .map(|id| BodyRef { id: BodyId(unsigned(id)), size: size.map_or(0, unsigned) }),
                })
            },
        )
    }
}
