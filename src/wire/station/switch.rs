//! Between the scheduler and the lines: which line is free, and the request that a line gets.

use super::SystemSettings;
use crate::job::SystemName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Requests on their way to one line.
const WAITING: usize = 16;

/// The systems that are in the hands of a line, the lines, and the wake-up of the scheduler.
#[derive(Debug, Default)]
struct Board {
    in_hand: Mutex<BTreeSet<SystemName>>,
    lines: Mutex<BTreeMap<String, Known>>,
    changed: Notify,
}

/// A line, as the scheduler knows it.
#[derive(Debug)]
struct Known {
    requests: mpsc::Sender<Request>,
    free: Arc<AtomicBool>,
}

/// A system to call. As long as it exists, nobody else is asked to call that system; dropping it gives the system back,
/// whatever became of the call.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) system: SystemSettings,
    board: Arc<Board>,
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut in_hand = self.board.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        in_hand.remove(&self.system.name);
        self.board.changed.notify_one();
    }
}

/// The side of the scheduler, and of whoever begins and ends lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Switch {
    board: Arc<Board>,
}

/// A line's side.
#[derive(Debug)]
pub(super) struct LineEnd {
    requests: mpsc::Receiver<Request>,
    free: Arc<AtomicBool>,
    board: Arc<Board>,
}

impl Switch {
    /// A line of this name, in place of one that was.
    pub(super) fn add(&self, name: &str) -> LineEnd {
        let (sender, requests) = mpsc::channel(WAITING);
        let free = Arc::new(AtomicBool::new(false));
        let mut lines = self.board.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(name.to_owned(), Known { requests: sender, free: free.clone() });
        LineEnd { requests, free, board: self.board.clone() }
    }

    pub(super) fn in_hand(&self, system: &SystemName) -> bool {
        self.board.in_hand.lock().unwrap_or_else(PoisonError::into_inner).contains(system)
    }

    /// Gives the system to the first free line of `lines`; false if there is none.
    pub(super) fn give(&self, system: &SystemSettings, lines: impl Iterator<Item = String>) -> bool {
        let known = self.board.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let free =
            lines.filter_map(|name| known.get(&name)).find(|line| line.free.swap(false, Ordering::AcqRel));
        let Some(line) = free else { return false };
        self.board.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(system.name.clone());
        let request = Request { system: system.clone(), board: self.board.clone() };
        // One that cannot be sent is dropped, and so given back.
        line.requests.try_send(request).is_ok()
    }

    /// Completes when a line became free or a system was given back.
    pub(super) async fn changed(&self) {
        self.board.changed.notified().await;
    }
}

impl LineEnd {
    /// Tells whether the line may be given a system. When it may not, one that is under way is given back.
    pub(super) fn set_free(&mut self, free: bool) {
        let before = self.free.swap(free, Ordering::AcqRel);
        if free && !before {
            self.board.changed.notify_one();
        }
        if !free {
            while self.requests.try_recv().is_ok() {}
        }
    }

    /// The next system to call on this line. Never ends by itself.
    pub(super) async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}
