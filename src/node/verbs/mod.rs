//! What a command asks, carried out on an open spool: by the daemon for who asks over the control socket, or by a
//! command that owns the spool.

mod body;
mod bundle;
mod by_hand;
mod call;
mod error;
mod execute;
mod fetch;
mod from_line;
mod list;
mod mail;
mod queue;
mod request;
mod restored;
mod route;
mod run;
mod sequence;
mod smtp;
mod text;
mod when;
mod who;

pub use body::Body;
pub use bundle::BundleRequest;
pub use by_hand::ByHand;
pub use call::LoginRequest;
pub use error::VerbError;
pub use queue::{QueueAction, QueueFilter};
pub use request::{CopyRequest, ExecuteRequest, FetchRequest, JobFilter, MailRequest, PollRequest, Request};
pub use route::RouteRequest;
pub use sequence::SequenceRequest;
pub use who::{Who, user_name};

use super::config::Config;
use super::report::Report;
use crate::agent::Agent;
use crate::guests::Guests;
use crate::post::queue::Door;
use crate::post::submit::Clients;
use crate::spool::Spool;
use crate::wire::station::CallEvents;
use std::sync::{Arc, Mutex};

/// Everything that carrying out a request needs.
#[derive(Debug, Clone)]
pub struct Verbs {
    pub config: Arc<Config>,
    pub spool: Spool,
    pub door: Door,
    /// What happens on the lines at this moment.
    pub events: CallEvents,
    /// Whose logins were wrong in calls that a command brought.
    guests: Arc<Mutex<Guests>>,
    /// Who is connected by SMTP.
    clients: Clients,
}

impl Verbs {
    pub fn new(config: Arc<Config>, spool: Spool, events: CallEvents) -> Verbs {
        let agent = Agent::new(config.agent_settings());
        let door = Door::with_agent(spool.clone(), config.queue_settings(), config.tables(), agent);
        let guests = Arc::new(Mutex::new(Guests::new(call::GUEST_WAITS)));
        Verbs { config, spool, door, events, guests, clients: Clients::default() }
    }

    /// The same by another configuration.
    pub fn reconfigured(&self, config: Arc<Config>) -> Verbs {
        let (guests, clients) = (self.guests.clone(), self.clients.clone());
        Verbs { guests, clients, ..Verbs::new(config, self.spool.clone(), self.events.clone()) }
    }

    /// Makes the directories that mail and files are put into. What cannot be made is said here, and again by whoever
    /// needs it.
    pub fn make_directories(&self) {
        let mailboxes = self.config.users.values().filter_map(|mailbox| mailbox.parent());
        for directory in mailboxes.chain([self.config.node.public_directory.as_path()]) {
            if let Err(error) = std::fs::create_dir_all(directory) {
                tracing::warn!(%error, directory = %directory.display(), "a directory cannot be made");
            }
        }
    }

    /// Does what is asked. An `Ok` means: kept.
    pub async fn carry_out(
        &self,
        who: &Who,
        request: Request,
        body: &mut impl Body,
    ) -> Result<Report, VerbError> {
        match request {
            Request::Execute(request) => self.execute(who, request, body).await,
            Request::Copy(request) => self.copy(who, request, body).await,
            Request::Fetch(request) => self.fetch(who, request).await,
            Request::Names => Ok(Report::Names(self.names())),
            Request::Jobs { filter, after } => self.jobs(who, filter, after).await.map(Report::Jobs),
            Request::Queue { filter, after } => self.queue(who, &filter, after).await.map(Report::Queue),
            Request::QueueSummary => self.queue_summary(who).await.map(Report::QueueSummary),
            Request::Handle { what, filter } => self.handle(who, what, &filter).await.map(Report::Handled),
            Request::Verify { addresses } => Ok(Report::Verified(self.verify(&addresses).await)),
            Request::Calls { system, limit } => self.calls(who, system, limit).await.map(Report::Calls),
            Request::Watch => Err(VerbError::Usage("calls can be watched at a daemon alone".to_owned())),
            Request::Poll(request) | Request::Call(request) => {
                self.poll(who, request).await.map(Report::Poll)
            }
            Request::Terminal { .. } => {
                Err(VerbError::Usage("a call by hand needs whoever talks in it".to_owned()))
            }
            Request::Answer { .. } => Err(VerbError::Usage("a call needs a stream".to_owned())),
            Request::Smtp { .. } => Err(VerbError::Usage("SMTP needs a stream".to_owned())),
            Request::Mail(request) => self.mail(who, request, body).await,
            Request::Batch => self.batch(who, body).await,
            Request::Bundle(request) => self.bundle(who, request).await.map(Report::Bundle),
            Request::Sequence(request) => self.sequence(who, request).await.map(Report::Sequence),
            Request::Restored => self.restored(who).await,
            Request::Route(request) => self.route(request).await.map(Report::Route),
            Request::When { system } => self.when(system).await.map(Report::When),
            Request::Why { what } => self.why(who, &what).await.map(Report::Why),
            Request::Run => self.run().await,
        }
    }
}
