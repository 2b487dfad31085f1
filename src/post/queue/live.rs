//! The tables of the route as they are now: files of routes are read again when they change.
//!
//! Every message asks for them, so an edited file holds for the next one. A file that cannot be used any more changes
//! nothing: what was read of it before holds on, and the log says why.

use crate::post::route::{FILE_MAX, FileError, Hosts, PathRouter, Paths, Tables};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Others than its owner and group may not write a file that says where mail goes.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Why a file of routes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RouteFileError {
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: std::io::Error },
    #[error("{} is longer than {} MiB", .0.display(), FILE_MAX >> 20)]
    TooLong(PathBuf),
    #[error("everybody may write {}; take that away with chmod o-w", .0.display())]
    WritableByAll(PathBuf),
    #[error(transparent)]
    Wrong(#[from] FileError),
}

/// The tables, and the state of the files that are in them.
#[derive(Debug)]
pub(super) struct LiveTables {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tables: Arc<Tables>,
    /// Of each file, in the order of [`files`]; `None`: it was not there.
    stamps: Vec<Option<Stamp>>,
}

/// What tells whether a file is the one that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(u64, u64, u64, i64, i64, i64, i64);

impl LiveTables {
    pub fn new(tables: Tables) -> LiveTables {
        let stamps = stamps(&tables);
        let mut tables = tables;
        read_into(&mut tables);
        LiveTables { state: Mutex::new(State { tables: Arc::new(tables), stamps }) }
    }

    /// The tables as the files are now. A look at each file is all that this costs while they stay the same.
    pub fn now(&self) -> Arc<Tables> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&state.tables);
        if stamps != state.stamps {
            let mut tables = Tables::clone(&state.tables);
            read_into(&mut tables);
            *state = State { tables: Arc::new(tables), stamps };
        }
        state.tables.clone()
    }
}

/// Every file of the tables.
fn files(tables: &Tables) -> impl Iterator<Item = &PathBuf> {
    let files = &tables.files;
    files.forced.iter().chain(files.paths.iter().map(|file| &file.path)).chain(&files.table)
}

fn stamps(tables: &Tables) -> Vec<Option<Stamp>> {
    files(tables).map(|file| std::fs::metadata(file).ok().map(|metadata| Stamp::of(&metadata))).collect()
}

impl Stamp {
    fn of(m: &Metadata) -> Stamp {
        Stamp(m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec())
    }
}

fn read_into(tables: &mut Tables) {
    let files = tables.files.clone();
    if let Some(file) = &files.forced {
        tables.forced = kept(file, read_paths(file), tables.forced.take());
    }
    let mut before = std::mem::take(&mut tables.paths).into_iter();
    for file in files.paths {
        let before = before.next().map(|router| router.paths);
        let paths = kept(&file.path, read_paths(&file.path), before).unwrap_or_default();
        tables.paths.push(PathRouter { paths, gateway: file.gateway });
    }
    if let Some(file) = &files.table {
        tables.hosts = kept(file, read_table(file), Some(tables.hosts.clone())).unwrap_or_default();
    }
}

/// What was read, or else what there was before.
fn kept<T>(file: &Path, read: Result<Option<T>, RouteFileError>, before: Option<Arc<T>>) -> Option<Arc<T>> {
    match read {
        Ok(Some(read)) => Some(Arc::new(read)),
        Ok(None) => {
            tracing::warn!("the file of routes {} is not there", file.display());
            before
        }
        Err(error) => {
            tracing::error!(%error, "a file of routes cannot be used; what it said before holds on");
            before
        }
    }
}

/// Reads a path file, if it is there.
pub fn read_paths(file: &Path) -> Result<Option<Paths>, RouteFileError> {
    let Some(text) = read(file)? else { return Ok(None) };
    Ok(Some(Paths::parse(&file.to_string_lossy(), &text)?))
}

/// Reads a table of transports, if it is there.
pub fn read_table(file: &Path) -> Result<Option<Hosts>, RouteFileError> {
    let Some(text) = read(file)? else { return Ok(None) };
    Ok(Some(Hosts::parse(&file.to_string_lossy(), &text)?))
}

fn read(file: &Path) -> Result<Option<String>, RouteFileError> {
    let unreadable = |error| RouteFileError::Unreadable { file: file.to_owned(), error };
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = opened.metadata().map_err(unreadable)?;
    if metadata.permissions().mode() & WRITABLE_BY_ALL != 0 {
        return Err(RouteFileError::WritableByAll(file.to_owned()));
    }
    let mut bytes = Vec::new();
    opened.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(RouteFileError::TooLong(file.to_owned()));
    }
    // Comments may be in any character set; a host or a path that is not ASCII is refused where it stands.
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::address::Address;
    use crate::post::route::{Decision, Files, Neighbour, PathFile, resolve};

    /// Where mail to `far` goes.
    fn to_far(live: &LiveTables) -> String {
        let routed = resolve(&live.now(), &[Address::parse("joe@far").unwrap()]);
        match &routed[0].decision {
            Decision::Neighbour { system, transport, address } => format!("{system} {transport} {address}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn an_edited_file_holds_for_the_next_message_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [forced, paths, table] = ["forced", "paths", "table"].map(|name| folder.path().join(name));
        let mut tables = Tables::new("polux".parse().unwrap());
        for name in ["near", "moria"] {
            tables.neighbours.insert(name.parse().unwrap(), Neighbour::default());
        }
        tables.files = Files {
            forced: Some(forced.clone()),
            paths: vec![PathFile { path: paths.clone(), gateway: None }],
            table: Some(table.clone()),
        };
        std::fs::write(&paths, "far near!far!%s\n").unwrap();
        let live = LiveTables::new(tables);
        assert_eq!(to_far(&live), "near uux far!joe");
        std::fs::write(&table, "near demand\n").unwrap();
        assert_eq!(to_far(&live), "near demand far!joe");
        std::fs::write(&forced, "far moria!%s\n").unwrap();
        assert_eq!(to_far(&live), "moria uux joe");
        std::fs::write(&forced, "far moria!far\n").unwrap();
        assert_eq!(to_far(&live), "moria uux joe", "a path without %s changes nothing");
        std::fs::write(&forced, "# nothing is forced any more, \u{e9}\n").unwrap();
        assert_eq!(to_far(&live), "near demand far!joe");
    }

    #[test]
    fn what_everybody_may_write_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("paths");
        std::fs::write(&file, "far near!far!%s\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(matches!(read_paths(&file), Err(RouteFileError::WritableByAll(_))));
        assert!(read_paths(&folder.path().join("none")).unwrap().is_none());
    }
}
