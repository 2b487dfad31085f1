//! The file of an open body. It may be closed between two uses, for a batch can make thousands of bodies before they
//! become rows, and a process may have few files open.

use super::super::SpoolError;
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};
use std::fs::{File, OpenOptions};
use std::io::Result;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct BodyFile {
    path: PathBuf,
    /// Open, and locked against other processes.
    held: Option<File>,
}

impl BodyFile {
    pub fn new(path: PathBuf, file: File) -> BodyFile {
        BodyFile { path, held: Some(file) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes it; the next use opens it for itself alone.
    pub fn close(&mut self) {
        self.held = None;
    }

    pub fn set_len(&self, length: u64) -> Result<()> {
        self.with(|file| file.set_len(length))
    }

    pub fn sync(&self) -> Result<()> {
        self.with(File::sync_all)
    }

    pub fn read(&self, offset: u64, limit: usize) -> Result<Vec<u8>> {
        self.with(|file| read_at(file, offset, limit))
    }

    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.with(|file| file.write_all_at(bytes, offset))
    }

    fn with<T>(&self, work: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        match &self.held {
            Some(file) => work(file),
            None => work(&OpenOptions::new().read(true).write(true).open(&self.path)?),
        }
    }
}

/// So many bytes, or what there is of them.
pub fn read_at(file: &File, offset: u64, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(limit);
    while bytes.len() < limit {
        let place = offset.saturating_add(bytes.len() as u64);
        if retry_on_intr(|| pread(file, spare_capacity(&mut bytes), place))? == 0 {
            break;
        }
    }
    bytes.truncate(limit);
    Ok(bytes)
}

pub fn lock(file: &File) -> std::result::Result<(), SpoolError> {
    file.try_lock().map_err(|error| SpoolError::Conflict(format!("a body is written elsewhere: {error}")))
}

/// Makes the name of a file durable.
pub fn sync_directory(path: &Path) -> Result<()> {
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
