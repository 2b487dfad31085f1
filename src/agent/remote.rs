//! The daemon's side of a session with the agent. What comes back is the word of a process of some user: bounded and
//! checked like that of any stranger.

use super::AgentError;
use super::message::{Answer, Kind, Opening, Request};
use crate::clock;
use crate::fault::Fault;
use crate::frames::{self, Frame};
use crate::observe::printable;
use serde::Serialize;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How long a child may take for what needs no program: it may have to write a large batch to a slow disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// The longest reason that is taken from a child, in bytes.
const REASON: usize = 4096;

#[derive(Debug)]
pub(super) struct Session {
    stream: UnixStream,
    patience: Duration,
}

impl Session {
    /// Opens a session for a user. Whether he is one is told with the first answer.
    pub(super) async fn open(
        socket: &Path,
        user: &str,
        kind: Kind,
        patience: Duration,
    ) -> Result<Session, AgentError> {
        let failed = |source| AgentError::NoAgent { socket: socket.to_owned(), source };
        let stream = within(PATIENCE, UnixStream::connect(socket)).await.map_err(failed)?;
        // Credentials of when it began to listen: nobody else can have put a socket of root there.
        let uid = stream.peer_cred().map_err(failed)?.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            return Err(AgentError::Impostor { socket: socket.to_owned(), uid });
        }
        let mut session = Session { stream, patience };
        session.send(&Opening { user: user.to_owned(), kind }).await.map_err(AgentError::Lost)?;
        Ok(session)
    }

    /// Asks for something that needs no body.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, AgentError> {
        self.begin(request).await?;
        self.answer().await
    }

    /// Asks for something that needs a body, which is all here.
    pub(super) async fn ask_with(&mut self, request: &Request, body: &[u8]) -> Result<Answer, AgentError> {
        self.begin(request).await?;
        for piece in body.chunks(frames::LONGEST_CHUNK) {
            self.piece(piece).await?;
        }
        self.end().await
    }

    pub(super) async fn begin(&mut self, request: &Request) -> Result<(), AgentError> {
        match self.send(request).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reason(error).await),
        }
    }

    /// A piece of the body, 64 KiB at most.
    pub(super) async fn piece(&mut self, bytes: &[u8]) -> Result<(), AgentError> {
        match self.write(frames::Kind::Bytes, bytes).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.reason(error).await),
        }
    }

    /// The end of the body, and the answer.
    pub(super) async fn end(&mut self) -> Result<Answer, AgentError> {
        match self.write(frames::Kind::End, &[]).await {
            Ok(()) => self.answer().await,
            Err(error) => Err(self.reason(error).await),
        }
    }

    /// The body of an answer.
    pub(super) async fn body(&mut self, longest: usize) -> Result<Vec<u8>, AgentError> {
        let mut body = Vec::new();
        loop {
            match self.frame().await? {
                Frame::Bytes(piece) if body.len() + piece.len() <= longest => body.extend(piece),
                Frame::End => return Ok(body),
                _ => return Err(AgentError::Misbehaved("something else than the rest of a file".to_owned())),
            }
        }
    }

    /// Why nothing can be written any more: the agent may have said so before it went away.
    async fn reason(&mut self, error: io::Error) -> AgentError {
        match self.answer().await {
            Err(refused @ AgentError::Refused(_)) => refused,
            _ => AgentError::Lost(error),
        }
    }

    async fn answer(&mut self) -> Result<Answer, AgentError> {
        let Frame::Message(text) = self.frame().await? else {
            return Err(AgentError::Misbehaved("bytes instead of an answer".to_owned()));
        };
        match serde_json::from_slice(&text) {
            Ok(Answer::Refused(fault)) => Err(AgentError::Refused(plain(fault))),
            Ok(Answer::Busy(fault)) => Ok(Answer::Busy(plain(fault))),
            Ok(answer) => Ok(answer),
            Err(error) => Err(AgentError::Misbehaved(format!("an answer that is none: {error}"))),
        }
    }

    async fn frame(&mut self) -> Result<Frame, AgentError> {
        let mut header = [0; frames::HEADER];
        within(self.patience, self.stream.read_exact(&mut header)).await.map_err(AgentError::Lost)?;
        let (kind, length) =
            frames::parse_header(header).map_err(|error| AgentError::Misbehaved(error.to_string()))?;
        let mut content = vec![0; length];
        within(self.patience, self.stream.read_exact(&mut content)).await.map_err(AgentError::Lost)?;
        Ok(frames::assemble(kind, content))
    }

    async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(message).map_err(io::Error::other)?;
        if text.len() > frames::LONGEST_MESSAGE {
            return Err(io::Error::other("a request that is too long"));
        }
        self.write(frames::Kind::Message, &text).await
    }

    async fn write(&mut self, kind: frames::Kind, content: &[u8]) -> io::Result<()> {
        let message = [&frames::header(kind, content.len()), content].concat();
        within(self.patience, self.stream.write_all(&message)).await
    }
}

/// What a child says of a failure, fit to be shown.
fn plain(fault: Fault) -> Fault {
    let text = |text: &str| printable(text.as_bytes(), REASON);
    Fault { message: text(&fault.message), advice: text(&fault.advice), ..fault }
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    clock::within(patience, work).await.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
}
