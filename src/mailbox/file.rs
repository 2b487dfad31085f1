//! A mailbox file under its locks.

use super::lock::Dotlock;
use super::{MailboxError, mbox};
use jiff::Timestamp;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// How much of a file is looked at in one read, in bytes.
const PIECE: usize = 64 * 1024;

/// Whether a mailbox that is not there is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    Yes,
    No,
}

/// Where an append would begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub device: u64,
    pub inode: u64,
    /// Length of the file, in bytes.
    pub length: u64,
    /// What must come before the next `From ` line.
    pub separator: &'static [u8],
}

/// An append that was begun before a crash.
#[derive(Debug)]
pub struct Appended<'a> {
    pub device: u64,
    pub inode: u64,
    /// Length of the file before.
    pub at: u64,
    /// The bytes without the separator that may have come before them. They may be unknown (the message is gone from
    /// the spool); then nothing is ever cut.
    pub bytes: Option<&'a [u8]>,
    /// Length of all that was to be appended, separator included, and its BLAKE3 digest.
    pub length: u64,
    pub digest: [u8; 32],
    /// The delivery ids in it, in order.
    pub ids: &'a [String],
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// All of it is there.
    Whole,
    /// A part of it was at the end of the file and was cut off; none of it is there now.
    Cut,
    /// These of its ids are in the file.
    Found(Vec<String>),
}

/// A mailbox that we hold both locks of; dropping it gives them back.
#[derive(Debug)]
pub struct Mailbox {
    // Dropped in this order: closing the file ends the fcntl lock, the dotlock goes last.
    file: File,
    directory: OwnedFd,
    name: String,
    _dotlock: Dotlock,
}

impl Mailbox {
    /// Takes the locks of the mailbox `name` in `directory`, without waiting. None: there is none and it was not
    /// to be made.
    ///
    /// The file must be a regular one with a single link that belongs to `uid`; `now` judges the age of
    /// abandoned locks.
    pub fn lock(
        directory: OwnedFd,
        name: &str,
        uid: u32,
        create: Create,
        now: Timestamp,
    ) -> Result<Option<Mailbox>, MailboxError> {
        let io = |action| {
            move |source: Errno| MailboxError::Io { action, name: name.to_owned(), source: source.into() }
        };
        let for_lock = directory.as_fd().try_clone_to_owned();
        let for_lock =
            for_lock.map_err(|source| MailboxError::Io { action: "lock", name: name.to_owned(), source })?;
        let dotlock = Dotlock::take(for_lock, name, now)?;
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&directory, name, flags, Mode::empty()) {
            Err(Errno::NOENT) if create == Create::No => return Ok(None),
            Err(Errno::NOENT) => {
                let flags = flags | OFlags::CREATE | OFlags::EXCL;
                let fd = match rustix::fs::openat(&directory, name, flags, Mode::from_raw_mode(0o600)) {
                    Err(Errno::EXIST) => return Err(MailboxError::Replaced { name: name.to_owned() }),
                    made => made.map_err(io("create"))?,
                };
                rustix::fs::fsync(&directory).map_err(io("create"))?;
                fd
            }
            Err(Errno::LOOP) => {
                return Err(MailboxError::Unsafe { name: name.to_owned(), what: "a symbolic link" });
            }
            opened => opened.map_err(io("open"))?,
        };
        let stat = rustix::fs::fstat(&fd).map_err(io("look at"))?;
        let what = if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            Some("not a regular file")
        } else if stat.st_nlink != 1 {
            Some("a file with more than one name")
        } else if stat.st_uid != uid {
            Some("a file of another user")
        } else {
            None
        };
        if let Some(what) = what {
            return Err(MailboxError::Unsafe { name: name.to_owned(), what });
        }
        match rustix::fs::fcntl_lock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => {
                return Err(MailboxError::Locked { name: name.to_owned(), lock: "fcntl" });
            }
            Err(errno) => return Err(io("lock")(errno)),
        }
        // A reader may have put a new file in its place before we had the locks.
        let named = rustix::fs::statat(&directory, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        if !named.is_ok_and(|named| (named.st_dev, named.st_ino) == (stat.st_dev, stat.st_ino)) {
            return Err(MailboxError::Replaced { name: name.to_owned() });
        }
        Ok(Some(Mailbox { file: File::from(fd), directory, name: name.to_owned(), _dotlock: dotlock }))
    }

    /// Where the next append begins. Fails if what is there is not an mbox.
    pub fn place(&self) -> Result<Place, MailboxError> {
        let stat = rustix::fs::fstat(&self.file).map_err(|errno| self.io("look at", errno.into()))?;
        let length = u64::try_from(stat.st_size).unwrap_or_default();
        let beginning = self.read(0, mbox::FROM.len())?;
        if !beginning.is_empty() && beginning != mbox::FROM {
            return Err(MailboxError::NotMbox { name: self.name.clone() });
        }
        let separator = mbox::separator(&self.read(length.saturating_sub(2), 2)?);
        Ok(Place { device: stat.st_dev, inode: stat.st_ino, length, separator })
    }

    /// Appends in one write and makes it durable. If that fails, what was written of it is cut off again as well
    /// as can be; what cannot be is found by [`Mailbox::recover`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), MailboxError> {
        let before = self.place()?.length;
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        if let Err(source) = written {
            if let Ok(end) = self.length()
                && self.begins_at(before, end, bytes)?
            {
                self.cut(before)?;
            }
            return Err(self.io("write to", source));
        }
        rustix::fs::fsync(&self.directory).map_err(|errno| self.io("write to", errno.into()))
    }

    /// Finds out what became of an append, and cuts off a part of it at the end of the file.
    pub fn recover(&mut self, appended: &Appended<'_>) -> Result<Recovered, MailboxError> {
        let stat = rustix::fs::fstat(&self.file).map_err(|errno| self.io("look at", errno.into()))?;
        let end = u64::try_from(stat.st_size).unwrap_or_default();
        let same_file = (stat.st_dev, stat.st_ino) == (appended.device, appended.inode);
        if same_file && end >= appended.at {
            if end - appended.at >= appended.length
                && self.digest(appended.at, appended.length)? == appended.digest
            {
                return Ok(Recovered::Whole);
            }
            if let Some(bytes) = appended.bytes {
                let separator = mbox::separator(&self.end_before(appended.at)?);
                let ours = [separator, bytes].concat();
                if end - appended.at < ours.len() as u64 && self.begins_at(appended.at, end, &ours)? {
                    self.cut(appended.at)?;
                    return Ok(Recovered::Cut);
                }
            }
        }
        let mut scan = mbox::IdScan::default();
        let mut at = 0;
        while at < end {
            let piece = self.read(at, PIECE)?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            scan.feed(&piece, |id| appended.ids.iter().any(|ours| ours == id));
        }
        let mut found = scan.finish();
        found.sort();
        found.dedup();
        Ok(Recovered::Found(found))
    }

    /// Whether the file from `at` to its end `end` is the beginning of `bytes`.
    fn begins_at(&self, at: u64, end: u64, bytes: &[u8]) -> Result<bool, MailboxError> {
        let mut position = at;
        let mut rest = bytes;
        while position < end {
            let piece = self.read(position, PIECE)?;
            if piece.is_empty() {
                return Ok(false);
            }
            let Some(after) = rest.strip_prefix(piece.as_slice()) else { return Ok(false) };
            rest = after;
            position += piece.len() as u64;
        }
        Ok(true)
    }

    fn digest(&self, at: u64, length: u64) -> Result<[u8; 32], MailboxError> {
        let mut hasher = blake3::Hasher::new();
        let mut left = length;
        while left > 0 {
            let piece = self.read(at + (length - left), usize::try_from(left).unwrap_or(PIECE).min(PIECE))?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            left -= piece.len() as u64;
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn cut(&self, length: u64) -> Result<(), MailboxError> {
        self.file
            .set_len(length)
            .and_then(|()| self.file.sync_all())
            .map_err(|error| self.io("cut back", error))
    }

    fn length(&self) -> Result<u64, MailboxError> {
        Ok(self.file.metadata().map_err(|error| self.io("look at", error))?.len())
    }

    /// The last two bytes before `at`.
    fn end_before(&self, at: u64) -> Result<Vec<u8>, MailboxError> {
        let two = at.min(2);
        self.read(at - two, usize::try_from(two).unwrap_or_default())
    }

    /// At most `limit` bytes from `at`; fewer only at the end of the file.
    fn read(&self, at: u64, limit: usize) -> Result<Vec<u8>, MailboxError> {
        let mut bytes = vec![0; limit];
        let mut filled = 0;
        while let Some(room) = bytes.get_mut(filled..)
            && !room.is_empty()
        {
            match self.file.read_at(room, at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io("read", error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> MailboxError {
        MailboxError::Io { action, name: self.name.clone(), source }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
