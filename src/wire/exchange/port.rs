//! One modem's PTYs: the one in use, and the one that waits for the next user.

use super::ExchangeError;
use super::pty::Pty;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes read from or waiting for a PTY at once: few, so that rates and hang-ups stay true.
pub(super) const CHUNK: usize = 512;

/// One modem's PTY.
pub(super) struct Port {
    path: PathBuf,
    mode: u32,
    pub(super) pty: Pty,
    /// Published in its stead while it is in use: for the next user.
    pub(super) next: Option<Pty>,
    pub(super) dtr: bool,
    /// The slave was closed; what it wrote is read until then at most.
    pub(super) closing: Option<Instant>,
    /// When the call ended in order; the carrier falls when the slave has read everything, or after a while.
    pub(super) falling: Option<Instant>,
    /// Taken from the switch, not yet taken by the PTY.
    pub(super) unsent: Vec<u8>,
}

impl Port {
    pub(super) fn new(path: PathBuf, mode: u32) -> Result<Port, ExchangeError> {
        let pty = Port::open(&path, mode)?;
        Ok(Port { path, mode, pty, next: None, dtr: false, closing: None, falling: None, unsent: Vec::new() })
    }

    fn open(path: &Path, mode: u32) -> Result<Pty, ExchangeError> {
        let pty = Pty::new(mode).map_err(|error| ExchangeError::Pty {
            path: path.to_owned(),
            what: "cannot make a PTY",
            error,
        })?;
        pty.publish(path)?;
        Ok(pty)
    }

    /// Publishes a PTY for the next user, if that is not done yet.
    pub(super) fn prepare(&mut self) {
        if self.next.is_none() {
            match Port::open(&self.path, self.mode) {
                Ok(pty) => self.next = Some(pty),
                Err(error) => tracing::error!(%error, "no new PTY"),
            }
        }
    }

    /// The next PTY in the place of this one, which is closed.
    pub(super) fn replace(&mut self) {
        self.prepare();
        if let Some(next) = self.next.take() {
            if next.closed() {
                next.forget();
            }
            self.pty = next;
        }
        (self.dtr, self.closing, self.falling) = (false, None, None);
        self.unsent.clear();
    }

    /// Takes the symlink away.
    pub(super) fn withdraw(&self) {
        for pty in std::iter::once(&self.pty).chain(&self.next) {
            pty.withdraw(&self.path);
        }
    }

    /// What the slave wrote, at most `limit` bytes; `None` at the end of it.
    pub(super) fn read(&self, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; limit.min(CHUNK)];
        match rustix::io::read(&self.pty.master, &mut bytes) {
            Ok(0) => None,
            Ok(count) => {
                bytes.truncate(count);
                Some(bytes)
            }
            Err(Errno::AGAIN | Errno::INTR) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    pub(super) fn write(&mut self) {
        if let Ok(count) = rustix::io::write(&self.pty.master, &self.unsent) {
            self.unsent.drain(..count);
        }
    }
}
