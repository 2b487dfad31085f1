//! A file of a user, read with all that decides whether it may be obeyed.

use super::AgentError;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The deepest directory whose parents are looked at; a path of Linux, PATH_MAX, could hold 2 048.
const DEPTH: usize = 64;

/// A file as it was found: what it says, who may have written it, and who may have put it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// Its beginning, up to the limit that was asked for.
    pub bytes: Vec<u8>,
    /// Its whole length, in bytes: more than those of `bytes` if the limit cut it.
    pub size: u64,
    pub facts: Facts,
    /// How many names it has.
    pub links: u64,
    /// The directory that it lies in and those above that one, up to the root. They are those that the file was
    /// reached through, without symbolic links.
    pub directories: Vec<Facts>,
}

impl FileSeen {
    /// Whether all of it is in `bytes`.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }
}

/// Who owns something, and who else may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub uid: u32,
    pub gid: u32,
    /// The permission bits, with set-id and sticky: 0o7777 at most.
    pub mode: u32,
}

impl Facts {
    fn of(stat: &Stat) -> Facts {
        Facts { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 }
    }
}

/// Reads the beginning of a file, `limit` bytes at most, as who this process is. None: there is no such file in its
/// directory; a directory that is missing or closed to us is an error, for it may be a home that is not mounted.
///
/// Symbolic links lead to the directory, never to the file itself; what is no regular file is not opened for long, nor
/// waited for. Nothing is judged here.
pub fn read_file(path: &Path, limit: usize) -> Result<Option<FileSeen>, AgentError> {
    let read = |source: std::io::Error| AgentError::Read { path: path.to_owned(), source };
    let unsafe_file = |what| AgentError::Unsafe { path: path.to_owned(), what };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(unsafe_file("no path of a file"));
    };
    if !path.is_absolute() {
        return Err(unsafe_file("not an absolute path"));
    }
    let directory =
        rustix::fs::open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(
            |errno| match errno {
                // It is there, and not for this user.
                Errno::ACCESS => read(errno.into()),
                errno => AgentError::Directory { path: path.to_owned(), source: errno.into() },
            },
        )?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(unsafe_file("a symbolic link")),
        Err(errno) => return Err(read(errno.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|errno| read(errno.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(unsafe_file("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::from(file).take(limit as u64).read_to_end(&mut bytes).map_err(read)?;
    // It may have grown since it was looked at.
    let size = u64::try_from(stat.st_size).unwrap_or_default().max(bytes.len() as u64);
    let directories = directories(directory).map_err(|errno| read(errno.into()))?;
    Ok(Some(FileSeen { bytes, size, facts: Facts::of(&stat), links: stat.st_nlink, directories }))
}

/// A directory and those above it.
fn directories(lowest: OwnedFd) -> Result<Vec<Facts>, Errno> {
    let mut all = Vec::new();
    let mut directory = lowest;
    let mut last = None;
    loop {
        let stat = rustix::fs::fstat(directory.as_fd())?;
        // The root is its own parent.
        if last == Some((stat.st_dev, stat.st_ino)) {
            return Ok(all);
        }
        if all.len() == DEPTH {
            return Err(Errno::NAMETOOLONG);
        }
        all.push(Facts::of(&stat));
        last = Some((stat.st_dev, stat.st_ino));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        directory = rustix::fs::openat(&directory, "..", flags, Mode::empty())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_comes_with_what_decides_whether_it_may_be_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".forward");
        std::fs::write(&path, "joe@leaf\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
        let seen = read_file(&path, 100).unwrap().unwrap();
        assert_eq!(seen.bytes, b"joe@leaf\n");
        assert!(seen.is_whole());
        assert_eq!((seen.facts.uid, seen.facts.mode), (rustix::process::geteuid().as_raw(), 0o640));
        assert_eq!(seen.links, 1);
        let depth = folder.path().canonicalize().unwrap().components().count();
        assert_eq!(seen.directories.len(), depth);
        assert_eq!(seen.directories.first().unwrap().mode, 0o711);

        std::fs::hard_link(&path, folder.path().join("second")).unwrap();
        let cut = read_file(&path, 3).unwrap().unwrap();
        assert_eq!((cut.bytes.as_slice(), cut.size, cut.links), (&b"joe"[..], 9, 2));
        assert!(!cut.is_whole());
    }

    #[test]
    fn a_missing_file_is_an_answer_and_a_missing_directory_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_file(&folder.path().join(".forward"), 10).unwrap(), None);
        let far = read_file(&folder.path().join("gone/.forward"), 10).unwrap_err();
        assert!(matches!(far, AgentError::Directory { .. }), "{far}");
    }

    #[test]
    fn links_pipes_and_directories_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::from_raw_mode(0o600)).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        for name in ["link", "pipe", "directory"] {
            let refused = read_file(&at(name), 10).unwrap_err();
            assert!(matches!(refused, AgentError::Unsafe { .. }), "{name}: {refused}");
        }
        assert!(read_file(Path::new("relative/file"), 10).is_err());
        assert!(read_file(Path::new("/"), 10).is_err());
    }
}
