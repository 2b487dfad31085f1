//! What happens on the lines, for whoever watches at this moment. History is in the spool; nothing depends on these.

use crate::job::SystemName;
use crate::schedule::Doubt;
use crate::spool::CallRecord;
use crate::wire::session::{Progress, Watch};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};

/// Events that a slow watcher may lag behind before it misses some.
const KEPT: usize = 1024;

/// One thing that happened on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallEvent {
    pub line: String,
    /// Whom we call; a caller is known once it has said its name ([`Progress::Agreed`]).
    pub system: Option<SystemName>,
    pub step: CallStep,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStep {
    /// We begin to call.
    Calling { number: Option<String> },
    /// There is a connection; what the modem said of it.
    Connected { connect: Option<String> },
    /// The session goes on.
    Session(Progress),
    /// It is over.
    Ended(Box<CallRecord>),
}

/// Where the station tells what happens.
#[derive(Debug, Clone)]
pub struct CallEvents {
    events: broadcast::Sender<CallEvent>,
    doubt: watch::Sender<Option<Doubt>>,
}

impl Default for CallEvents {
    fn default() -> CallEvents {
        CallEvents { events: broadcast::Sender::new(KEPT), doubt: watch::Sender::default() }
    }
}

impl CallEvents {
    /// Everything from now on.
    pub fn watch(&self) -> broadcast::Receiver<CallEvent> {
        self.events.subscribe()
    }

    /// Why the wall clock is not believed at this moment, if it is not.
    pub fn clock_doubt(&self) -> Option<Doubt> {
        *self.doubt.borrow()
    }

    /// Tells what is to be thought of the wall clock; said to the operator when it begins and when it is over.
    pub(super) fn doubt_clock(&self, doubt: Option<Doubt>) {
        let before = self.doubt.send_replace(doubt);
        match (before, doubt) {
            (None, Some(doubt)) => {
                tracing::warn!("{doubt}: no calls that cost money until that is put right")
            }
            (Some(_), None) => tracing::info!("the clock is believed again"),
            _ => {}
        }
    }

    pub(super) fn tell(&self, line: &str, system: Option<&SystemName>, step: CallStep) {
        // An error only says that nobody watches.
        let _ = self.events.send(CallEvent { line: line.to_owned(), system: system.cloned(), step });
    }

    /// What a session is given to tell its progress to.
    pub(super) fn session(&self, line: &str, system: Option<&SystemName>) -> Watch {
        let (events, line, system) = (self.clone(), line.to_owned(), system.cloned());
        Watch::new(move |progress| events.tell(&line, system.as_ref(), CallStep::Session(progress)))
    }
}
