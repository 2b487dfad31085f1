//! Frames on a blocking socket: the side of the agent and its children.

use crate::frames::{self, Frame, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the daemon may be silent between two requests of a session, or take to read an answer: it has its spool to
/// write in between.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Wire {
    stream: UnixStream,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> io::Result<Wire> {
        Wire::within(stream, PATIENCE)
    }

    /// With another patience.
    pub(super) fn within(stream: UnixStream, patience: Duration) -> io::Result<Wire> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Wire { stream })
    }

    /// The next message; None: the other end is done.
    pub(super) fn message<T: DeserializeOwned>(&mut self, longest: usize) -> io::Result<Option<T>> {
        match self.frame(longest)? {
            None => Ok(None),
            Some(Frame::Message(text)) => serde_json::from_slice(&text).map(Some).map_err(misbehaved),
            Some(_) => Err(misbehaved("a body that nothing asked for")),
        }
    }

    /// The next piece of a body; None: it has ended.
    pub(super) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.frame(frames::LONGEST_CHUNK)? {
            Some(Frame::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Frame::End) => Ok(None),
            Some(Frame::Message(_)) => Err(misbehaved("a message in the middle of a body")),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// A whole body.
    pub(super) fn body(&mut self, longest: u64) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece()? {
            if (body.len() + piece.len()) as u64 > longest {
                return Err(misbehaved("a body that is longer than messages are here"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    pub(super) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(message).map_err(io::Error::other)?;
        if text.len() > frames::LONGEST_MESSAGE {
            return Err(io::Error::other("an answer that is too long"));
        }
        self.write(Kind::Message, &text)
    }

    pub(super) fn send_body(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(frames::LONGEST_CHUNK) {
            self.write(Kind::Bytes, piece)?;
        }
        self.write(Kind::End, &[])
    }

    fn write(&mut self, kind: Kind, content: &[u8]) -> io::Result<()> {
        self.stream.write_all(&[&frames::header(kind, content.len()), content].concat())
    }

    /// A frame of at most `longest` bytes; nothing is read of one that is longer. None: the end of the connection.
    fn frame(&mut self, longest: usize) -> io::Result<Option<Frame>> {
        let mut header = [0; frames::HEADER];
        let (first, rest) = header.split_at_mut(1);
        if self.stream.read(first)? == 0 {
            return Ok(None);
        }
        self.stream.read_exact(rest)?;
        let (kind, length) = frames::parse_header(header).map_err(misbehaved)?;
        if length > longest {
            return Err(misbehaved("a frame that is too long here"));
        }
        let mut content = vec![0; length];
        self.stream.read_exact(&mut content)?;
        Ok(Some(frames::assemble(kind, content)))
    }

    /// The connection once more, for a child.
    pub(super) fn share(&self) -> io::Result<OwnedFd> {
        self.stream.try_clone().map(OwnedFd::from)
    }
}

fn misbehaved(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}
