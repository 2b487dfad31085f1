//! Messages, what is due to each recipient, and append intents.

use super::super::{
    BodyId, BodyRef, Claim, Delivery, Event, Intent, MessageId, NewMessage, QueueEntry, RequestId, SpoolError,
};
use super::lease::Kind;
use super::{PAGE, Result, Store, from_word, limit, micros, signed, time, unsigned};
use jiff::Timestamp;
use rusqlite::{Row, params};
use std::time::Duration;

impl Store {
    pub fn accept(
        &mut self,
        request: Option<RequestId>,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<MessageId>> {
        self.room()?;
        let now = messages.first().map_or(Timestamp::UNIX_EPOCH, |message| message.accepted);
        self.once(request, now, |store| {
            messages.into_iter().map(|message| store.add_message(message)).collect()
        })
    }

    pub(super) fn add_message(&mut self, message: NewMessage) -> Result<MessageId> {
        let body = self.keep(message.content)?;
        let at = micros(message.accepted);
        let id = self.insert(
            "INSERT INTO messages (sender, body, accepted, origin) VALUES (?1, ?2, ?3, ?4)",
            params![message.sender, signed(body.id.0), at, message.origin],
        )?;
        for delivery in &message.deliveries {
            self.run(
                "INSERT INTO deliveries
                    (message, recipient, transport, site, address, state, due, attempts, deaths, note)
                    VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, 0, 0, '')",
                params![id, delivery.recipient, delivery.transport, delivery.site, delivery.address, at],
            )?;
        }
        let recipients: Vec<&str> = message.deliveries.iter().map(|to| to.recipient.as_str()).collect();
        self.note(&Event {
            at: message.accepted,
            what: "accepted".into(),
            ids: format!("msg={id}"),
            system: None,
            text: format!(
                "from <{}> to {} by {}, {} bytes",
                message.sender,
                shortened(&recipients),
                message.origin,
                body.size
            ),
        })?;
        self.finish_message(id)?;
        Ok(MessageId(unsigned(id)))
    }

    /// Removes a message when nobody is to have it any more; its events stay.
    pub(super) fn finish_message(&mut self, message: i64) -> Result<()> {
        let waits = self.exists(
            "SELECT 1 FROM deliveries WHERE message = ?1 AND state IN ('queued', 'handed', 'held')",
            [message],
        )?;
        if waits {
            return Ok(());
        }
        self.run("DELETE FROM deliveries WHERE message = ?1", [message])?;
        let body: Option<i64> =
            self.one("DELETE FROM messages WHERE id = ?1 RETURNING body", [message], |row| row.get(0))?;
        body.map_or(Ok(()), |body| self.release(BodyId(unsigned(body))))
    }

    pub fn claim_deliveries(
        &mut self,
        now: Timestamp,
        rows: usize,
        lease: Duration,
    ) -> Result<Vec<Delivery>> {
        let due = self.all(
            "SELECT id, deaths FROM deliveries
                WHERE state = 'queued' AND lease IS NULL AND intent IS NULL AND due <= ?1
                    AND (transport, site) NOT IN (SELECT transport, site FROM deliveries
                        WHERE id IN (SELECT item FROM leases WHERE kind = 'delivery'))
                ORDER BY due, message, transport, site, id LIMIT ?2",
            params![micros(now), limit(rows)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        let due = self.suspects_alone(Kind::Delivery, due)?;
        due.iter().map(|id| self.lease_delivery(*id, now, lease, due.len() == 1)).collect()
    }

    fn lease_delivery(&self, id: i64, now: Timestamp, lease: Duration, alone: bool) -> Result<Delivery> {
        let claim = self.grant(Kind::Delivery, id, now, lease, alone)?;
        let delivery = self.one(
            "SELECT message, sender, recipient, transport, site, address, body, size, accepted, attempts - 1, refusal
                FROM deliveries d JOIN messages m ON m.id = d.message JOIN bodies b ON b.id = m.body
                WHERE d.id = ?1",
            [id],
            |row| read_delivery(claim, row),
        )?;
        delivery.ok_or_else(|| SpoolError::Corrupt(format!("delivery {id} has no message")))
    }

    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let due = self.one(
            "SELECT min(due) FROM (
                SELECT min(due) AS due FROM deliveries
                    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL
                UNION ALL SELECT min(due) FROM executions WHERE state = 'queued' AND lease IS NULL
                UNION ALL SELECT min(at) FROM notices WHERE lease IS NULL)",
            [],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(due.flatten().map(time))
    }

    pub fn queue(&self, after: Option<MessageId>) -> Result<Vec<QueueEntry>> {
        let rows = self.all(
            "SELECT m.id, sender, size, accepted, recipient, transport, site, due, attempts, note, state
                FROM messages m JOIN deliveries d ON d.message = m.id JOIN bodies b ON b.id = m.body
                WHERE m.id > ?1 AND state IN ('queued', 'handed', 'held') ORDER BY m.id, d.id LIMIT ?2",
            params![after.map_or(0, |after| signed(after.0)), limit(PAGE)],
            |row| Ok((read_entry(row)?, row.get::<_, String>(10)?)),
        )?;
        let full = rows.len() == PAGE;
        let mut entries = Vec::new();
        for (mut entry, state) in rows {
            entry.state = from_word(&state)?;
            entries.push(entry);
        }
        // A page ends between two messages, for the next one begins after an id.
        if let Some(last) = entries.last().map(|entry| entry.message).filter(|_| full) {
            let whole = entries.iter().filter(|entry| entry.message != last).count();
            if whole > 0 {
                entries.truncate(whole);
            }
        }
        Ok(entries)
    }

    // Append intents.

    pub fn intend(&mut self, intent: &Intent) -> Result<u64> {
        if self.exists("SELECT 1 FROM intents WHERE path = ?1", [&intent.path])? {
            return Err(SpoolError::Conflict(format!("another append to {} is not settled", intent.path)));
        }
        let id = self.insert(
            "INSERT INTO intents (path, device, inode, length_before, length, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                intent.path,
                signed(intent.device),
                signed(intent.inode),
                signed(intent.length_before),
                signed(intent.length),
                intent.digest
            ],
        )?;
        for (place, claim) in (0i64..).zip(&intent.deliveries) {
            let delivery = self.held(Kind::Delivery, *claim)?;
            self.run(
                "UPDATE deliveries SET intent = ?2, place = ?3 WHERE id = ?1",
                params![delivery, id, place],
            )?;
        }
        Ok(unsigned(id))
    }

    pub fn open_intents(&mut self, now: Timestamp, lease: Duration) -> Result<Vec<(Intent, Vec<Delivery>)>> {
        let intents = self.all(
            "SELECT id, path, device, inode, length_before, length, digest FROM intents i
                WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE intent = i.id AND lease IS NOT NULL)
                ORDER BY id LIMIT ?1",
            [limit(PAGE)],
            |row| {
                Ok(Intent {
                    id: unsigned(row.get(0)?),
                    path: row.get(1)?,
                    device: unsigned(row.get(2)?),
                    inode: unsigned(row.get(3)?),
                    length_before: unsigned(row.get(4)?),
                    length: unsigned(row.get(5)?),
                    digest: row.get(6)?,
                    deliveries: Vec::new(),
                })
            },
        )?;
        let mut open = Vec::new();
        for mut intent in intents {
            let mut deliveries = Vec::new();
            for delivery in self.deliveries_of(intent.id)? {
                deliveries.push(self.lease_delivery(delivery, now, lease, true)?);
            }
            intent.deliveries = deliveries.iter().map(|delivery| delivery.claim).collect();
            open.push((intent, deliveries));
        }
        Ok(open)
    }

    pub fn settle_intent(
        &mut self,
        id: u64,
        delivered: &[Claim],
        due: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let all = self.deliveries_of(id)?;
        let path: Option<String> =
            self.one("DELETE FROM intents WHERE id = ?1 RETURNING path", [signed(id)], |row| row.get(0))?;
        let Some(path) = path else { return Err(SpoolError::Missing(format!("append intent {id}"))) };
        self.run("UPDATE deliveries SET intent = NULL, place = NULL WHERE intent = ?1", [signed(id)])?;
        for claim in delivered {
            if !all.contains(&signed(claim.id)) {
                return Err(SpoolError::Misuse(format!(
                    "delivery {} is not of append intent {id}",
                    claim.id
                )));
            }
            self.delivered(*claim, now, &path)?;
        }
        for delivery in all {
            if delivered.iter().any(|claim| signed(claim.id) == delivery) {
                continue;
            }
            let token: Option<i64> = self
                .one(
                    "UPDATE deliveries SET due = ?2 WHERE id = ?1 RETURNING lease",
                    params![delivery, micros(due)],
                    |row| row.get(0),
                )?
                .flatten();
            if let Some(token) = token {
                self.end_lease(Kind::Delivery, delivery, token)?;
            }
        }
        Ok(())
    }

    fn deliveries_of(&self, intent: u64) -> Result<Vec<i64>> {
        self.all("SELECT id FROM deliveries WHERE intent = ?1 ORDER BY place", [signed(intent)], |row| {
            row.get(0)
        })
    }
}

fn shortened(recipients: &[&str]) -> String {
    match recipients {
        [] => "nobody".to_owned(),
        [one] => format!("<{one}>"),
        [first, rest @ ..] => format!("<{first}> and {} more", rest.len()),
    }
}

fn read_delivery(claim: Claim, row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        claim,
        message: MessageId(unsigned(row.get(0)?)),
        sender: row.get(1)?,
        recipient: row.get(2)?,
        transport: row.get(3)?,
        site: row.get(4)?,
        address: row.get(5)?,
        body: BodyRef { id: BodyId(unsigned(row.get(6)?)), size: unsigned(row.get(7)?) },
        accepted: time(row.get(8)?),
        attempts: row.get(9)?,
        refusal: row.get(10)?,
    })
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<QueueEntry> {
    Ok(QueueEntry {
        message: MessageId(unsigned(row.get(0)?)),
        sender: row.get(1)?,
        size: unsigned(row.get(2)?),
        accepted: time(row.get(3)?),
        recipient: row.get(4)?,
        transport: row.get(5)?,
        site: row.get(6)?,
        state: super::super::DeliveryState::Queued,
        due: time(row.get(7)?),
        attempts: row.get(8)?,
        note: row.get(9)?,
    })
}
