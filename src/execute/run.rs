//! Sees to the executions that are due.

use super::builtin::{BuiltIn, builtin};
use super::place::{self, Placement, Roots};
use super::{rmail, rsmtp, whom};
use crate::clock;
use crate::fault::{Fault, Retry, ToFault};
use crate::job::{Execute, Notify, SystemName};
use crate::post::queue::Door;
use crate::post::queue::retry::{self, Next};
use crate::spool::{BodyRef, Content, Execution, NewMessage, NewNotice, Outcome, Spool, SpoolError, Task};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many executions are claimed at a time.
const CLAIM: usize = 16;
/// How long the work on one may take before it is given to somebody else.
const LEASE: Duration = Duration::from_secs(600);
/// The longest rest: hints that work has come may be missed.
const REST: Duration = Duration::from_secs(30);
/// After the spool refused, how long until it is asked again.
const REFUSED: Duration = Duration::from_secs(5);

/// What is allowed and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our own name: what our own users ask of it is theirs.
    pub node: SystemName,
    pub roots: Roots,
}

/// Carries out executions; there is one in a process.
#[derive(Debug, Clone)]
pub struct Executor {
    door: Door,
    settings: Settings,
    /// A handle of its own, for its view of what has changed.
    spool: Spool,
}

/// What came of an execution, short of its claim.
pub(super) enum Ended {
    Done { messages: Vec<NewMessage>, note: String },
    Later(Fault),
    Refused { reason: String, notices: Vec<NewNotice> },
}

impl Executor {
    pub fn new(door: Door, settings: Settings) -> Executor {
        let spool = door.spool().clone();
        Executor { door, settings, spool }
    }

    /// Works until `stop` becomes true (or its sender is gone); what was begun then is finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let rest = match self.pass().await {
                Ok(0) => REST,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "executions cannot be worked on now");
                    REFUSED
                }
            };
            tokio::select! {
                () = self.spool.changed() => {}
                () = clock::sleep(rest) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
    }

    /// Some of what is due now, each in a task of its own. Returns how many there were.
    pub async fn pass(&self) -> Result<usize, SpoolError> {
        let executions = self.spool.claim_executions(clock::wall(), CLAIM, LEASE).await?;
        let count = executions.len();
        let mut tasks = JoinSet::new();
        for execution in executions {
            let executor = self.clone();
            tasks.spawn(async move { executor.carry_out(execution).await });
        }
        let mut outcome = Ok(count);
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => outcome = Err(error),
                Err(error) => tracing::error!(%error, "an execution was broken off"),
            }
        }
        outcome
    }

    async fn carry_out(&self, execution: Execution) -> Result<(), SpoolError> {
        let Execution { claim, peer, task, body, received, .. } = &execution;
        let (body, received) = (*body, *received);
        let ended = match task {
            Task::Run(execute) => self.command(peer, execute, body, received).await,
            Task::Place { to, mode, make_directories, notify, user, fetched } => {
                let (to, mode, make_directories) = (to.clone(), *mode, *make_directories);
                let placement = Placement { to, mode, make_directories, number: claim.id };
                let at = self.home_of_user(peer, *fetched);
                self.file(peer, placement, notify.as_deref(), user, at, body).await
            }
        };
        self.settle(execution, ended).await
    }

    pub(super) async fn settle(&self, execution: Execution, ended: Ended) -> Result<(), SpoolError> {
        let Execution { claim, peer, task, received, attempts, .. } = execution;
        let now = clock::wall();
        let outcome = match ended {
            Ended::Done { messages, note } => {
                tracing::info!(%peer, note, "executed");
                Outcome::Executed { execution: claim, messages, note }
            }
            Ended::Later(fault) => match retry::next(received, attempts, now) {
                Next::Again { at } => {
                    tracing::warn!(%peer, %fault, "an execution is put off");
                    Outcome::ExecutionDeferred { execution: claim, until: at, note: fault.to_string() }
                }
                Next::GiveUp => {
                    let reason = format!("given up after days of trying: {fault}");
                    tracing::warn!(%peer, reason, "an execution is kept in quarantine");
                    let notices = self.given_up(&peer, &task, &reason);
                    Outcome::Quarantined { execution: claim, reason, notices }
                }
            },
            Ended::Refused { reason, notices } => {
                tracing::warn!(%peer, reason, "an execution is kept in quarantine");
                Outcome::Quarantined { execution: claim, reason, notices }
            }
        };
        self.spool.settle(now, vec![outcome]).await
    }

    /// Runs a command, and tells who asked that it went well if he wanted that.
    async fn command(
        &self,
        peer: &SystemName,
        execute: &Execute,
        body: Option<BodyRef>,
        received: Timestamp,
    ) -> Ended {
        let ended = self.built_in(peer, execute, body, received).await;
        let Ended::Done { mut messages, note } = ended else { return ended };
        let asker =
            whom::asker(execute, peer, &self.settings.node).filter(|_| execute.notify == Notify::Always);
        if let Some(to) = asker {
            let subject = format!("Command carried out ({peer})");
            let text = format!("The command was carried out:\n\n  {}\n", shown(execute));
            match self.door.prepare_notice(&NewNotice { to, subject, text }).await {
                Ok(message) => messages.extend(message),
                Err(error) if error.fault().retry == Retry::Later => return Ended::Later(error.fault()),
                // What was asked for is done, told or not.
                Err(error) => tracing::warn!(%peer, %error, "nobody can be told that a command went well"),
            }
        }
        Ended::Done { messages, note }
    }

    async fn built_in(
        &self,
        peer: &SystemName,
        execute: &Execute,
        body: Option<BodyRef>,
        received: Timestamp,
    ) -> Ended {
        let foreign = Some(peer).filter(|peer| **peer != self.settings.node);
        let command = &execute.command;
        let Some(built_in) = builtin(&command.program) else {
            return self.refused(
                peer,
                execute,
                format!("the command {:?} is not allowed here", command.program),
            );
        };
        let Some(body) = body else {
            return self.refused(peer, execute, format!("{} came without input", command.program));
        };
        match built_in {
            BuiltIn::Rmail => match rmail::prepare(&self.door, foreign, execute, body, received).await {
                Ok(prepared) if prepared.messages.is_empty() => {
                    let reason = prepared.dropped.unwrap_or_else(|| "it goes to nobody".to_owned());
                    Ended::Refused { reason, notices: Vec::new() }
                }
                Ok(prepared) => {
                    let note = match prepared.dropped {
                        Some(dropped) => format!("{command}: mail {}; {dropped}", prepared.id),
                        None => format!("{command}: mail {}", prepared.id),
                    };
                    Ended::Done { messages: prepared.messages, note }
                }
                Err(error) => self.not_taken(peer, execute, error.fault()),
            },
            BuiltIn::Rsmtp => match rsmtp::prepare(&self.door, foreign, body, received).await {
                Ok(batch) if batch.messages.is_empty() && !batch.dropped.is_empty() => {
                    Ended::Refused { reason: batch.dropped.join("; "), notices: Vec::new() }
                }
                Ok(batch) => {
                    if !batch.dropped.is_empty() {
                        // Nobody can be told of these, so they are kept; first, for what follows lets the batch go.
                        let (reason, content) = (batch.dropped.join("; "), Content::body(body.id));
                        let from = format!("rsmtp from {peer}");
                        let now = clock::wall();
                        if let Err(error) =
                            self.spool.quarantine(from, reason, content, Vec::new(), now).await
                        {
                            return Ended::Later(error.fault());
                        }
                    }
                    let note = format!("rsmtp: {} messages", batch.count);
                    Ended::Done { messages: batch.messages, note }
                }
                Err(error) if !error.is_final() => Ended::Later(error.fault()),
                Err(error) => {
                    let reason = format!("the batch cannot be taken: {error}");
                    Ended::Refused { notices: self.to_both_postmasters(foreign, &reason), reason }
                }
            },
        }
    }

    async fn file(
        &self,
        peer: &SystemName,
        placement: Placement,
        notify: Option<&str>,
        user: &str,
        at: &SystemName,
        body: Option<BodyRef>,
    ) -> Ended {
        let to = placement.to.clone();
        let path = match place::place(&self.spool, &self.settings.roots, placement, body).await {
            Ok(path) => path,
            Err(error) => {
                let fault = error.fault();
                if fault.retry == Retry::Later {
                    return Ended::Later(fault);
                }
                let reason = format!("the file for {to:?} cannot be put there: {error}");
                let asker = whom::user_at(user, at, &self.settings.node);
                let notices = asker.into_iter().map(|to| notice(to, "File not received", &reason, peer));
                return Ended::Refused { notices: notices.collect(), reason };
            }
        };
        let note = format!("{} from {user} at {peer}", path.display());
        let mut messages = Vec::new();
        // A user here, not an address: a peer does not choose whom we write to elsewhere.
        if let Some(user) = notify.filter(|user| whom::is_plain(user)) {
            let text = format!("The file {note} has arrived.");
            let notice = NewNotice { to: user.to_owned(), subject: "File received".to_owned(), text };
            match self.door.prepare_notice(&notice).await {
                Ok(message) => messages.extend(message),
                Err(error) => return Ended::Later(error.fault()),
            }
        }
        Ended::Done { messages, note }
    }

    /// Where the user of a file is: at the peer that sent it, or here, if it was asked for.
    fn home_of_user<'a>(&'a self, peer: &'a SystemName, fetched: bool) -> &'a SystemName {
        if fetched { &self.settings.node } else { peer }
    }

    /// Who hears that something could not be done for days: who asked for it, and who keeps this node.
    fn given_up(&self, peer: &SystemName, task: &Task, reason: &str) -> Vec<NewNotice> {
        let own = &self.settings.node;
        let (asker, what) = match task {
            Task::Run(execute) => (whom::asker(execute, peer, own), shown(execute)),
            Task::Place { to, user, fetched, .. } => {
                let at = self.home_of_user(peer, *fetched);
                (whom::user_at(user, at, own), format!("the file for {to:?}"))
            }
        };
        let text = format!("{reason}\n\nIt was:\n\n  {what}");
        let postmaster = Some("postmaster".to_owned());
        [asker, postmaster]
            .into_iter()
            .flatten()
            .map(|to| notice(to, "Request given up", &text, peer))
            .collect()
    }

    /// A message that the door did not take.
    fn not_taken(&self, peer: &SystemName, execute: &Execute, fault: Fault) -> Ended {
        match fault.retry {
            Retry::Later => Ended::Later(fault),
            Retry::Never => self.refused(peer, execute, fault.message),
        }
    }

    fn refused(&self, peer: &SystemName, execute: &Execute, reason: String) -> Ended {
        let asker = whom::asker(execute, peer, &self.settings.node);
        let text = format!("{reason}\n\nThe command was:\n\n  {}", shown(execute));
        let notices = asker.into_iter().map(|to| notice(to, "Command refused", &text, peer)).collect();
        Ended::Refused { reason, notices }
    }

    /// A broken batch concerns who runs the two ends, not those who wrote its messages.
    fn to_both_postmasters(&self, peer: Option<&SystemName>, reason: &str) -> Vec<NewNotice> {
        let at = peer.unwrap_or(&self.settings.node);
        let there = peer.map(|peer| format!("{peer}!postmaster"));
        std::iter::once("postmaster".to_owned())
            .chain(there)
            .map(|to| notice(to, "Broken batch", reason, at))
            .collect()
    }
}

fn notice(to: String, subject: &str, text: &str, peer: &SystemName) -> NewNotice {
    let text = format!("{text}\n\nIt came from {peer} and is kept in quarantine here.\n");
    NewNotice { to, subject: format!("{subject} ({peer})"), text }
}

/// A command as it is shown to people: a stranger's text, cut short.
fn shown(execute: &Execute) -> String {
    execute.command.to_string().chars().take(400).map(|c| if c.is_control() { '?' } else { c }).collect()
}
