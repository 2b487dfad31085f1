//! The spool as SQL: one implementation with two homes, a directory and memory.
//!
//! A [`Store`] belongs to one thread, the writer ([`super::writer`]), and has the verbs as plain functions. It is not
//! told about transactions except here: [`Store::begin`], [`Store::verb`] for each verb, [`Store::commit`].

mod batch;
mod blocks;
mod body;
mod by_hand;
mod call;
mod file;
mod gate;
mod history;
mod incoming;
mod job;
mod known;
mod lease;
mod log;
mod queue;
mod recover;
mod room;
mod schema;
mod sequence;
mod settle;
mod site;
mod tell;
mod unclaimed;
mod withheld;
mod write_back;

pub use blocks::{Blocks, SUM, is_sound};
pub use body::{FoundPartial, Piece, body_name, body_of_name};
pub use room::Room;

use super::{BodyId, RequestId, Settings, SpoolError};
use jiff::Timestamp;
use log::LogLength;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

type Result<T> = std::result::Result<T, SpoolError>;

/// Rows in one answer.
pub const PAGE: usize = 1000;

/// How long SQLite waits for another connection (the checkpointer) before it says busy.
const BUSY: Duration = Duration::from_secs(10);

/// Statements that are kept prepared: all that there are here, of which a message on its way through needs some forty. To
/// prepare one takes longer than to run it.
const STATEMENTS: usize = 256;

/// Holds the id of the spool that is, or was, in the directory.
const MARK: &str = "spool.id";

/// Where the bytes are.
#[derive(Debug)]
enum Home {
    Directory(PathBuf),
    Memory,
}

/// What a verb did outside of the database, and what is to be done there once it is committed.
#[derive(Debug, Default)]
struct Effects {
    /// Open bodies that became rows.
    adopted: Vec<BodyId>,
    /// Bodies whose row has gone and whose file goes next.
    unlink: Vec<BodyId>,
    /// Events that are to stand in the log too.
    told: RefCell<Vec<super::Event>>,
}

#[derive(Debug)]
pub struct Store {
    connection: Connection,
    home: Home,
    log: LogLength,
    settings: Settings,
    id: u64,
    owner: i64,
    /// The last number of a job that was given before the spool was opened.
    jobs_before: i64,
    open: HashMap<BodyId, body::OpenBody>,
    next_body: u64,
    write_back: write_back::WriteBack,
    /// When `recover` ran last, in microseconds: the time, as well as bodies need to know it.
    last_recovery: i64,
    /// Of the verb that runs.
    effects: Effects,
    /// Of the verbs that ran since `begin`.
    batch: Effects,
    /// Commits wait for the disk, if they have anything to write.
    durable: bool,
    /// A commit that did not wait for the disk was not followed yet by one that did.
    unsynced: bool,
    /// Changes made on this connection before the transaction began.
    changes_before: u64,
    /// Files whose row has gone, though a power cut may bring it back yet: they go with the next durable commit.
    unlink_later: Vec<BodyId>,
    /// Set when an error ended the transaction itself.
    broken: Option<SpoolError>,
    /// Free space in bytes, if it was looked at since `begin`.
    free: Option<u64>,
    /// Held until everything else is closed.
    _gate: Option<File>,
}

impl Store {
    pub fn open(directory: &Path, settings: Settings, now: Timestamp) -> Result<Store> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory.join("bodies"))?;
        refuse_network(directory)?;
        let gate = gate::take(directory)?;
        let mut connection = Connection::open(directory.join("spool.db"))?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cell_size_check", true)?;
        // What a savepoint may have to take back is a batch at most (see the writer), and no reason to write files.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // The checkpointer does it, and the writer should it fall behind.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
        let log = LogLength::follow(&mut connection)?;
        check_pages(&connection)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 && directory.join(MARK).exists() {
            return Err(SpoolError::Corrupt(format!("{}/spool.db is empty", directory.display())));
        }
        schema::migrate(&mut connection, schema::MIGRATIONS, Some(directory))?;
        Store::start(connection, Home::Directory(directory.to_owned()), log, settings, Some(gate), now)
    }

    pub fn in_memory() -> Result<Store> {
        let mut connection = Connection::open_in_memory()?;
        schema::migrate(&mut connection, schema::MIGRATIONS, None)?;
        let settings = Settings { reserve: 0, ..Settings::default() };
        Store::start(connection, Home::Memory, LogLength::default(), settings, None, Timestamp::UNIX_EPOCH)
    }

    fn start(
        connection: Connection,
        home: Home,
        log: LogLength,
        settings: Settings,
        gate: Option<File>,
        now: Timestamp,
    ) -> Result<Store> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let mut store = Store {
            connection,
            home,
            log,
            settings,
            id: 0,
            owner: 0,
            jobs_before: 0,
            open: HashMap::new(),
            next_body: 1,
            write_back: write_back::WriteBack::default(),
            last_recovery: micros(now),
            effects: Effects::default(),
            batch: Effects::default(),
            durable: true,
            unsynced: false,
            changes_before: 0,
            unlink_later: Vec::new(),
            broken: None,
            free: None,
            _gate: gate,
        };
        store.begin(true)?;
        store.verb(|store| {
            store.id = match store.meta("id")? {
                Some(id) => unsigned(id),
                None => {
                    let id = random()?;
                    store.set_meta("id", signed(id))?;
                    // A new spool starts somewhere else than the one before it, so that a peer that remembers its
                    // names does not take new jobs for old ones.
                    store.set_meta("next-job", (random()? >> 33) as i64)?;
                    id
                }
            };
            store.jobs_before = store.meta("next-job")?.unwrap_or(0);
            store.register_owner()?;
            store.next_body = store.first_free_body()?;
            store.recover(now)
        })?;
        store.commit()?;
        store.leave_mark()?;
        Ok(store)
    }

    /// An empty file is a sound, empty database: without a mark beside it, the loss of a spool would look like a new one.
    fn leave_mark(&self) -> Result<()> {
        if let Home::Directory(directory) = &self.home {
            let (path, text) = (directory.join(MARK), format!("{:016x}\n", self.id));
            // Not written again for nothing: the disk may be full.
            if std::fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
                return Ok(());
            }
            let mut file = File::create(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        Ok(())
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where the database is; None in memory.
    pub fn database(&self) -> Option<PathBuf> {
        match &self.home {
            Home::Directory(directory) => Some(directory.join("spool.db")),
            Home::Memory => None,
        }
    }

    // Transactions.

    /// Begins a transaction for a batch of verbs, which its commit makes durable, or the next that does so for all before it
    /// (SQLite's documentation, "PRAGMA synchronous", on its log of writes).
    pub fn begin(&mut self, durable: bool) -> Result<()> {
        self.batch = Effects::default();
        self.free = None;
        if self.durable != durable {
            let synchronous = if durable { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.durable = durable;
        }
        self.changes_before = self.connection.total_changes();
        let begun = self.run("BEGIN IMMEDIATE", []);
        begun.map(drop).map_err(|error| self.placed(error))
    }

    /// One verb: all of it or nothing of it.
    pub fn verb<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        self.effects = Effects::default();
        self.run("SAVEPOINT verb", [])?;
        let result = work(self).map_err(|error| self.placed(error));
        // Some errors (no room) end the whole transaction.
        if !self.in_transaction() {
            self.broken = result.as_ref().err().cloned();
            return result;
        }
        match result {
            Ok(value) => {
                self.run("RELEASE verb", [])?;
                let effects = std::mem::take(&mut self.effects);
                self.batch.adopted.extend(effects.adopted);
                self.batch.unlink.extend(effects.unlink);
                self.batch.told.get_mut().extend(effects.told.into_inner());
                Ok(value)
            }
            Err(error) => {
                self.connection.execute_batch("ROLLBACK TO verb; RELEASE verb")?;
                Err(error)
            }
        }
    }

    /// Why the transaction ended in the middle of a verb, if it did.
    pub fn broken(&mut self) -> Option<SpoolError> {
        self.broken.take()
    }

    /// Grows with each row that is written.
    pub fn changes(&self) -> u64 {
        self.connection.total_changes()
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Makes the batch durable, then does what could not be undone.
    pub fn commit(&mut self) -> Result<()> {
        let committed = self.sync_bodies().and_then(|()| self.run("COMMIT", []).map(drop));
        let committed = committed.map_err(|error| self.placed(error));
        let told = self.batch.told.take();
        match committed {
            Ok(()) => {
                self.finish_bodies();
                for event in told {
                    let system = event.system.as_ref().map(tracing::field::display);
                    // As a field, so that what foreigners wrote is escaped.
                    tracing::info!(ids = event.ids, system, text = event.text, "{}", event.what);
                }
            }
            Err(_) if self.in_transaction() => self.connection.execute_batch("ROLLBACK")?,
            Err(_) => {}
        }
        committed
    }

    // Small things that the verbs share.

    /// For tests that make what only time or a crash makes.
    #[cfg(test)]
    pub fn sql(&self, sql: &str) -> Result<usize> {
        self.run(sql, [])
    }

    /// How many steps of SQLite's machine something takes.
    #[cfg(test)]
    pub fn steps(&mut self, work: impl FnOnce(&mut Store)) -> u64 {
        let steps = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let counter = steps.clone();
        let count = move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            false
        };
        self.connection.progress_handler(1, Some(count)).unwrap();
        work(self);
        self.connection.progress_handler(0, None::<fn() -> bool>).unwrap();
        steps.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Lets the database grow by so many pages only.
    #[cfg(test)]
    pub fn limit_pages(&self, more: i64) -> Result<i64> {
        let now: i64 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(self
            .connection
            .query_row(&format!("PRAGMA max_page_count = {}", now + more), [], |row| row.get(0))?)
    }

    fn run(&self, sql: &str, values: impl Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// Inserts a row and gives its id.
    fn insert(&self, sql: &str, values: impl Params) -> Result<i64> {
        Ok(self.connection.prepare_cached(sql)?.insert(values)?)
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_row(values, read).optional()?)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(values, read)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }

    fn exists(&self, sql: &str, values: impl Params) -> Result<bool> {
        Ok(self.one(sql, values, |_| Ok(()))?.is_some())
    }

    fn meta(&self, key: &str) -> Result<Option<i64>> {
        self.one("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    }

    fn set_meta(&self, key: &str, value: i64) -> Result<()> {
        self.run(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![key, value],
        )?;
        Ok(())
    }

    /// Does `work` once for a request id; a repetition is given the first answer.
    fn once<T: Serialize + DeserializeOwned>(
        &mut self,
        request: Option<RequestId>,
        now: Timestamp,
        work: impl FnOnce(&mut Store) -> Result<T>,
    ) -> Result<T> {
        let Some(request) = request else { return work(self) };
        let id = request.to_be_bytes();
        let before: Option<String> =
            self.one("SELECT answer FROM requests WHERE id = ?1", [id], |row| row.get(0))?;
        if let Some(answer) = before {
            return from_json(&answer);
        }
        let answer = work(self)?;
        self.run("INSERT INTO requests VALUES (?1, ?2, ?3)", params![id, to_json(&answer)?, micros(now)])?;
        Ok(answer)
    }
}

/// SQLite's locks and its log need a local file system.
fn refuse_network(directory: &Path) -> Result<()> {
    // Numbers of statfs(2): NFS, SMB, SMB2, CIFS, AFS, Coda, 9P.
    const NETWORK: [u32; 7] =
        [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x7375_7245, 0x0102_1997];
    let kind = rustix::fs::statfs(directory).map_err(std::io::Error::from)?.f_type;
    if NETWORK.iter().any(|network| i64::from(*network) == kind as i64) {
        return Err(SpoolError::Conflict(format!(
            "{} is on a network file system; a spool needs a local one",
            directory.display()
        )));
    }
    Ok(())
}

/// Looks at every page of the database, so that damage is said at the start and not in the middle of a call.
fn check_pages(connection: &Connection) -> Result<()> {
    let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if finding == "ok" { Ok(()) } else { Err(SpoolError::Corrupt(finding)) }
}

fn random() -> Result<u64> {
    getrandom::u64()
        .map_err(|error| SpoolError::Conflict(format!("the system gives no random numbers: {error}")))
}

/// SQLite has signed integers only; the bits are kept.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub fn time(micros: i64) -> Timestamp {
    // What was written came from a Timestamp; damage is found by other means than a wrong date.
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn later(now: Timestamp, by: Duration) -> i64 {
    micros(now).saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX))
}

fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| SpoolError::Misuse(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| SpoolError::Corrupt(error.to_string()))
}

/// A word or name that was stored as text.
fn parsed<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| SpoolError::Corrupt(format!("{text:?} does not read back")))
}

/// A state that was stored as the word that serde gives it.
fn from_word<T: DeserializeOwned>(word: &str) -> Result<T> {
    let reader: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    T::deserialize(reader).map_err(|error| SpoolError::Corrupt(error.to_string()))
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows.min(PAGE)).unwrap_or(i64::MAX)
}
