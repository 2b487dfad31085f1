//! Who may use a serial device: flock on the device, and `LCK..` files for the programs that know only those.
//!
//! The lock file is in HDB form (Taylor UUCP manual, "UUCP Lock Files"): the holder's process id as ten characters,
//! padded on the left with blanks, and a newline. It is made whole under another name and linked to its own, so that
//! nobody reads half of it. One is made for the name by which the device is known and one for the device itself. The
//! flock is taken first: with it held, a lock file of our own process id is from an earlier life.

use super::holders::{named, users_of};
use super::{LineError, SerialSettings};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A lock file is 11 bytes; more is never read of it.
const LOCK_FILE_LIMIT: u64 = 32;
/// Stale files that are cleared away in one attempt.
const STALE_LIMIT: usize = 3;

/// The lock files that we made. The flock ends with the device's descriptors.
#[derive(Debug)]
pub(super) struct Locks {
    files: Vec<LockFile>,
}

#[derive(Debug)]
struct LockFile {
    path: PathBuf,
    inode: u64,
}

impl Locks {
    /// Locks an open device, known by the path `published`.
    pub(super) fn take(
        device: &OwnedFd,
        published: &Path,
        directory: Option<&Path>,
    ) -> Result<Self, LineError> {
        let line = published.display().to_string();
        let resolved =
            fs::canonicalize(published).map_err(|source| LineError::Open { line: line.clone(), source })?;
        let files: Vec<PathBuf> =
            directory.map_or_else(Vec::new, |dir| lock_paths(dir, published, &resolved));
        match rustix::fs::flock(device, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let locked = files.iter().find_map(|file| read_pid(file)).or_else(|| flock_holder(device));
                let holder = locked.map(named).or_else(|| users_of(&resolved).into_iter().next());
                return Err(LineError::Held { line, holder });
            }
            Err(errno) => return Err(LineError::Open { line, source: errno.into() }),
        }
        // Each is undone by dropping what was made so far.
        let mut locks = Locks { files: Vec::new() };
        for path in files {
            match make_lock_file(&path) {
                Ok(inode) => locks.files.push(LockFile { path, inode }),
                Err(Refused::Held(pid)) => {
                    return Err(LineError::Held { line, holder: Some(named(pid)) });
                }
                // Without a place for lock files the flock has to do, as it does for every other careful program.
                Err(Refused::Failed(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound
                            | io::ErrorKind::PermissionDenied
                            | io::ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    tracing::warn!(line, file = %path.display(), %error, "no lock file could be made");
                }
                Err(Refused::Failed(source)) => return Err(LineError::LockFile { line, file: path, source }),
            }
        }
        Ok(locks)
    }
}

/// Takes away the lock files of a line that were left by programs which are gone, and gives them; an error if one is alive.
pub fn unlock(settings: &SerialSettings) -> Result<Vec<PathBuf>, LineError> {
    let line = settings.device.display().to_string();
    let Some(directory) = &settings.lock_dir else { return Ok(Vec::new()) };
    // Without its device, a line has the name that is published.
    let resolved = fs::canonicalize(&settings.device).unwrap_or_else(|_| settings.device.clone());
    let mut gone = Vec::new();
    for file in lock_paths(directory, &settings.device, &resolved) {
        if fs::symlink_metadata(&file).is_err() {
            continue;
        }
        if let Some(pid) = read_pid(&file).filter(|pid| is_alive(*pid)) {
            return Err(LineError::Held { line, holder: Some(named(pid)) });
        }
        match clear_stale(&file) {
            Ok(()) => gone.push(file),
            Err(Refused::Held(pid)) => return Err(LineError::Held { line, holder: Some(named(pid)) }),
            Err(Refused::Failed(source)) => return Err(LineError::LockFile { line, file, source }),
        }
    }
    Ok(gone)
}

impl Drop for Locks {
    fn drop(&mut self) {
        for file in &self.files {
            // A file that another program made since may have been given the number of ours.
            let ours = fs::symlink_metadata(&file.path).is_ok_and(|status| status.ino() == file.inode)
                && read_pid(&file.path).is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()));
            if ours && let Err(error) = fs::remove_file(&file.path) {
                tracing::warn!(file = %file.path.display(), %error, "a lock file could not be removed");
            }
        }
    }
}

/// `LCK..` and the last part of each of the two names.
fn lock_paths(directory: &Path, published: &Path, resolved: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for name in [published.file_name(), resolved.file_name()].into_iter().flatten() {
        let mut file = OsString::from("LCK..");
        file.push(name);
        let path = directory.join(file);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

enum Refused {
    Held(i32),
    Failed(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Refused::Failed(error)
    }
}

fn make_lock_file(path: &Path) -> Result<u64, Refused> {
    let own = std::process::id();
    let made = Draft::write(path, own)?;
    for _ in 0..STALE_LIMIT {
        match fs::hard_link(&made.path, path) {
            Ok(()) => return Ok(made.inode),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        match read_pid(path) {
            Some(pid) if is_alive(pid) && u32::try_from(pid) != Ok(own) => return Err(Refused::Held(pid)),
            _ => clear_stale(path)?,
        }
    }
    Err(Refused::Failed(io::Error::other("the lock file comes back again and again")))
}

/// A lock file under a name that nobody looks at.
struct Draft {
    path: PathBuf,
    inode: u64,
}

impl Draft {
    fn write(target: &Path, pid: u32) -> io::Result<Self> {
        let mut name = OsString::from(format!("LTMP.{pid}."));
        name.push(target.file_name().unwrap_or_default());
        let path = target.with_file_name(name);
        // Left behind by an earlier life with our process id, if it is there at all.
        let _ = fs::remove_file(&path);
        let mut file = fs::File::from(rustix::fs::open(
            &path,
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::from_raw_mode(0o644),
        )?);
        let draft = Draft { inode: file.metadata()?.ino(), path };
        writeln!(file, "{pid:>10}")?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes a dead program's lock file away. It is moved aside and read again first: if another program was faster and
/// the file is a live one by now, it goes back.
fn clear_stale(path: &Path) -> Result<(), Refused> {
    let mut name = OsString::from(format!("LTMP.{}.old.", std::process::id()));
    name.push(path.file_name().unwrap_or_default());
    let aside = path.with_file_name(name);
    match fs::rename(path, &aside) {
        Ok(()) => {}
        // Somebody else cleared it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let live = read_pid(&aside).filter(|pid| is_alive(*pid) && u32::try_from(*pid) != Ok(std::process::id()));
    if let Some(pid) = live {
        let back = fs::hard_link(&aside, path);
        fs::remove_file(&aside)?;
        back?;
        return Err(Refused::Held(pid));
    }
    tracing::info!(file = %path.display(), "took away the lock file of a program that is gone");
    Ok(fs::remove_file(&aside)?)
}

/// The process id in a lock file; `None` if there is no file or no id in it.
fn read_pid(path: &Path) -> Option<i32> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let mut text = Vec::new();
    file.take(LOCK_FILE_LIMIT).read_to_end(&mut text).ok()?;
    std::str::from_utf8(&text).ok()?.trim().parse().ok().filter(|pid| *pid > 0)
}

fn is_alive(pid: i32) -> bool {
    // EPERM: it lives, and belongs to somebody else.
    Pid::from_raw(pid).is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

/// Who has a flock on this file, from proc_locks(5): `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`.
fn flock_holder(device: &OwnedFd) -> Option<i32> {
    let status = rustix::fs::statat(device, "", AtFlags::EMPTY_PATH).ok()?;
    let (major, minor) = (rustix::fs::major(status.st_dev), rustix::fs::minor(status.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", status.st_ino);
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, "FLOCK", _, _, pid, at, ..] if *at == place => pid.parse().ok().filter(|pid| *pid > 0),
            _ => None,
        }
    })
}
