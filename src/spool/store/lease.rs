//! Leases: the right of one owner to work on one thing until a time.

use super::super::{Claim, SpoolError};
use super::gate::Owner;
use super::{Result, Store, later, micros, random, signed, unsigned};
use jiff::Timestamp;
use rusqlite::params;
use std::time::Duration;

/// What a lease is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Delivery,
    Job,
    Execution,
    Notice,
    Call,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Delivery, Kind::Job, Kind::Execution, Kind::Notice, Kind::Call];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Delivery => "delivery",
            Kind::Job => "job",
            Kind::Execution => "execution",
            Kind::Notice => "notice",
            Kind::Call => "call",
        }
    }

    /// Takes the token away from the leased thing.
    fn free(self) -> &'static str {
        match self {
            Kind::Delivery => "UPDATE deliveries SET lease = NULL WHERE id = ?1 AND lease = ?2",
            Kind::Job => "UPDATE jobs SET lease = NULL WHERE id = ?1 AND lease = ?2",
            Kind::Execution => "UPDATE executions SET lease = NULL WHERE id = ?1 AND lease = ?2",
            Kind::Notice => "UPDATE notices SET lease = NULL WHERE id = ?1 AND lease = ?2",
            Kind::Call => "UPDATE calls SET lease = NULL WHERE id = ?1 AND lease = ?2",
        }
    }

    fn give(self) -> &'static str {
        match self {
            Kind::Delivery => "UPDATE deliveries SET lease = ?2, attempts = attempts + 1 WHERE id = ?1",
            Kind::Job => "UPDATE jobs SET lease = ?2, attempts = attempts + 1 WHERE id = ?1",
            Kind::Execution => "UPDATE executions SET lease = ?2, attempts = attempts + 1 WHERE id = ?1",
            Kind::Notice => "UPDATE notices SET lease = ?2 WHERE id = ?1",
            Kind::Call => "UPDATE calls SET lease = ?2 WHERE id = ?1",
        }
    }
}

impl Store {
    pub(super) fn register_owner(&mut self) -> Result<()> {
        let own = Owner::own();
        self.owner = self.insert(
            "INSERT INTO owners (boot, pid, start) VALUES (?1, ?2, ?3)",
            params![own.boot, own.pid, own.start],
        )?;
        Ok(())
    }

    /// Of what is due, (id, deaths), what may be claimed now. What saw its owner die is worked on by itself, so that the
    /// next death proves something against it: it waits for the end of what is under way, and then the rest waits for it.
    pub(super) fn suspects_alone(&self, kind: Kind, due: Vec<(i64, i64)>) -> Result<Vec<i64>> {
        let table = match kind {
            Kind::Execution => "executions",
            _ => "deliveries",
        };
        let under_way =
            format!("SELECT count(*), count(nullif(deaths, 0)) FROM {table} WHERE lease IS NOT NULL");
        let counts = self.one(&under_way, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let (under_way, suspects) = counts.unwrap_or_default();
        let suspect_is_next = due.first().is_some_and(|(_, deaths)| *deaths > 0);
        let count = match (suspects, suspect_is_next, under_way) {
            (0, true, 0) => 1,
            (0, false, _) => due.iter().take_while(|(_, deaths)| *deaths == 0).count(),
            _ => 0,
        };
        Ok(due.into_iter().take(count).map(|(id, _)| id).collect())
    }

    /// Leases one thing, and counts the attempt. `alone`: nothing else was claimed with it.
    pub(super) fn grant(
        &self,
        kind: Kind,
        item: i64,
        now: Timestamp,
        lease: Duration,
        alone: bool,
    ) -> Result<Claim> {
        // Positive, so that it looks the same in SQL and here.
        let token = (random()? >> 1).cast_signed();
        self.run(
            "INSERT INTO leases VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![token, kind.name(), item, self.owner, later(now, lease), alone],
        )?;
        self.run(kind.give(), params![item, token])?;
        Ok(Claim { id: unsigned(item), token: unsigned(token) })
    }

    /// The id of what is claimed, if the claim still holds.
    pub(super) fn held(&self, kind: Kind, claim: Claim) -> Result<i64> {
        let (item, token) = (signed(claim.id), signed(claim.token));
        let holds = self.exists(
            "SELECT 1 FROM leases WHERE token = ?1 AND kind = ?2 AND item = ?3",
            params![token, kind.name(), item],
        )?;
        if holds {
            Ok(item)
        } else {
            Err(SpoolError::Conflict(format!(
                "the claim on {} {} was taken back or settled before",
                kind.name(),
                claim.id
            )))
        }
    }

    /// Ends a claim that holds, and gives the id of what was claimed.
    pub(super) fn end_claim(&self, kind: Kind, claim: Claim) -> Result<i64> {
        let item = self.held(kind, claim)?;
        self.end_lease(kind, item, signed(claim.token))?;
        Ok(item)
    }

    pub(super) fn end_lease(&self, kind: Kind, item: i64, token: i64) -> Result<()> {
        self.run("DELETE FROM leases WHERE token = ?1", [token])?;
        self.run(kind.free(), params![item, token])?;
        Ok(())
    }

    /// Prolongs those of these claims that still hold.
    pub fn prolong(&mut self, now: Timestamp, claims: &[Claim], lease: Duration) -> Result<()> {
        for claim in claims {
            self.run(
                "UPDATE leases SET expires = ?3 WHERE token = ?1 AND item = ?2",
                params![signed(claim.token), signed(claim.id), later(now, lease)],
            )?;
        }
        Ok(())
    }

    pub fn renew(&mut self, now: Timestamp, claims: &[Claim], lease: Duration) -> Result<()> {
        for claim in claims {
            let renewed = self.run(
                "UPDATE leases SET expires = ?3 WHERE token = ?1 AND item = ?2",
                params![signed(claim.token), signed(claim.id), later(now, lease)],
            )?;
            if renewed == 0 {
                return Err(SpoolError::Conflict(format!("the claim on {} was taken back", claim.id)));
            }
        }
        Ok(())
    }

    /// Leases whose owner is gone, or that ran out: (token, kind, item, alone, whether its owner is gone).
    pub(super) fn lapsed(&self, now: Timestamp) -> Result<Vec<Lapsed>> {
        let owners = self.all("SELECT id, boot, pid, start FROM owners", [], |row| {
            Ok((row.get::<_, i64>(0)?, Owner { boot: row.get(1)?, pid: row.get(2)?, start: row.get(3)? }))
        })?;
        let mut lapsed = Vec::new();
        for (owner, who) in owners {
            let gone = owner != self.owner && !who.lives();
            let since = if gone { i64::MAX } else { micros(now) };
            let leases = self.all(
                "SELECT token, kind, item, alone FROM leases WHERE owner = ?1 AND expires <= ?2",
                params![owner, since],
                |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get(3)?))
                },
            )?;
            for (token, kind, item, alone) in leases {
                if let Some(kind) = Kind::ALL.into_iter().find(|known| known.name() == kind) {
                    lapsed.push(Lapsed { token, kind, item, alone });
                }
            }
            if gone {
                self.run("DELETE FROM owners WHERE id = ?1", [owner])?;
            }
        }
        Ok(lapsed)
    }
}

/// A lease to be taken back.
#[derive(Debug)]
pub struct Lapsed {
    pub token: i64,
    pub kind: Kind,
    pub item: i64,
    /// Nothing else was claimed with it.
    pub alone: bool,
}
