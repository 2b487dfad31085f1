//! The other end of a recorded call, played again.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use uugate::wire::record::{Content, From, Recording};

/// By so much may what we say differ, in bytes, from what we said then: the ids of jobs are not of the same length.
const SLACK: usize = 16;

/// Gives the peer's bytes, piece by piece as they came, each when we have said what we had said by then; then the end of the
/// line. Takes whatever we say.
pub struct Replay {
    /// What had been said before by us, in bytes; and a piece of the peer's.
    pieces: VecDeque<(usize, Vec<u8>)>,
    said: usize,
    reader: Option<Waker>,
}

impl Replay {
    /// `blanks` is what the recording does not show of the peer's bytes: its login.
    pub fn new(recording: &Recording, blanks: &[u8]) -> Replay {
        let mut said = 0;
        let mut before = Vec::new();
        for chunk in recording.parts().1 {
            let length = match &chunk.content {
                Content::Bytes(bytes) => bytes.len(),
                Content::Blank(count) => *count,
                Content::Connected => continue,
            };
            match chunk.from {
                From::Us => said += length,
                From::Them => before.push(said),
            }
        }
        let pieces = before.into_iter().zip(recording.bytes(From::Them, blanks)).collect();
        Replay { pieces, said: 0, reader: None }
    }
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let said = self.said + SLACK;
        if self.pieces.front().is_some_and(|(before, _)| *before > said) {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        if let Some((before, mut piece)) = self.pieces.pop_front() {
            let rest = piece.split_off(piece.len().min(buf.remaining()));
            buf.put_slice(&piece);
            if !rest.is_empty() {
                self.pieces.push_front((before, rest));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.said += bytes.len();
        self.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
