//! The SMTP listeners: bound once at the start or handed over by the service manager, and served with whatever
//! configuration is in force.

use super::DaemonError;
use crate::clock;
use crate::node::verbs::Verbs;
use crate::post::submit::{self, Service};
use listenfd::ListenFd;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{error, info};

/// The rest before a listener that cannot be used is tried again.
const REST: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted: as many as the system lets us have (listen(2), `net.core.somaxconn`), for a
/// hundred clients may come in one moment, and who finds no place tries again after a second at the earliest.
const BACKLOG: i32 = 1024;

#[derive(Debug, Clone)]
pub struct Listener {
    socket: Arc<TcpListener>,
    service: Service,
}

impl Listener {
    pub fn bind(service: Service, address: SocketAddr) -> Result<Listener, DaemonError> {
        let failed = |error| DaemonError::Listen { address, error };
        let socket = TcpListener::bind(address).map_err(failed)?;
        // Once more, for the library's own number is small.
        rustix::net::listen(&socket, BACKLOG).map_err(|error| failed(error.into()))?;
        Listener::on(service, socket).map_err(failed)
    }

    /// The sockets that the service manager listens on for us (`LISTEN_FDS`, systemd.socket(5)). Their names, if they have
    /// some (`FileDescriptorName`), are those of services; without one it is `smtp`.
    pub fn handed_over() -> Result<Vec<Listener>, DaemonError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut handed = ListenFd::from_env();
        let mut listeners = Vec::new();
        for index in 0..handed.len() {
            let name = names.next().unwrap_or_default();
            let service =
                [Service::Submission, Service::Submissions].into_iter().find(|one| one.name() == name);
            let service = service.unwrap_or(Service::Smtp);
            let taken = handed.take_tcp_listener(index);
            // A copy of our own, which no program that we start has open as well.
            let own = taken.and_then(|socket| socket.map(|socket| socket.try_clone()).transpose());
            match own.and_then(|socket| socket.map(|socket| Listener::on(service, socket)).transpose()) {
                Ok(listener) => listeners.extend(listener),
                Err(error) => return Err(DaemonError::HandedOver { index, error }),
            }
        }
        Ok(listeners)
    }

    fn on(service: Service, socket: TcpListener) -> std::io::Result<Listener> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        match service {
            Service::Smtp => info!(%address, "listening for SMTP"),
            Service::Submission => info!(%address, "listening for mail submission"),
            Service::Submissions => info!(%address, "listening for secured submission"),
        }
        Ok(Listener { socket: Arc::new(socket), service })
    }

    /// Serves until told to stop. The socket stays bound, for whoever serves it next.
    pub async fn serve(self, verbs: Verbs, stop: watch::Receiver<bool>) {
        let socket = self.socket.try_clone().and_then(tokio::net::TcpListener::from_std);
        match socket {
            Ok(socket) => submit::serve(socket, self.service, verbs.desk(), stop).await,
            Err(error) => {
                error!(%error, "the SMTP listener cannot be used");
                clock::sleep(REST).await;
            }
        }
    }
}
