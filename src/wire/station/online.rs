//! The stream of a call over a modem: what came in behind CONNECT first, then the line, until the carrier is lost.
//!
//! Where the line has no carrier signal, the words of the modem are taken for its end: a read says
//! [`io::ErrorKind::ConnectionAborted`]. Whoever knows better (a packet held those bytes) just reads on. A carrier or a device
//! that was seen to go is an error that says so, [`io::ErrorKind::NotConnected`].
//!
//! Where the modem has an escape, what is written is held back for a moment when it would form one.

use crate::clock;
use crate::wire::line::{Beside, End, Line, LineError};
use crate::wire::modem::{CarrierWatch, EscapeGuard};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct Online<'a> {
    line: &'a mut Line,
    early: Vec<u8>,
    /// Where the line has no carrier signal: looks for the modem's words instead.
    watch: Option<CarrierWatch>,
    timer: Option<Timer>,
    guard: Option<EscapeGuard>,
    /// Until what is held back may be written.
    held: Option<Timer>,
}

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

impl<'a> Online<'a> {
    pub(super) fn new(
        line: &'a mut Line,
        early: Vec<u8>,
        watch: Option<CarrierWatch>,
        guard: Option<EscapeGuard>,
    ) -> Self {
        Online { line, early, watch, timer: None, guard, held: None }
    }

    fn saw(&mut self, bytes: &[u8]) {
        if let Some(watch) = &mut self.watch {
            watch.handle_input(clock::now(), bytes);
            self.timer = None;
        }
    }
}

impl Beside for Online<'_> {
    async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        self.line.send_break(length).await
    }

    fn has_carrier(&mut self) -> Option<bool> {
        // Where words are looked for there is no signal.
        if self.watch.is_some() { None } else { self.line.has_carrier() }
    }
}

impl AsyncRead for Online<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let online = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !online.early.is_empty() {
            let count = online.early.len().min(buf.remaining());
            let bytes: Vec<u8> = online.early.drain(..count).collect();
            online.saw(&bytes);
            buf.put_slice(&bytes);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut *online.line).poll_read(cx, buf) {
            let bytes = buf.filled().get(before..).unwrap_or_default().to_vec();
            online.saw(&bytes);
            return Poll::Ready(match online.line.end() {
                // Everybody above is to know why, not only that nothing comes any more.
                Some(end @ (End::CarrierLost | End::DeviceGone)) if bytes.is_empty() && read.is_ok() => {
                    Err(io::Error::new(io::ErrorKind::NotConnected, end.words()))
                }
                _ => read,
            });
        }
        loop {
            let Some(watch) = &mut online.watch else { return Poll::Pending };
            let Some(at) = watch.poll_timeout() else { return Poll::Pending };
            let timer = online.timer.get_or_insert_with(|| Box::pin(clock::sleep_until(Some(at))));
            ready!(timer.as_mut().poll(cx));
            online.timer = None;
            if watch.handle_timeout(clock::now().max(at)) {
                tracing::debug!("the modem seems to say NO CARRIER");
                let said = "the modem said that the carrier is lost";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, said)));
            }
        }
    }
}

impl AsyncWrite for Online<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let online = &mut *self;
        let Some(guard) = &mut online.guard else { return Pin::new(&mut *online.line).poll_write(cx, bytes) };
        loop {
            let count = guard.may_write(clock::now(), bytes);
            if count == 0 && !bytes.is_empty() {
                let until = guard.poll_timeout();
                let timer = online.held.get_or_insert_with(|| Box::pin(clock::sleep_until(until)));
                ready!(timer.as_mut().poll(cx));
                online.held = None;
                if online.line.unsent() > 0 {
                    guard.still_leaving(clock::now());
                }
                continue;
            }
            let piece = bytes.get(..count).unwrap_or(bytes);
            let written = ready!(Pin::new(&mut *online.line).poll_write(cx, piece))?;
            guard.wrote(clock::now(), piece.get(..written).unwrap_or_default());
            return Poll::Ready(Ok(written));
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.line).poll_shutdown(cx)
    }
}
