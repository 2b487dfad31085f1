//! What the modems have said of a line is seen in the packets that go over it.

use super::*;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// Keeps what is written to a stream.
struct Tap<S> {
    stream: S,
    written: Arc<Mutex<Vec<u8>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.written.lock().unwrap().extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> Beside for Tap<S> {}

/// The largest packet of `i`, in bytes of data, of those that follow each other from the first SYNC on.
fn largest(written: &[u8]) -> usize {
    let is_header = |at: &[u8]| at[0] == 7;
    let mut at = written.windows(6).position(|bytes| is_header(bytes) && bytes[3] >> 5 == 1).expect("a SYNC");
    let mut largest = 0;
    while let Some(header) = written.get(at..at + 6).filter(|bytes| is_header(bytes)) {
        let length = usize::from(header[3] & 0x0f) << 8 | usize::from(header[4]);
        largest = largest.max(length);
        at += 6 + length + if length > 0 { 4 } else { 0 };
    }
    assert!(written.len() - at < 100, "all of it are packets, but for the farewell");
    largest
}

/// The largest packet each way, in a call over modems that carry so many bytes a second.
async fn packets(rate: Option<u32>, corrected: Option<bool>) -> [usize; 2] {
    let (leaf, polux) = sites();
    leaf.mail("a@polux", &text(1, 60_000)).await;
    polux.mail("b@leaf", &text(2, 60_000)).await;
    let connected = || {
        let promised = Throughput { transmit: rate, receive: rate };
        Connected { line: "modem".to_owned(), promised, corrected, ..Connected::default() }
    };
    let written = [(); 2].map(|()| Arc::new(Mutex::new(Vec::new())));
    let (a, b) = duplex(4096);
    let a = Tap { stream: a, written: written[0].clone() };
    let b = Tap { stream: b, written: written[1].clone() };
    let (watch, system) = (Watch::nobody(), leaf.other());
    let lease = begin(&leaf.spool, &leaf.node, &system, "modem").await.unwrap();
    let placing = place(a, &leaf.node, &system, lease, connected(), &leaf.spool, &watch);
    let answering = answer(b, &polux.node, Login::Trusted, connected(), &polux.spool, &watch);
    let (Placed { record: placed, .. }, answered) = tokio::join!(placing, answering);
    assert_eq!((placed.failure, answered.record.failure, placed.protocol), (None, None, Some('i')));
    assert_eq!((placed.jobs_sent, placed.jobs_received), (1, 1));
    written.map(|written| largest(&written.lock().unwrap()))
}

#[tokio::test]
async fn packets_fit_the_line_that_the_modems_promise() {
    assert_eq!(packets(Some(30), Some(false)).await, [150, 150]);
    assert_eq!(packets(Some(120), Some(false)).await, [600, 600]);
    let [there, back] = packets(None, None).await;
    assert!(there > 700 && back > 700, "{there} {back}");
}
