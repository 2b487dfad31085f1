//! The lines of this node: one task a line waits for calls, one task looks at schedule and spool and gives lines the
//! systems to call.
//!
//! ```text
//! scheduler: wishes, past calls, plans -> who is due -> a free line of that system
//! line:      ready -> (ring | connection | system to call) -> call -> hung up -> ready again
//! ```
//!
//! A line with a modem that answers stays open, its modem set up and listening; a system that is due takes the line
//! between two calls. A line that does not answer is opened for each call and closed after it, so that other programs
//! may use the device meanwhile. What a call does is [`crate::wire::call`]'s business; every failure, also of a line
//! that does not open or a number that is busy, becomes a call record, and the plans read only those.

pub mod by_hand;
mod error;
mod events;
mod guests;
mod net;
mod online;
mod outlook;
mod phone;
mod scheduler;
mod serial;
mod settings;
mod switch;
#[cfg(test)]
mod tests;

pub use error::StationError;
pub use events::{CallEvent, CallEvents, CallStep};
pub use outlook::Outlook;
pub use settings::{LineKind, LineSettings, Settings, SystemSettings};

use crate::clock;
use crate::observe::span;
use crate::schedule::Retry;
use crate::spool::Spool;
use crate::wire::call::UntilCut;
use scheduler::Scheduler;
use serial::SerialTask;
use std::sync::Arc;
use switch::{LineEnd, Switch};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

/// What every task of the station has.
#[derive(Clone)]
struct Shared {
    settings: watch::Receiver<Arc<Settings>>,
    spool: Spool,
    events: CallEvents,
    stop: watch::Receiver<bool>,
}

impl Shared {
    /// Completes when the station is to end.
    async fn stopped(&self) {
        // A sender that is gone has nobody left to stop for.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// The stream of a call. Once the station is told to stop, the call has [`Settings::stop_limit`] to end; then it
    /// is cut off.
    fn until_cut<S>(&self, stream: S) -> UntilCut<S> {
        let limit = self.settings.borrow().stop_limit;
        let shared = self.clone();
        UntilCut::new(stream, "the node was stopped", async move {
            shared.stopped().await;
            clock::sleep(limit).await;
        })
    }
}

/// Runs all lines until `stop` becomes true, and then for [`Settings::stop_limit`] at most.
///
/// Systems and node are read from `settings` anew for each call; the lines are those of the start.
pub async fn run(
    settings: watch::Receiver<Arc<Settings>>,
    spool: Spool,
    events: CallEvents,
    stop: watch::Receiver<bool>,
) {
    let lines = settings.borrow().lines.clone();
    let shared = Shared { settings, spool, events, stop };
    let mut switch = Switch::new();
    let mut tasks = JoinSet::new();
    for line in lines {
        let end = switch.add(&line.name);
        let around = span::line(&line.name);
        tasks.spawn(keep(shared.clone(), line, end).instrument(around));
    }
    let scheduler = Scheduler::new(shared.clone(), switch);
    tasks.spawn(async move {
        let stopped = shared.clone();
        tokio::select! {
            () = scheduler.run() => {}
            () = stopped.stopped() => {}
        }
    });
    while let Some(ended) = tasks.join_next().await {
        if let Err(panic) = ended
            && panic.is_panic()
        {
            // Whoever runs the station starts it again.
            std::panic::resume_unwind(panic.into_panic());
        }
    }
}

/// Keeps one line at work; one whose task dies in a call is started again.
async fn keep(shared: Shared, line: LineSettings, end: LineEnd) {
    let end = Arc::new(tokio::sync::Mutex::new(end));
    let rest = Retry::default();
    for deaths in 1.. {
        let work = {
            let (shared, line, end) = (shared.clone(), line.clone(), end.clone());
            async move {
                let mut end = end.lock().await;
                let (port, profile) = match &line.kind {
                    LineKind::Modem { port, profile } => (port, Some(&**profile)),
                    LineKind::Direct { port } => (port, None),
                    LineKind::Tcp { .. } | LineKind::Pipe(_) => {
                        return net::run(&shared, &line, &mut end).await;
                    }
                };
                let task = SerialTask { shared: &shared, line: &line, port, profile };
                serial::run(task, &mut end).await
            }
        };
        match tokio::spawn(work.in_current_span()).await {
            Ok(()) => return,
            Err(panic) => tracing::error!(%panic, "the line's task died; it is started again"),
        }
        tokio::select! {
            () = clock::sleep(rest.wait(deaths)) => {}
            () = shared.stopped() => return,
        }
    }
}
