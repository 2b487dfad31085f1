//! The child: a process that has become the user, and answers the daemon in one session.
//!
//! Its standard input is the daemon's connection. The [`Orders`] come from the agent and are believed; what the daemon
//! asks is held against the permit in them.

use super::message::{Answer, Begun, Kind, Request};
use super::program::Invocation;
use super::wire::Wire;
use super::{AgentError, Permit, Task, beneath, identity, read_file};
use crate::clock;
use crate::fault::ToFault;
use crate::frames;
use crate::mailbox::{Appended, Create, Mailbox, Recovered};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What the agent tells a child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) permit: Permit,
    /// All groups that the child is to have.
    pub(super) groups: Vec<u32>,
    pub(super) kind: Kind,
}

/// The most bytes that are read of a file, and of a file's beginning, in bytes.
const READ_MAX: usize = 1 << 20;

/// Becomes the user and serves one session. An error is for the log of the agent; the daemon has been told its own.
pub fn serve(orders: &str) -> io::Result<()> {
    identity::close_inherited()?;
    let orders: Orders = serde_json::from_str(orders).map_err(io::Error::other)?;
    let may_gain_rights = orders.kind == Kind::Program && orders.permit.lda_set_id;
    identity::bound()?;
    identity::become_user(&orders.permit.user, &orders.groups)?;
    identity::close_up(may_gain_rights)?;
    if std::env::set_current_dir(&orders.permit.user.home).is_err() {
        std::env::set_current_dir("/")?;
    }
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut session = Session { wire: Wire::new(stream)?, orders, open: None };
    while session.step()? {}
    Ok(())
}

struct Session {
    wire: Wire,
    orders: Orders,
    /// What was opened to be appended to.
    open: Option<Mailbox>,
}

impl Session {
    /// One request; false: there is no more.
    fn step(&mut self) -> io::Result<bool> {
        let Some(request) = self.wire.message::<Request>(frames::LONGEST_MESSAGE)? else { return Ok(false) };
        let kind = match &request {
            Request::Run(_) => Kind::Program,
            Request::Read { .. } => Kind::Files,
            _ => self.orders.kind,
        };
        if kind != self.orders.kind || (kind == Kind::Program && !matches!(request, Request::Run(_))) {
            return Err(io::Error::other("a request that this session is not for"));
        }
        match request {
            Request::Read { path, limit } => self.read(&path, limit.min(READ_MAX))?,
            Request::Open { path } => {
                let answer = match self.open(&path, Create::Yes) {
                    Ok(mailbox) => self.hold(mailbox),
                    Err(error) => Err(error),
                };
                self.answer(answer)?;
            }
            Request::Append => {
                let body = self.wire.body(self.orders.permit.longest)?;
                let mut mailbox = self.open.take().ok_or_else(|| io::Error::other("nothing is open"))?;
                let answer = mailbox.append(&body).map(|()| Answer::Appended).map_err(AgentError::from);
                // Free before it is told: the next session may want it at once.
                drop(mailbox);
                self.answer(answer)?;
            }
            Request::Recover(begun) => {
                let body = self.wire.body(self.orders.permit.longest)?;
                let answer = self.recover(&begun, &body);
                self.answer(answer)?;
            }
            Request::Run(task) => self.run(&task)?,
        }
        Ok(true)
    }

    fn read(&mut self, path: &Path, limit: usize) -> io::Result<()> {
        let seen = self.orders.permit.check_read(path).and_then(|()| read_file(path, limit));
        match seen {
            Ok(Some(seen)) => {
                let (size, facts, links, directories) = (seen.size, seen.facts, seen.links, seen.directories);
                self.wire.send(&Answer::Seen { size, facts, links, directories })?;
                self.wire.send_body(&seen.bytes)
            }
            Ok(None) => self.wire.send(&Answer::Nothing),
            Err(error) => self.answer(Err(error)),
        }
    }

    fn open(&self, path: &Path, create: Create) -> Result<Option<Mailbox>, AgentError> {
        let permit = &self.orders.permit;
        let (directory, name) = if self.orders.kind == Kind::Files {
            beneath::directory_beneath(permit.place_of(path)?, path)?
        } else if path == permit.mailbox {
            beneath::directory_of(path)?
        } else {
            let (user, path) = (permit.user.name.clone(), path.to_owned());
            return Err(AgentError::Forbidden { user, path, setting: "mailbox" });
        };
        Ok(Mailbox::lock(directory, name, permit.user.uid, create, clock::wall())?)
    }

    fn hold(&mut self, mailbox: Option<Mailbox>) -> Result<Answer, AgentError> {
        let Some(mailbox) = mailbox else { return Ok(Answer::Nothing) };
        let place = mailbox.place()?;
        self.open = Some(mailbox);
        let separator = String::from_utf8_lossy(place.separator).into_owned();
        Ok(Answer::Place { device: place.device, inode: place.inode, length: place.length, separator })
    }

    fn recover(&self, begun: &Begun, body: &[u8]) -> Result<Answer, AgentError> {
        let Some(mut mailbox) = self.open(&begun.path, Create::No)? else { return Ok(Answer::Nothing) };
        let recovered = mailbox.recover(&Appended {
            device: begun.device,
            inode: begun.inode,
            at: begun.at,
            bytes: begun.bytes_are_known.then_some(body),
            length: begun.length,
            digest: begun.digest,
            ids: &begun.ids,
        })?;
        Ok(match recovered {
            Recovered::Whole => Answer::Whole,
            Recovered::Cut => Answer::Cut,
            Recovered::Found(ids) => Answer::Found(ids),
        })
    }

    fn run(&mut self, task: &Task) -> io::Result<()> {
        if !matches!(task.program, super::Program::Lda) {
            // Only the operator's own choice may gain rights, never what an address names.
            rustix::thread::set_no_new_privs(true)?;
        }
        let wire = &mut self.wire;
        let ended = match Invocation::new(&self.orders.permit, task) {
            Ok(invocation) => invocation.run(|| wire.piece()),
            Err(error) => {
                while wire.piece()?.is_some() {}
                Err(error)
            }
        };
        self.answer(ended.map(Answer::Ended))
    }

    fn answer(&mut self, answer: Result<Answer, AgentError>) -> io::Result<()> {
        let answer = answer.unwrap_or_else(|error| match &error {
            AgentError::Mailbox(mailbox) if mailbox.is_passing() => Answer::Busy(error.fault()),
            _ => Answer::Refused(error.fault()),
        });
        self.wire.send(&answer)
    }
}
