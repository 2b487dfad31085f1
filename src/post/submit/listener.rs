//! Takes connections, each in a task of its own.

use super::clients::Crowded;
use super::session::Session;
use super::{Client, Desk, Service};
use crate::clock;
use crate::post::smtp::drive::{Security, serve as serve_smtp};
use crate::post::smtp::{self, SmtpError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long to wait after the system would not give us a connection (too many open files).
const PAUSE: Duration = Duration::from_millis(200);

/// Serves a listening socket until `stop` becomes true (or its sender is gone). A message that is just being kept is
/// still answered; clients in mid-message are told to come again.
pub async fn serve(listener: TcpListener, service: Service, desk: Desk, mut stop: watch::Receiver<bool>) {
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
                Ok((stream, client)) => {
                    admit(&mut connections, stream, Client::At(client.ip()), service, &desk, &for_connections);
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
        () = clock::sleep(desk.settings.farewell) => tracing::warn!("SMTP connections are cut off"),
    }
    connections.shutdown().await;
}

/// Serves a connection, unless there are too many.
fn admit(
    connections: &mut JoinSet<()>,
    stream: TcpStream,
    client: Client,
    service: Service,
    desk: &Desk,
    stop: &watch::Receiver<bool>,
) {
    let Client::At(address) = client else { return };
    let settings = &desk.settings;
    // Clients of ours may be many behind one address.
    let each = if settings.relays_for(address) { settings.connections } else { settings.connections_each };
    match desk.clients.admit(address, settings.connections, each) {
        Ok(seat) => {
            let (desk, mut stop) = (desk.clone(), stop.clone());
            connections.spawn(async move {
                let _seat = seat;
                match serve_one(stream, client.clone(), service, desk, stopped(&mut stop)).await {
                    Ok(kept) => tracing::debug!(%client, kept, "an SMTP connection ended"),
                    Err(error) => tracing::info!(%client, %error, "an SMTP connection failed"),
                }
            });
        }
        Err(crowded) => {
            tracing::warn!(%client, ?crowded, "too many SMTP connections");
            let refusal: &[u8] = match crowded {
                Crowded::Here => b"421 4.3.2 too many connections, try again later\r\n",
                Crowded::ByItself => b"421 4.7.0 too many connections from your address, try again later\r\n",
            };
            // A few bytes fit into a new socket, or are not worth a wait.
            let _ = stream.try_write(refusal);
        }
    }
}

/// Serves one client to the end of its connection; gives the number of messages that were kept.
pub async fn serve_one<S>(
    stream: S,
    client: Client,
    service: Service,
    desk: Desk,
    stop: impl Future<Output = ()> + Send,
) -> Result<u64, SmtpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let settings = &desk.settings;
    let security = match (&settings.tls, service) {
        (None, Service::Submissions) => return Err(crate::tls::TlsError::NoCertificate.into()),
        (None, _) => Security::Never,
        (Some(tls), Service::Submissions) => Security::FromStart(tls.clone()),
        (Some(tls), _) => Security::Offered(tls.clone()),
    };
    let smtp = smtp::Settings {
        login: !settings.passwords.is_empty() && settings.tls.is_some(),
        turn: desk.turn.is_some(),
        ..settings.smtp.clone()
    };
    let peer = client.to_string();
    let mut session = Session::new(desk, client, service);
    serve_smtp(stream, &peer, smtp, security, &mut session, stop).await
}

/// Ends when the node stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error: nobody is left who could say so.
    let _ = stop.wait_for(|stop| *stop).await;
}
