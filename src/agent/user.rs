//! Who a local user is, by the password file.

use super::AgentError;
use nix::errno::Errno;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The longest name of a user, in bytes: useradd(8).
const NAME_MAX: usize = 32;

/// The largest password file of our own, in bytes.
const FILE_MAX: u64 = 4 << 20;

/// A user of the password file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// As the password file spells it.
    pub name: String,
    pub uid: u32,
    /// The main group.
    pub gid: u32,
    pub home: PathBuf,
}

/// Where users are looked up, and which of them get mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passwd {
    /// Whoever has a lower uid belongs to the system and gets mail by an alias alone; uid 0 always does. Setting
    /// `min-uid`; default 1000, the `UID_MIN` of login.defs(5).
    pub min_uid: u32,
    /// A file in the format of passwd(5) with the mail users, in place of the machine's users. Setting `passwd-file`;
    /// default none.
    pub file: Option<PathBuf>,
}

impl Default for Passwd {
    fn default() -> Self {
        Passwd { min_uid: 1000, file: None }
    }
}

impl Passwd {
    /// The user of that name, else of that name in lower case. None: there is none, or he belongs to the system.
    ///
    /// An error says nothing of the user: it is worth trying again. May wait for the network; not for a worker of
    /// the runtime.
    pub fn look_up(&self, name: &str) -> Result<Option<User>, AgentError> {
        if !is_plain(name) {
            return Ok(None);
        }
        let folded = name.to_ascii_lowercase();
        let mut found = self.find(name)?;
        if found.is_none() && folded != name {
            found = self.find(&folded)?;
        }
        Ok(found.filter(|user| user.uid != 0 && user.uid != u32::MAX && user.uid >= self.min_uid))
    }

    /// The groups that a user is a member of, the main one among them.
    pub fn groups(&self, user: &User) -> Result<Vec<u32>, AgentError> {
        if self.file.is_some() {
            return Ok(vec![user.gid]);
        }
        let name = std::ffi::CString::new(user.name.as_str());
        let name = name.map_err(|error| AgentError::Users(error.into()))?;
        let groups = nix::unistd::getgrouplist(&name, user.gid.into());
        let groups = groups.map_err(|errno| AgentError::Users(errno.into()))?;
        Ok(groups.into_iter().map(|group| group.as_raw()).collect())
    }

    fn find(&self, name: &str) -> Result<Option<User>, AgentError> {
        if let Some(file) = &self.file {
            let text = read_trusted(file).map_err(AgentError::Users)?;
            return Ok(text.lines().filter_map(entry).find(|user| user.name == name));
        }
        match nix::unistd::User::from_name(name) {
            Ok(found) => Ok(found.map(|user| User {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                home: user.dir,
            })),
            // Some sources of users say "nobody of that name" so: getpwnam(3).
            Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
            Err(errno) => Err(AgentError::Users(errno.into())),
        }
    }
}

/// One line of passwd(5).
fn entry(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let (name, _password) = (fields.next()?, fields.next()?);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (_full_name, home) = (fields.next()?, fields.next()?);
    (is_plain(name) && home.starts_with('/')).then(|| User {
        name: name.to_owned(),
        uid,
        gid,
        home: home.into(),
    })
}

/// Whether a name can be one: it will stand in paths and on command lines.
fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(['.', '-'])
}

/// A file that says who is who: only root, or who we are ourselves, may have written it.
fn read_trusted(path: &Path) -> io::Result<String> {
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    let file = File::from(fd);
    let about = file.metadata()?;
    let writers = about.mode() & 0o022;
    let owner_is_trusted = about.uid() == 0 || about.uid() == rustix::process::geteuid().as_raw();
    if !about.is_file() || writers != 0 || !owner_is_trusted {
        let told = format!("{} is not a plain file that root alone may write", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, told));
    }
    if about.len() > FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{}", path.display())));
    }
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn passwd(folder: &Path, text: &str) -> Passwd {
        let file = folder.join("passwd");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        Passwd { file: Some(file), ..Passwd::default() }
    }

    const TEXT: &str = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:\n\
        jan:x:1001:100:Jan,,,:/home/jan:/bin/sh\nbroken:x:one:2:::\n../up:x:1002:100::/home/up:\n\
        toor:x:0:0::/root:\nminus:x:4294967295:100::/home/minus:\n";

    #[test]
    fn a_user_is_found_by_his_name_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let passwd = passwd(folder.path(), TEXT);
        let jan = User { name: "jan".into(), uid: 1001, gid: 100, home: "/home/jan".into() };
        for name in ["jan", "Jan", "JAN"] {
            assert_eq!(passwd.look_up(name).unwrap().as_ref(), Some(&jan));
        }
        assert_eq!(passwd.groups(&jan).unwrap(), [100]);
    }

    #[test]
    fn nobody_of_the_system_and_nobody_with_an_odd_name_is_a_mail_user() {
        let folder = tempfile::tempdir().unwrap();
        let file = passwd(folder.path(), TEXT).file;
        let passwd = Passwd { min_uid: 0, file };
        assert_eq!(passwd.look_up("daemon").unwrap().map(|user| user.uid), Some(1));
        for name in ["root", "toor", "minus", "broken", "../up", "", "-jan", "jan:x", "j\0n", "piet"] {
            assert_eq!(passwd.look_up(name).unwrap(), None, "{name:?}");
        }
        let passwd = Passwd { min_uid: 1000, ..passwd };
        assert_eq!(passwd.look_up("daemon").unwrap(), None);
    }

    #[test]
    fn a_file_that_others_may_write_is_not_believed_and_a_missing_one_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let passwd = passwd(folder.path(), TEXT);
        let file = passwd.file.clone().unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o664)).unwrap();
        assert!(matches!(passwd.look_up("jan"), Err(AgentError::Users(_))));
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(passwd.look_up("jan"), Err(AgentError::Users(_))));
    }

    #[test]
    fn the_users_of_the_machine_are_asked_without_a_file() {
        let machine = Passwd { min_uid: 1, file: None };
        let nobody = machine.look_up("nobody").unwrap().expect("every machine has nobody");
        assert!(machine.groups(&nobody).unwrap().contains(&nobody.gid));
        assert_eq!(machine.look_up("root").unwrap(), None);
    }
}
