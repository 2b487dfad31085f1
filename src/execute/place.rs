//! Puts a file that a peer sent into the file system.
//!
//! The name was permitted by the session; here it is walked once more by directory handles beneath one of the
//! allowed roots (`openat2` with `RESOLVE_BENEATH` and no symbolic links), so that nobody who may write below a
//! root can lead a file out of it. The file appears whole or not at all: written beside its place, made durable,
//! renamed.

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::spool::{BodyRef, CHUNK, Spool, SpoolError};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The deepest path, in directories; a name that a person gave has far fewer.
const DEPTH: usize = 32;
/// The longest name of one directory or file, in bytes: Linux, NAME_MAX.
const NAME_MAX: usize = 255;

/// Where files of peers may go.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// What `~/` stands for. Setting `public-directory`.
    pub public: PathBuf,
    /// Directories that absolute names may lie in, besides the public one. Setting `receive-below`; default none.
    pub others: Vec<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("{0:?} is no name that a file can be put at")]
    BadName(String),
    #[error("{0:?} lies in none of the directories that peers may write to")]
    Outside(String),
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: String, source: std::io::Error },
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl ToFault for PlaceError {
    fn fault(&self) -> Fault {
        let (whose, retry) = match self {
            PlaceError::BadName(_) | PlaceError::Outside(_) => (Whose::PeerMisbehaved, Retry::Never),
            PlaceError::Io { source, .. } => match Errno::from_io_error(source) {
                // A name that is in the way stays there; want of space or of open files passes.
                Some(
                    Errno::NOENT
                    | Errno::NOTDIR
                    | Errno::ISDIR
                    | Errno::ACCESS
                    | Errno::PERM
                    | Errno::LOOP
                    | Errno::XDEV
                    | Errno::NAMETOOLONG
                    | Errno::ROFS,
                ) => (Whose::Local, Retry::Never),
                _ => (Whose::Local, Retry::Later),
            },
            PlaceError::Spool(error) => return error.fault(),
        };
        let advice = match self {
            PlaceError::Io { .. } => "look at the permissions and the space of the directory",
            _ => "",
        };
        Fault { stage: Stage::Execute, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }
}

/// What is put where.
#[derive(Debug, Clone)]
pub struct Placement {
    /// `~/name` or an absolute path.
    pub to: String,
    /// The permission bits that the sender told; only whether it may be executed is kept.
    pub mode: u32,
    pub make_directories: bool,
    /// Names the file while it is written; the same at every attempt, so that none is left behind.
    pub number: u64,
}

/// Puts a body at its place. Returns the path.
pub async fn place(
    spool: &Spool,
    roots: &Roots,
    placement: Placement,
    body: Option<BodyRef>,
) -> Result<PathBuf, PlaceError> {
    let (root, names) = resolve(roots, &placement.to)?;
    let path = names.iter().fold(root.clone(), |path, name| path.join(name));
    let shown = path.display().to_string();
    let make = placement.make_directories;
    let (mode, number) = (placement.mode, placement.number);
    let (mut begun, mut file) = {
        let shown = shown.clone();
        blocking(&path, move || Begun::new(&root, names, make, mode, number, shown)).await??
    };
    let mut offset = 0;
    while let Some(body) = body
        && offset < body.size
    {
        let piece = spool.body_read(body.id, offset, CHUNK).await?;
        if piece.is_empty() {
            return Err(SpoolError::Corrupt(format!("body {} ends early", body.id.0)).into());
        }
        offset += piece.len() as u64;
        let io = |source| PlaceError::Io { action: "write", path: shown.clone(), source };
        file = blocking(&path, move || file.write_all(&piece).map(|()| file)).await?.map_err(io)?;
    }
    blocking(&path, move || begun.finish(file)).await??;
    Ok(path)
}

/// The root that a name lies in, and the steps from there; at least one.
fn resolve(roots: &Roots, to: &str) -> Result<(PathBuf, Vec<String>), PlaceError> {
    let bad = || PlaceError::BadName(to.chars().take(NAME_MAX).collect());
    let (root, rest) = if let Some(rest) = to.strip_prefix("~/") {
        (&roots.public, rest)
    } else if to.starts_with('/') {
        let below = |root: &&PathBuf| Path::new(to).starts_with(root) && !root.as_os_str().is_empty();
        let all = std::iter::once(&roots.public).chain(&roots.others);
        let root = all.filter(below).max_by_key(|root| root.as_os_str().len());
        let root = root.ok_or_else(|| PlaceError::Outside(to.chars().take(NAME_MAX).collect()))?;
        let rest = Path::new(to).strip_prefix(root).ok().and_then(Path::to_str).ok_or_else(bad)?;
        // `strip_prefix` forgets a slash at the end, which asks for a directory.
        (root, if to.ends_with('/') { "" } else { rest })
    } else {
        return Err(bad());
    };
    let names: Vec<String> = rest.split('/').map(str::to_owned).collect();
    let is_bad = |name: &String| {
        matches!(name.as_str(), "" | "." | "..") || name.len() > NAME_MAX || name.contains(char::is_control)
    };
    if names.len() > DEPTH || names.iter().any(is_bad) {
        return Err(bad());
    }
    Ok((root.clone(), names))
}

/// A file that is being written beside its place; dropped before it is finished, it is removed.
struct Begun {
    directory: OwnedFd,
    temporary: String,
    name: String,
    path: String,
    finished: bool,
}

impl Begun {
    fn new(
        root: &Path,
        mut names: Vec<String>,
        make_directories: bool,
        mode: u32,
        number: u64,
        path: String,
    ) -> Result<(Begun, File), PlaceError> {
        let io = |action| {
            let path = path.clone();
            move |errno: Errno| PlaceError::Io { action, path, source: errno.into() }
        };
        let name = names.pop().ok_or_else(|| PlaceError::BadName(path.clone()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut directory =
            rustix::fs::open(root, flags, Mode::empty()).map_err(io("open the directory of"))?;
        for step in &names {
            let below = match open_below(&directory, step) {
                Err(Errno::NOENT) if make_directories => {
                    match rustix::fs::mkdirat(&directory, step, Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(io("make the directory of")(errno)),
                    }
                    rustix::fs::fsync(&directory).map_err(io("make the directory of"))?;
                    open_below(&directory, step)
                }
                opened => opened,
            };
            directory = below.map_err(io("open the directory of"))?;
        }
        let temporary = format!(".uugate-{number:x}.tmp");
        // One of an attempt that ended in a crash.
        match rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(io("write")(errno)),
        }
        let mode = if mode & 0o111 == 0 { 0o666 } else { 0o777 };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&directory, &temporary, flags, Mode::from_raw_mode(mode))
            .map_err(io("write"))?;
        Ok((Begun { directory, temporary, name, path, finished: false }, File::from(file)))
    }

    fn finish(&mut self, file: File) -> Result<(), PlaceError> {
        let path = self.path.clone();
        let io = |source| PlaceError::Io { action: "write", path, source };
        let renamed = file.sync_all().and_then(|()| {
            rustix::fs::renameat(&self.directory, &self.temporary, &self.directory, &self.name)?;
            self.finished = true;
            Ok(rustix::fs::fsync(&self.directory)?)
        });
        renamed.map_err(io)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.finished
            && let Err(errno) = rustix::fs::unlinkat(&self.directory, &self.temporary, AtFlags::empty())
        {
            tracing::warn!(path = self.path, %errno, "cannot remove a file that was begun");
        }
    }
}

fn open_below(directory: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(directory, name, flags, Mode::empty(), resolve)
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PlaceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| PlaceError::Io {
        action: "write",
        path: path.display().to_string(),
        source: std::io::Error::other(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn roots(folder: &Path) -> Roots {
        Roots { public: folder.join("public"), others: vec![folder.join("other")] }
    }

    #[test]
    fn names_are_resolved_below_a_root_or_refused() {
        let roots = roots(Path::new("/x"));
        let names = |to: &str| resolve(&roots, to).map(|(root, names)| (root, names.join("|"))).ok();
        assert_eq!(names("~/a"), Some(("/x/public".into(), "a".into())));
        assert_eq!(names("~/a/b c"), Some(("/x/public".into(), "a|b c".into())));
        assert_eq!(names("/x/other/a"), Some(("/x/other".into(), "a".into())));
        assert_eq!(names("/x/public/a"), Some(("/x/public".into(), "a".into())));
        let refused = [
            "",
            "~",
            "~/",
            "a",
            "~/../a",
            "~/a/../b",
            "~/a//b",
            "~/./a",
            "~/a/",
            "/x/public",
            "/x/public/",
            "/x/other/../a",
            "/etc/passwd",
            "/x/publicity/a",
            "~/a\nb",
            "~root/a",
            "/x/other/a/",
            "../a",
        ];
        for to in refused {
            assert_eq!(names(to), None, "{to}");
        }
    }

    async fn put(folder: &Path, to: &str, make_directories: bool) -> Result<PathBuf, PlaceError> {
        let spool = Spool::in_memory();
        let placement = Placement { to: to.to_owned(), mode: 0o755, make_directories, number: 7 };
        place(&spool, &roots(folder), placement, None).await
    }

    #[tokio::test]
    async fn a_file_appears_whole_and_executable_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("public");
        std::fs::create_dir(&public).unwrap();
        let refused = put(folder.path(), "~/sub/dir/file", false).await.unwrap_err();
        assert_eq!(refused.fault().retry, Retry::Never);
        // What a crashed attempt has left is in nobody's way.
        std::fs::create_dir_all(public.join("sub/dir")).unwrap();
        std::fs::write(public.join("sub/dir/.uugate-7.tmp"), "half").unwrap();
        std::fs::write(public.join("sub/dir/file"), "older").unwrap();
        let path = put(folder.path(), "~/sub/dir/file", true).await.unwrap();
        assert_eq!(path, public.join("sub/dir/file"));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o100, 0o100);
        put(folder.path(), "~/new/dirs/file", true).await.unwrap();
        assert_eq!(std::fs::read_dir(public.join("sub/dir")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_symbolic_link_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("public");
        std::fs::create_dir(&public).unwrap();
        std::fs::create_dir(folder.path().join("secret")).unwrap();
        std::os::unix::fs::symlink("../secret", public.join("link")).unwrap();
        assert!(put(folder.path(), "~/link/file", true).await.is_err());
        // A link as the last step is replaced, never followed.
        std::fs::write(folder.path().join("secret/mine"), "mine").unwrap();
        std::os::unix::fs::symlink("../secret/mine", public.join("file")).unwrap();
        put(folder.path(), "~/file", true).await.unwrap();
        assert_eq!(std::fs::read(folder.path().join("secret/mine")).unwrap(), b"mine");
        assert_eq!(std::fs::read_dir(folder.path().join("secret")).unwrap().count(), 1);
        // A directory stands there: the file is not put, and nothing is left.
        std::fs::create_dir(public.join("there")).unwrap();
        assert_eq!(put(folder.path(), "~/there", true).await.unwrap_err().fault().retry, Retry::Never);
        let left = std::fs::read_dir(&public).unwrap().filter_map(Result::ok);
        assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
    }
}
