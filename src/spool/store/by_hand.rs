//! What is done to deliveries by hand: hold, release, try now, throw away.

use super::super::{ByHand, Handled, SpoolError};
use super::{Result, Store, micros, signed};
use jiff::Timestamp;
use rusqlite::params;

impl Store {
    /// Each delivery for itself: what cannot be had now is left as it is.
    pub fn by_hand(
        &mut self,
        what: ByHand,
        deliveries: &[u64],
        note: &str,
        now: Timestamp,
    ) -> Result<Handled> {
        let mut handled = Handled::default();
        for id in deliveries {
            match self.one_by_hand(what, signed(*id), note, now) {
                Ok(true) => handled.done += 1,
                Ok(false) => {}
                Err(SpoolError::Conflict(why) | SpoolError::Missing(why)) => handled.left.push((*id, why)),
                Err(error) => return Err(error),
            }
        }
        Ok(handled)
    }

    /// False: there was nothing to be done.
    fn one_by_hand(&mut self, what: ByHand, id: i64, note: &str, now: Timestamp) -> Result<bool> {
        let state: Option<String> =
            self.one("SELECT state FROM deliveries WHERE id = ?1", [id], |row| row.get(0))?;
        let is_held = state.as_deref() == Some("held");
        if (what == ByHand::Hold && is_held) || (what == ByHand::Release && !is_held) {
            return Ok(false);
        }
        self.take_out(id, now, note)?;
        match what {
            ByHand::Delete => return self.delivery_becomes(id, now, "deleted", note).map(|()| true),
            // The clock of the sender stands still meanwhile.
            ByHand::Hold => {
                self.run(
                    "UPDATE deliveries SET state = 'held', note = ?2, tell = NULL WHERE id = ?1",
                    params![id, note],
                )?;
                self.note_delivery(now, "held", id, note)?;
            }
            ByHand::Release | ByHand::Requeue => {
                self.set_free(id)?;
                self.run(
                    "UPDATE deliveries SET state = 'queued', due = ?2, deaths = 0, note = iif(state = 'held', '', note),
                            tell = coalesce(tell, ?2)
                        WHERE id = ?1",
                    params![id, micros(now)],
                )?;
                self.note_delivery(now, if is_held { "released" } else { "requeued" }, id, note)?;
                let site = self.one("SELECT transport, site FROM deliveries WHERE id = ?1", [id], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
                if let Some((transport, site)) = site {
                    self.site_recovered(&transport, &site)?;
                }
            }
        }
        self.delivery_changed(id)?;
        Ok(true)
    }

    /// What a `queueonly` delivery waited for is done: its site is the transport, a blank and the site that it goes to.
    fn set_free(&self, id: i64) -> Result<()> {
        let site: Option<String> =
            self.one("SELECT site FROM deliveries WHERE id = ?1 AND transport = 'queueonly'", [id], |row| {
                row.get(0)
            })?;
        let Some((kept, (transport, site))) =
            site.as_deref().and_then(|kept| Some((kept, kept.split_once(' ')?)))
        else {
            return Ok(());
        };
        self.run(
            "UPDATE deliveries SET transport = ?2, site = ?3 WHERE id = ?1",
            params![id, transport, site],
        )?;
        self.site_changed("queueonly", kept)
    }
}
