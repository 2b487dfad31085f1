//! The lines of this node: one task a line waits for calls, one task looks at schedule and spool and gives lines the
//! systems to call.
//!
//! ```text
//! scheduler: wishes, past calls, plans -> who is due -> a free line of that system
//! line:      ready -> (ring | connection | system to call) -> call -> hung up -> ready again
//! ```
//!
//! What a new configuration changes is heeded from the next call on, and by a line from the end of its call on ([`lines`]).
//!
//! A line with a modem that answers stays open, its modem set up and listening; a system that is due takes the line
//! between two calls. A line that does not answer is opened for each call and closed after it, so that other programs
//! may use the device meanwhile. What a call does is [`crate::wire::call`]'s business; every failure, also of a line
//! that does not open or a number that is busy, becomes a call record, and the plans read only those.

pub mod by_hand;
mod error;
mod events;
mod lines;
mod net;
mod online;
mod outlook;
mod past;
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
pub use past::LineFault;
pub use settings::{LineKind, LineSettings, Settings, SystemSettings};

use crate::clock;
use crate::spool::Spool;
use crate::wire::call::UntilCut;
use lines::Lines;
use scheduler::Scheduler;
use std::sync::Arc;
use switch::Switch;
use tokio::sync::watch;

/// What every task of the station has.
#[derive(Clone)]
struct Shared {
    settings: watch::Receiver<Arc<Settings>>,
    spool: Spool,
    events: CallEvents,
    stop: watch::Receiver<bool>,
    /// Of a line: it is to be given up, or taken up anew as the configuration has it now.
    leave: watch::Receiver<bool>,
}

impl Shared {
    /// Completes when the station is to end.
    async fn stopped(&self) {
        // A sender that is gone has nobody left to stop for.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Completes when the line is to end as soon as no call is up on it.
    async fn leaving(&self) {
        let mut leave = self.leave.clone();
        tokio::select! {
            _ = leave.wait_for(|leave| *leave) => {}
            () = self.stopped() => {}
        }
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
/// Everything is read from `settings` anew for each call; a line that changes in it is taken up anew when its call is over.
pub async fn run(
    mut settings: watch::Receiver<Arc<Settings>>,
    spool: Spool,
    events: CallEvents,
    stop: watch::Receiver<bool>,
) {
    let shared = Shared { settings: settings.clone(), spool, events, leave: stop.clone(), stop };
    let switch = Switch::default();
    let mut lines = Lines::new(shared.clone(), switch.clone());
    let working = async {
        loop {
            let wanted = settings.borrow_and_update().lines.clone();
            lines.arrange(&wanted);
            tokio::select! {
                Ok(()) = settings.changed() => {}
                () = lines.one_ended() => {}
                () = shared.stopped() => return,
            }
        }
    };
    tokio::select! {
        () = working => {}
        () = Scheduler::new(shared.clone(), switch).run() => {}
    }
    lines.all_ended().await;
}
