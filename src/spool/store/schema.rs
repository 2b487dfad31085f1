//! The tables, as a numbered list of migrations over `user_version`.
//!
//! A number, once released, is never changed: what comes after is a new entry. Each runs in one transaction. Times are
//! microseconds since 1970 UTC; names of systems, users and files are text; 64-bit numbers that are random keep their
//! bits in SQLite's signed integers.

use super::super::SpoolError;
use rusqlite::Connection;
use std::path::Path;

/// One entry for each version of the schema; the first makes version 1.
pub const MIGRATIONS: &[&str] = &[
    FIRST,
    DIGESTS_OF_FILES,
    FILES_BY_NAME,
    JOBS_BY_SIZE,
    SEQUENCES,
    DIGEST_OF_THE_WHOLE,
    CHARGES,
    WHAT_IS_KNOWN,
    CALLS_TRIED,
    SITES,
];

const FIRST: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE requests (id BLOB PRIMARY KEY, answer TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_age ON requests (at);

-- Who holds leases: a process, told apart from a later one with the same pid by its start time and the boot id.
CREATE TABLE owners (id INTEGER PRIMARY KEY, boot TEXT NOT NULL, pid INTEGER NOT NULL, start INTEGER NOT NULL) STRICT;
CREATE TABLE leases (
    token INTEGER PRIMARY KEY, kind TEXT NOT NULL, item INTEGER NOT NULL, owner INTEGER NOT NULL,
    expires INTEGER NOT NULL, alone INTEGER NOT NULL) STRICT;
CREATE INDEX leases_by_expiry ON leases (expires);
CREATE INDEX leases_by_owner ON leases (owner);

-- The bytes of a body: those of the body `base`, if there is one, after `head`; or a file named by the id.
CREATE TABLE bodies (
    id INTEGER PRIMARY KEY, size INTEGER NOT NULL, head BLOB NOT NULL, digest BLOB NOT NULL,
    base INTEGER, filed INTEGER NOT NULL) STRICT;
CREATE INDEX bodies_by_base ON bodies (base) WHERE base IS NOT NULL;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sender TEXT NOT NULL, body INTEGER NOT NULL, accepted INTEGER NOT NULL,
    origin TEXT NOT NULL) STRICT;
CREATE INDEX messages_by_body ON messages (body);
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message INTEGER NOT NULL, recipient TEXT NOT NULL, transport TEXT NOT NULL,
    site TEXT NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
    deaths INTEGER NOT NULL, lease INTEGER, intent INTEGER, place INTEGER, job INTEGER, refusal TEXT, note TEXT NOT NULL) STRICT;
CREATE INDEX deliveries_due ON deliveries (due, message, transport, site, id)
    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL;
CREATE INDEX deliveries_by_message ON deliveries (message);
CREATE INDEX deliveries_by_job ON deliveries (job) WHERE job IS NOT NULL;
CREATE INDEX deliveries_by_intent ON deliveries (intent) WHERE intent IS NOT NULL;
-- The deliveries of an intent know it, and their place in it.
CREATE TABLE intents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, device INTEGER NOT NULL, inode INTEGER NOT NULL,
    length_before INTEGER NOT NULL, length INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, system TEXT NOT NULL, grade TEXT NOT NULL, work TEXT NOT NULL, body INTEGER,
    created INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, lease INTEGER, bundle BLOB,
    note TEXT NOT NULL) STRICT;
CREATE INDEX jobs_waiting ON jobs (system, grade, id) WHERE state = 'queued' AND lease IS NULL;
CREATE INDEX jobs_by_system ON jobs (system, id);
CREATE INDEX jobs_by_body ON jobs (body) WHERE body IS NOT NULL;
CREATE INDEX jobs_by_bundle ON jobs (bundle) WHERE bundle IS NOT NULL;

CREATE TABLE receipts (
    id INTEGER PRIMARY KEY, peer TEXT NOT NULL, temp TEXT NOT NULL, told INTEGER, user TEXT NOT NULL,
    command TEXT NOT NULL, size INTEGER NOT NULL, digest BLOB NOT NULL, in_doubt INTEGER NOT NULL,
    at INTEGER NOT NULL) STRICT;
CREATE INDEX receipts_in_doubt ON receipts (peer, temp) WHERE in_doubt = 1;
CREATE INDEX receipts_by_age ON receipts (at);
-- Ids of jobs as their peer told them: a peer that lies about an id hides nobody else's job by it.
CREATE TABLE known_jobs (
    peer TEXT NOT NULL, spool INTEGER NOT NULL, number INTEGER NOT NULL, part TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (peer, spool, number, part)) STRICT, WITHOUT ROWID;
CREATE INDEX known_jobs_by_age ON known_jobs (at);
CREATE TABLE partials (
    id INTEGER PRIMARY KEY, peer TEXT NOT NULL, temp TEXT NOT NULL, told INTEGER, user TEXT NOT NULL,
    command TEXT NOT NULL, body INTEGER NOT NULL UNIQUE, synced INTEGER NOT NULL, began INTEGER NOT NULL) STRICT;
CREATE INDEX partials_by_name ON partials (peer, temp);

-- D. files that wait for their X. file, and what is to be run or placed here.
CREATE TABLE data_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL, name TEXT NOT NULL, body INTEGER NOT NULL,
    at INTEGER NOT NULL) STRICT;
CREATE INDEX data_files_by_name ON data_files (peer, name);
CREATE INDEX data_files_by_body ON data_files (body);
CREATE TABLE executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL, task TEXT NOT NULL, body INTEGER, wants TEXT,
    received INTEGER NOT NULL, state TEXT NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL,
    deaths INTEGER NOT NULL, lease INTEGER, note TEXT NOT NULL) STRICT;
CREATE INDEX executions_due ON executions (due, id) WHERE state = 'queued' AND lease IS NULL;
CREATE INDEX executions_waiting ON executions (peer, wants) WHERE state = 'waiting';
CREATE INDEX executions_by_body ON executions (body) WHERE body IS NOT NULL;

CREATE TABLE wishes (system TEXT PRIMARY KEY, grade TEXT NOT NULL, why TEXT NOT NULL, since INTEGER NOT NULL,
    at_once INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT, system TEXT NOT NULL, line TEXT NOT NULL, outgoing INTEGER NOT NULL,
    began INTEGER NOT NULL, ended INTEGER, record TEXT NOT NULL, lease INTEGER) STRICT;
CREATE UNIQUE INDEX calls_under_way ON calls (system) WHERE ended IS NULL;
CREATE INDEX calls_by_system ON calls (system, id);
CREATE INDEX calls_by_age ON calls (began);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, what TEXT NOT NULL, ids TEXT NOT NULL, system TEXT,
    text TEXT NOT NULL) STRICT;
CREATE INDEX events_by_system ON events (system, id);
CREATE INDEX events_by_age ON events (at);
CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT, whom TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,
    at INTEGER NOT NULL, lease INTEGER) STRICT;
CREATE INDEX notices_due ON notices (id) WHERE lease IS NULL;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
    body INTEGER) STRICT;
CREATE INDEX quarantine_by_body ON quarantine (body) WHERE body IS NOT NULL;

CREATE TABLE bundles (digest BLOB PRIMARY KEY, state TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE imports (digest BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// What lies in files is known by its content: `blocks` are the digests of the blocks of a body in a file, one behind the
/// other; `digest` is that of the digests of what has come of a partial. Older ones have none.
const DIGESTS_OF_FILES: &str = "
ALTER TABLE bodies ADD COLUMN blocks BLOB;
ALTER TABLE partials ADD COLUMN digest BLOB;
";

/// Files that travel: an export is also known by its name, for the file may be lost; and what was refused of an import by
/// its digest, so that it is kept once.
const FILES_BY_NAME: &str = "
ALTER TABLE bundles ADD COLUMN name TEXT;
ALTER TABLE quarantine ADD COLUMN file BLOB;
CREATE INDEX quarantine_by_file ON quarantine (file) WHERE file IS NOT NULL;
";

/// The size of a job beside its name, for calls that want the smaller ones first, or no large ones at this hour.
const JOBS_BY_SIZE: &str = "
ALTER TABLE jobs ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET size = coalesce((SELECT bodies.size FROM bodies WHERE bodies.id = jobs.body), 0);
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (system, grade, id, size) WHERE state = 'queued' AND lease IS NULL;
CREATE INDEX jobs_by_size ON jobs (system, grade, created + 1000 * size, id, size)
    WHERE state = 'queued' AND lease IS NULL;
";

/// The numbers of conversations with systems that count them.
const SEQUENCES: &str = "
CREATE TABLE sequences (system TEXT PRIMARY KEY, taken INTEGER NOT NULL, said INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// What the peer has told of a whole file, of which a part is here.
const DIGEST_OF_THE_WHOLE: &str = "ALTER TABLE partials ADD COLUMN whole BLOB";

/// What calls cost, in thousandths of the unit of money; the rows of a month are its account.
const CHARGES: &str = "
CREATE TABLE charges (
    call INTEGER PRIMARY KEY, line TEXT NOT NULL, month TEXT NOT NULL, seconds INTEGER NOT NULL,
    cost INTEGER NOT NULL) STRICT;
CREATE INDEX charges_by_month ON charges (line, month);
";

/// What came under the id of a job, for the spool of a peer may go back to where it was and give ids twice.
const WHAT_IS_KNOWN: &str = "
ALTER TABLE known_jobs ADD COLUMN user TEXT;
ALTER TABLE known_jobs ADD COLUMN command TEXT;
ALTER TABLE known_jobs ADD COLUMN digest BLOB;
";

/// The calls that were dialled, those to each number, and those on each line: what the next call goes by, however often a line
/// was taken or out of order meanwhile.
const CALLS_TRIED: &str = "
CREATE INDEX calls_tried ON calls (system, id)
    WHERE json_extract(record, '$.line_taken') IS NOT 1 AND json_extract(record, '$.kind') IS NOT 'own-side';
CREATE INDEX calls_by_number ON calls (system, json_extract(record, '$.number'), id)
    WHERE json_extract(record, '$.number') IS NOT NULL;
CREATE INDEX calls_by_line ON calls (line, id) WHERE json_extract(record, '$.line_taken') IS NOT 1;
";

/// What waits for one site is found without looking at what waits for others; what a sender is to be told has a time of its own;
/// and how much there is of what is known without counting.
const SITES: &str = "
ALTER TABLE messages ADD COLUMN ret TEXT;
ALTER TABLE messages ADD COLUMN envid TEXT;
ALTER TABLE messages ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
ALTER TABLE deliveries ADD COLUMN tell INTEGER;
ALTER TABLE deliveries ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN notify TEXT;
ALTER TABLE deliveries ADD COLUMN orcpt TEXT;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_of_site ON deliveries (transport, site, priority, due, message, id)
    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL;
CREATE INDEX deliveries_at_work ON deliveries (transport, site, deaths) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_to_tell ON deliveries (tell, message, id) WHERE tell IS NOT NULL;

-- A site where something waits or is at work, or that has failed: `at` is when something is due there, and not before `retry`, which
-- a failure of the whole site sets; `busy` while something of it is claimed.
CREATE TABLE sites (
    transport TEXT NOT NULL, site TEXT NOT NULL, at INTEGER, busy INTEGER NOT NULL, failures INTEGER NOT NULL,
    retry INTEGER, PRIMARY KEY (transport, site)) STRICT, WITHOUT ROWID;
CREATE INDEX sites_due ON sites (at) WHERE at IS NOT NULL AND busy = 0;
CREATE INDEX sites_resting ON sites (retry) WHERE retry IS NOT NULL;
INSERT INTO sites SELECT transport, site, min(due), 0, 0, NULL FROM deliveries
    WHERE state = 'queued' AND lease IS NULL AND intent IS NULL GROUP BY transport, site;
UPDATE deliveries SET tell = (SELECT accepted FROM messages WHERE messages.id = message)
    WHERE state IN ('queued', 'handed');

CREATE TABLE tally (
    transport TEXT NOT NULL, state TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (transport, state)) STRICT, WITHOUT ROWID;
INSERT INTO tally SELECT transport, state, count(*) FROM deliveries GROUP BY transport, state;
INSERT INTO tally SELECT '', 'message', count(*) FROM messages;
CREATE TRIGGER message_comes AFTER INSERT ON messages BEGIN
    UPDATE tally SET number = number + 1 WHERE transport = '' AND state = 'message';
END;
CREATE TRIGGER message_goes AFTER DELETE ON messages BEGIN
    UPDATE tally SET number = number - 1 WHERE transport = '' AND state = 'message';
END;
CREATE TRIGGER delivery_comes AFTER INSERT ON deliveries BEGIN
    INSERT INTO tally VALUES (new.transport, new.state, 1)
        ON CONFLICT (transport, state) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER delivery_turns AFTER UPDATE OF state, transport ON deliveries
    WHEN new.state <> old.state OR new.transport <> old.transport BEGIN
    UPDATE tally SET number = number - 1 WHERE transport = old.transport AND state = old.state;
    INSERT INTO tally VALUES (new.transport, new.state, 1)
        ON CONFLICT (transport, state) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER delivery_goes AFTER DELETE ON deliveries BEGIN
    UPDATE tally SET number = number - 1 WHERE transport = old.transport AND state = old.state;
END;

-- Reports that went to one address in the hour of the clock that began at `hour`.
CREATE TABLE reported (address TEXT PRIMARY KEY, hour INTEGER NOT NULL, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_ids ON events (ids);
";

/// Brings a database to the last of `migrations`. Before one that changes tables with content, a copy of the
/// database is kept as `spool.db.vN` in `keep` (N: the version of the copy).
pub fn migrate(
    connection: &mut Connection,
    migrations: &[&str],
    keep: Option<&Path>,
) -> Result<(), SpoolError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(SpoolError::Conflict(format!(
            "the spool was made by a newer uugate: its schema is {version}, this program knows {known}"
        )));
    }
    for (number, sql) in (1i64..).zip(migrations) {
        if number <= version {
            continue;
        }
        if let Some(directory) = keep.filter(|_| number > 1) {
            keep_copy(connection, &directory.join(format!("spool.db.v{}", number - 1)))?;
        }
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

fn keep_copy(connection: &Connection, path: &Path) -> Result<(), SpoolError> {
    // A copy that a migration left half-made before it was cut off is worth nothing.
    let beside = path.with_extension("part");
    for old in [&beside] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    connection.execute("VACUUM INTO ?1", [beside.to_string_lossy()])?;
    std::fs::File::open(&beside)?.sync_all()?;
    std::fs::rename(&beside, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "CREATE TABLE mail (text TEXT NOT NULL) STRICT";
    const NEWER: &str = "ALTER TABLE mail ADD COLUMN size INTEGER NOT NULL DEFAULT 7";

    #[test]
    fn a_migration_keeps_a_copy_and_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(folder.path().join("spool.db")).unwrap();
        migrate(&mut connection, &[OLD], Some(folder.path())).unwrap();
        connection.execute("INSERT INTO mail VALUES ('hello')", []).unwrap();
        assert!(!folder.path().join("spool.db.v1").exists());

        migrate(&mut connection, &[OLD, NEWER], Some(folder.path())).unwrap();
        let size: i64 = connection.query_row("SELECT size FROM mail", [], |row| row.get(0)).unwrap();
        assert_eq!(size, 7);
        let copy = Connection::open(folder.path().join("spool.db.v1")).unwrap();
        let text: String = copy.query_row("SELECT text FROM mail", [], |row| row.get(0)).unwrap();
        assert_eq!(text, "hello");
        assert!(copy.prepare("SELECT size FROM mail").is_err());
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[OLD], None).unwrap();
        let broken = "CREATE TABLE half (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)";
        assert!(migrate(&mut connection, &[OLD, broken], None).is_err());
        assert!(connection.prepare("SELECT x FROM half").is_err());
        migrate(&mut connection, &[OLD, NEWER], None).unwrap();
    }

    #[test]
    fn a_spool_of_a_newer_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[OLD, NEWER], None).unwrap();
        let refused = migrate(&mut connection, &[OLD], None);
        assert!(matches!(refused, Err(SpoolError::Conflict(text)) if text.contains("newer")));
    }
}
