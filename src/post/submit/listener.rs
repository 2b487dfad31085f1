//! Takes connections, each in a task of its own.

use super::Network;
use super::session::Session;
use crate::clock;
use crate::post::queue::Door;
use crate::post::smtp;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a site may set about mail by SMTP.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most connections at a time; the next is told to come again. Setting `smtp-connections`, default 100.
    pub connections: usize,
    /// Whose mail is passed on to other systems. Setting `relay-for`, default this machine itself.
    pub relay: Vec<Network>,
    /// How long connections get to end when the node stops. Default 5 s.
    pub farewell: Duration,
    /// Limits of one connection.
    pub smtp: smtp::Settings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connections: 100,
            relay: Network::loopback(),
            farewell: Duration::from_secs(5),
            smtp: smtp::Settings::default(),
        }
    }
}

/// How long to wait after the system would not give us a connection (too many open files).
const PAUSE: Duration = Duration::from_millis(200);

/// Serves a listening socket until `stop` becomes true (or its sender is gone). A message that is just being kept is
/// still answered; clients in mid-message are told to come again.
pub async fn serve(listener: TcpListener, door: Door, settings: Settings, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let for_connections = stop.clone();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "an SMTP connection was broken off");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) if connections.len() < settings.connections => {
                    let connection = connection(stream, client.ip(), door.clone(), &settings, for_connections.clone());
                    connections.spawn(connection);
                }
                Ok((stream, client)) => {
                    tracing::warn!(%client, "too many SMTP connections");
                    // A few bytes fit into a new socket, or are not worth a wait.
                    let _ = stream.try_write(b"421 4.3.2 too many connections, try again later\r\n");
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take an SMTP connection");
                    clock::sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = all => {}
        () = clock::sleep(settings.farewell) => tracing::warn!("SMTP connections are cut off"),
    }
    connections.shutdown().await;
}

fn connection(
    stream: TcpStream,
    client: IpAddr,
    door: Door,
    settings: &Settings,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let may_relay = settings.relay.iter().any(|network| network.contains(client));
    let settings = settings.smtp.clone();
    async move {
        let mut session = Session::new(door, client, may_relay);
        match smtp::drive::serve(stream, settings, &mut session, stopped(&mut stop)).await {
            Ok(kept) => tracing::debug!(%client, kept, "an SMTP connection ended"),
            Err(error) => tracing::info!(%client, %error, "an SMTP connection failed"),
        }
    }
}

/// Ends when the node stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error: nobody is left who could say so.
    let _ = stop.wait_for(|stop| *stop).await;
}
