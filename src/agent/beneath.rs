//! The directory of a mailbox.

use super::AgentError;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::os::fd::OwnedFd;
use std::path::Path;

/// How a directory is opened.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the directory that a path lies in, and gives the name in it. Links on the way are those of the operator.
pub(super) fn directory_of(path: &Path) -> Result<(OwnedFd, &str), AgentError> {
    let (parent, name) = split(path)?;
    let failed =
        |errno: rustix::io::Errno| AgentError::Directory { path: path.to_owned(), source: errno.into() };
    Ok((rustix::fs::open(parent, FLAGS, Mode::empty()).map_err(failed)?, name))
}

/// The same below `place`, where others may write too: no link on the way is followed, and nothing leads out of it.
pub(super) fn directory_beneath<'a>(place: &Path, path: &'a Path) -> Result<(OwnedFd, &'a str), AgentError> {
    let (parent, name) = split(path)?;
    let failed =
        |errno: rustix::io::Errno| AgentError::Directory { path: path.to_owned(), source: errno.into() };
    // A place may be a single file: then its directory is the operator's choice.
    let place = if place == path { parent } else { place };
    let below = parent.strip_prefix(place).map_err(|_| AgentError::BadPath(path.to_owned()))?;
    let root = rustix::fs::open(place, FLAGS, Mode::empty()).map_err(failed)?;
    if below.as_os_str().is_empty() {
        return Ok((root, name));
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok((rustix::fs::openat2(&root, below, FLAGS, Mode::empty(), resolve).map_err(failed)?, name))
}

fn split(path: &Path) -> Result<(&Path, &str), AgentError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| AgentError::BadPath(path.to_owned()))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok((parent, name)),
        _ => Ok((Path::new("."), name)),
    }
}
