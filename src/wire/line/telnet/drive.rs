//! The machine over a TCP connection.

use super::comport::{ComLines, ComPort, ComSettings, Request};
use super::{Role, Telnet};
use crate::clock;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long the other side may take to say what it does; one that knows no telnet never says.
const SETTLE: Duration = Duration::from_secs(5);
/// How long a terminal server may take to tell how the modem lines are.
const MODEM_LINES: Duration = Duration::from_secs(1);
/// What is taken in ahead of the reader, in bytes.
const DATA_AHEAD: usize = 16 * 1024;
/// What may wait to be written, in bytes, before nothing more is taken.
const OUT_AHEAD: usize = 4 * 1024;

/// A telnet connection as a stream of data.
#[derive(Debug)]
pub struct TelnetStream {
    stream: TcpStream,
    telnet: Telnet,
    /// Taken in and not read yet.
    data: Vec<u8>,
    /// To be written from `written` on.
    out: Vec<u8>,
    written: usize,
    /// The serial port has modem lines, as probed at the start.
    has_lines: bool,
}

impl TelnetStream {
    /// Comes to terms with the other side. `port`: a serial port is asked for, which fails if it cannot be as wished.
    pub async fn start(stream: TcpStream, role: Role, port: Option<ComSettings>) -> io::Result<Self> {
        let is_serial = port.is_some();
        let telnet = Telnet::new(role, port);
        let mut line =
            TelnetStream { stream, telnet, data: Vec::new(), out: Vec::new(), written: 0, has_lines: false };
        let failed = |telnet: &Telnet| telnet.port().is_some_and(|port| port.failed().is_some());
        let done = |telnet: &Telnet| telnet.settled() || failed(telnet);
        let settled = clock::within(SETTLE, line.take_in_until(done)).await.transpose()?;
        if !is_serial {
            return Ok(line);
        }
        if let Some(what) = line.telnet.port().and_then(ComPort::failed) {
            return Err(io::Error::other(format!("the terminal server does not set {what}")));
        }
        // Some servers answer what is asked of the port, but not every option of telnet.
        if settled.is_none() && !line.telnet.port().is_some_and(ComPort::settled) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the terminal server does not answer"));
        }
        let told = |telnet: &Telnet| telnet.port().is_some_and(|port| port.lines().is_some());
        line.has_lines = clock::within(MODEM_LINES, line.take_in_until(told)).await.transpose()?.is_some();
        // What stood in the buffers of the server is of the call before.
        line.discard();
        Ok(line)
    }

    /// Reads until something is so. What comes in meanwhile is kept.
    async fn take_in_until(&mut self, done: impl Fn(&Telnet) -> bool) -> io::Result<()> {
        poll_fn(|context| {
            while !done(&self.telnet) {
                if ready!(self.poll_take_in(context))? == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Every byte passes, both ways.
    pub fn is_binary(&self) -> bool {
        self.telnet.is_binary()
    }

    /// The modem lines of the serial port, as the server told them last.
    pub fn lines(&self) -> Option<ComLines> {
        self.telnet.port().and_then(ComPort::lines)
    }

    /// Whether the serial port has modem lines, as probed at the start.
    pub fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// Asks something of the serial port. It leaves with the next read or write if it cannot leave now.
    pub fn request(&mut self, request: &Request) {
        self.telnet.request(request);
        self.telnet.poll_transmit(&mut self.out);
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(count) if count > 0 => self.written += count,
                _ => break,
            }
        }
    }

    /// Throws away what came in, and what waits in the serial port.
    pub fn discard(&mut self) {
        self.data.clear();
        self.request(&Request::Purge);
    }

    /// Bytes that wait to be written.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.written
    }

    /// Waits until everything was handed to the kernel; the caller bounds it.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Takes in, and throws away, whatever comes in this time: the modem lines with it.
    pub async fn listen_for(&mut self, time: Duration) {
        let listening = async { while self.take_in_until(|_| false).await.is_ok() {} };
        clock::within(time, listening).await;
        self.data.clear();
    }

    /// The connection below, for its end.
    pub fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.telnet.poll_transmit(&mut self.out);
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.out.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads once from the connection; 0: it ended.
    fn poll_take_in(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // What has to be answered would pile up if the other side sends and never reads.
        if let Poll::Ready(Err(error)) = self.poll_flush(context) {
            return Poll::Ready(Err(error));
        }
        if self.unsent() > DATA_AHEAD {
            return Poll::Pending;
        }
        let mut bytes = [0; 4096];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        self.telnet.handle_input(buffer.filled(), &mut self.data);
        match self.poll_flush(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(count)),
        }
    }

    pub fn poll_read(&mut self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Also when there are data to read: what was written has to leave, and nobody else sees to it.
        let _ = self.poll_flush(context)?;
        while self.data.is_empty() {
            if ready!(self.poll_take_in(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let count = self.data.len().min(buf.remaining());
        buf.put_slice(self.data.get(..count).unwrap_or_default());
        self.data.drain(..count);
        Poll::Ready(Ok(()))
    }

    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Whoever only writes must still hear that it may go on.
        while self.suspended() {
            if self.data.len() > DATA_AHEAD {
                // Until somebody reads.
                return Poll::Pending;
            }
            if ready!(self.poll_take_in(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
        if self.unsent() >= OUT_AHEAD {
            ready!(self.poll_flush(context))?;
        }
        let piece = bytes.get(..bytes.len().min(OUT_AHEAD)).unwrap_or_default();
        self.telnet.send(piece);
        let _ = self.poll_flush(context)?;
        Poll::Ready(Ok(piece.len()))
    }

    fn suspended(&self) -> bool {
        self.telnet.port().is_some_and(|port| port.suspended())
    }
}
