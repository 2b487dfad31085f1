//! The lines at work: those of the configuration, and no others.
//!
//! A line that the configuration has changed, or has no more, ends when its call is over; what has its name now begins then. All
//! others do not notice.

use super::serial::{self, SerialTask};
use super::switch::{LineEnd, Switch};
use super::{LineKind, LineSettings, Shared, net};
use crate::clock;
use crate::observe::span;
use crate::schedule::Retry;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

pub(super) struct Lines {
    shared: Shared,
    switch: Switch,
    at_work: BTreeMap<String, AtWork>,
    /// Each gives the name of its line.
    tasks: JoinSet<String>,
}

struct AtWork {
    settings: LineSettings,
    leave: watch::Sender<bool>,
}

impl Lines {
    pub(super) fn new(shared: Shared, switch: Switch) -> Lines {
        Lines { shared, switch, at_work: BTreeMap::new(), tasks: JoinSet::new() }
    }

    /// Begins with what is new among `wanted`, and lets go what is not there.
    pub(super) fn arrange(&mut self, wanted: &[LineSettings]) {
        for line in self.at_work.values().filter(|line| !wanted.contains(&line.settings)) {
            line.leave.send_replace(true);
        }
        for settings in wanted {
            if self.at_work.contains_key(&settings.name) {
                continue;
            }
            let (leave, leaving) = watch::channel(false);
            let shared = Shared { leave: leaving, ..self.shared.clone() };
            let (line, end) = (settings.clone(), self.switch.add(&settings.name));
            let around = span::line(&line.name);
            let work = async {
                let name = line.name.clone();
                keep(shared, line, end).await;
                name
            };
            self.tasks.spawn(work.instrument(around));
            self.at_work.insert(settings.name.clone(), AtWork { settings: settings.clone(), leave });
        }
    }

    /// Completes when a line has ended; never, if there is none.
    pub(super) async fn one_ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(name)) => {
                self.at_work.remove(&name);
            }
            Some(Err(panic)) if panic.is_panic() => {
                // Whoever runs the station starts it again.
                std::panic::resume_unwind(panic.into_panic());
            }
            Some(Err(_)) => {}
            None => std::future::pending().await,
        }
    }

    /// Waits for all of them.
    pub(super) async fn all_ended(&mut self) {
        while !self.tasks.is_empty() {
            self.one_ended().await;
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
            () = shared.leaving() => return,
        }
    }
}
