//! What a stream may have beside its bytes, for whoever is handed any stream.

use super::{Carrier, Line, LineError};
use std::time::Duration;
use tokio::io::DuplexStream;

/// A stream that may be a line with signals. By itself it is one without.
pub trait Beside {
    /// Sends a break of that length, behind what was written; `false` if there is no such thing.
    fn send_break(&mut self, _length: Duration) -> impl Future<Output = Result<bool, LineError>> + Send {
        std::future::ready(Ok(false))
    }

    /// Whether there is a carrier; `None` where that cannot be told.
    fn has_carrier(&mut self) -> Option<bool> {
        None
    }
}

impl Beside for Line {
    async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        Line::send_break(self, length).await
    }

    fn has_carrier(&mut self) -> Option<bool> {
        match self.carrier() {
            Carrier::Present => Some(true),
            Carrier::Absent => Some(false),
            Carrier::Unknown => None,
        }
    }
}

impl<S: Beside + Send> Beside for &mut S {
    async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        (**self).send_break(length).await
    }

    fn has_carrier(&mut self) -> Option<bool> {
        (**self).has_carrier()
    }
}

/// What another program relays.
impl Beside for DuplexStream {}
