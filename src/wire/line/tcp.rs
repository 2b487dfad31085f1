//! Lines over TCP: calling, and tuning what was accepted.

use super::LineError;
use crate::clock;
use rustix::net::sockopt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Probes that go unanswered before the connection counts as dead (tcp(7): TCP_KEEPCNT).
const KEEPALIVE_PROBES: u32 = 5;
/// What is read and thrown away at most while closing, so that a chatterer cannot hold us.
const LINGER_BYTES: usize = 256 * 1024;

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
}

impl Default for TcpSettings {
    fn default() -> Self {
        TcpSettings {
            host: String::new(),
            port: 540,
            connect_limit: Duration::from_secs(60),
            keepalive: TcpListening::default().keepalive,
        }
    }
}

/// What is asked of accepted connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpListening {
    /// As in [`TcpSettings`].
    pub keepalive: Option<Duration>,
}

impl Default for TcpListening {
    fn default() -> Self {
        TcpListening { keepalive: Some(Duration::from_secs(60)) }
    }
}

pub(super) async fn connect(settings: &TcpSettings) -> Result<TcpStream, LineError> {
    let address = format!("{}:{}", settings.host, settings.port);
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

/// Closes our half and reads on until the other end closes too: closing with unread bytes would reset the connection
/// and could take the last ones that we sent with it.
pub(super) async fn linger(stream: &mut TcpStream, limit: Duration) {
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
