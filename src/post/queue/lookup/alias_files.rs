//! The alias files, read again when they have changed.
//!
//! A file that has become unreadable or unsafe changes nothing as long as its last good state is in memory; it is said once. At
//! a start without one, names wait: mail must not come back because somebody mistyped a line.

use crate::agent::{AgentError, read_file};
use crate::post::route::directors::aliases::{Alias, Aliases, AliasesError};
use crate::post::route::directors::permission::{self, Trust, Unsafe};
use crate::post::route::directors::{Reader, Settings};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The largest alias file, in bytes.
pub const ALIASES_MAX: usize = 4 * 1024 * 1024;

/// One file, as it is in memory.
#[derive(Debug)]
pub(super) enum Loaded {
    Table { file: PathBuf, trust: Trust, names: BTreeMap<String, Alias> },
    Unusable,
}

/// What tells whether a file is the one that was read.
type Stamp = (u64, u64, u64, i64, i64, i64, i64);

#[derive(Debug)]
struct File {
    path: PathBuf,
    /// `None`: it was not there.
    stamp: Option<Stamp>,
    loaded: Option<Arc<Loaded>>,
}

#[derive(Debug)]
pub(super) struct AliasFiles {
    settings: Settings,
    files: Mutex<Vec<File>>,
}

/// Why an alias file is not used.
#[derive(Debug, thiserror::Error)]
pub enum AliasFileError {
    #[error(transparent)]
    Read(#[from] AgentError),
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    #[error(transparent)]
    Text(#[from] AliasesError),
    #[error("the work was broken off: {0}")]
    BrokenOff(String),
}

impl AliasFiles {
    pub fn new(settings: Settings) -> AliasFiles {
        let file = |path: &PathBuf| File { path: path.clone(), stamp: None, loaded: None };
        let files = settings.alias_files.iter().map(file).collect();
        AliasFiles { files: Mutex::new(files), settings }
    }

    /// The files as they are now.
    pub async fn now(&self) -> Vec<Arc<Loaded>> {
        let mut now = Vec::new();
        for file in self.files.lock().await.iter_mut() {
            // One look at an inode that is in memory: not worth another thread.
            let stamp = std::fs::metadata(&file.path).ok().as_ref().map(stamp);
            let current = match file.loaded.take() {
                Some(loaded) if stamp == file.stamp => loaded,
                before => {
                    file.stamp = stamp;
                    self.load(&file.path, before).await
                }
            };
            file.loaded = Some(current.clone());
            now.push(current);
        }
        now
    }

    async fn load(&self, path: &Path, before: Option<Arc<Loaded>>) -> Arc<Loaded> {
        let file = path.to_owned();
        let (named, settings) = (path.to_owned(), self.settings.clone());
        let read = tokio::task::spawn_blocking(move || read(&named, &settings)).await;
        let read = read.unwrap_or_else(|error| Err(AliasFileError::BrokenOff(error.to_string())));
        match read {
            Ok(Some((aliases, trust))) => {
                for problem in &aliases.problems {
                    tracing::warn!("{}:{}: {}", path.display(), problem.line, problem.text);
                }
                Arc::new(Loaded::Table { file, trust, names: aliases.names })
            }
            // It is optional, as the HOWTO has it.
            Ok(None) => Arc::new(Loaded::Table { file, trust: Trust::Addresses, names: BTreeMap::new() }),
            Err(error) => {
                let kept = before.as_ref().is_some_and(|before| matches!(**before, Loaded::Table { .. }));
                tracing::error!(%error, kept, "the alias file {} cannot be used", path.display());
                match before {
                    Some(before) => before,
                    None => Arc::new(Loaded::Unusable),
                }
            }
        }
    }
}

/// Reads one alias file, if it is there; waits for the disk.
pub fn read(path: &Path, settings: &Settings) -> Result<Option<(Aliases, Trust)>, AliasFileError> {
    let file = match read_file(path, ALIASES_MAX) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(None),
        Err(AgentError::Directory { source, .. }) if super::is_absent(&source) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !file.is_whole() {
        return Err(Unsafe::TooLong(ALIASES_MAX).into());
    }
    let seen = super::seen(file);
    let trust = permission::judge(&seen, path, &Reader::Site, settings)?;
    Ok(Some((Aliases::parse(&seen.bytes)?, trust)))
}

fn stamp(metadata: &Metadata) -> Stamp {
    let m = metadata;
    (m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec())
}
