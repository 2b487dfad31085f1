//! The kinds of lines below a [`super::Line`], and what differs between them.

use super::telnet::comport::Request;
use super::telnet::drive::TelnetStream;
use super::{Drained, End, LineError, ModemLines, Qualities, Signals, pipe, serial, stdio, tcp};
use crate::clock;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// How often a drain asks what is left: about a character time of a slow line.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// How long a terminal server may take to tell that the carrier came: those that look at it by themselves do so once a
/// second or so, and CONNECT is quicker.
const SERVER_TELLS: Duration = Duration::from_secs(5);
/// The same for a port of our own: some modems raise DCD behind the word, and USB adapters report a change late.
const PORT_TELLS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Stream {
    Serial(Box<serial::SerialLine>),
    Pipe(Box<pipe::PipeLine>),
    Stdio(stdio::StdioLine),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Telnet(Box<TelnetStream>),
    /// A serial port behind a terminal server.
    Server(Box<TelnetStream>, Qualities),
}

impl Stream {
    pub(super) fn qualities(&self) -> Qualities {
        match self {
            Stream::Serial(port) => port.qualities(),
            // A login over a modem or a terminal.
            Stream::Stdio(ends) if ends.is_tty() => Qualities::SERIAL,
            Stream::Telnet(line) => Qualities { eight_bit: line.is_binary(), ..Qualities::STREAM },
            Stream::Server(_, qualities) => *qualities,
            Stream::Stdio(_) | Stream::Pipe(_) | Stream::Tcp(_) | Stream::Tls(_) => Qualities::STREAM,
        }
    }

    pub(super) fn modem_lines(&self) -> ModemLines {
        match self {
            Stream::Serial(port) => port.modem_lines(),
            Stream::Server(port, _) if port.has_lines() => ModemLines::Real,
            _ => ModemLines::Absent,
        }
    }

    pub(super) fn signals(&mut self) -> Option<Signals> {
        match self {
            Stream::Serial(port) => port.signals(),
            Stream::Server(port, _) => {
                let lines = port.lines()?;
                Some(Signals { cts: lines.cts, dsr: lines.dsr, dcd: lines.carrier, ring: lines.ring })
            }
            _ => None,
        }
    }

    /// How much later than CONNECT the carrier may be told.
    pub(super) fn tells_carrier_within(&self) -> Duration {
        match self {
            Stream::Server(..) => SERVER_TELLS,
            _ => PORT_TELLS,
        }
    }

    pub(super) fn set_speed(&mut self, speed: u32) -> Result<bool, LineError> {
        match self {
            Stream::Serial(port) => port.set_speed(speed).map(|()| true),
            _ => Ok(false),
        }
    }

    pub(super) fn set_dtr(&mut self, high: bool) -> Result<bool, LineError> {
        match self {
            Stream::Serial(port) => port.set_dtr(high),
            Stream::Server(port, _) => {
                port.request(&Request::Dtr(high));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        match self {
            Stream::Serial(port) => port.send_break(length).await,
            Stream::Server(port, _) => {
                port.request(&Request::Break(true));
                clock::sleep(length).await;
                port.request(&Request::Break(false));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    pub(super) async fn drain(&mut self, limit: Duration) -> Drained {
        match self {
            Stream::Serial(port) => {
                let deadline = clock::now() + limit;
                loop {
                    let left = port.unsent();
                    if left == 0 {
                        return Drained::Empty;
                    }
                    if clock::now() >= deadline {
                        return Drained::Left(left);
                    }
                    clock::sleep(DRAIN_POLL).await;
                }
            }
            Stream::Telnet(line) | Stream::Server(line, _) => {
                // For one that fails nothing waits any more.
                match clock::within(limit, line.flush()).await {
                    Some(_) => Drained::Empty,
                    None => Drained::Left(u32::try_from(line.unsent()).unwrap_or(u32::MAX)),
                }
            }
            // The kernel carries on what they have been given; closing TLS sees to its last record.
            Stream::Pipe(_) | Stream::Stdio(_) | Stream::Tcp(_) | Stream::Tls(_) => Drained::Empty,
        }
    }

    pub(super) fn discard(&mut self) {
        match self {
            Stream::Serial(port) => port.discard(),
            Stream::Server(port, _) => port.discard(),
            _ => {}
        }
    }

    /// Ends the connection; gives back the end that the line has then, of the one that it had.
    pub(super) async fn hang_up(
        &mut self,
        low: Duration,
        end: Option<End>,
    ) -> Result<Option<End>, LineError> {
        match self {
            Stream::Serial(port) => {
                let usable = port.hang_up(low).await?;
                let gone = !usable
                    || end == Some(End::DeviceGone)
                    || (port.is_pty() && end == Some(End::CarrierLost));
                Ok(gone.then_some(End::DeviceGone))
            }
            Stream::Server(port, _) => {
                port.request(&Request::Dtr(false));
                port.listen_for(low).await;
                port.discard();
                port.request(&Request::Dtr(true));
                Ok(end.filter(|end| *end == End::DeviceGone))
            }
            _ => {
                self.close(low).await;
                Ok(Some(end.unwrap_or(End::Local)))
            }
        }
    }

    /// Ends what is not a device, in order.
    pub(super) async fn close(&mut self, limit: Duration) {
        match self {
            Stream::Serial(_) | Stream::Stdio(_) => {}
            Stream::Pipe(program) => program.stop().await,
            Stream::Tcp(stream) => tcp::linger(stream, limit).await,
            Stream::Tls(stream) => tcp::linger(stream, limit).await,
            Stream::Telnet(line) | Stream::Server(line, _) => {
                clock::within(limit, line.flush()).await;
                tcp::linger(line.socket(), limit).await;
            }
        }
    }

    /// What an end of file or an error means; `in_call`: the carrier had to stay.
    pub(super) fn end(&self, in_call: bool) -> End {
        match self {
            Stream::Serial(port) if port.is_pty() => {
                if in_call {
                    End::CarrierLost
                } else {
                    End::DeviceGone
                }
            }
            // With CLOCAL no fall of the carrier ends a port: only a device that was pulled, by end of file or by EIO.
            Stream::Serial(_) | Stream::Server(..) => End::DeviceGone,
            Stream::Stdio(line) if line.is_tty() => End::CarrierLost,
            _ => End::PeerClosed,
        }
    }

    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Serial(port) => Pin::new(&mut port.stream).poll_read(cx, buf),
            Stream::Pipe(program) => program.poll_read(cx, buf),
            Stream::Stdio(ends) => ends.poll_read(cx, buf),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            // What was taken to be written and has not left goes now: nobody else sees to it.
            Stream::Tls(stream) => match Pin::new(&mut **stream).poll_flush(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Pin::new(&mut **stream).poll_read(cx, buf),
            },
            Stream::Telnet(line) | Stream::Server(line, _) => line.poll_read(cx, buf),
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Serial(port) => Pin::new(&mut port.stream).poll_write(cx, bytes),
            Stream::Pipe(program) => program.poll_write(cx, bytes),
            Stream::Stdio(ends) => ends.poll_write(cx, bytes),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            // What was taken before leaves first, so that little waits where nobody sees it.
            Stream::Tls(stream) => match Pin::new(&mut **stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => Pin::new(&mut **stream).poll_write(cx, bytes),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            },
            Stream::Telnet(line) | Stream::Server(line, _) => line.poll_write(cx, bytes),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Serial(_) | Stream::Stdio(_) | Stream::Server(..) => Poll::Ready(Ok(())),
            Stream::Pipe(program) => program.close_input(),
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            Stream::Telnet(line) => Pin::new(line.socket()).poll_shutdown(cx),
        }
    }
}
