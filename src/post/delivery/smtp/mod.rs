//! By SMTP or LMTP to other hosts: a smart host, the mail hosts of a domain, a socket of this machine.
//!
//! At least once: the attempt is counted when the queue claims a delivery, and each recipient is settled as soon as the server has
//! answered for it. What a crash, or a connection lost before the answer to the text, leaves without an answer is sent again.
//!
//! All deliveries of one next hop that are due together go over as few connections as the server allows; see [`Settings`].

mod connect;
mod dns;
mod error;
mod hop;
mod settings;
mod targets;
mod text;
mod work;

pub use hop::{NextHop, NotAHop, Place};
pub use settings::{Route, Settings};

use super::{Failed, Undelivered};
use crate::clock;
use crate::fault::ToFault;
use crate::spool::{Delivery, Spool, SpoolError};
use dns::Resolver;
use error::HopError;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use work::Work;

/// Delivers to other hosts.
#[derive(Debug, Clone)]
pub struct Smtp {
    spool: Spool,
    settings: Arc<Settings>,
    resolver: Resolver,
    /// This node, or this configuration of it, ends.
    stopping: Arc<watch::Sender<bool>>,
}

impl Smtp {
    pub fn new(spool: Spool, settings: Settings) -> Smtp {
        let stopping = Arc::new(watch::channel(false).0);
        Smtp { spool, settings: Arc::new(settings), resolver: Resolver::System, stopping }
    }

    /// Ends what is under way: no further message is begun, and what is not answered soon waits for another time.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Comes when what is under way has had its time to end.
    async fn cut_off(&self) {
        // The sender is ours: the wait does not fail.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
        clock::sleep(self.settings.stopping_time).await;
    }

    /// Delivers to one next hop and settles what was delivered; what failed is handed on as soon as that is known.
    pub async fn deliver(
        &self,
        site: &str,
        deliveries: Vec<Delivery>,
        failed: mpsc::Sender<Undelivered>,
    ) -> Result<(), SpoolError> {
        match site.parse::<NextHop>() {
            Ok(hop) => {
                let route = self.settings.route(&hop);
                Work::new(self, hop, route, deliveries, failed).run().await
            }
            Err(error) => {
                let fault = HopError::from(error).fault();
                let _ = failed.send(Failed { deliveries, fault }.into()).await;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
