//! Sites: where deliveries go. What waits for one is claimed together, and one that has failed as a whole is left alone for a
//! while, whatever waits for it.

use super::super::{BodyId, BodyRef, Claim, Delivery, MessageId, Priority, SpoolError};
use super::lease::Kind;
use super::{Result, Store, from_json, limit, micros, time, unsigned};
use jiff::Timestamp;
use rusqlite::{Row, params};
use std::time::Duration;

/// Sites that one claim is about at most.
const SITES: usize = 64;
/// Deliveries that a site that has failed is tried with.
const PROBE: usize = 10;
/// One in so many of a claim is left to each lower priority, where all wait.
const SHARE: usize = 8;

const PRIORITIES: [Priority; 3] = [Priority::Urgent, Priority::Normal, Priority::Bulk];

/// What [`read_delivery`] reads.
const DELIVERY: &str =
    "d.message, sender, recipient, d.transport, d.site, address, body, size, accepted, attempts, refusal,
    ret, envid, notify, orcpt, unproven, warned, coalesce(failures, 0)";
/// And of what.
const OF: &str = "FROM deliveries d JOIN messages m ON m.id = d.message JOIN bodies b ON b.id = m.body
    LEFT JOIN sites s ON s.transport = d.transport AND s.site = d.site";

/// A delivery that is due at a site.
struct Due {
    id: i64,
    deaths: i64,
    /// Priority, time, message: who goes first.
    turn: (usize, i64, i64),
}

impl Store {
    pub fn claim_deliveries(
        &mut self,
        now: Timestamp,
        rows: usize,
        lease: Duration,
    ) -> Result<Vec<Delivery>> {
        let sites = self.all(
            "SELECT transport, site, failures FROM sites WHERE at <= ?1 AND busy = 0 ORDER BY at LIMIT ?2",
            params![micros(now), limit(SITES)],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?)),
        )?;
        let mut due: Vec<Due> = Vec::new();
        for (transport, site, failures) in sites {
            let left = rows.saturating_sub(due.len());
            if left == 0 {
                break;
            }
            let most = if failures > 0 { left.min(PROBE) } else { left };
            let mut of_site = self.due_at(&transport, &site, now, most)?;
            if of_site.is_empty() {
                self.site_changed(&transport, &site)?;
            }
            due.append(&mut of_site);
        }
        due.sort_by_key(|due| (due.turn, due.id));
        let due = due.iter().map(|due| (due.id, due.deaths)).collect();
        let ids = self.suspects_alone(Kind::Delivery, due)?;
        let mut claimed = Vec::new();
        for id in &ids {
            claimed.push(self.lease_delivery(*id, now, lease, ids.len() == 1)?);
            self.run(
                "UPDATE sites SET busy = 1
                    WHERE (transport, site) = (SELECT transport, site FROM deliveries WHERE id = ?1) AND busy = 0",
                [id],
            )?;
        }
        Ok(claimed)
    }

    /// What is due at a site, at most so many, each priority with its share.
    fn due_at(&self, transport: &str, site: &str, now: Timestamp, most: usize) -> Result<Vec<Due>> {
        let mut waiting = Vec::new();
        for (rank, priority) in PRIORITIES.into_iter().enumerate() {
            waiting.push(self.all(
                "SELECT id, deaths, due, message FROM deliveries
                    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL
                        AND transport = ?1 AND site = ?2 AND priority = ?3 AND due <= ?4
                    ORDER BY due, message, id LIMIT ?5",
                params![transport, site, priority as i64, micros(now), limit(most)],
                |row| {
                    Ok(Due { id: row.get(0)?, deaths: row.get(1)?, turn: (rank, row.get(2)?, row.get(3)?) })
                },
            )?);
        }
        let shares = shares(most, waiting.iter().map(Vec::len).collect());
        Ok(waiting.into_iter().zip(shares).flat_map(|(due, share)| due.into_iter().take(share)).collect())
    }

    pub(super) fn lease_delivery(
        &self,
        id: i64,
        now: Timestamp,
        lease: Duration,
        alone: bool,
    ) -> Result<Delivery> {
        let claim = self.grant(Kind::Delivery, id, now, lease, alone)?;
        let mut delivery = self.delivery(claim)?;
        delivery.attempts = delivery.attempts.saturating_sub(1);
        Ok(delivery)
    }

    pub(super) fn delivery(&self, claim: Claim) -> Result<Delivery> {
        let sql = format!("SELECT {DELIVERY} {OF} WHERE d.id = ?1");
        let id = super::signed(claim.id);
        let row = self.one(&sql, [id], |row| read_delivery(claim, row))?;
        let (delivery, ret, notify) =
            row.ok_or_else(|| SpoolError::Corrupt(format!("delivery {id} has no message")))?;
        let ret = ret.map(|text| from_json(&text)).transpose()?;
        Ok(Delivery { ret, notify: notify.map(|text| from_json(&text)).transpose()?, ..delivery })
    }

    /// A new delivery waits for a site from this time on.
    pub(super) fn comes_to_site(&self, transport: &str, site: &str, due: i64) -> Result<()> {
        self.run(
            "INSERT INTO sites VALUES (?1, ?2, ?3, 0, 0, NULL) ON CONFLICT (transport, site) DO UPDATE
                SET at = min(coalesce(at, 9223372036854775807), max(excluded.at, coalesce(retry, excluded.at)))",
            params![transport, site, due],
        )?;
        Ok(())
    }

    /// Whatever was done to a delivery, its site is due when the next of what waits for it is.
    pub(super) fn delivery_changed(&self, id: i64) -> Result<()> {
        let site = self.one("SELECT transport, site FROM deliveries WHERE id = ?1", [id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })?;
        site.map_or(Ok(()), |(transport, site)| self.site_changed(&transport, &site))
    }

    pub(super) fn site_changed(&self, transport: &str, site: &str) -> Result<()> {
        let busy = self.exists(
            "SELECT 1 FROM deliveries WHERE lease IS NOT NULL AND transport = ?1 AND site = ?2 LIMIT 1",
            [transport, site],
        )?;
        if busy {
            // It is looked at again when the last of it is settled.
            self.run(
                "INSERT INTO sites VALUES (?1, ?2, NULL, 1, 0, NULL) ON CONFLICT (transport, site) DO UPDATE
                    SET busy = 1 WHERE busy = 0",
                [transport, site],
            )?;
            return Ok(());
        }
        let mut next: Option<i64> = None;
        for priority in PRIORITIES {
            let due = self.one(
                "SELECT due FROM deliveries
                    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL
                        AND transport = ?1 AND site = ?2 AND priority = ?3
                    ORDER BY due LIMIT 1",
                params![transport, site, priority as i64],
                |row| row.get::<_, i64>(0),
            )?;
            next = next.into_iter().chain(due).min();
        }
        let Some(next) = next else {
            self.run(
                "UPDATE sites SET at = NULL, busy = 0 WHERE transport = ?1 AND site = ?2 AND failures > 0",
                [transport, site],
            )?;
            self.run(
                "DELETE FROM sites WHERE transport = ?1 AND site = ?2 AND failures = 0",
                [transport, site],
            )?;
            return Ok(());
        };
        self.run(
            "INSERT INTO sites VALUES (?1, ?2, ?3, 0, 0, NULL) ON CONFLICT (transport, site) DO UPDATE
                SET busy = 0, at = max(excluded.at, coalesce(retry, excluded.at))",
            params![transport, site, next],
        )?;
        Ok(())
    }

    /// A site has failed as a whole: nothing of what waits for it is tried before `until`.
    pub fn site_failed(&mut self, transport: &str, site: &str, until: Timestamp) -> Result<()> {
        self.run(
            "INSERT INTO sites VALUES (?1, ?2, NULL, 0, 1, ?3) ON CONFLICT (transport, site) DO UPDATE
                SET failures = failures + 1, retry = excluded.retry",
            params![transport, site, micros(until)],
        )?;
        self.site_changed(transport, site)
    }

    /// It has taken something, or somebody knows that it will.
    pub(super) fn site_recovered(&self, transport: &str, site: &str) -> Result<()> {
        let changed = self.run(
            "UPDATE sites SET failures = 0, retry = NULL WHERE transport = ?1 AND site = ?2 AND failures > 0",
            [transport, site],
        )?;
        if changed > 0 { self.site_changed(transport, site) } else { Ok(()) }
    }

    /// Forgets how sites went for which nothing waits.
    pub(super) fn forget_sites(&self, before: i64) -> Result<()> {
        self.run("DELETE FROM sites WHERE retry < ?1 AND at IS NULL AND busy = 0", [before])?;
        Ok(())
    }

    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let due = self.one(
            "SELECT min(due) FROM (
                SELECT min(at) AS due FROM sites WHERE at IS NOT NULL AND busy = 0
                UNION ALL SELECT min(tell) FROM deliveries WHERE tell IS NOT NULL
                UNION ALL SELECT min(due) FROM executions WHERE state = 'queued' AND lease IS NULL
                UNION ALL SELECT min(at) FROM notices WHERE lease IS NULL)",
            [],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(due.flatten().map(time))
    }
}

/// What of each priority goes into `most` places, of so many that wait.
fn shares(most: usize, waiting: Vec<usize>) -> Vec<usize> {
    let reserve = most / SHARE;
    let mut shares: Vec<usize> = waiting.iter().map(|count| (*count).min(reserve)).collect();
    let mut left = most.saturating_sub(shares.iter().sum());
    for (share, count) in shares.iter_mut().zip(&waiting) {
        let more = left.min(count.saturating_sub(*share));
        *share += more;
        left -= more;
    }
    shares
}

/// The delivery, and its `ret` and `notify` as they are stored.
fn read_delivery(
    claim: Claim,
    row: &Row<'_>,
) -> rusqlite::Result<(Delivery, Option<String>, Option<String>)> {
    let delivery = Delivery {
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
        ret: None,
        envid: row.get(12)?,
        notify: None,
        orcpt: row.get(14)?,
        unproven: row.get(15)?,
        warned: row.get(16)?,
        site_failures: row.get(17)?,
    };
    Ok((delivery, row.get(11)?, row.get(13)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_has_its_share() {
        assert_eq!(shares(1000, vec![0, 1000, 0]), [0, 1000, 0]);
        assert_eq!(shares(1000, vec![5000, 5000, 5000]), [750, 125, 125]);
        assert_eq!(shares(1000, vec![10, 5000, 50]), [10, 940, 50]);
        assert_eq!(shares(2, vec![0, 1, 5]), [0, 1, 1]);
        assert_eq!(shares(1, vec![1, 1, 1]), [1, 0, 0]);
    }
}
