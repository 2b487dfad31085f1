//! One PTY of the exchange, and the symlink that publishes it.
//!
//! A PTY has no modem signals. DTR is read from the master: a slave is open (`poll` does not say POLLHUP) and its
//! speed is not B0. POLLHUP is only said once a slave has been open, so each new PTY is opened and closed once.
//! A slave that was closed leaves its termios and TIOCEXCL behind as long as the master lives; so every user gets a
//! fresh PTY.

use super::ExchangeError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A master and the name of its slave.
#[derive(Debug)]
pub(super) struct Pty {
    pub master: OwnedFd,
    pub device: PathBuf,
}

impl Pty {
    /// A new PTY: raw, so that what is said before the first user sets it up is neither echoed nor changed.
    pub fn new(mode: u32) -> io::Result<Pty> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        let name = ptsname(&master, Vec::new())?;
        let device = PathBuf::from(name.to_str().map_err(|_| io::ErrorKind::InvalidData)?);
        rustix::fs::chmod(&device, Mode::from_raw_mode(mode))?;
        let mut termios = tcgetattr(&master)?;
        termios.make_raw();
        tcsetattr(&master, OptionalActions::Now, &termios)?;
        let pty = Pty { master, device };
        drop(pty.open_slave()?);
        Ok(pty)
    }

    /// Puts the symlink `path` in the place of whatever link was there.
    pub fn publish(&self, path: &Path) -> Result<(), ExchangeError> {
        let error = |what, error| ExchangeError::Pty { path: path.to_owned(), what, error };
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_symlink() => {
                return Err(ExchangeError::Occupied(path.to_owned()));
            }
            _ => {}
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        match std::fs::remove_file(&beside) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(error("cannot remove an old link", e));
            }
            _ => {}
        }
        std::os::unix::fs::symlink(&self.device, &beside).map_err(|e| error("cannot make the link", e))?;
        std::fs::rename(&beside, path).map_err(|e| error("cannot put the link in its place", e))
    }

    /// Takes the symlink away, if it is ours.
    pub fn withdraw(&self, path: &Path) {
        if std::fs::read_link(path).is_ok_and(|target| target == self.device) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Throws away what somebody wrote who is no longer there.
    pub fn forget(&self) {
        let mut bytes = [0; 4096];
        while rustix::io::read(&self.master, &mut bytes).is_ok_and(|count| count > 0) {}
    }

    /// Whether no slave is open.
    pub fn closed(&self) -> bool {
        let mut fds = [PollFd::new(&self.master, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&at_once)).is_err() || fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP))
    }

    /// Whether the slave's speed is B0, by which programs drop DTR.
    pub fn speed_is_zero(&self) -> bool {
        tcgetattr(&self.master).is_ok_and(|termios| termios.output_speed() == 0)
    }

    /// Bytes that the slave has not read; nothing if that cannot be seen (another user holds it exclusively).
    pub fn unread(&self) -> Option<u64> {
        let slave = self.open_slave().ok()?;
        rustix::io::ioctl_fionread(slave.as_fd()).ok()
    }

    fn open_slave(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(rustix::fs::open(&self.device, flags, Mode::empty())?)
    }
}
