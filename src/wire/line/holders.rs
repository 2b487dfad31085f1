//! Which programs have a device open, as far as /proc shows it.
//!
//! Facts: proc_pid_fd(5), which shows us our own processes, and root all of them; proc_pid_cmdline(5), which everybody
//! may read, and in which a getty names its line (agetty(8), mgetty(8)); proc_pid_comm(5).

use super::Holder;
use std::fs;
use std::path::Path;

/// A process, by the name of its program if that may be seen.
pub(super) fn named(pid: i32) -> Holder {
    let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    Holder { pid, program: program.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) }
}

/// Who has this device open, ourselves left out; and the getty that waits on it.
pub fn users_of(device: &Path) -> Vec<Holder> {
    let Ok(resolved) = fs::canonicalize(device) else { return Vec::new() };
    let own = i32::try_from(std::process::id()).ok();
    processes()
        .filter(|pid| Some(*pid) != own && (has_open(*pid, &resolved) || is_getty_of(*pid, &resolved)))
        .map(named)
        .collect()
}

/// The gettys that wait on this device.
pub(super) fn getties_of(device: &Path) -> Vec<Holder> {
    let Ok(resolved) = fs::canonicalize(device) else { return Vec::new() };
    processes().filter(|pid| is_getty_of(*pid, &resolved)).map(named).collect()
}

/// The processes whose program has this name.
pub fn running(program: &str) -> Vec<Holder> {
    processes().map(named).filter(|process| process.program.as_deref() == Some(program)).collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn has_open(pid: i32, device: &Path) -> bool {
    let mut files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.any(|file| fs::read_link(file.path()).is_ok_and(|to| to == device))
}

fn is_getty_of(pid: i32, device: &Path) -> bool {
    let Ok(words) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mut words = words.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let name = device.file_name().map(|name| name.to_string_lossy());
    let is_it = |word: &str| Path::new(word) == device || Some(word) == name.as_deref();
    program.ends_with("getty") && words.any(|word| is_it(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    /// It is killed when this is dropped.
    struct Other(Child);

    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Other {
        fn start(command: &mut Command) -> Other {
            Other(command.spawn().unwrap())
        }

        fn pid(&self) -> i32 {
            i32::try_from(self.0.id()).unwrap()
        }
    }

    #[test]
    fn who_has_a_device_open_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("ttyS7");
        fs::write(&device, "").unwrap();
        let published = folder.path().join("modem");
        std::os::unix::fs::symlink(&device, &published).unwrap();
        assert_eq!(users_of(&published), []);
        let open = Stdio::from(fs::File::open(&device).unwrap());
        let other = Other::start(Command::new("sleep").arg("60").stdin(open));
        let holder = Holder { pid: other.pid(), program: Some("sleep".to_owned()) };
        assert!(users_of(&published).contains(&holder));
        assert!(running("sleep").iter().any(|process| process.pid == other.pid()));
        assert_eq!(users_of(&folder.path().join("none")), []);
    }

    #[test]
    fn a_getty_is_found_by_the_line_that_it_names_though_it_shows_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("ttyS9");
        fs::write(&device, "").unwrap();
        let getty = |line: &str| {
            let mut command = Command::new("sh");
            command.arg0("/sbin/agetty").args(["-c", "read nothing", line]).stdin(Stdio::piped());
            Other::start(&mut command)
        };
        let (this, _another) = (getty("ttyS9"), getty("ttyS8"));
        let found: Vec<i32> = users_of(&device).iter().map(|holder| holder.pid).collect();
        assert_eq!(found, [this.pid()]);
        assert_eq!(getties_of(&device), users_of(&device));
    }
}
