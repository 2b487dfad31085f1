//! A program that is being given a message.

use super::message::Answer;
use super::program::Invocation;
use super::remote::Session;
use super::{AgentError, Ended, Permit, Task, unasked};
use std::io;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Pieces of a message that wait for a program in this process.
const AHEAD: usize = 2;

/// A program at work. Dropping it before [`Running::end`] kills the program, for it would take a part of a message for the whole.
#[derive(Debug)]
pub struct Running(Where);

#[derive(Debug)]
enum Where {
    Here {
        /// A piece, or None for the end.
        pieces: mpsc::Sender<Option<Vec<u8>>>,
        work: JoinHandle<Result<Ended, AgentError>>,
    },
    There(Session),
}

impl Running {
    pub(super) fn here(permit: Permit, task: Task) -> Result<Running, AgentError> {
        let invocation = Invocation::new(&permit, &task)?;
        let (pieces, mut taken) = mpsc::channel(AHEAD);
        let next = move || match taken.blocking_recv() {
            Some(piece) => Ok(piece),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let work = tokio::task::spawn_blocking(move || invocation.run(next));
        Ok(Running(Where::Here { pieces, work }))
    }

    pub(super) fn there(session: Session) -> Running {
        Running(Where::There(session))
    }

    /// The next piece of the message, 64 KiB at most. A program that wants no more is no error; how it ends tells.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), AgentError> {
        match &mut self.0 {
            Where::Here { pieces, .. } => {
                // Closed: the program could not be started, and the end tells why.
                let _ = pieces.send(Some(piece.to_vec())).await;
                Ok(())
            }
            Where::There(session) => session.piece(piece).await,
        }
    }

    /// The message is whole; waits until the program has ended, which is bounded.
    pub async fn end(self) -> Result<Ended, AgentError> {
        match self.0 {
            Where::Here { pieces, work } => {
                let _ = pieces.send(None).await;
                work.await.map_err(|error| AgentError::BrokenOff(error.to_string()))?
            }
            Where::There(mut session) => match session.end().await? {
                Answer::Ended(ended) => Ok(ended),
                _ => Err(unasked()),
            },
        }
    }
}
