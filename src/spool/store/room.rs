//! Room on the disk: what new work is held against, and what is given up first when there is too little.

use super::super::{BodyId, Event, SpoolError};
use super::{Home, Result, Store, time, unsigned};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sees beside the writer whether there is room, for those many who only ask.
#[derive(Debug, Clone)]
pub struct Room {
    /// None in memory.
    directory: Option<Arc<PathBuf>>,
    reserve: u64,
}

impl Room {
    /// Whether there is room for so many bytes beside the reserve. False: the writer may find some yet.
    pub fn is_for(&self, bytes: u64) -> bool {
        let wanted = self.reserve.saturating_add(bytes);
        self.directory.as_ref().is_none_or(|directory| free(directory).is_ok_and(|free| free >= wanted))
    }
}

/// Free bytes of a file system, as far as they are for us.
fn free(directory: &Path) -> std::io::Result<u64> {
    let space = rustix::fs::statvfs(directory)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

impl Store {
    pub fn room_beside(&self) -> Room {
        let directory = match &self.home {
            Home::Directory(directory) => Some(Arc::new(directory.clone())),
            Home::Memory => None,
        };
        Room { directory, reserve: self.settings.reserve }
    }

    /// Refuses new work when the disk is nearly full, so that there is room to finish what was begun.
    pub(super) fn room(&mut self) -> Result<()> {
        self.room_for(0)
    }

    /// The same for work of which so many bytes are still to come. Before it is refused, partial files are given up,
    /// the oldest first: the transfers behind them begin anew, which costs time and no mail.
    pub fn room_for(&mut self, bytes: u64) -> Result<()> {
        let Some(mut free) = self.free()? else { return Ok(()) };
        let wanted = self.settings.reserve.saturating_add(bytes);
        if free < wanted {
            free = free.saturating_add(self.give_up_partials(wanted - free)?);
        }
        if free < wanted {
            let kept = match bytes {
                0 => format!("{} are kept in reserve (spool.reserve)", shown(self.settings.reserve)),
                more => format!(
                    "{} would be needed beside the reserve of {} (spool.reserve)",
                    shown(more),
                    shown(self.settings.reserve)
                ),
            };
            // What was given up comes back with the savepoint: it was of no use.
            return Err(SpoolError::Full(format!("{} are free, and {kept}{}", shown(free), self.at())));
        }
        // Of this transaction: the files go when it is committed.
        self.free = Some(free);
        Ok(())
    }

    /// Under the reserve partial files go even if that is not enough for anything new.
    pub(super) fn relieve(&mut self) -> Result<()> {
        let Some(free) = self.free()? else { return Ok(()) };
        if free < self.settings.reserve {
            self.give_up_partials(self.settings.reserve - free)?;
        }
        Ok(())
    }

    /// Names the place in an error that says that it is full, for SQLite and the system do not.
    pub(super) fn placed(&self, error: SpoolError) -> SpoolError {
        match error {
            SpoolError::Full(text) if !text.contains(&self.at()) => {
                SpoolError::Full(format!("{text}{}", self.at()))
            }
            error => error,
        }
    }

    fn at(&self) -> String {
        match &self.home {
            Home::Directory(directory) => format!(" on the file system of {}", directory.display()),
            Home::Memory => String::new(),
        }
    }

    /// Free bytes, looked at once in a transaction. None in memory.
    fn free(&mut self) -> Result<Option<u64>> {
        let Home::Directory(directory) = &self.home else { return Ok(None) };
        if self.free.is_none() {
            self.free = Some(free(directory)?);
        }
        Ok(self.free)
    }

    /// Gives up partial files, oldest first, until so many bytes will be free. Those of a peer with whom a call is under
    /// way stay: one of them may be growing at this moment. Returns what they hold.
    fn give_up_partials(&mut self, wanted: u64) -> Result<u64> {
        let partials = self.all(
            "SELECT body, peer, temp FROM partials
                WHERE peer NOT IN (SELECT system FROM calls WHERE ended IS NULL) ORDER BY began, id",
            [],
            |row| Ok((BodyId(unsigned(row.get(0)?)), row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )?;
        let mut freed = 0;
        for (body, peer, temp) in partials {
            if freed >= wanted {
                break;
            }
            let size = self.body_path(body).map_or(0, |path| on_disk(&path));
            freed += size;
            self.forget(body)?;
            self.note(&Event {
                at: time(self.last_recovery),
                what: "given-up".into(),
                ids: format!("temp={temp}"),
                system: peer.parse().ok(),
                text: format!("{} of a file that had begun to arrive, for want of disk space", shown(size)),
            })?;
        }
        Ok(freed)
    }
}

/// What a file takes up; a file system counts in blocks of 512 bytes (stat(2)).
fn on_disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or(0, |about| about.blocks().saturating_mul(512))
}

/// A number of bytes as people read it.
fn shown(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{EventFilter, Identity, NewCall, Spool};
    use super::*;
    use jiff::Timestamp;
    use std::time::Duration;

    /// What takes a file of its own.
    const LARGE: usize = 200_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn identity(peer: &str, temp: &str) -> Identity {
        Identity {
            peer: peer.parse().unwrap(),
            temp: temp.to_owned(),
            size: Some(1_000_000),
            user: "jan".to_owned(),
            command: "rmail ida".to_owned(),
            digest: None,
        }
    }

    async fn partial(spool: &Spool, peer: &str, temp: &str, began: i64) {
        let body = spool.body_new().await.unwrap();
        for offset in (0..LARGE).step_by(10_000) {
            spool.body_append(body, offset as u64, vec![b'x'; 10_000]).await.unwrap();
        }
        spool.keep_partial(identity(peer, temp), body, at(began)).await.unwrap();
    }

    /// Asks for room when so many bytes are free above the reserve.
    async fn ask(spool: &Spool, above: u64, wanted: u64) -> Result<()> {
        let verb = move |store: &mut Store| {
            store.free = Some(store.settings.reserve + above);
            store.room_for(wanted)
        };
        spool.writer().verb(0, verb).await
    }

    async fn left(spool: &Spool) -> Vec<&'static str> {
        let mut left = Vec::new();
        for (peer, temp) in [("polux", "D.old"), ("castor", "D.new"), ("moon", "D.oldest")] {
            if spool.find_partial(identity(peer, temp), at(0)).await.unwrap().is_some() {
                left.push(temp);
            }
        }
        left
    }

    #[tokio::test]
    async fn the_oldest_partial_files_make_room_for_new_work() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), at(0)).await.unwrap();
        partial(&spool, "castor", "D.new", 30).await;
        partial(&spool, "polux", "D.old", 20).await;
        partial(&spool, "moon", "D.oldest", 10).await;
        // The oldest may be growing at this moment.
        let (system, line) = ("moon".parse().unwrap(), "test".to_owned());
        let call = NewCall { system, line, outgoing: false, began: at(40) };
        spool.call_began(call, Duration::from_secs(60)).await.unwrap();

        let size = LARGE as u64;
        ask(&spool, 100, 100).await.unwrap();
        assert_eq!(left(&spool).await, ["D.old", "D.new", "D.oldest"], "there is room enough");
        let refused = ask(&spool, 0, 3 * size).await.unwrap_err();
        assert!(matches!(refused, SpoolError::Full(_)), "{refused}");
        assert_eq!(left(&spool).await, ["D.old", "D.new", "D.oldest"], "nothing is given up for nothing");
        let files = || std::fs::read_dir(folder.path().join("bodies")).unwrap().count();
        assert_eq!(files(), 3);
        ask(&spool, 0, size / 2).await.unwrap();
        assert_eq!((left(&spool).await, files()), (vec!["D.new", "D.oldest"], 2));
        let events = spool.events(EventFilter::default()).await.unwrap();
        let given_up: Vec<_> = events.iter().filter(|(_, event)| event.what == "given-up").collect();
        assert!(given_up.len() == 1 && given_up[0].1.ids == "temp=D.old", "{events:?}");

        // Under the reserve they go though nothing asks for room.
        let short = |store: &mut Store| {
            store.free = Some(store.settings.reserve - 1);
            store.relieve()
        };
        spool.writer().verb(0, short).await.unwrap();
        assert_eq!(left(&spool).await, ["D.oldest"]);
    }
}
