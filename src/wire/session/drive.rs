//! Runs a session over a stream and a store.

use super::Progress;

/// Where progress goes. Whoever looks away for longer than the channel holds misses something: a call waits for
/// nobody.
#[derive(Debug, Clone, Default)]
pub struct Watch(Option<tokio::sync::mpsc::Sender<Progress>>);

impl Watch {
    pub fn to(sender: tokio::sync::mpsc::Sender<Progress>) -> Watch {
        Watch(Some(sender))
    }

    /// Nobody watches.
    pub fn nobody() -> Watch {
        Watch(None)
    }

    pub fn tell(&self, progress: Progress) {
        if let Some(sender) = &self.0 {
            let _ = sender.try_send(progress);
        }
    }
}
