//! `uux` and `uucp`: jobs for neighbours.

use super::body::{Body, keep};
use super::{CopyRequest, ExecuteRequest, VerbError, Verbs, Who};
use crate::clock;
use crate::job::{Command, Execute, Grade, Send, SystemName, Work};
use crate::node::report::{self, Report};
use crate::spool::{NewJob, Wish};

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
            let content = keep(body, &self.spool).await?;
            let name = self.config.node.name.clone();
            self.spool.submit_execution(None, name, execute, content, clock::wall()).await?;
            return Ok(Report::Done);
        }
        let system = self.neighbour(&request.system)?;
        let content = Some(keep(body, &self.spool).await?);
        self.submit(system, request.grade, Work::Execute(execute), content, request.call).await
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

    async fn submit(
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
        if call {
            let why = "a command asked for it".to_owned();
            self.spool
                .want_call(Wish { system: system.clone(), grade, why, since: now, at_once: false })
                .await?;
        }
        Ok(Report::Queued { job: report::Job::id_of(system.as_str(), grade, id.number) })
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
        let own = |address: &str| {
            let user = address.split('@').next().unwrap_or_default();
            user == who.name
        };
        if who.trusted || own(requestor) {
            return Ok(());
        }
        let what = format!("give {requestor:?} as the requestor");
        Err(VerbError::Forbidden { who: who.name.clone(), what })
    }
}
