//! The dotlock: `NAME.lock` beside the mailbox, holding its owner's pid; made by a link, which fails if it is there.

use super::MailboxError;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A dotlock that is this old is abandoned, whatever stands in it: 1024 s, procmail's `LOCKTIMEOUT`.
const ABANDONED: Duration = Duration::from_secs(1024);

/// How many names are tried for the draft of a lock, each by one more: names that a process with our pid left behind,
/// or that somebody planted.
const DRAFTS: usize = 100;

/// The most that is read of a foreign lock file, in bytes; a pid has at most ten digits.
const PID_BYTES: u64 = 32;

/// A held dotlock; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Dotlock {
    directory: OwnedFd,
    name: String,
}

impl Dotlock {
    /// Takes the dotlock of `mailbox`, or says at once that it is held. One that its owner left behind
    /// (dead, or too old by `now`) is removed first.
    pub(super) fn take(
        directory: OwnedFd,
        mailbox: &str,
        now: jiff::Timestamp,
    ) -> Result<Dotlock, MailboxError> {
        let name = format!("{mailbox}.lock");
        let failed = |action| {
            let mailbox = mailbox.to_owned();
            move |errno: Errno| MailboxError::Io { action, name: mailbox, source: errno.into() }
        };
        let draft = Draft::write(&directory, &name).map_err(|source| MailboxError::Io {
            action: "lock",
            name: mailbox.to_owned(),
            source,
        })?;
        // Twice: once more after an abandoned one was removed.
        for _ in 0..2 {
            match rustix::fs::linkat(&directory, &draft.name, &directory, &name, AtFlags::empty()) {
                Ok(()) => {
                    drop(draft);
                    return Ok(Dotlock { directory, name });
                }
                Err(Errno::EXIST) => {
                    if !is_abandoned(&directory, &name, now).map_err(failed("lock"))? {
                        break;
                    }
                    tracing::warn!(lock = name, "removing an abandoned lock");
                    match rustix::fs::unlinkat(&directory, &name, AtFlags::empty()) {
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(errno) => return Err(failed("lock")(errno)),
                    }
                }
                Err(errno) => return Err(failed("lock")(errno)),
            }
        }
        Err(MailboxError::Locked { name: mailbox.to_owned(), lock: "dotlock" })
    }
}

/// The lock under another name, whole before it is linked to its own: whoever dies on the way leaves no lock without
/// an owner.
struct Draft<'a> {
    directory: &'a OwnedFd,
    name: String,
}

impl Draft<'_> {
    fn write<'a>(directory: &'a OwnedFd, lock: &str) -> io::Result<Draft<'a>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // Who may write to the directory can guess the name: what stands there is never opened.
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let pid = std::process::id();
        for _ in 0..DRAFTS {
            let name = format!("{lock}.{pid}.{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let file = match rustix::fs::openat(directory, &name, flags, Mode::from_raw_mode(0o644)) {
                Ok(file) => file,
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let draft = Draft { directory, name };
            File::from(file).write_all(format!("{pid}\n").as_bytes())?;
            return Ok(draft);
        }
        Err(Errno::EXIST.into())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // A draft that stays behind locks nothing.
        let _ = rustix::fs::unlinkat(self.directory, &self.name, AtFlags::empty());
    }
}

impl Drop for Dotlock {
    fn drop(&mut self) {
        if let Err(errno) = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty()) {
            tracing::warn!(lock = self.name, %errno, "cannot remove the lock");
        }
    }
}

/// Whether the owner of a lock is gone.
///
/// Two programs that both find it abandoned might each remove what the other has just made; the `fcntl` lock
/// that is taken after this one keeps even those two apart.
fn is_abandoned(directory: impl AsFd, name: &str, now: jiff::Timestamp) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(fd) => fd,
        // Released in this very moment: not ours to remove, and free at the next try.
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    let stat = rustix::fs::fstat(&fd)?;
    let age = now.as_second().saturating_sub(stat.st_mtime);
    if age > i64::try_from(ABANDONED.as_secs()).unwrap_or(i64::MAX) {
        return Ok(true);
    }
    let mut text = String::new();
    if File::from(fd).take(PID_BYTES).read_to_string(&mut text).is_err() {
        return Ok(false);
    }
    let Some(pid) = text.trim().parse().ok().filter(|pid| *pid > 0).and_then(Pid::from_raw) else {
        return Ok(false);
    };
    Ok(test_kill_process(pid) == Err(Errno::SRCH) || is_zombie(pid))
}

/// Whether a process has ended and its parent has not looked yet (proc(5), field 3 of `/proc/PID/stat`).
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it stands in parentheses and may hold anything.
    stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_where_the_draft_goes_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        for number in 0..DRAFTS as u64 / 2 {
            let path = folder.path().join(format!("ann.lock.{pid}.{number}"));
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::from_raw_mode(0o666)).unwrap();
        }
        let directory = OwnedFd::from(File::open(folder.path()).unwrap());
        let now = jiff::Timestamp::UNIX_EPOCH;
        let lock = Dotlock::take(directory.try_clone().unwrap(), "ann", now).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("ann.lock")).unwrap(), format!("{pid}\n"));
        assert!(matches!(Dotlock::take(directory, "ann", now), Err(MailboxError::Locked { .. })));
        drop(lock);
        assert!(!folder.path().join("ann.lock").exists());
    }
}
