//! What came from peers: partial files, receipts, executions, and the pairs of D. and X. files.

use super::super::{
    Arrival, ArrivalKind, BodyId, BodyRef, Content, Event, Execution, Identity, Input, Received, RequestId,
    SpoolError, Task,
};
use super::blocks::SUM;
use super::body::{FoundPartial, OpenBody};
use super::known::Standing;
use super::lease::Kind;
use super::{Result, Store, from_json, limit, micros, parsed, signed, time, to_json, unsigned};
use crate::job::{Digest, Execute, StableId, SystemName};
use jiff::Timestamp;
use rusqlite::params;
use std::time::Duration;

impl Store {
    // Partial files.

    /// Finds it and opens its file; then it is to be read, and gone on with by [`Store::resume`].
    pub fn find_partial(&mut self, identity: &Identity, oldest: Timestamp) -> Result<Option<FoundPartial>> {
        // Without a name and a size nothing says that it is the same file.
        let Some(told) = identity.size.filter(|_| !identity.temp.is_empty()) else { return Ok(None) };
        let row = self.one(
            "SELECT body, synced, digest FROM partials
                WHERE peer = ?1 AND temp = ?2 AND told = ?3 AND user = ?4 AND command = ?5 AND began >= ?6
                    AND whole IS ?7
                ORDER BY id DESC LIMIT 1",
            params![
                identity.peer.as_str(),
                identity.temp,
                signed(told),
                identity.user,
                identity.command,
                micros(oldest),
                whole(identity)
            ],
            |row| Ok((BodyId(unsigned(row.get(0)?)), unsigned(row.get(1)?), row.get(2)?)),
        )?;
        let Some((body, synced, digest)) = row else { return Ok(None) };
        let found = self.open_partial(body, synced, digest)?;
        if found.is_none() {
            self.forget(body)?;
        }
        Ok(found)
    }

    pub fn keep_partial(&mut self, identity: &Identity, body: BodyId, now: Timestamp) -> Result<()> {
        self.room()?;
        let (synced, digest) = self.file_open_body(body)?;
        let older: Vec<i64> = self.all(
            "SELECT body FROM partials
                WHERE peer = ?1 AND temp = ?2 AND told IS ?3 AND user = ?4 AND command = ?5 AND body <> ?6",
            params![
                identity.peer.as_str(),
                identity.temp,
                identity.size.map(signed),
                identity.user,
                identity.command,
                signed(body.0)
            ],
            |row| row.get(0),
        )?;
        for older in older {
            self.forget(BodyId(unsigned(older)))?;
        }
        self.run(
            "INSERT INTO partials (peer, temp, told, user, command, body, synced, began, digest, whole)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                ON CONFLICT (body) DO UPDATE SET synced = excluded.synced, digest = excluded.digest",
            params![
                identity.peer.as_str(),
                identity.temp,
                identity.size.map(signed),
                identity.user,
                identity.command,
                signed(body.0),
                signed(synced),
                micros(now),
                digest,
                whole(identity)
            ],
        )?;
        Ok(())
    }

    pub fn begun(&self, peer: &SystemName, temp: &str, oldest: Timestamp) -> Result<Option<(Digest, u64)>> {
        self.one(
            "SELECT whole, synced FROM partials
                WHERE peer = ?1 AND temp = ?2 AND whole IS NOT NULL AND began >= ?3 ORDER BY id DESC LIMIT 1",
            params![peer.as_str(), temp, micros(oldest)],
            |row| Ok((Digest::from_bytes(row.get(0)?), unsigned(row.get(1)?))),
        )
    }

    // Receipts.

    pub fn already_received(&self, identity: &Identity, stable: Option<StableId>) -> Result<bool> {
        // An id alone is not believed either; what comes without a digest is held against it once it is here.
        if let Some(digest) = identity.digest
            && self.standing(stable, identity, digest)? == Standing::Known
        {
            return Ok(true);
        }
        // A name alone says little, for peers reuse names; without a size it is not believed.
        let Some(told) = identity.size.filter(|_| !identity.temp.is_empty()) else { return Ok(false) };
        self.exists(
            "SELECT 1 FROM receipts WHERE in_doubt = 1 AND peer = ?1 AND temp = ?2 AND told = ?3 AND user = ?4
                AND command = ?5",
            params![identity.peer.as_str(), identity.temp, signed(told), identity.user, identity.command],
        )
    }

    pub fn heard(&mut self, peer: &SystemName, now: Timestamp) -> Result<()> {
        self.run(
            "UPDATE receipts SET in_doubt = 0, at = ?2 WHERE in_doubt = 1 AND peer = ?1",
            params![peer.as_str(), micros(now)],
        )?;
        Ok(())
    }

    /// There was room for it when it was offered, and its bytes are here: it is finished whatever has become of the disk.
    pub fn receive(&mut self, arrival: Arrival) -> Result<Received> {
        let identity = &arrival.identity;
        let Some(digest) = self.open.get(&arrival.body).map(OpenBody::whole) else {
            return Err(self.not_open(arrival.body));
        };
        let standing = self.standing(arrival.stable, identity, Digest::of(digest))?;
        if standing == Standing::Known || self.same_in_doubt(identity, digest)? {
            self.body_drop(arrival.body)?;
            return Ok(Received::Already);
        }
        if identity.digest.is_some_and(|told| told != Digest::of(digest)) {
            self.body_drop(arrival.body)?;
            return Ok(Received::Damaged);
        }
        let body = self.finish(arrival.body)?;
        self.run(
            "INSERT INTO receipts (peer, temp, told, user, command, size, digest, in_doubt, at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)",
            params![
                identity.peer.as_str(),
                identity.temp,
                identity.size.map(signed),
                identity.user,
                identity.command,
                signed(body.size),
                digest,
                micros(arrival.received)
            ],
        )?;
        if let Some(stable) = arrival.stable {
            if standing == Standing::Other {
                self.forget_job(stable, identity)?;
            }
            self.know(stable, &arrival, Digest::of(digest))?;
        }
        self.note(&Event {
            at: arrival.received,
            what: "received".into(),
            ids: arrival.stable.map_or_else(
                || format!("temp={}", identity.temp),
                |stable| format!("temp={} stable={stable}", identity.temp),
            ),
            system: Some(identity.peer.clone()),
            text: format!("{} for {}, {} bytes", identity.command, identity.user, body.size),
        })?;
        self.file_arrival(arrival, body)?;
        Ok(Received::Kept)
    }

    /// The same offer, with the same bytes, as one whose CY the peer may not have heard.
    fn same_in_doubt(&self, identity: &Identity, digest: [u8; SUM]) -> Result<bool> {
        if identity.temp.is_empty() {
            return Ok(false);
        }
        self.exists(
            "SELECT 1 FROM receipts WHERE in_doubt = 1 AND peer = ?1 AND temp = ?2 AND user = ?3 AND command = ?4
                AND digest = ?5",
            params![
                identity.peer.as_str(),
                identity.temp,
                identity.user,
                identity.command,
                digest
            ],
        )
    }

    fn file_arrival(&mut self, arrival: Arrival, body: BodyRef) -> Result<()> {
        let peer = arrival.identity.peer;
        let received = arrival.received;
        match arrival.kind {
            ArrivalKind::Execution(execute) => {
                self.add_execution(&peer, &Task::Run(execute), Some(body.id), None, received)
            }
            ArrivalKind::File { to, mode, make_directories, notify } => {
                let user = arrival.identity.user;
                let task = Task::Place { to, mode, make_directories, notify, user, fetched: false };
                self.add_execution(&peer, &task, Some(body.id), None, received)
            }
            ArrivalKind::Fetched { to, mode, make_directories } => {
                let user = arrival.identity.user;
                let task = Task::Place { to, mode, make_directories, notify: None, user, fetched: true };
                self.add_execution(&peer, &task, Some(body.id), None, received)
            }
            ArrivalKind::ExecutionFile { name: _, execute, input } => {
                let task = Task::Run(execute);
                match input {
                    Input::Nothing => self.add_execution(&peer, &task, None, None, received)?,
                    Input::Spooled(name) => match self.take_data(&peer, &name)? {
                        Some(data) => self.add_execution(&peer, &task, Some(data), None, received)?,
                        None => self.add_execution(&peer, &task, None, Some(&name), received)?,
                    },
                }
                // What it says was parsed; its text is not needed.
                self.release(body.id)
            }
            ArrivalKind::Unusable { name, reason, notice } => {
                let from = format!("{name} of {peer}");
                self.put_aside(received, &from, &reason, Some(signed(body.id.0)))?;
                notice.map_or(Ok(()), |notice| self.notify(&notice, received))
            }
            ArrivalKind::Data { name } => self.add_data(&peer, &name, body.id, received),
        }
    }

    /// A D. file goes to the X. file that waits for it, or waits itself.
    ///
    /// Several of one name may wait. A peer has one file of a name at a time, so a second one means that it gave
    /// up, or forgot, the first: the newest halves belong together. The older ones are never overwritten; they
    /// wait for theirs until they are put aside.
    fn add_data(&mut self, peer: &SystemName, name: &str, body: BodyId, received: Timestamp) -> Result<()> {
        let taker = self.one(
            "UPDATE executions SET body = ?3, wants = NULL, state = 'queued', due = ?4
                WHERE id = (SELECT max(id) FROM executions WHERE state = 'waiting' AND peer = ?1 AND wants = ?2)
                RETURNING id",
            params![peer.as_str(), name, signed(body.0), micros(received)],
            |row| row.get::<_, i64>(0),
        )?;
        if taker.is_none() {
            self.run(
                "INSERT INTO data_files (peer, name, body, at) VALUES (?1, ?2, ?3, ?4)",
                params![peer.as_str(), name, signed(body.0), micros(received)],
            )?;
        }
        Ok(())
    }

    fn take_data(&mut self, peer: &SystemName, name: &str) -> Result<Option<BodyId>> {
        self.one(
            "DELETE FROM data_files
                WHERE id = (SELECT max(id) FROM data_files WHERE peer = ?1 AND name = ?2) RETURNING body",
            params![peer.as_str(), name],
            |row| Ok(BodyId(unsigned(row.get(0)?))),
        )
    }

    // Executions.

    pub fn submit_execution(
        &mut self,
        request: Option<RequestId>,
        system: &SystemName,
        execute: Execute,
        content: Content,
        now: Timestamp,
    ) -> Result<()> {
        self.room()?;
        self.once(request, now, |store| {
            let empty = content.head.is_empty() && content.rest.is_none();
            let body = if empty { None } else { Some(store.keep(content)?.id) };
            store.add_execution(system, &Task::Run(execute), body, None, now)
        })
    }

    fn add_execution(
        &mut self,
        peer: &SystemName,
        task: &Task,
        body: Option<BodyId>,
        wants: Option<&str>,
        received: Timestamp,
    ) -> Result<()> {
        let state = if wants.is_some() { "waiting" } else { "queued" };
        self.run(
            "INSERT INTO executions (peer, task, body, wants, received, state, due, attempts, deaths, note)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, 0, 0, '')",
            params![
                peer.as_str(),
                to_json(task)?,
                body.map(|body| signed(body.0)),
                wants,
                micros(received),
                state
            ],
        )?;
        Ok(())
    }

    pub fn claim_executions(
        &mut self,
        now: Timestamp,
        rows: usize,
        lease: Duration,
    ) -> Result<Vec<Execution>> {
        let due = self.all(
            "SELECT id, deaths FROM executions WHERE state = 'queued' AND lease IS NULL AND due <= ?1
                ORDER BY due, id LIMIT ?2",
            params![micros(now), limit(rows)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        let due = self.suspects_alone(Kind::Execution, due)?;
        let mut executions = Vec::new();
        for id in &due {
            let claim = self.grant(Kind::Execution, *id, now, lease, due.len() == 1)?;
            let row = self.one(
                "SELECT peer, task, e.body, size, received, attempts - 1
                    FROM executions e LEFT JOIN bodies b ON b.id = e.body WHERE e.id = ?1",
                [*id],
                |row| {
                    Ok((
                        (row.get::<_, String>(0)?, row.get::<_, String>(1)?),
                        (row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?),
                        (row.get(4)?, row.get(5)?),
                    ))
                },
            )?;
            let gone = || SpoolError::Corrupt(format!("execution {id} has gone"));
            let ((peer, task), (body, size), (received, attempts)) = row.ok_or_else(gone)?;
            executions.push(Execution {
                claim,
                peer: parsed(&peer)?,
                task: from_json(&task)?,
                body: body.map(|id| BodyRef { id: BodyId(unsigned(id)), size: size.map_or(0, unsigned) }),
                received: time(received),
                attempts,
            });
        }
        Ok(executions)
    }
}

fn whole(identity: &Identity) -> Option<[u8; Digest::LENGTH]> {
    identity.digest.map(|digest| *digest.bytes())
}
