//! The ids of received jobs, and what came under each: a peer whose spool was restored from a backup gives a number twice,
//! and then an id alone says nothing.

use super::super::{Arrival, Identity};
use super::{Result, Store, micros, signed};
use crate::job::{Digest, StableId};
use rusqlite::params;

/// The pieces of a job: a D. file and its X. file carry the stable id of the one job that they are.
const DATA: &str = "data";
const EXECUTION: &str = "execution";
const WHOLE: &str = "whole";

/// What is known of the id of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    New,
    /// It came before.
    Known,
    /// Another job came under this id.
    Other,
}

/// A piece that came. One of before all this was written down is known by its id alone.
struct Piece {
    part: String,
    user: Option<String>,
    command: Option<String>,
    digest: Option<Digest>,
}

impl Piece {
    /// Whether it holds other bytes than the piece that is offered, or is for something else. The bytes are the same as one E
    /// command and as a D. file; an X. file is made anew for each call.
    fn differs(&self, offered: &Identity, digest: Digest) -> bool {
        let part = part(offered);
        let comparable = part != EXECUTION && self.part != EXECUTION;
        let whole = part == WHOLE && self.part == WHOLE;
        comparable
            && (self.digest.is_some_and(|known| known != digest)
                || self.user.as_ref().is_some_and(|user| *user != offered.user)
                || whole && self.command.as_ref().is_some_and(|command| *command != offered.command))
    }
}

impl Store {
    /// Whether a job, or this piece of it, came before. It may have come in another form: as one E command when the two
    /// ends knew that both have it, as a pair of files when noise had hidden that from them.
    pub(super) fn standing(
        &self,
        stable: Option<StableId>,
        offered: &Identity,
        digest: Digest,
    ) -> Result<Standing> {
        let Some(stable) = stable else { return Ok(Standing::New) };
        let pieces = self.all(
            "SELECT part, user, command, digest FROM known_jobs WHERE peer = ?1 AND spool = ?2 AND number = ?3",
            params![offered.peer.as_str(), signed(stable.spool), signed(stable.number)],
            |row| {
                let digest = row.get::<_, Option<[u8; Digest::LENGTH]>>(3)?.map(Digest::from_bytes);
                Ok(Piece { part: row.get(0)?, user: row.get(1)?, command: row.get(2)?, digest })
            },
        )?;
        if pieces.iter().any(|piece| piece.differs(offered, digest)) {
            return Ok(Standing::Other);
        }
        let part = part(offered);
        let came = |part| pieces.iter().any(|piece| piece.part == part);
        let known = came(part) || came(WHOLE) || part == WHOLE && came(DATA) && came(EXECUTION);
        Ok(if known { Standing::Known } else { Standing::New })
    }

    pub(super) fn know(&self, stable: StableId, arrival: &Arrival, digest: Digest) -> Result<()> {
        let identity = &arrival.identity;
        self.run(
            "INSERT INTO known_jobs (peer, spool, number, part, at, user, command, digest)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                identity.peer.as_str(),
                signed(stable.spool),
                signed(stable.number),
                part(identity),
                micros(arrival.received),
                identity.user,
                identity.command,
                digest.bytes()
            ],
        )?;
        Ok(())
    }

    /// What came under this id is another job than the one that comes under it now, and will not be offered again.
    pub(super) fn forget_job(&self, stable: StableId, offered: &Identity) -> Result<()> {
        // A file that one of our own users fetches once more may have changed.
        if stable.spool != self.id {
            tracing::warn!(
                peer = %offered.peer, %stable,
                "another job came under the id of an earlier one, and is taken; if the spool of that system was restored \
                 from a backup, `uugate spool restored` there keeps new jobs apart from those that it forgot"
            );
        }
        self.run(
            "DELETE FROM known_jobs WHERE peer = ?1 AND spool = ?2 AND number = ?3",
            params![offered.peer.as_str(), signed(stable.spool), signed(stable.number)],
        )?;
        Ok(())
    }
}

fn part(identity: &Identity) -> &'static str {
    if identity.command.starts_with("D.") {
        DATA
    } else if identity.command.starts_with("X.") {
        EXECUTION
    } else {
        WHOLE
    }
}
