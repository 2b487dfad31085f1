//! Lines over TCP: calling, tuning what was accepted, and what may run over it.

use super::LineError;
use crate::clock;
use crate::tls::TlsSettings;
use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Probes that go unanswered before the connection counts as dead (tcp(7): TCP_KEEPCNT).
const KEEPALIVE_PROBES: u32 = 5;
/// What is read and thrown away at most while closing, so that a chatterer cannot hold us.
const LINGER_BYTES: usize = 256 * 1024;

/// What runs over the connection, below the bytes of the line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Over {
    /// Nothing: every byte as it is, to be read by whoever is on the way.
    #[default]
    Plain,
    Tls(TlsSettings),
    Telnet,
}

/// A line to call over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpSettings {
    /// Name or address.
    pub host: String,
    /// TCP port; 540 is the registered one of UUCP.
    pub port: u16,
    /// How long to wait for the connection, name look-up included.
    pub connect_limit: Duration,
    /// Silence after which the kernel asks whether the other end is still there; `None` never asks.
    pub keepalive: Option<Duration>,
    pub over: Over,
    /// The name that the certificate of the other end has to show; `None`: the host.
    pub certificate_name: Option<String>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        TcpSettings {
            host: String::new(),
            port: 540,
            connect_limit: Duration::from_secs(60),
            keepalive: TcpListening::default().keepalive,
            over: Over::Plain,
            certificate_name: None,
        }
    }
}

impl TcpSettings {
    /// Host and port, for logs and records.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// What is asked of accepted connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpListening {
    /// As in [`TcpSettings`].
    pub keepalive: Option<Duration>,
    pub over: Over,
}

impl Default for TcpListening {
    fn default() -> Self {
        TcpListening { keepalive: Some(Duration::from_secs(60)), over: Over::Plain }
    }
}

pub(super) async fn connect(settings: &TcpSettings) -> Result<TcpStream, LineError> {
    let address = settings.address();
    let connecting = TcpStream::connect((settings.host.as_str(), settings.port));
    let stream = match clock::within(settings.connect_limit, connecting).await {
        Some(Ok(stream)) => stream,
        Some(Err(source)) => return Err(LineError::Connect { address, source }),
        None => return Err(LineError::ConnectTooSlow { address, limit: settings.connect_limit }),
    };
    tune(&stream, settings.keepalive).map_err(|source| LineError::Connect { address, source })?;
    Ok(stream)
}

/// No delay (protocol packets are small and answered), and keepalive.
pub(super) fn tune(stream: &TcpStream, keepalive: Option<Duration>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if let Some(idle) = keepalive {
        sockopt::set_socket_keepalive(stream, true)?;
        sockopt::set_tcp_keepidle(stream, idle)?;
        sockopt::set_tcp_keepintvl(stream, (idle / KEEPALIVE_PROBES).max(Duration::from_secs(1)))?;
        sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    }
    Ok(())
}

/// Whether nobody but this machine can read what goes to an address.
pub(super) fn stays_here(peer: io::Result<SocketAddr>) -> bool {
    // An IPv4 address may come in the clothes of IPv6.
    peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Closes our half and reads on until the other end closes too: closing with unread bytes would reset the connection
/// and could take the last ones that we sent with it.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, limit: Duration) {
    let ending = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut rest = [0; 4096];
        let mut read = 0;
        while read < LINGER_BYTES {
            match stream.read(&mut rest).await {
                Ok(0) | Err(_) => return,
                Ok(n) => read += n,
            }
        }
    };
    clock::within(limit, ending).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_stays_on_this_machine() {
        let stays = |address: &str| stays_here(Ok(format!("{address}:540").parse().unwrap()));
        assert!(stays("127.0.0.1") && stays("127.9.9.9") && stays("[::1]") && stays("[::ffff:127.0.0.1]"));
        assert!(!stays("192.0.2.1") && !stays("[2001:db8::1]") && !stays("[::ffff:192.0.2.1]"));
        assert!(!stays_here(Err(io::ErrorKind::NotConnected.into())), "what is not known is not safe");
    }
}
