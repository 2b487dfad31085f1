//! The file of an open body. It may be closed between two uses, for a batch can make thousands of bodies before they
//! become rows, and a process may have few files open.

use std::fs::{File, OpenOptions};
use std::io::Result;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

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

    fn with<T>(&self, work: impl FnOnce(&File) -> Result<T>) -> Result<T> {
        match &self.held {
            Some(file) => work(file),
            None => work(&OpenOptions::new().read(true).write(true).open(&self.path)?),
        }
    }
}

impl FileExt for BodyFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        self.with(|file| file.read_at(bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize> {
        self.with(|file| file.write_at(bytes, offset))
    }
}
