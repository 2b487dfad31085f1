//! The other end of a recorded call, played again.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use uugate::wire::line::Beside;
use uugate::wire::record::{Chunk, Content, From, Recording};
use uugate::wire::trace::{self, What, Who};

/// By so much may what we say differ, in bytes, from what we said then: the ids of jobs are not of the same length, and an
/// acknowledgement goes by itself or with data.
const SLACK: usize = 128;

/// Gives the peer's bytes, piece by piece as they came, each when we have said what we had said by then; then the end of the
/// line. Takes whatever we say.
pub struct Replay {
    pieces: VecDeque<Piece>,
    /// What has been said and given so far.
    now: Recording,
    said: usize,
    reader: Option<Waker>,
}

/// Bytes of the peer, and what we had said before them.
struct Piece {
    bytes: Vec<u8>,
    said: usize,
    messages: usize,
}

/// How many messages, commands and ends of files are ours.
fn messages(recording: &Recording) -> usize {
    let ours = |item: &&trace::Item| {
        let whole = matches!(item.what, What::Handshake { .. } | What::Message { .. } | What::FileEnd { .. });
        item.from == Who::Us && whole
    };
    trace::decode(recording).items.iter().filter(ours).count()
}

impl Replay {
    /// `blanks` is what the recording does not show of the peer's bytes: its login.
    pub fn new(recording: &Recording, blanks: &[u8]) -> Replay {
        let mut bytes = recording.bytes(From::Them, blanks).into_iter();
        let mut then = Recording { chunks: Vec::new(), ..recording.clone() };
        let now = then.clone();
        let (mut said, mut pieces) = (0, VecDeque::new());
        for chunk in recording.parts().1 {
            let length = match &chunk.content {
                Content::Bytes(bytes) => bytes.len(),
                Content::Blank(count) => *count,
                Content::Connected => continue,
            };
            match chunk.from {
                From::Us => said += length,
                From::Them => {
                    let bytes = bytes.next().expect("as many as chunks");
                    pieces.push_back(Piece { bytes, said, messages: messages(&then) });
                }
            }
            then.chunks.push(chunk.clone());
        }
        Replay { pieces, now, said: 0, reader: None }
    }

    fn keep(&mut self, from: From, bytes: &[u8]) {
        let content = Content::Bytes(bytes.to_vec());
        self.now.chunks.push(Chunk { at: Duration::ZERO, from, content });
    }
}

impl Beside for Replay {}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(mut piece) = self.pieces.pop_front() else { return Poll::Ready(Ok(())) };
        if piece.said > self.said + SLACK || piece.messages > messages(&self.now) {
            self.pieces.push_front(piece);
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let rest = piece.bytes.split_off(piece.bytes.len().min(buf.remaining()));
        buf.put_slice(&piece.bytes);
        self.keep(From::Them, &piece.bytes);
        if !rest.is_empty() {
            self.pieces.push_front(Piece { bytes: rest, ..piece });
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.said += bytes.len();
        self.keep(From::Us, bytes);
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
