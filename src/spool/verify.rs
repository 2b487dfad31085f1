//! `spool verify`: what is written, held against itself. Reads only, beside a daemon or without one.

use super::store::{SUM, body_name, body_of_name, is_sound};
use super::{BodyId, CHUNK, SpoolError};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Findings of SQLite's own check that are listed.
const PAGE_FINDINGS: usize = 100;

/// What refers to a body: table, column, and whether every row does.
const REFERENCES: [(&str, &str); 6] = [
    ("messages", "body"),
    ("jobs", "body"),
    ("executions", "body"),
    ("data_files", "body"),
    ("quarantine", "body"),
    ("bodies", "base"),
];

/// What `verify` looked at, and what it found wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    pub messages: u64,
    pub jobs: u64,
    pub executions: u64,
    pub bodies: u64,
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The database itself; the words are SQLite's.
    Database(String),
    /// A row speaks of a body that is not there.
    NoBody { table: &'static str, row: i64, body: BodyId },
    /// The file of a body is missing or cannot be read.
    NoFile { body: BodyId, error: String },
    /// A body is not as long as its row says.
    Size { body: BodyId, expected: u64, found: u64 },
    /// The bytes of a body, in its row or its file, are not those that were written.
    Content { body: BodyId },
    /// A delivery without its message.
    NoMessage { delivery: i64 },
    /// A file of `bodies/` that no row knows and no process writes. Harmless: it is swept after an hour.
    Orphan { name: String },
}

impl Finding {
    /// Whether something is lost or damaged.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Finding::Orphan { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Database(text) => write!(f, "database: {text}"),
            Finding::NoBody { table, row, body } => {
                write!(f, "row {row} of {table} needs body {}, which is not there", body.0)
            }
            Finding::NoFile { body, error } => write!(f, "bodies/{}: {error}", body_name(*body)),
            Finding::Size { body, expected, found } => {
                write!(f, "body {} has {found} bytes, not {expected}", body.0)
            }
            Finding::Content { body } => write!(f, "body {} is not what was written", body.0),
            Finding::NoMessage { delivery } => write!(f, "delivery {delivery} has no message"),
            Finding::Orphan { name } => write!(f, "bodies/{name}: no row knows it"),
        }
    }
}

/// Looks at everything in the spool of a directory. An error means that it could not be looked at; what is wrong
/// with what was looked at are findings.
pub fn verify(directory: &Path) -> Result<Verified, SpoolError> {
    let connection = open_to_read(&directory.join("spool.db"))?;
    let mut verified = Verified::default();
    match look(&connection, directory, &mut verified) {
        Ok(()) => Ok(verified),
        // A page that does not read ends the look; that is the finding.
        Err(SpoolError::Corrupt(text)) => {
            verified.findings.push(Finding::Database(text));
            Ok(verified)
        }
        Err(error) => Err(error),
    }
}

/// Opens a database without ever writing to it or to its log.
pub fn open_to_read(path: &Path) -> Result<Connection, SpoolError> {
    if !path.exists() {
        return Err(SpoolError::Missing(format!("spool: {}", path.display())));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn look(connection: &Connection, directory: &Path, verified: &mut Verified) -> Result<(), SpoolError> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({PAGE_FINDINGS})"))?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let line = line?;
        if line != "ok" {
            verified.findings.push(Finding::Database(line));
        }
    }
    // One moment for all that follows, for a daemon may be at work.
    connection.execute_batch("BEGIN")?;
    let count = |table: &str| {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
    };
    verified.messages = count("messages")?.cast_unsigned();
    verified.jobs = count("jobs")?.cast_unsigned();
    verified.executions = count("executions")?.cast_unsigned();
    verified.bodies = count("bodies")?.cast_unsigned();
    let findings = &mut verified.findings;
    for (table, column) in REFERENCES {
        let sql = format!(
            "SELECT id, {column} FROM {table} t
                WHERE {column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bodies b WHERE b.id = t.{column})"
        );
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        for row in rows {
            let (row, body) = row?;
            findings.push(Finding::NoBody { table, row, body: BodyId(body.cast_unsigned()) });
        }
    }
    let mut statement = connection.prepare(
        "SELECT id FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = d.message)",
    )?;
    for delivery in statement.query_map([], |row| row.get(0))? {
        findings.push(Finding::NoMessage { delivery: delivery? });
    }
    let filed = look_at_bodies(connection, findings)?;
    // Files take long to read; meanwhile the daemon may end with some of them.
    connection.execute_batch("COMMIT")?;
    for body in filed {
        look_at_file(connection, directory, body, findings)?;
    }
    look_for_orphans(connection, directory, findings)
}

/// Looks at what is in rows; gives the bodies that lie in files.
fn look_at_bodies(connection: &Connection, findings: &mut Vec<Finding>) -> Result<Vec<BodyId>, SpoolError> {
    let mut statement = connection.prepare(
        "SELECT b.id, b.size, b.head, b.digest, b.filed, coalesce(c.size, 0)
            FROM bodies b LEFT JOIN bodies c ON c.id = b.base",
    )?;
    let mut rows = statement.query([])?;
    let mut filed = Vec::new();
    while let Some(row) = rows.next()? {
        let body = BodyId(row.get::<_, i64>(0)?.cast_unsigned());
        let expected = row.get::<_, i64>(1)?.cast_unsigned();
        let head: Vec<u8> = row.get(2)?;
        if *blake3::hash(&head).as_bytes() != row.get::<_, [u8; 32]>(3)? {
            findings.push(Finding::Content { body });
        }
        if row.get(4)? {
            filed.push(body);
            continue;
        }
        let found = head.len() as u64 + row.get::<_, i64>(5)?.cast_unsigned();
        if found != expected {
            findings.push(Finding::Size { body, expected, found });
        }
    }
    Ok(filed)
}

fn look_at_file(
    connection: &Connection,
    directory: &Path,
    body: BodyId,
    findings: &mut Vec<Finding>,
) -> Result<(), SpoolError> {
    let blocks = blocks_column(connection);
    let sql = format!("SELECT size, {blocks} FROM bodies WHERE id = ?1");
    let mut statement = connection.prepare(&sql)?;
    let id = body.0.cast_signed();
    let row = statement.query_row([id], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    let Some((expected, sums)) = row else { return Ok(()) };
    let expected = expected.cast_unsigned();
    let finding = match File::open(directory.join("bodies").join(body_name(body))) {
        Err(error) => Some(Finding::NoFile { body, error: error.to_string() }),
        Ok(file) => match check_file(file, sums, &mut |_| Ok(())) {
            Ok(Checked { length, .. }) if length != expected => {
                Some(Finding::Size { body, expected, found: length })
            }
            Ok(Checked { is_sound: true, .. }) => None,
            Ok(_) => Some(Finding::Content { body }),
            Err(error) => Some(Finding::NoFile { body, error: error.to_string() }),
        },
    };
    if let Some(finding) = finding
        && statement.exists([id])?
    {
        findings.push(finding);
    }
    Ok(())
}

/// The column with the digests of the file of a body. A database that no newer program has opened yet has none.
pub fn blocks_column(connection: &Connection) -> &'static str {
    let found = connection.prepare("SELECT blocks FROM bodies LIMIT 0");
    if found.is_ok() { "blocks" } else { "NULL" }
}

/// What became of reading the file of a body.
pub struct Checked {
    pub length: u64,
    /// Every block is what was written, as far as that is known.
    pub is_sound: bool,
}

/// Reads the file of a body to its end, whatever is wrong with it, and hands out its bytes.
pub fn check_file(
    mut file: File,
    sums: Option<Vec<u8>>,
    out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<Checked> {
    let sums = sums.as_deref();
    let mut expected = sums.unwrap_or_default().chunks(SUM);
    let mut checked = Checked { length: 0, is_sound: true };
    loop {
        let mut block = Vec::new();
        (&mut file).take(CHUNK as u64).read_to_end(&mut block)?;
        let sum = expected.next().and_then(|sum| sum.try_into().ok());
        if sums.is_some() && !is_sound(&block, sum) {
            checked.is_sound = false;
        }
        if block.is_empty() {
            return Ok(checked);
        }
        checked.length += block.len() as u64;
        out(&block)?;
    }
}

fn look_for_orphans(
    connection: &Connection,
    directory: &Path,
    findings: &mut Vec<Finding>,
) -> Result<(), SpoolError> {
    let mut known = connection.prepare(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM bodies WHERE id = ?1 AND filed = 1)
            OR EXISTS (SELECT 1 FROM partials WHERE body = ?1)",
    )?;
    for entry in std::fs::read_dir(directory.join("bodies"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_known = match body_of_name(&name) {
            Some(body) => known.exists([body.0.cast_signed()])?,
            None => false,
        };
        // Who writes a body holds a lock on its file until the row is there.
        let is_written = || File::open(entry.path()).is_ok_and(|file| file.try_lock_shared().is_err());
        if !is_known && !is_written() {
            findings.push(Finding::Orphan { name });
        }
    }
    Ok(())
}
