//! `spool dump`: every message and job as plain files, also from a spool that is damaged.
//!
//! Nothing in the spool is written. Rows are read from both ends of a table and, where a damaged page lies between,
//! one by one; what does not read is said. Layout, all names being numbers:
//!
//! ```text
//! messages/12.txt  12.body        sender, recipients and their states; the message
//! jobs/3f.txt  3f.body            system, grade and what is asked, as JSON; the input or the file
//! executions/7.txt  7.body        peer and task, as JSON; the input
//! data-files/9.txt  9.body        D. files that wait for their X. file
//! quarantine/2.txt  2.body        what was refused, and why
//! bodies/…                        files of bodies that no row that reads speaks of
//! lost.txt                        what does not read
//! ```

use super::store::body_name;
use super::verify::{Checked, blocks_column, check_file, open_to_read};
use super::{BodyId, SpoolError};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Rows between the two ends of a damaged table that are tried one by one.
const TRIED: i64 = 1_000_000;
/// Bodies that a body may be made of, one upon the other; each is an earlier hop through this node.
const LAYERS: usize = 1000;

/// What `dump` wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumped {
    pub messages: u64,
    pub jobs: u64,
    pub executions: u64,
    pub data_files: u64,
    pub quarantined: u64,
    /// Files of bodies that nothing that reads speaks of.
    pub loose_bodies: u64,
    /// What does not read; also in `lost.txt`.
    pub lost: Vec<String>,
}

/// One kind of thing: its table, its folder, and how a row is told in words.
struct Kind {
    table: &'static str,
    folder: &'static str,
    /// Job numbers are written as everywhere else.
    hexadecimal: bool,
    sql: &'static str,
    words: fn(&Row<'_>) -> rusqlite::Result<String>,
}

const KINDS: [Kind; 5] = [
    Kind {
        table: "messages",
        folder: "messages",
        hexadecimal: false,
        sql: "SELECT id, body, sender, origin, accepted FROM messages",
        words: |row| {
            Ok(format!(
                "sender: {}\norigin: {}\naccepted: {}\n",
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                when(row.get(4)?)
            ))
        },
    },
    Kind {
        table: "jobs",
        folder: "jobs",
        hexadecimal: true,
        sql: "SELECT id, body, system, grade, work, created, state, note FROM jobs",
        words: |row| {
            Ok(format!(
                "system: {}\ngrade: {}\nwork: {}\ncreated: {}\nstate: {}\nnote: {}\n",
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
                when(row.get(5)?),
                row.get::<_, String>(6)?,
                row.get::<_, String>(7)?
            ))
        },
    },
    Kind {
        table: "executions",
        folder: "executions",
        hexadecimal: false,
        sql: "SELECT id, body, peer, task, received, state, wants, note FROM executions",
        words: |row| {
            Ok(format!(
                "peer: {}\ntask: {}\nreceived: {}\nstate: {}\nwaits for: {}\nnote: {}\n",
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                when(row.get(4)?),
                row.get::<_, String>(5)?,
                row.get::<_, Option<String>>(6)?.unwrap_or_default(),
                row.get::<_, String>(7)?
            ))
        },
    },
    Kind {
        table: "data_files",
        folder: "data-files",
        hexadecimal: false,
        sql: "SELECT id, body, peer, name, at FROM data_files",
        words: |row| {
            Ok(format!(
                "peer: {}\nname: {}\nreceived: {}\n",
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                when(row.get(4)?)
            ))
        },
    },
    Kind {
        table: "quarantine",
        folder: "quarantine",
        hexadecimal: false,
        sql: "SELECT id, body, source, reason, at FROM quarantine",
        words: |row| {
            Ok(format!(
                "from: {}\nreason: {}\nat: {}\n",
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                when(row.get(4)?)
            ))
        },
    },
];

fn when(micros: i64) -> String {
    super::store::time(micros).to_string()
}

/// Writes what the spool of `directory` holds into `out`, which must be new or empty.
pub fn dump(directory: &Path, out: &Path) -> Result<Dumped, SpoolError> {
    make_folder(out)?;
    if std::fs::read_dir(out)?.next().is_some() {
        return Err(SpoolError::Conflict(format!("{} is not empty", out.display())));
    }
    let mut dump = Dump { directory: directory.to_owned(), seen: HashSet::new(), dumped: Dumped::default() };
    match open_to_read(&directory.join("spool.db")) {
        Ok(connection) => {
            // Lets SQLite read a database that is shorter than its header says.
            connection.execute_batch("PRAGMA writable_schema = ON")?;
            dump.tables(&connection, out)?;
        }
        Err(error) => dump.dumped.lost.push(format!("the whole database: {error}")),
    }
    dump.loose_bodies(out)?;
    let lost: String = dump.dumped.lost.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(out.join("lost.txt"), lost)?;
    Ok(dump.dumped)
}

struct Dump {
    directory: PathBuf,
    /// Bodies that were written out, or are part of one that was.
    seen: HashSet<u64>,
    dumped: Dumped,
}

impl Dump {
    fn tables(&mut self, connection: &Connection, out: &Path) -> Result<(), SpoolError> {
        for kind in KINDS {
            let folder = out.join(kind.folder);
            make_folder(&folder)?;
            let mut count = 0;
            for (id, body, words) in self.rows(connection, &kind) {
                let name = if kind.hexadecimal { format!("{id:x}") } else { id.to_string() };
                let mut text = words;
                if kind.table == "messages" {
                    text.push_str(&self.deliveries(connection, id));
                }
                std::fs::write(folder.join(format!("{name}.txt")), text)?;
                if let Some(body) = body {
                    let path = folder.join(format!("{name}.body"));
                    if let Err(error) = self.body(connection, body, &mut File::create(&path)?) {
                        self.dumped.lost.push(format!("{}/{name}.body: {error}", kind.folder));
                    }
                }
                count += 1;
            }
            match kind.table {
                "messages" => self.dumped.messages = count,
                "jobs" => self.dumped.jobs = count,
                "executions" => self.dumped.executions = count,
                "data_files" => self.dumped.data_files = count,
                _ => self.dumped.quarantined = count,
            }
        }
        Ok(())
    }

    /// Every row that reads: (id, body, words), by id.
    fn rows(&mut self, connection: &Connection, kind: &Kind) -> Vec<(i64, Option<i64>, String)> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, (kind.words)(row)?));
        let mut found: Vec<(i64, Option<i64>, String)> = Vec::new();
        let Err(error) = scan(connection, &format!("{} ORDER BY id", kind.sql), read, &mut found) else {
            return found;
        };
        self.dumped.lost.push(format!("{}: {error}", kind.table));
        let first_end = found.last().map_or(0, |row| row.0);
        let mut backwards: Vec<(i64, Option<i64>, String)> = Vec::new();
        // The error at this end is the same damage, seen from the other side.
        let _ = scan(connection, &format!("{} ORDER BY id DESC", kind.sql), read, &mut backwards);
        backwards.retain(|row| row.0 > first_end);
        let second_end = backwards.last().map_or(first_end, |row| row.0);
        let sql = format!("{} WHERE id = ?1", kind.sql);
        for id in (first_end + 1..second_end).take(usize::try_from(TRIED).unwrap_or(usize::MAX)) {
            match connection.prepare_cached(&sql).and_then(|mut row| row.query_row([id], read).optional()) {
                Ok(Some(row)) => found.push(row),
                Ok(None) => {}
                Err(error) => self.dumped.lost.push(format!("{} {id}: {error}", kind.table)),
            }
        }
        found.extend(backwards.into_iter().rev());
        found
    }

    fn deliveries(&mut self, connection: &Connection, message: i64) -> String {
        let read = || -> rusqlite::Result<String> {
            let mut statement = connection.prepare_cached(
                "SELECT recipient, transport, site, address, state, note FROM deliveries WHERE message = ?1",
            )?;
            let lines = statement.query_map([message], |row| {
                Ok(format!(
                    "recipient: {} by {} to {} as {}: {} {}\n",
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, String>(4)?,
                    row.get::<_, String>(5)?
                ))
            })?;
            lines.collect()
        };
        read().unwrap_or_else(|error| {
            self.dumped.lost.push(format!("the recipients of message {message}: {error}"));
            String::new()
        })
    }

    /// Writes what reads of a body.
    fn body(&mut self, connection: &Connection, id: i64, out: &mut File) -> Result<(), SpoolError> {
        let mut next = Some(id);
        for _ in 0..LAYERS {
            let Some(id) = next else { return Ok(()) };
            self.seen.insert(id.cast_unsigned());
            let blocks = blocks_column(connection);
            let row = connection
                .prepare_cached(&format!(
                    "SELECT head, digest, base, filed, {blocks} FROM bodies WHERE id = ?1"
                ))?
                .query_row([id], |row| {
                    let (head, digest) = (row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?);
                    Ok((head, digest, row.get(2)?, row.get(3)?, row.get(4)?))
                })
                .optional()?;
            let Some((head, digest, base, filed, sums)) = row else {
                return Err(SpoolError::Corrupt(format!("body {id} is not there")));
            };
            out.write_all(&head)?;
            let mut is_sound = *blake3::hash(&head).as_bytes() == digest;
            if filed {
                let path = self.directory.join("bodies").join(body_name(BodyId(id.cast_unsigned())));
                is_sound &= copy(&path, sums, out)?.is_sound;
            }
            if !is_sound {
                self.dumped.lost.push(format!("body {id} is not what was written; it is kept as it is"));
            }
            next = base;
        }
        Err(SpoolError::Corrupt(format!("body {id} goes round in a circle")))
    }

    fn loose_bodies(&mut self, out: &Path) -> Result<(), SpoolError> {
        let entries = match std::fs::read_dir(self.directory.join("bodies")) {
            Ok(entries) => entries,
            Err(error) => {
                self.dumped.lost.push(format!("bodies: {error}"));
                return Ok(());
            }
        };
        let folder = out.join("bodies");
        make_folder(&folder)?;
        for entry in entries {
            let name = entry?.file_name();
            let Some(body) = name.to_str().and_then(super::store::body_of_name) else { continue };
            if self.seen.contains(&body.0) {
                continue;
            }
            let name = body_name(body);
            let from = self.directory.join("bodies").join(&name);
            match copy(&from, None, &mut File::create(folder.join(&name))?) {
                Ok(_) => self.dumped.loose_bodies += 1,
                Err(error) => self.dumped.lost.push(format!("bodies/{name}: {error}")),
            }
        }
        Ok(())
    }
}

/// Rows up to the first that does not read.
fn scan<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    found: &mut Vec<T>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(())
}

fn copy(from: &Path, sums: Option<Vec<u8>>, to: &mut File) -> Result<Checked, SpoolError> {
    let said = |error: std::io::Error| SpoolError::Corrupt(format!("{}: {error}", from.display()));
    let file = File::open(from).map_err(said)?;
    check_file(file, sums, &mut |bytes| to.write_all(bytes)).map_err(said)
}

/// Mail is nobody else's business.
fn make_folder(path: &Path) -> Result<(), SpoolError> {
    use std::os::unix::fs::DirBuilderExt;
    Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?)
}
