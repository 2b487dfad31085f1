//! From a batch to messages that may be kept: all of it or nothing.

use super::door::Unreadable;
use super::{Door, Incoming, Origin, QueueError};
use crate::fault::{Fault, ToFault};
use crate::job::SystemName;
use crate::post::batch::{BatchError, Event, Reader, Settings};
use crate::post::delivery::body;
use crate::post::mail::{Envelope, Sender, With};
use crate::spool::{BodyRef, CHUNK, Content, NewMessage};
use jiff::Timestamp;

/// Why a batch did not become messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnbatchError {
    /// The batch itself is at fault and belongs into quarantine, whole.
    #[error(transparent)]
    Broken(#[from] BatchError),
    #[error("the batch has more than {0} messages")]
    TooManyMessages(usize),
    /// One of its messages cannot be taken.
    #[error("message {number} of the batch: {error}")]
    Message { number: usize, error: QueueError },
}

impl UnbatchError {
    /// Trying the same batch again cannot help.
    pub fn is_final(&self) -> bool {
        self.fault().retry == crate::fault::Retry::Never
    }
}

impl ToFault for UnbatchError {
    fn fault(&self) -> Fault {
        use crate::fault::{Retry, Stage, Whose};
        match self {
            UnbatchError::Broken(error) => error.fault(),
            UnbatchError::Message { error, .. } => Fault { message: self.to_string(), ..error.fault() },
            UnbatchError::TooManyMessages(_) => Fault {
                stage: Stage::Submit,
                whose: Whose::PeerMisbehaved,
                retry: Retry::Never,
                message: self.to_string(),
                advice: "have it made in smaller parts".to_owned(),
            },
        }
    }
}

/// What a batch holds.
#[derive(Debug, Clone, Default)]
pub struct Unbatched {
    pub messages: Vec<NewMessage>,
    /// How many messages were in it, reports not counted.
    pub count: usize,
    /// HELO began it and QUIT ended it: an empty one was meant so, and not cut.
    pub is_framed: bool,
    /// What reaches nobody, one line each.
    pub dropped: Vec<String>,
}

/// The most messages of one batch: they are kept in one transaction. A month of a small site's mail.
const MESSAGES: usize = 10_000;

/// The most of a batch that is held in memory, in bytes; what is more waits in files until the batch is whole.
const HELD: usize = 8 * 1024 * 1024;

impl Door {
    /// Reads a whole batch from a body and prepares its messages. On an error nothing is left behind. `peer` is the system
    /// that it came from, `origin` says so for the log.
    pub async fn prepare_batch(
        &self,
        batch: BodyRef,
        peer: Option<&SystemName>,
        origin: &str,
        arrived: Timestamp,
    ) -> Result<Unbatched, UnbatchError> {
        let origin = Origin {
            with: With::Bsmtp,
            from: peer.map(|peer| peer.to_string()),
            claimed: None,
            text: origin.to_owned(),
            submitter: None,
        };
        let mut taken = Taken::default();
        let is_framed = match self.read_batch(batch, &mut taken).await {
            Ok(is_framed) => is_framed,
            Err(error) => {
                self.give_up(taken).await;
                return Err(error);
            }
        };
        let mut unbatched = Unbatched { count: taken.whole.len(), is_framed, ..Unbatched::default() };
        for (number, (mut envelope, unreadable, content)) in (1..).zip(taken.whole) {
            if let Some(peer) = peer {
                // A path that has grown too long leads back to nobody.
                envelope.sender = envelope.sender.by_way_of(peer.as_str()).unwrap_or(Sender::Null);
            }
            let mail = Incoming { envelope, unreadable, content, origin: origin.clone(), arrived };
            let prepared =
                self.prepare(mail).await.map_err(|error| UnbatchError::Message { number, error })?;
            unbatched.messages.extend(prepared.messages);
            unbatched.dropped.extend(prepared.dropped);
        }
        Ok(unbatched)
    }

    /// Gives whether the batch is framed.
    async fn read_batch(&self, batch: BodyRef, taken: &mut Taken) -> Result<bool, UnbatchError> {
        let settings = Settings { recipients_max: self.settings().recipients, ..Settings::default() };
        let mut reader = Reader::new(settings);
        let mut offset = 0;
        while offset < batch.size {
            let number = taken.whole.len() + 1;
            let failed = |error: QueueError| UnbatchError::Message { number, error };
            let piece = self.spool().body_read(batch.id, offset, CHUNK).await;
            let piece = piece.map_err(|error| failed(error.into()))?;
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            reader.push(&piece)?;
            while let Some(event) = reader.poll_event() {
                self.take(event, taken).await.map_err(failed)?;
                if taken.whole.len() > MESSAGES {
                    return Err(UnbatchError::TooManyMessages(MESSAGES));
                }
            }
        }
        let is_framed = reader.is_framed();
        reader.finish()?;
        Ok(is_framed)
    }

    async fn take(&self, event: Event, taken: &mut Taken) -> Result<(), QueueError> {
        match event {
            Event::Message { envelope, refused } => {
                let unreadable = refused.into_iter();
                let unreadable = unreadable
                    .map(|refused| Unreadable { text: refused.text, reason: refused.error.to_string() });
                taken.open = Some((envelope, unreadable.collect(), body::Writer::new(self.spool())));
            }
            Event::Data(bytes) => {
                if let Some((_, _, writer)) = &mut taken.open {
                    if writer.length() + bytes.len() as u64 > self.settings().size {
                        return Err(QueueError::TooLarge(self.settings().size));
                    }
                    writer.write(&bytes).await?;
                }
            }
            Event::MessageEnd => {
                if let Some((envelope, unreadable, writer)) = taken.open.take() {
                    let mut content = writer.finish().await?;
                    if taken.held + content.head.len() > HELD {
                        content = self.put_down(content).await?;
                    }
                    taken.held += content.head.len();
                    taken.whole.push((envelope, unreadable, content));
                }
            }
        }
        Ok(())
    }

    /// Brings content from memory to disk.
    async fn put_down(&self, content: Content) -> Result<Content, QueueError> {
        if content.rest.is_some() || content.head.is_empty() {
            return Ok(content);
        }
        let body = self.spool().body_new().await?;
        self.spool().body_append(body, 0, content.head).await?;
        self.spool().body_sync(body).await?;
        Ok(Content::body(body))
    }

    /// Drops the bodies of a batch that was not taken. What cannot be dropped now is swept later.
    async fn give_up(&self, taken: Taken) {
        if let Some((_, _, writer)) = taken.open
            && let Err(error) = writer.abandon().await
        {
            tracing::debug!(%error, "a body is left to the sweep");
        }
        for (_, _, content) in taken.whole {
            if let Some(body) = content.rest
                && let Err(error) = self.spool().body_drop(body).await
            {
                tracing::debug!(%error, "a body is left to the sweep");
            }
        }
    }
}

/// What was read of a batch so far.
#[derive(Debug, Default)]
struct Taken {
    whole: Vec<(Envelope, Vec<Unreadable>, Content)>,
    /// Bytes of `whole` that are in memory.
    held: usize,
    open: Option<(Envelope, Vec<Unreadable>, body::Writer)>,
}
