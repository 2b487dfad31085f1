//! The gate: one process has a spool open. And who a process is, so that another can tell whether it still lives.

use super::super::SpoolError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// Takes the gate, or says whose it is. It is held as long as the file is open.
pub fn take(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join("gate");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.take(20).read_to_string(&mut holder)?;
            return Err(SpoolError::Conflict(format!(
                "the spool {} is open in process {}",
                directory.display(),
                holder.trim()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// What tells a process apart from every other: a pid alone is soon given to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub boot: String,
    pub pid: u32,
    /// In clock ticks since the boot (proc(5), field 22 of `/proc/PID/stat`).
    pub start: i64,
}

impl Owner {
    /// This process.
    pub fn own() -> Owner {
        let pid = std::process::id();
        Owner { boot: boot_id(), pid, start: start_of(pid).unwrap_or_default() }
    }

    pub fn lives(&self) -> bool {
        self.boot == boot_id() && start_of(self.pid) == Some(self.start)
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn start_of(pid: u32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold anything; the fields after it are counted from 3.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    // A zombie works no more: it is dead, and its parent has not looked yet.
    let state = fields.next().filter(|state| !matches!(*state, "Z" | "X"));
    state.and_then(|_| fields.nth(22 - 4)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_the_gate() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path()).unwrap();
        let refused = take(folder.path());
        let pid = std::process::id().to_string();
        assert!(matches!(refused, Err(SpoolError::Conflict(text)) if text.ends_with(&pid)));
        drop(held);
        assert!(take(folder.path()).is_ok());
    }

    #[test]
    fn a_process_that_has_ended_is_gone_even_before_its_parent_looks() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let start = start_of(child.id()).expect("it runs");
        let owner = Owner { boot: boot_id(), pid: child.id(), start };
        assert!(owner.lives());
        child.kill().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), ended).unwrap();
        assert!(!owner.lives(), "a zombie");
        child.wait().unwrap();
        assert!(!owner.lives());
    }

    #[test]
    fn a_process_is_known_by_more_than_its_pid() {
        let own = Owner::own();
        assert!(own.lives());
        assert!(!Owner { start: own.start + 1, ..own.clone() }.lives());
        assert!(!Owner { boot: "another".to_owned(), ..own }.lives());
    }
}
