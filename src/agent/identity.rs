//! A process becomes a user, for good; and root gives away what it does not need.

use super::User;
use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::fd::RawFd;

/// What the agent keeps of root's might: to become a user, and to end a child of its own that does not end.
const KEPT: CapabilitySet = CapabilitySet::SETUID.union(CapabilitySet::SETGID).union(CapabilitySet::KILL);

/// Files that a child may have open; it needs a socket, a mailbox and three pipes.
const OPEN_FILES: u64 = 256;
/// Processes and threads that its user may have, all programs counted, while one of ours starts another: a bound for a program
/// that does nothing but fork.
const PROCESSES: u64 = 1024;

/// Gives away what root may do beyond [`KEPT`], for this process and whatever it starts. Without root there is
/// nothing to give.
pub(super) fn lower_root() -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    for capability in CapabilitySet::all().iter() {
        // One that this kernel does not know has been no one's to begin with.
        let held = rustix::thread::capability_is_in_bounding_set(capability).unwrap_or(false);
        if held && !KEPT.contains(capability) {
            rustix::thread::remove_capability_from_bounding_set(capability)?;
        }
    }
    let permitted = rustix::thread::capabilities(None)?.permitted & KEPT;
    let sets = CapabilitySets { effective: permitted, permitted, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)?;
    Ok(())
}

/// Becomes the user, and proves that there is no way back. A process that is the user already stays so.
pub(super) fn become_user(user: &User, groups: &[u32]) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    if Uid::effective().is_root() {
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        let now: BTreeSet<u32> = getgroups()?.into_iter().map(Gid::as_raw).collect();
        let wanted = groups.iter().map(|group| group.as_raw()).collect();
        check(now == wanted, "groups")?;
    }
    let (uids, gids) = (getresuid()?, getresgid()?);
    check([uids.real, uids.effective, uids.saved] == [uid; 3], "user")?;
    check([gids.real, gids.effective, gids.saved] == [gid; 3], "group")?;
    let root = Uid::from_raw(0);
    check(!uid.is_root() && setresuid(root, root, root).is_err(), "way back to root")?;
    let might = rustix::thread::capabilities(None)?;
    check((might.effective | might.permitted).is_empty(), "capabilities")
}

/// Closes what was inherited beside standard input, output and errors: whoever started the agent may have left more open,
/// and a program of a user must not have it. For the start of a process, which has opened nothing itself.
pub(super) fn close_inherited() -> io::Result<()> {
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok();
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?.filter_map(number).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // That of the listing itself is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

/// Settles what a child has of the machine, whatever it becomes later.
pub(super) fn bound() -> io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, OPEN_FILES)?;
    lower(Resource::Nproc, PROCESSES)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    Ok(())
}

/// Keeps other processes of the same user from looking into this one, and it from gaining rights by what it starts.
pub(super) fn close_up(may_gain_rights: bool) -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    if !may_gain_rights {
        rustix::thread::set_no_new_privs(true)?;
    }
    Ok(())
}

fn lower(resource: Resource, to: u64) -> io::Result<()> {
    let now = getrlimit(resource);
    let to = Some(now.maximum.map_or(to, |maximum| maximum.min(to)));
    Ok(setrlimit(resource, Rlimit { current: to, maximum: to })?)
}

fn check(holds: bool, what: &str) -> io::Result<()> {
    if holds {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("cannot become the user: the {what}")))
}
