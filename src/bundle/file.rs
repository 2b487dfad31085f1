//! Files of batches: written beside their name, and known by their digest.

use super::BundleError;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that is being written under a temporary name, so that a half-written one is never taken for a batch.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    hasher: blake3::Hasher,
    length: u64,
    path: PathBuf,
}

/// The name under which `path` is written.
pub(super) fn draft_path(path: &Path) -> Result<PathBuf, BundleError> {
    let name = path.file_name().ok_or_else(|| BundleError::BadPath(path.to_owned()))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".part");
    Ok(path.with_file_name(beside))
}

impl Draft {
    /// Begins to write what is to be `path` in the end.
    pub(super) async fn begin(path: &Path) -> Result<Draft, BundleError> {
        let path = path.to_owned();
        blocking(path.clone(), move || {
            if path.symlink_metadata().is_ok() {
                return Err(BundleError::Exists(path));
            }
            let draft = draft_path(&path)?;
            let file = File::options().write(true).create_new(true).mode(0o600).open(&draft);
            let file = file.map_err(io("write", &draft))?;
            Ok(Draft { file, hasher: blake3::Hasher::new(), length: 0, path })
        })
        .await
    }

    pub(super) async fn write(mut self, bytes: Vec<u8>) -> Result<Draft, BundleError> {
        blocking(self.path.clone(), move || {
            self.hasher.update(&bytes);
            self.length += bytes.len() as u64;
            self.file.write_all(&bytes).map_err(io("write", &self.path))?;
            Ok(self)
        })
        .await
    }

    /// Makes it durable, still under the temporary name; gives its digest and length.
    pub(super) async fn sync(self) -> Result<(Draft, [u8; 32], u64), BundleError> {
        blocking(self.path.clone(), move || {
            self.file.sync_all().map_err(io("write", &self.path))?;
            let digest = *self.hasher.finalize().as_bytes();
            let length = self.length;
            Ok((self, digest, length))
        })
        .await
    }

    /// Gives it its name.
    pub(super) async fn publish(self) -> Result<(), BundleError> {
        blocking(self.path.clone(), move || {
            let draft = draft_path(&self.path)?;
            std::fs::rename(&draft, &self.path).map_err(io("write", &self.path))?;
            sync_directory(&self.path)
        })
        .await
    }
}

/// Removes what was left under the temporary name.
pub(super) async fn remove_draft(path: &Path) -> Result<(), BundleError> {
    let path = path.to_owned();
    blocking(path.clone(), move || match std::fs::remove_file(draft_path(&path)?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("remove the draft of", &path)(error))
        }
        _ => Ok(()),
    })
    .await
}

/// The digest of a file that is there; `None` without one.
pub(super) async fn digest(path: &Path) -> Result<Option<[u8; 32]>, BundleError> {
    let path = path.to_owned();
    blocking(path.clone(), move || {
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(io("read", &path))?,
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(io("read", &path))?;
        Ok(Some(*hasher.finalize().as_bytes()))
    })
    .await
}

/// Reads a file piece by piece.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    pub(super) async fn open(path: &Path) -> Result<Source, BundleError> {
        let path = path.to_owned();
        blocking(path.clone(), move || {
            // Never wait for the writer of a pipe.
            let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
            let file = File::options().read(true).custom_flags(nonblocking).open(&path);
            let file = file.map_err(io("read", &path))?;
            if !file.metadata().map_err(io("read", &path))?.is_file() {
                return Err(BundleError::BadPath(path));
            }
            Ok(Source { file, path })
        })
        .await
    }

    /// At most `limit` bytes; empty at the end.
    pub(super) async fn read(mut self, limit: u64) -> Result<(Source, Vec<u8>), BundleError> {
        blocking(self.path.clone(), move || {
            let mut bytes = Vec::new();
            let read = (&mut self.file).take(limit).read_to_end(&mut bytes);
            read.map_err(io("read", &self.path))?;
            Ok((self, bytes))
        })
        .await
    }
}

fn sync_directory(path: &Path) -> Result<(), BundleError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io("write", path))
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BundleError + use<> {
    let path = path.to_owned();
    move |source| BundleError::Io { action, path, source }
}

/// Media are slow: files are worked on where that holds nobody up.
async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
) -> Result<T, BundleError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| BundleError::Io {
        action: "work on",
        path,
        source: std::io::Error::other(error),
    })?
}
