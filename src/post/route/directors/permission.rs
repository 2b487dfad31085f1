//! Whom a file of addresses may speak for: judged by its owner, its mode, and the directories that lead to it.
//!
//! | file | who may own it | more |
//! | --- | --- | --- |
//! | `~/.forward`, `Forward to`, what they include | the user, root | each directory on the way belongs to root, the user or us |
//! | alias files, lists, what they include | anybody | |
//!
//! None may be writable by others (the HOWTO's `modemask=002`), or have a second name (a hard link). A directory on the way that
//! others may write must be sticky, and may then hold no file whose owner is nobody's business. Programs and files are named by a
//! [trusted](Trust::Full) file alone: one that belongs to the user, root or us, that its group cannot write either, in directories
//! of the same kind, none of them known as unsafe.

use super::{Reader, Settings};
use std::path::Path;

/// Others may write: the HOWTO's `modemask=002`.
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
/// Names in the directory may be taken away by their owners alone.
const STICKY: u32 = 0o1000;
/// The superuser.
const ROOT: u32 = 0;

/// What was seen of a file and of the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What is in it, or as much of it as was asked for.
    pub bytes: Vec<u8>,
    /// All of it is in `bytes`.
    pub whole: bool,
    /// The uid of its owner.
    pub owner: u32,
    /// Permission bits.
    pub mode: u32,
    /// How many names it has.
    pub links: u64,
    /// The directory that holds it, and those above, up to `/`.
    pub directories: Vec<Directory>,
}

/// A directory on the way to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directory {
    pub owner: u32,
    pub mode: u32,
}

/// What the entries of a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Addresses, and further files of them.
    Addresses,
    /// Programs and files too, as far as the configuration allows them.
    Full,
}

/// Why a file is not read for addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    #[error("others may write it; take that away with chmod o-w")]
    OthersWrite,
    #[error("it belongs to uid {0}, not to the user or root")]
    Owner(u32),
    #[error("it has {0} names (hard links)")]
    Links(u64),
    #[error("others may write its directory, or one above that; take that away with chmod o-w")]
    Directory,
    #[error("its directory, or one above that, belongs to uid {0}, not to the user or root")]
    DirectoryOwner(u32),
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
}

/// Judges a file that was read for `reader` at `path`.
pub fn judge(seen: &Seen, path: &Path, reader: &Reader, settings: &Settings) -> Result<Trust, Unsafe> {
    if seen.mode & OTHERS_WRITE != 0 {
        return Err(Unsafe::OthersWrite);
    }
    if seen.links > 1 {
        return Err(Unsafe::Links(seen.links));
    }
    let user = match reader {
        Reader::Site => None,
        Reader::User(user) => Some(user.uid),
    };
    if user.is_some_and(|user| ![user, ROOT].contains(&seen.owner)) {
        return Err(Unsafe::Owner(seen.owner));
    }
    let is_ours = |owner: u32| owner == ROOT || owner == settings.own_uid || user == Some(owner);
    let mut full = is_ours(seen.owner) && seen.mode & GROUP_WRITE == 0;
    for (number, directory) in seen.directories.iter().enumerate() {
        // In a sticky directory nobody takes another's file away, but anybody may be the first to put one there: that does for
        // a mailbox in a spool of old times, whose owner is looked at.
        let (is_sticky, is_above) = (directory.mode & STICKY != 0, number > 0);
        if directory.mode & OTHERS_WRITE != 0 && !(is_sticky && (is_above || user.is_some())) {
            return Err(Unsafe::Directory);
        }
        if user.is_some() && !is_ours(directory.owner) {
            return Err(Unsafe::DirectoryOwner(directory.owner));
        }
        full &= is_ours(directory.owner)
            && (directory.mode & (GROUP_WRITE | OTHERS_WRITE) == 0 || is_sticky && is_above);
    }
    full &= !settings.unsafe_directories.iter().any(|unsafe_one| path.starts_with(unsafe_one));
    // Nobody runs a program as root because a file says so.
    full &= user != Some(ROOT);
    Ok(if full { Trust::Full } else { Trust::Addresses })
}

#[cfg(test)]
mod tests {
    use super::super::User;
    use super::*;

    /// Owner and mode of the file, those of its directories, and what is to be thought of it.
    type Case = ((u32, u32), [(u32, u32); 3], Result<Trust, Unsafe>);

    const BOB: u32 = 1001;
    const EVE: u32 = 1002;
    const OURS: u32 = 7;

    fn user(uid: u32) -> Reader {
        let home = Some("/home/bob".into());
        Reader::User(User { name: "bob".to_owned(), uid, home, mailbox: "/var/mail/bob".into() })
    }

    /// A file and its directories, each as (owner, mode): `/`, `/home`, `/home/bob`.
    fn seen(file: (u32, u32), directories: [(u32, u32); 3]) -> Seen {
        let directories = directories.iter().rev().map(|&(owner, mode)| Directory { owner, mode });
        let (bytes, directories) = (Vec::new(), directories.collect());
        Seen { bytes, whole: true, owner: file.0, mode: file.1, links: 1, directories }
    }

    const USUAL: [(u32, u32); 3] = [(ROOT, 0o755), (ROOT, 0o755), (BOB, 0o755)];

    fn judged(seen: &Seen, reader: &Reader) -> Result<Trust, Unsafe> {
        let settings = Settings { own_uid: OURS, ..Settings::default() };
        judge(seen, Path::new("/home/bob/.forward"), reader, &settings)
    }

    #[test]
    fn a_file_of_a_user() {
        let cases: [Case; 14] = [
            ((BOB, 0o644), USUAL, Ok(Trust::Full)),
            ((BOB, 0o600), USUAL, Ok(Trust::Full)),
            ((ROOT, 0o644), USUAL, Ok(Trust::Full)),
            ((BOB, 0o664), USUAL, Ok(Trust::Addresses)),
            ((BOB, 0o646), USUAL, Err(Unsafe::OthersWrite)),
            ((BOB, 0o666), USUAL, Err(Unsafe::OthersWrite)),
            ((EVE, 0o644), USUAL, Err(Unsafe::Owner(EVE))),
            ((OURS, 0o644), USUAL, Err(Unsafe::Owner(OURS))),
            ((BOB, 0o644), [USUAL[0], USUAL[1], (BOB, 0o777)], Err(Unsafe::Directory)),
            ((BOB, 0o644), [USUAL[0], USUAL[1], (BOB, 0o1777)], Ok(Trust::Addresses)),
            ((BOB, 0o644), [USUAL[0], (ROOT, 0o777), USUAL[2]], Err(Unsafe::Directory)),
            ((BOB, 0o644), [USUAL[0], (ROOT, 0o1777), USUAL[2]], Ok(Trust::Full)),
            ((BOB, 0o644), [USUAL[0], USUAL[1], (BOB, 0o775)], Ok(Trust::Addresses)),
            ((BOB, 0o644), [USUAL[0], USUAL[1], (EVE, 0o755)], Err(Unsafe::DirectoryOwner(EVE))),
        ];
        for (file, directories, expected) in cases {
            assert_eq!(judged(&seen(file, directories), &user(BOB)), expected, "{file:?} {directories:?}");
        }
        let linked = Seen { links: 2, ..seen((BOB, 0o644), USUAL) };
        assert_eq!(judged(&linked, &user(BOB)), Err(Unsafe::Links(2)));
        let root = seen((ROOT, 0o644), [USUAL[0], USUAL[1], (ROOT, 0o755)]);
        assert_eq!(judged(&root, &user(ROOT)), Ok(Trust::Addresses), "nothing is run as root");
    }

    #[test]
    fn a_file_of_the_site() {
        let cases: [Case; 7] = [
            ((ROOT, 0o644), [(ROOT, 0o755); 3], Ok(Trust::Full)),
            ((OURS, 0o600), [(ROOT, 0o755), (ROOT, 0o755), (OURS, 0o750)], Ok(Trust::Full)),
            ((BOB, 0o644), USUAL, Ok(Trust::Addresses)),
            ((ROOT, 0o664), [(ROOT, 0o755); 3], Ok(Trust::Addresses)),
            ((ROOT, 0o646), [(ROOT, 0o755); 3], Err(Unsafe::OthersWrite)),
            ((ROOT, 0o644), [(ROOT, 0o755), (ROOT, 0o755), (ROOT, 0o1777)], Err(Unsafe::Directory)),
            ((ROOT, 0o644), USUAL, Ok(Trust::Addresses)),
        ];
        for (file, directories, expected) in cases {
            assert_eq!(judged(&seen(file, directories), &Reader::Site), expected, "{file:?} {directories:?}");
        }
    }

    #[test]
    fn an_unsafe_directory_takes_the_trust_away() {
        for unsafe_one in ["/home", "/home/bob"] {
            let settings = Settings { unsafe_directories: vec![unsafe_one.into()], ..Settings::default() };
            let seen = seen((BOB, 0o644), USUAL);
            let trust = judge(&seen, Path::new("/home/bob/.forward"), &user(BOB), &settings);
            assert_eq!(trust, Ok(Trust::Addresses));
        }
    }
}
