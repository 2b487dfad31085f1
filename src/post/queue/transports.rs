//! Which transport does what: one arm each, and one file under [`crate::post::delivery`].

use super::Door;
use crate::agent::Agent;
use crate::fault::{Fault, Retry, Stage, Whose};
use crate::post::delivery::local::Local;
use crate::post::delivery::pipe::Pipe;
use crate::post::delivery::smtp::{self, Smtp};
use crate::post::delivery::users::Users;
use crate::post::delivery::uucp::{self, Uucp};
use crate::post::delivery::{Failed, Undelivered, gateway};
use crate::post::route::Neighbour;
use crate::spool::{Delivery, SpoolError};
use jiff::Timestamp;
use tokio::sync::mpsc;

/// A mailbox, a batch or a connection takes many messages at once; anything else is given the recipients of one message.
pub(super) fn takes_many_messages(transport: &str) -> bool {
    matches!(transport, "local" | "uusmtp" | "smtp")
}

/// Every way out of the queue.
#[derive(Debug, Clone)]
pub(super) struct Transports {
    door: Door,
    local: Local,
    pipe: Pipe,
    uucp: Uucp,
    pub smtp: Smtp,
}

impl Transports {
    pub fn new(door: &Door, agent: Agent, uucp: uucp::Settings) -> Transports {
        let spool = door.spool().clone();
        let own = door.tables().users.iter().map(|(user, mailbox)| (user.clone(), mailbox.clone())).collect();
        let users = Users::new(own, agent.clone());
        let local = Local::new(spool.clone(), agent.clone(), users.clone());
        let pipe = Pipe::new(spool.clone(), agent, users);
        let smtp = Smtp::new(spool.clone(), smtp::Settings::new(uucp.host.clone()));
        Transports { door: door.clone(), local, pipe, uucp: Uucp::new(spool, uucp), smtp }
    }

    /// Delivers a group of one transport and site. What was delivered is settled when this returns; what failed is handed on
    /// as soon as that is known, each with its reason.
    pub async fn deliver(
        &self,
        transport: &str,
        site: &str,
        group: Vec<Delivery>,
        now: Timestamp,
        failed: mpsc::Sender<Undelivered>,
    ) -> Result<(), SpoolError> {
        let all = match transport {
            "local" if self.pipe.takes_local(site) => self.pipe.local(site, group).await?,
            "local" => self.local.deliver(site, group, now).await,
            "file" => self.local.file(site, group, now).await,
            "pipe" => self.pipe.command(site, group).await?,
            "uux" => self.uucp.rmail(site, &self.neighbour(site), group, now).await?,
            "uusmtp" => self.uucp.rsmtp(site, &self.neighbour(site), group, now).await?,
            "smtp" => return self.smtp.deliver(site, group, failed).await,
            "gateway" => gateway::deliver(self.door.spool(), site, group, now).await?,
            #[cfg(test)]
            "down" => super::tests::clocks::unreachable(group),
            other => vec![kept(group, format!("there is no transport {other:?} here"))],
        };
        for one in all {
            // Nobody listens: then it comes back when its lease has run out.
            let _ = failed.send(one.into()).await;
        }
        Ok(())
    }

    /// Ends what may take long.
    pub fn stop(&self) {
        self.smtp.stop();
    }

    /// What is set for a neighbour now.
    fn neighbour(&self, system: &str) -> Neighbour {
        let system = system.parse().ok();
        system.and_then(|system| self.door.tables().handing(&system)).unwrap_or_default()
    }

    /// Looks after what a crash or a panic interrupted. Returns how much there was.
    pub async fn recover(&self) -> Result<usize, SpoolError> {
        self.local.recover().await
    }
}

/// Mail that is held: somebody wanted that, or a newer uugate has routed it, or this one has a defect.
fn kept(deliveries: Vec<Delivery>, message: String) -> Failed {
    let (stage, whose) = (Stage::Deliver, Whose::Bug);
    Failed { deliveries, fault: Fault { stage, whose, retry: Retry::Never, message, advice: String::new() } }
}
