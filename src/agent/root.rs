//! The agent itself: root, one thread, no network, no spool.
//!
//! It reads one small message of each connection, whom it is for and what kind of work, looks the user up by its own
//! rules, and gives the connection to a child that becomes that user. It waits for its children, kills what does not end,
//! and knows nothing of what is said between them and the daemon.

use super::child::Orders;
use super::message::{Answer, Kind, LONGEST_OPENING, Opening};
use super::wire::Wire;
use super::{AgentError, Rules, User, identity};
use crate::clock;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Children at once; the daemon works on 64 groups of deliveries at most.
const CHILDREN: usize = 128;
/// Children at once of one user, who may stop his own.
const CHILDREN_OF_ONE: usize = 8;
/// How much longer than one program a session may last before it is killed.
const SLACK: Duration = Duration::from_secs(300);
/// How long a connection may take to say whom it is for. All others wait meanwhile, and all come from one daemon.
const OPENING: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error("cannot listen at {}: {source}", socket.display())]
    Listen { socket: PathBuf, source: io::Error },
    #[error("cannot give away what root needs no more: {0}")]
    Lower(io::Error),
    #[error("cannot wait for connections: {0}")]
    Wait(io::Error),
}

impl ToFault for RootError {
    fn fault(&self) -> Fault {
        let advice = match self {
            RootError::Listen { .. } => "see whether another agent runs, and who may write to that directory",
            RootError::Lower(_) => "start it as root, by its service",
            RootError::Wait(_) => "",
        };
        Fault {
            stage: Stage::Deliver,
            whose: Whose::Local,
            retry: Retry::Later,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}

/// Serves the daemon that runs as `node_uid`, until the process is ended.
pub fn serve(socket: &Path, node_uid: u32, rules: Rules) -> Result<(), RootError> {
    let failed = |source| RootError::Listen { socket: socket.to_owned(), source };
    identity::lower_root().map_err(RootError::Lower)?;
    let listener = listen(socket).map_err(failed)?;
    tracing::info!(socket = %socket.display(), node_uid, "the agent is ready");
    let mut root = Root { listener, node_uid, rules, children: Vec::new() };
    loop {
        root.turn().map_err(RootError::Wait)?;
    }
}

/// Listens where nobody but who we are may put a socket. One that lies there is taken away if nobody answers.
fn listen(socket: &Path) -> io::Result<UnixListener> {
    let directory = socket.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let about = fs::metadata(directory)?;
    if about.uid() != rustix::process::geteuid().as_raw() || about.mode() & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write to its directory"));
    }
    if fs::symlink_metadata(socket).is_ok_and(|about| about.file_type().is_socket()) {
        if UnixStream::connect(socket).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        fs::remove_file(socket)?;
    }
    // Everybody may connect, and is let go at once who is not the node.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o111));
    let listener = UnixListener::bind(socket);
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

struct Root {
    listener: UnixListener,
    node_uid: u32,
    rules: Rules,
    children: Vec<Working>,
}

/// A child at work.
struct Working {
    child: Child,
    pid: Pid,
    uid: u32,
    /// Readable when it has ended.
    ended: OwnedFd,
    until: Instant,
}

impl Root {
    /// Waits for a connection, the end of a child or of its time, and sees to it.
    fn turn(&mut self) -> io::Result<()> {
        let now = clock::now();
        let next = self.children.iter().map(|child| child.until.saturating_duration_since(now)).min();
        let next = next.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        let mut waited = vec![PollFd::new(&self.listener, PollFlags::IN)];
        waited.extend(self.children.iter().map(|child| PollFd::new(&child.ended, PollFlags::IN)));
        match poll(&mut waited, next.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready: Vec<bool> = waited.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(waited);
        self.reap(ready.get(1..).unwrap_or_default());
        if ready.first() == Some(&true) {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Too many open files or the like: a child that ends makes room.
                Err(error) => tracing::warn!(%error, "a connection cannot be taken"),
            }
        }
        Ok(())
    }

    fn reap(&mut self, ended: &[bool]) {
        let now = clock::now();
        let mut ended = ended.iter();
        self.children.retain_mut(|working| {
            let has_ended = ended.next() == Some(&true);
            if !has_ended && working.until > now {
                return true;
            }
            // Before its status is taken: until then nobody else can have its number.
            match kill_process_group(working.pid, Signal::KILL) {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(errno) => tracing::warn!(uid = working.uid, %errno, "a child cannot be killed"),
            }
            if !has_ended {
                tracing::warn!(uid = working.uid, pid = %working.pid, "a child took too long and was killed");
                working.until = now + SLACK;
                return true;
            }
            match working.child.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::warn!(uid = working.uid, %status, "a child did not end well"),
                Err(error) => tracing::warn!(uid = working.uid, %error, "a child is lost"),
            }
            false
        });
    }

    /// Takes a connection of the node, and gives it to a child.
    fn admit(&mut self, stream: UnixStream) {
        let asker = match rustix::net::sockopt::socket_peercred(&stream) {
            Ok(peer) => peer.uid.as_raw(),
            Err(errno) => return tracing::warn!(%errno, "a connection without credentials"),
        };
        if asker != self.node_uid {
            return tracing::warn!(uid = asker, "somebody else than the node asks, and is let go");
        }
        let opened = stream.set_nonblocking(false).and_then(|()| {
            let mut wire = Wire::within(stream, OPENING)?;
            Ok((wire.message::<Opening>(LONGEST_OPENING)?, wire))
        });
        let (opening, mut wire) = match opened {
            Ok((Some(opening), wire)) => (opening, wire),
            Ok((None, _)) => return,
            Err(error) => return tracing::warn!(%error, "a connection did not say whom it is for"),
        };
        let begun = self.orders(&opening).and_then(|orders| self.spawn(&orders, &mut wire));
        match begun {
            Ok(working) => self.children.push(working),
            Err(error) => {
                tracing::warn!(user = %opening.user.escape_default(), %error, "no session");
                // Whoever asked sees the end of the connection otherwise.
                let _ = wire.send(&Answer::Refused(error.fault()));
            }
        }
    }

    fn orders(&self, opening: &Opening) -> Result<Orders, AgentError> {
        let nobody = || AgentError::NoUser { user: opening.user.clone() };
        let passwd = self.rules.passwd.as_ref().ok_or_else(nobody)?;
        let user = passwd.look_up(&opening.user)?.ok_or_else(nobody)?;
        let of_one = self.children.iter().filter(|child| child.uid == user.uid).count();
        if self.children.len() >= CHILDREN || of_one >= CHILDREN_OF_ONE {
            return Err(AgentError::TooMany { user: user.name });
        }
        let groups = self.groups(&user, opening.kind)?;
        Ok(Orders { permit: self.rules.permit(user), groups, kind: opening.kind })
    }

    fn groups(&self, user: &User, kind: Kind) -> Result<Vec<u32>, AgentError> {
        let passwd = self.rules.passwd.clone().unwrap_or_default();
        let mut groups = passwd.groups(user)?;
        groups.extend(self.rules.mailbox_group.filter(|_| kind == Kind::Mailbox));
        Ok(groups)
    }

    fn spawn(&self, orders: &Orders, wire: &mut Wire) -> Result<Working, AgentError> {
        let failed = |source| AgentError::Program { program: "our own child".to_owned(), source };
        let text = serde_json::to_string(orders).map_err(|error| failed(io::Error::other(error)))?;
        let connection = wire.share().map_err(failed)?;
        // The program that this process runs, even if another version has been put in its place since.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("uugate")
            .args(["agent-child", "--", &text])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(connection))
            .stdout(Stdio::null())
            .process_group(0);
        let child = command.spawn().map_err(failed)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| failed(errno.into()))?;
        let until = clock::now() + self.rules.program_time + SLACK;
        Ok(Working { child, pid, uid: orders.permit.user.uid, ended, until })
    }
}
