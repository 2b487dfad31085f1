//! The log of writes, SQLite's write-ahead log: what was committed and is not in the database yet.
//!
//! Its file does not tell how much that is: the log begins anew in it when all was moved, and the file stays as long as it
//! was (SQLite's documentation, "Write-Ahead Logging", 6). SQLite tells at each commit.

use super::{BUSY, Result, Store};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the writer waits for whoever reads the log of writes, before it lets the log grow until the next commit.
const READER: Duration = Duration::from_millis(200);

/// How long the log is, in bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct LogLength(Arc<AtomicU64>);

impl LogLength {
    /// Is told of each commit of this connection.
    pub(super) fn follow(connection: &mut Connection) -> Result<LogLength> {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let length = LogLength::default();
        let told = length.clone();
        connection.wal_hook(Some(move |_: &mut _, pages| {
            told.0.store(u64::try_from(pages).unwrap_or(0) * u64::from(page), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(length)
    }
}

impl Store {
    /// Length of the log of writes, in bytes, after the last commit.
    pub fn log_length(&self) -> u64 {
        self.log.0.load(Ordering::Relaxed)
    }

    /// Moves all of the log into the database and empties it. A reader that is slow to end puts it off.
    pub fn empty_log(&self) {
        let checkpoint = || {
            self.connection.busy_timeout(READER)?;
            let row =
                self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
            self.connection.busy_timeout(BUSY)?;
            row
        };
        match checkpoint() {
            Ok(false) => self.log.0.store(0, Ordering::Relaxed),
            Ok(true) => tracing::warn!("somebody reads the spool for long; the log of writes grows"),
            Err(error) => tracing::warn!(%error, "checkpoint failed; the log of writes grows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_log_that_was_moved_is_short_again_though_its_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), Default::default(), Timestamp::UNIX_EPOCH).unwrap();
        let mut note = |length: usize| {
            store.begin(true).unwrap();
            store.verb(|store| store.set_meta(&"x".repeat(length), 1)).unwrap();
            store.commit().unwrap();
            store.log_length()
        };
        assert!(note(1 << 20) >= 1 << 20);
        let beside = Connection::open(folder.path().join("spool.db")).unwrap();
        beside.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
        assert!(note(10) < 100_000);
        assert!(std::fs::metadata(folder.path().join("spool.db-wal")).unwrap().len() >= 1 << 20);
    }
}
