//! The stream of a call that is cut off at a moment: the call sees a broken line, and ends as it does then.

use crate::wire::line::{Beside, LineError};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub struct UntilCut<S> {
    stream: S,
    why: &'static str,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl<S> UntilCut<S> {
    /// `cut` completes when the call has to end; why that is so, is said in its record.
    pub fn new(stream: S, why: &'static str, cut: impl Future<Output = ()> + Send + 'static) -> Self {
        UntilCut { stream, why, cut: Box::pin(cut), is_cut: false }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.cut.as_mut().poll(cx).is_ready();
        if self.is_cut { Err(io::Error::other(format!("cut off, for {}", self.why))) } else { Ok(()) }
    }
}

impl<S: Beside + Send> Beside for UntilCut<S> {
    async fn send_break(&mut self, length: Duration) -> Result<bool, LineError> {
        self.stream.send_break(length).await
    }

    fn has_carrier(&mut self) -> Option<bool> {
        self.stream.has_carrier()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for UntilCut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for UntilCut<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
