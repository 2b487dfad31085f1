//! Messages, what is due to each recipient, and append intents.

use super::super::{
    BodyId, Claim, Delivery, Event, Intent, MessageId, NewMessage, QueueEntry, QueueTotals, RequestId,
    SpoolError,
};
use super::lease::Kind;
use super::{PAGE, Result, Store, from_word, limit, micros, signed, time, to_json, unsigned};
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
            "INSERT INTO messages (sender, body, accepted, origin, ret, envid, unproven)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                message.sender,
                signed(body.id.0),
                at,
                message.origin,
                message.ret.map(|ret| to_json(&ret)).transpose()?,
                message.envid,
                message.unproven
            ],
        )?;
        for delivery in &message.deliveries {
            self.run(
                "INSERT INTO deliveries (message, recipient, transport, site, address, state, due, attempts, deaths, note,
                        priority, tell, notify, orcpt)
                    VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, 0, 0, '', ?7, ?8, ?9, ?10)",
                params![
                    id,
                    delivery.recipient,
                    delivery.transport,
                    delivery.site,
                    delivery.address,
                    at,
                    message.priority as i64,
                    message.tell.map(micros),
                    delivery.notify.map(|notify| to_json(&notify)).transpose()?,
                    delivery.orcpt
                ],
            )?;
            self.comes_to_site(&delivery.transport, &delivery.site, at)?;
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
            "SELECT 1 FROM deliveries
                WHERE message = ?1 AND (state IN ('queued', 'handed', 'held') OR tell IS NOT NULL)",
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

    pub fn queue(&self, after: Option<MessageId>) -> Result<Vec<QueueEntry>> {
        let mut entries = self.entries("m.id > ?1", after.map_or(0, |after| signed(after.0)))?;
        let full = entries.len() == PAGE;
        // A page ends between two messages, for the next one begins after an id.
        if let Some(last) = entries.last().map(|entry| entry.message).filter(|_| full) {
            let whole = entries.iter().filter(|entry| entry.message != last).count();
            if whole > 0 {
                entries.truncate(whole);
            }
        }
        Ok(entries)
    }

    /// What waits of one message.
    pub fn message(&self, message: MessageId) -> Result<Vec<QueueEntry>> {
        self.entries("m.id = ?1", signed(message.0))
    }

    fn entries(&self, which: &str, id: i64) -> Result<Vec<QueueEntry>> {
        let rows = self.all(
            &format!(
                "SELECT m.id, sender, size, accepted, recipient, transport, site, due, attempts, note, d.id, job, state
                    FROM messages m JOIN deliveries d ON d.message = m.id JOIN bodies b ON b.id = m.body
                    WHERE {which} AND state IN ('queued', 'handed', 'held') ORDER BY m.id, d.id LIMIT ?2"
            ),
            params![id, limit(PAGE)],
            |row| Ok((read_entry(row)?, row.get::<_, String>(12)?)),
        )?;
        rows.into_iter().map(|(entry, state)| Ok(QueueEntry { state: from_word(&state)?, ..entry })).collect()
    }

    pub fn totals(&self) -> Result<QueueTotals> {
        let rows = self.all("SELECT transport, state, number FROM tally WHERE number > 0", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })?;
        let mut totals = QueueTotals::default();
        for (transport, state, number) in rows {
            match state.as_str() {
                "message" => totals.messages = unsigned(number),
                "queued" | "handed" | "held" => {
                    totals.deliveries.push((transport, from_word(&state)?, unsigned(number)));
                }
                // They wait for nothing; the row goes with its message.
                _ => {}
            }
        }
        Ok(totals)
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
                self.delivery_changed(delivery)?;
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
            self.delivery_changed(delivery)?;
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

fn read_entry(row: &Row<'_>) -> rusqlite::Result<QueueEntry> {
    Ok(QueueEntry {
        message: MessageId(unsigned(row.get(0)?)),
        delivery: unsigned(row.get(10)?),
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
        job: row.get::<_, Option<i64>>(11)?.map(unsigned),
    })
}
