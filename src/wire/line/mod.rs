//! Bytes and modem signals of a line: serial port, child process, own stdin and stdout, TCP (plain, TLS, telnet), and a
//! serial port behind a terminal server.
//!
//! A [`Line`] is what a call runs on: a stream for tokio, and beside it the few things that only lines have
//! (carrier, DTR, break, hang-up). Whatever ends a line, reading ends with an end of file and [`Line::end`] says
//! why, once and for all; nothing here waits without a bound.
//!
//! Facts: tty_ioctl(2const), termios(3), and what the kernel was seen to do with PTYs: they have no modem lines
//! (ENOTTY), count nothing as waiting to be sent, and give end of file or EIO when the other side is closed.

mod beside;
mod error;
mod hint;
mod holders;
mod locks;
mod pipe;
mod port;
mod qualities;
mod serial;
mod stdio;
mod stream;
mod tcp;
pub mod telnet;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod uart;

pub use beside::Beside;
pub use error::{Holder, LineError};
pub use hint::{SAFE_WITHOUT_FIFO, SPEEDS, WITHOUT_FIFO};
pub use holders::{running, users_of};
pub use locks::unlock;
pub use pipe::PipeSettings;
pub use port::{Port, SerialServerSettings};
pub use qualities::{Declared, Qualities};
pub use serial::{DataBits, DtrOnOpen, Flow, ModemLines, Parity, SerialSettings, Signals, is_adapter};
pub use tcp::{Over, TcpListening, TcpSettings};
pub use uart::{Chip, UartCounters, UartWatch};

use crate::clock;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How often carrier is looked at where there is one. No driver tells all of them, so it is asked for.
const CARRIER_POLL: Duration = Duration::from_millis(250);

/// Why a line gives no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The connection is gone: DCD fell, or the modem's PTY was closed in mid-call.
    CarrierLost,
    /// The device itself is gone: unplugged, or its PTY closed while no carrier was expected.
    DeviceGone,
    /// The other end closed a pipe or socket.
    PeerClosed,
    /// We hung up.
    Local,
}

impl End {
    /// The words for logs and records.
    pub fn words(self) -> &'static str {
        match self {
            End::CarrierLost => "the carrier was lost",
            End::DeviceGone => "the device is gone",
            End::PeerClosed => "the other end closed the connection",
            End::Local => "hung up here",
        }
    }
}

/// Whether the line has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Present,
    Absent,
    /// The line cannot tell.
    Unknown,
}

/// What a line in a call has shown of its carrier. Where none is ever shown (a cable without DCD), none can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Until then it may be told of.
    Awaited(Instant),
    Seen,
    Never,
}

/// Whether everything written has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    Empty,
    /// Bytes that still waited when the time was up.
    Left(u32),
}

/// An open line. Dropping it releases locks, device, program and socket at once; [`Line::close`] does it in order.
pub struct Line {
    name: String,
    stream: Stream,
    exposed: bool,
    /// The names that the other end's certificate showed.
    certified: Vec<String>,
    end: Option<End>,
    /// Carrier must stay: set while a call is up.
    watching: bool,
    /// What was seen of it since.
    shown: Shown,
    tick: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("name", &self.name).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Line {
    fn new(name: String, stream: Stream) -> Self {
        Line {
            name,
            stream,
            exposed: false,
            certified: Vec::new(),
            end: None,
            watching: false,
            shown: Shown::Never,
            tick: None,
        }
    }

    fn exposed(mut self, exposed: bool) -> Self {
        self.exposed = exposed;
        self
    }

    fn certified_as(mut self, names: Vec<String>) -> Self {
        self.certified = names;
        self
    }

    /// A connection that somebody else accepted; whatever runs over it is begun here, within a bounded time.
    pub async fn accepted(stream: TcpStream, settings: &TcpListening) -> Result<Self, LineError> {
        port::accept(stream, settings).await
    }

    /// Whether what crosses the line, a password say, can be read on a network on the way.
    pub fn is_exposed(&self) -> bool {
        self.exposed
    }

    /// The DNS names in the certificate that a caller has shown, verified and in lower case; none without one.
    pub fn certified(&self) -> &[String] {
        &self.certified
    }

    /// The device, program or address, for logs and records.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why the line ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// What the line is fit for, as its kind has it.
    pub fn qualities(&self) -> Qualities {
        self.stream.qualities()
    }

    /// Whether the line has modem lines, as probed when it was opened.
    pub fn modem_lines(&self) -> ModemLines {
        self.stream.modem_lines()
    }

    /// The connection's state now.
    pub fn carrier(&mut self) -> Carrier {
        match self.signals() {
            Some(signals) if signals.dcd => Carrier::Present,
            Some(_) => Carrier::Absent,
            None => Carrier::Unknown,
        }
    }

    /// The incoming modem lines now, where there are any.
    pub fn signals(&mut self) -> Option<Signals> {
        self.stream.signals()
    }

    /// From now on the carrier must stay (set it after CONNECT): where DCD is real it is polled while reading, and
    /// its fall ends the line; elsewhere, and where it never rises, this only decides what an end of file is called.
    pub fn watch_carrier(&mut self, watch: bool) {
        self.watching = watch;
        self.shown = Shown::Awaited(clock::now() + self.stream.tells_carrier_within());
        self.tick = None;
    }

    /// Raises or lowers DTR; `false` if the line has none.
    pub fn set_dtr(&mut self, high: bool) -> Result<bool, LineError> {
        self.stream.set_dtr(high)
    }

    /// Sets another speed, in bit/s; `false` if the line has none of its own.
    pub fn set_speed(&mut self, speed: u32) -> Result<bool, LineError> {
        self.stream.set_speed(speed)
    }

    /// Sends a break of that length; `false` if the line knows none. It would spoil what has not left by then: that has as long to leave.
    pub async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        self.drain(length).await;
        self.stream.send_break(length).await
    }

    /// Waits until everything written has left, at most for `limit`. A serial port can have bytes left, and what is
    /// coded on its way; for the others the kernel carries them on.
    pub async fn drain(&mut self, limit: Duration) -> Drained {
        self.stream.drain(limit).await
    }

    /// Bytes that a serial port still has to send, as far as the kernel can tell; 0 on other lines.
    pub fn unsent(&self) -> u32 {
        match &self.stream {
            Stream::Serial(port) => port.unsent(),
            _ => 0,
        }
    }

    /// Throws away what has arrived and was not read, and what was written and has not left: before a modem is
    /// spoken to afresh. Nothing on other lines.
    pub fn discard(&mut self) {
        self.stream.discard();
    }

    /// Ends the connection. On a serial port DTR is low for `low` (on a PTY: its speed is B0 for that time) and then
    /// as before, and the line may be used again (it has no end any more) unless its device is gone; every other line
    /// is closed for good. Takes at most `low` and, for a program that does not end by itself, its two grace times.
    pub async fn hang_up(&mut self, low: Duration) -> Result<(), LineError> {
        self.watching = false;
        self.tick = None;
        self.end = self.stream.hang_up(low, self.end).await?;
        Ok(())
    }

    /// Closes in order, within `limit`: what was written leaves first if it can.
    pub async fn close(mut self, limit: Duration) -> Drained {
        let drained = self.drain(limit).await;
        self.stream.close(limit).await;
        drained
    }

    /// Counts the UART's errors from now on; `None` where there is no UART.
    pub fn uart(&self) -> Option<UartWatch> {
        match &self.stream {
            Stream::Serial(port) => port.uart(),
            _ => None,
        }
    }

    /// The UART, where the driver tells what it is.
    pub fn chip(&self) -> Option<Chip> {
        match &self.stream {
            Stream::Serial(port) => port.chip(),
            _ => None,
        }
    }

    fn note_end(&mut self, error: Option<&io::Error>) {
        if self.end.is_none() {
            let end = self.stream.end(self.watching);
            let error = error.map(|error| (error.kind(), error.to_string()));
            match error {
                // TLS says by this kind what it does not like, or what the other end does not: a certificate, say.
                Some((io::ErrorKind::InvalidData, error)) => {
                    tracing::warn!(line = %self.name, error, "{}", end.words());
                }
                error => {
                    let error = error.map(|(_, error)| error);
                    tracing::debug!(line = %self.name, error, "{}", end.words());
                }
            }
            self.end = Some(end);
        }
    }

    /// Looks after the carrier while a read waits.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.watching || self.modem_lines() != ModemLines::Real {
                return Poll::Pending;
            }
            match (self.carrier(), self.shown) {
                (Carrier::Present, _) => self.shown = Shown::Seen,
                (carrier, Shown::Seen) => {
                    // A port that cannot tell any more is there no more.
                    let lost = carrier == Carrier::Absent;
                    self.end = Some(if lost { End::CarrierLost } else { End::DeviceGone });
                    return Poll::Ready(Ok(()));
                }
                (_, Shown::Awaited(by)) if by <= clock::now() => {
                    tracing::warn!(line = %self.name, "the port shows no carrier: DCD is not wired, or the modem does not raise it");
                    self.shown = Shown::Never;
                }
                (_, Shown::Awaited(_) | Shown::Never) => {}
            }
            let tick = self.tick.get_or_insert_with(|| Box::pin(clock::sleep(CARRIER_POLL)));
            std::task::ready!(tick.as_mut().poll(cx));
            self.tick = None;
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = &mut *self;
        if line.end.is_some() || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        loop {
            let read = line.stream.poll_read(cx, buf);
            match read {
                Poll::Pending => return line.poll_watch(cx),
                Poll::Ready(Ok(())) if buf.filled().len() > before => {}
                Poll::Ready(Ok(())) => line.note_end(None),
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Poll::Ready(Err(error)) => line.note_end(Some(&error)),
            }
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let line = &mut *self;
        if let Some(end) = line.end {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, end.words())));
        }
        loop {
            let written = line.stream.poll_write(cx, bytes);
            match &written {
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Poll::Ready(Err(error)) => line.note_end(Some(error)),
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
            return written;
        }
    }

    /// Does nothing: bytes are with the kernel once written, and waiting for the wire is [`Line::drain`], which is
    /// bounded (a flush of a tty is tcdrain, which is not).
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Says to the other end that no more comes, where the line can say that.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }
}
