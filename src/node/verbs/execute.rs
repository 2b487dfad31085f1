//! `uux` and `uucp`: jobs for neighbours.

use super::body::{Body, keep};
use super::from_line::Reclaimed;
use super::{CopyRequest, ExecuteRequest, VerbError, Verbs, Who};
use crate::clock;
use crate::job::{Command, Execute, Grade, Send, SystemName, Work, shown_id};
use crate::node::report::Report;
use crate::post::mail::{self, Sender};
use crate::spool::{Content, NewJob, Wish};
use crate::wire::session::goes_to_spool;

/// Permission bits of a file that travels. The manual, "uucp Description": only the execute bit is kept.
const PLAIN: u32 = 0o666;
const EXECUTABLE: u32 = 0o777;

impl Verbs {
    pub(super) async fn execute(
        &self,
        who: &Who,
        request: ExecuteRequest,
        body: &mut impl Body,
    ) -> Result<Report, VerbError> {
        let mut words = request.words.into_iter();
        let program = words.next().unwrap_or_default();
        let command = Command::new(program, words.collect()).map_err(|e| VerbError::Usage(e.to_string()))?;
        if let Some(requestor) = &request.requestor {
            self.check_requestor(who, requestor)?;
        }
        let execute =
            Execute { command, user: who.name.clone(), requestor: request.requestor, notify: request.notify };
        let ours = self.config.node.name.as_str();
        if request.system.is_empty() || request.system == ours {
            let content = self.input(who, &execute, None, body).await?;
            let name = self.config.node.name.clone();
            self.spool.submit_execution(None, name, execute, content, clock::wall()).await?;
            return Ok(Report::Done);
        }
        let system = self.neighbour(&request.system)?;
        let content = self.input(who, &execute, Some(self.config.node.name.as_str()), body).await?;
        self.submit(system, request.grade, Work::Execute(execute), Some(content), request.call).await
    }

    /// The input of a command. Mail names its sender in it, so for who is not trusted we say who that is, and hand no
    /// batch on. `remote_from` is our name, if it goes to a neighbour.
    async fn input(
        &self,
        who: &Who,
        execute: &Execute,
        remote_from: Option<&str>,
        body: &mut impl Body,
    ) -> Result<Content, VerbError> {
        match mail_command(&execute.command.program) {
            _ if who.trusted => keep(body, &self.spool).await,
            MailCommand::None => keep(body, &self.spool).await,
            MailCommand::Batch => {
                let what = "hand in a batch, which names its senders itself".to_owned();
                Err(VerbError::Forbidden { who: who.name.clone(), what })
            }
            MailCommand::Message => {
                let line = match remote_from {
                    Some(ours) => {
                        let asker = execute.requestor.as_deref().unwrap_or(&execute.user);
                        let sender = Sender::parse(asker)
                            .map_err(|error| VerbError::Usage(format!("{asker:?} is no sender: {error}")))?;
                        mail::from_line(&sender, clock::wall(), Some(ours))
                    }
                    // Here, mail without a From_ line is from who asks.
                    None => String::new(),
                };
                keep(&mut Reclaimed::new(body, line).await?, &self.spool).await
            }
        }
    }

    pub(super) async fn copy(
        &self,
        who: &Who,
        request: CopyRequest,
        body: &mut impl Body,
    ) -> Result<Report, VerbError> {
        let system = self.neighbour(&request.system)?;
        let bad = |name: &String| name.is_empty() || name.chars().any(char::is_control);
        if let Some(name) = [&request.from, &request.to].into_iter().find(|name| bad(name)) {
            return Err(VerbError::Usage(format!("{:?} cannot be the name of a file", name)));
        }
        if goes_to_spool(&request.to) {
            return Err(VerbError::Usage(format!(
                "{:?} is a name of the spool; begin it with ~/",
                request.to
            )));
        }
        let work = Work::Send(Send {
            from: request.from,
            to: request.to,
            user: who.name.clone(),
            mode: if request.executable { EXECUTABLE } else { PLAIN },
            make_directories: request.make_directories,
            notify: request.notify,
        });
        let content = Some(keep(body, &self.spool).await?);
        self.submit(system, request.grade, work, content, request.call).await
    }

    pub(super) async fn submit(
        &self,
        system: SystemName,
        grade: Grade,
        work: Work,
        content: Option<crate::spool::Content>,
        call: bool,
    ) -> Result<Report, VerbError> {
        let now = clock::wall();
        let job = NewJob { system: system.clone(), grade, work, content, created: now };
        let id = self.spool.submit_job(None, job).await?;
        // What is too large at this hour is called for when the hour comes.
        if call && (self.largest(&system).is_none() || self.has_work(&system).await?) {
            let why = "a command asked for it".to_owned();
            self.spool
                .want_call(Wish { system: system.clone(), grade, why, since: now, at_once: false })
                .await?;
        }
        Ok(Report::Queued { job: shown_id(&system, grade, id.number) })
    }

    /// The name under which a neighbour is configured.
    pub(super) fn neighbour(&self, name: &str) -> Result<SystemName, VerbError> {
        let system = self.config.system(name);
        system.map(|system| system.name.clone()).ok_or_else(|| VerbError::NoSystem(name.to_owned()))
    }

    /// `-a` stands in From_ lines there, so only a trusted user may name somebody else.
    fn check_requestor(&self, who: &Who, requestor: &str) -> Result<(), VerbError> {
        let fits = !requestor.is_empty()
            && requestor.len() <= 1000
            && !requestor.contains(|c: char| c.is_whitespace() || c.is_control());
        if !fits {
            return Err(VerbError::Usage(format!("{requestor:?} is no address for -a")));
        }
        if who.trusted || self.is_own(who, requestor) {
            return Ok(());
        }
        let what = format!("give {requestor:?} as the requestor");
        Err(VerbError::Forbidden { who: who.name.clone(), what })
    }
}

/// What a command does with senders that its input names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailCommand {
    None,
    /// One message; its From_ lines name the sender.
    Message,
    /// Many messages, each with its sender.
    Batch,
}

/// A neighbour may know the programs by a path, and has batches by other names: `crsmtp`, `rgsmtp`, `bsmtp`.
fn mail_command(program: &str) -> MailCommand {
    match program.rsplit('/').next().unwrap_or_default() {
        "rmail" => MailCommand::Message,
        name if name.ends_with("smtp") => MailCommand::Batch,
        _ => MailCommand::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_known_by_the_name_of_the_program() {
        for (program, kind) in [
            ("rmail", MailCommand::Message),
            ("/usr/bin/rmail", MailCommand::Message),
            ("rsmtp", MailCommand::Batch),
            ("/usr/sbin/crsmtp", MailCommand::Batch),
            ("rnews", MailCommand::None),
        ] {
            assert_eq!(mail_command(program), kind, "{program}");
        }
    }
}
