//! The SMTP listeners: bound once at the start, served with whatever configuration is in force.

use super::DaemonError;
use crate::clock;
use crate::node::verbs::Verbs;
use crate::post::submit;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{error, info};

/// The rest before a listener that cannot be used is tried again.
const REST: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct Listener {
    socket: Arc<TcpListener>,
}

impl Listener {
    pub fn bind(address: SocketAddr) -> Result<Listener, DaemonError> {
        let failed = |error| DaemonError::Listen { address, error };
        let socket = TcpListener::bind(address).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        info!(%address, "listening for SMTP");
        Ok(Listener { socket: Arc::new(socket) })
    }

    /// Serves until told to stop. The socket stays bound, for whoever serves it next.
    pub async fn serve(self, verbs: Verbs, stop: watch::Receiver<bool>) {
        let socket = self.socket.try_clone().and_then(tokio::net::TcpListener::from_std);
        match socket {
            Ok(socket) => submit::serve(socket, verbs.door, verbs.config.submit_settings(), stop).await,
            Err(error) => {
                error!(%error, "the SMTP listener cannot be used");
                clock::sleep(REST).await;
            }
        }
    }
}
