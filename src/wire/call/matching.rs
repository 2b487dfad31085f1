//! Files of the public directory by a pattern. Directories are walked by handles, never along a symbolic link, and only
//! where everybody may look.

use super::public::{BENEATH, passes};
use crate::job::{fits, is_pattern};
use rustix::fs::{Dir, Mode, OFlags, fstat, openat2};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Names that are looked at for one pattern; a public directory has far fewer.
const MOST_NAMES: usize = 10_000;
/// The deepest pattern, in directories.
const DEPTH: usize = 32;
/// The longest pattern, in bytes: every name is tried with all of it.
const LONGEST: usize = 1024;

/// The paths `~/...` that fit a pattern of the same form, at most `most`, in the order of their names. What they lead to
/// is for whoever opens them.
pub fn matching(public: &Path, pattern: &str, most: usize) -> io::Result<Vec<String>> {
    let parts: Vec<&str> =
        pattern.strip_prefix("~/").ok_or(io::ErrorKind::InvalidInput)?.split('/').collect();
    if parts.len() > DEPTH || pattern.len() > LONGEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut walk = Walk { looked_at: 0, most, found: Vec::new() };
    walk.look(&OwnedFd::from(File::open(public)?), "~", &parts)?;
    Ok(walk.found)
}

struct Walk {
    looked_at: usize,
    most: usize,
    found: Vec<String>,
}

impl Walk {
    fn look(&mut self, directory: &OwnedFd, path: &str, parts: &[&str]) -> io::Result<()> {
        let Some((part, deeper)) = parts.split_first() else { return Ok(()) };
        let names = match is_pattern(part) {
            true => self.names(directory, part)?,
            false => vec![(*part).to_owned()],
        };
        for name in names {
            let path = format!("{path}/{name}");
            if deeper.is_empty() {
                if self.found.len() == self.most {
                    return Err(io::Error::other("more files than may wait for one system"));
                }
                self.found.push(path);
                continue;
            }
            match open_directory(directory, &name) {
                Ok(below) => self.look(&below, &path, deeper)?,
                Err(error) if passes(&error) => return Err(error),
                // A file, or nothing that everybody may see.
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn names(&mut self, directory: &OwnedFd, pattern: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory)? {
            self.looked_at += 1;
            if self.looked_at > MOST_NAMES {
                return Err(io::Error::other("more names than are looked at"));
            }
            let entry = entry?;
            let name = entry.file_name().to_str().unwrap_or_default();
            if !matches!(name, "" | "." | "..") && fits(pattern, name) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

fn open_directory(directory: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let below = openat2(directory.as_fd(), name, flags, Mode::empty(), BENEATH)?;
    let for_all = Mode::ROTH | Mode::XOTH;
    if !Mode::from_raw_mode(fstat(&below)?.st_mode).contains(for_all) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_what_lies_below_the_public_directory_and_everybody_may_see_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("public");
        for below in ["in", "out", "closed"] {
            fs::create_dir_all(public.join(below)).unwrap();
            fs::set_permissions(public.join(below), Permissions::from_mode(0o755)).unwrap();
            fs::write(public.join(below).join("b.txt"), "").unwrap();
            fs::write(public.join(below).join("a.txt"), "").unwrap();
        }
        fs::set_permissions(public.join("closed"), Permissions::from_mode(0o711)).unwrap();
        fs::create_dir(folder.path().join("secret")).unwrap();
        fs::write(folder.path().join("secret/c.txt"), "").unwrap();
        symlink("../secret", public.join("link")).unwrap();
        let found = |pattern: &str| matching(&public, pattern, 4).map_err(|error| error.to_string());
        let paths = |paths: &[&str]| Ok(paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        assert_eq!(found("~/in/*.txt"), paths(&["~/in/a.txt", "~/in/b.txt"]));
        assert_eq!(found("~/*/a.txt"), paths(&["~/in/a.txt", "~/out/a.txt"]));
        assert_eq!(found("~/[io]*/?.txt").unwrap().len(), 4);
        assert_eq!(found("~/link/*"), paths(&[]));
        assert_eq!(found("~/none/*"), paths(&[]));
        assert_eq!(found("~/in"), paths(&["~/in"]));
        assert!(found("/etc/*").is_err());
        fs::write(public.join("out/c.txt"), "").unwrap();
        assert!(found("~/*/*.txt").unwrap_err().contains("may wait"));
        assert!(matching(&public, &format!("~{}", "/*".repeat(40)), 4).is_err());
        assert!(matching(&public, &format!("~/{}", "*a".repeat(10_000)), 4).is_err());
    }
}
