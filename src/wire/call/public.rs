//! Files of the public directory, for peers that fetch them.

use crate::job::Digest;
use crate::spool::{Blocks, CHUNK};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// How names of peers are walked: below a directory, and along no link.
pub const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// A file that a peer reads.
#[derive(Debug)]
pub struct PublicFile {
    file: File,
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
}

impl PublicFile {
    /// Opens `~/path`. Nothing outside of `public` can be reached, whatever links lie about; and only what everybody may
    /// read is given away.
    pub fn open(public: &Path, path: &str) -> io::Result<PublicFile> {
        let below = path.strip_prefix("~/").ok_or(io::ErrorKind::InvalidInput)?;
        let directory = File::open(public)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = File::from(openat2(&directory, below, flags, Mode::empty(), BENEATH)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.mode() & 0o004 == 0 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(PublicFile { file, size: metadata.size(), mode: metadata.mode() & 0o777 })
    }

    /// At most `limit` bytes; none at the end, which is where the file ended when it was opened. One that has become
    /// shorter since is not taken for whole.
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; limit.min(left)];
        let count = self.file.read_at(&mut bytes, offset)?;
        if count == 0 && left > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was sent"));
        }
        bytes.truncate(count);
        Ok(bytes)
    }

    /// The digest of it as it is now. It is read for that, which may take long.
    pub fn digest(&self) -> io::Result<Digest> {
        let mut blocks = Blocks::default();
        let mut offset = 0;
        while offset < self.size {
            let bytes = self.read(offset, CHUNK)?;
            blocks.push(&bytes);
            offset += bytes.len() as u64;
        }
        Ok(Digest::of(blocks.whole()))
    }
}

/// Whether a file that could not be opened may be had later: something is short here, and nothing wrong with its name.
pub fn passes(error: &io::Error) -> bool {
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO, Errno::AGAIN, Errno::INTR];
    Errno::from_io_error(error).is_some_and(|errno| short.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_public_files_are_given_away() {
        let directory = tempfile::tempdir().unwrap();
        let public = directory.path().join("public");
        std::fs::create_dir(&public).unwrap();
        std::fs::write(directory.path().join("secret"), "secret").unwrap();
        for (name, mode) in [("open", 0o644), ("closed", 0o600)] {
            std::fs::write(public.join(name), name).unwrap();
            std::fs::set_permissions(public.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("../secret", public.join("link")).unwrap();
        symlink("..", public.join("up")).unwrap();
        let file = PublicFile::open(&public, "~/open").unwrap();
        assert_eq!((file.size, file.mode), (4, 0o644));
        assert_eq!(file.read(1, 100).unwrap(), b"pen");
        assert_eq!(file.read(4, 100).unwrap(), b"");
        for name in ["~/closed", "~/link", "~/up/secret", "~/../secret", "~/", "/etc/passwd", "~/none"] {
            let refused = PublicFile::open(&public, name).unwrap_err();
            assert!(!passes(&refused), "{name}");
        }
    }

    #[test]
    fn a_file_is_given_as_long_as_it_was_when_it_was_opened_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "12345").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let file = PublicFile::open(directory.path(), "~/log").unwrap();
        std::fs::write(&path, "1234567").unwrap();
        assert_eq!((file.read(0, 100).unwrap(), file.read(5, 100).unwrap()), (b"12345".to_vec(), vec![]));
        std::fs::write(&path, "12").unwrap();
        assert_eq!(file.read(0, 100).unwrap(), b"12");
        assert!(file.read(2, 100).is_err());
    }
}
