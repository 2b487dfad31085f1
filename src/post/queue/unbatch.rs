//! From a batch to messages that may be kept: all of it or nothing.

use super::door::{Unreadable, new_id, unreadable_failure};
use super::pieces::{PieceError, Pieces};
use super::report::{Original, Told, failure};
use super::{Asked, Door, Incoming, Origin, QueueError};
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
        for (number, mut message) in (1..).zip(taken.whole) {
            if let Some(peer) = peer {
                // A path that has grown too long leads back to nobody.
                message.envelope.sender =
                    message.envelope.sender.by_way_of(peer.as_str()).unwrap_or(Sender::Null);
            }
            let prepared = self.prepare_message(message, &origin, arrived, &mut unbatched).await;
            prepared.map_err(|error| UnbatchError::Message { number, error })?;
        }
        Ok(unbatched)
    }

    /// One message of a batch. What is wrong with it alone comes back to its sender, and the batch is taken.
    async fn prepare_message(
        &self,
        message: Message,
        origin: &Origin,
        arrived: Timestamp,
        unbatched: &mut Unbatched,
    ) -> Result<(), QueueError> {
        let Message { envelope, mut unreadable, content, too_large } = message;
        if too_large {
            let unproven = self.is_unproven(origin, &envelope.sender);
            return self.return_large(envelope, &unreadable, &content, unproven, arrived, unbatched).await;
        }
        // A batch may have more recipients than one message here; they share its body.
        let most = self.settings().recipients.max(1);
        let mut groups: Vec<_> = envelope.recipients.chunks(most).map(<[_]>::to_vec).collect();
        if groups.is_empty() {
            groups.push(Vec::new());
        }
        for recipients in groups {
            let envelope = Envelope { sender: envelope.sender.clone(), recipients };
            let unreadable = std::mem::take(&mut unreadable);
            let (content, origin) = (content.clone(), origin.clone());
            let asked = Asked::default();
            let mail = Incoming { envelope, unreadable, content, origin, arrived, asked };
            let prepared = self.prepare(mail).await?;
            unbatched.messages.extend(prepared.messages);
            unbatched.dropped.extend(prepared.dropped);
        }
        Ok(())
    }

    /// The report to the sender of a message that is larger than we take.
    async fn return_large(
        &self,
        envelope: Envelope,
        unreadable: &[Unreadable],
        beginning: &Content,
        unproven: bool,
        arrived: Timestamp,
        unbatched: &mut Unbatched,
    ) -> Result<(), QueueError> {
        let why = QueueError::TooLarge(self.settings().size).to_string();
        let mut failures: Vec<_> = unreadable.iter().filter_map(unreadable_failure).collect();
        failures.extend(envelope.recipients.into_iter().map(|recipient| failure(recipient, "5.3.4", &why)));
        let beginning = &beginning.head;
        let (sender, whole, ret, envid) = (envelope.sender, false, None, None);
        let original = Original { sender, arrived, beginning, whole, ret, envid, unproven };
        match self.report(&original, &failures, arrived).await? {
            Told::By(reports) => unbatched.messages.extend(reports),
            Told::Nobody { why, .. } => {
                tracing::warn!(mail = new_id()?, why, "mail dropped");
                unbatched.dropped.push(why);
            }
        }
        Ok(())
    }

    /// Gives whether the batch is framed.
    async fn read_batch(&self, batch: BodyRef, taken: &mut Taken) -> Result<bool, UnbatchError> {
        let mut reader = Reader::new(Settings::default());
        let mut pieces = Pieces::new(self.spool(), batch, self.settings().batch);
        loop {
            let number = taken.whole.len() + 1;
            let failed = |error: QueueError| UnbatchError::Message { number, error };
            let piece = match pieces.next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(PieceError::Batch(error)) => return Err(error.into()),
                Err(PieceError::Spool(error)) => return Err(failed(error.into())),
            };
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
                let unreadable = refused
                    .into_iter()
                    .map(|refused| Unreadable { text: refused.text, reason: refused.error.to_string() })
                    .collect();
                let message = Message { envelope, unreadable, content: Content::default(), too_large: false };
                taken.open = Some((message, body::Writer::new(self.spool())));
            }
            Event::Data(bytes) => self.take_text(&bytes, taken).await?,
            Event::MessageEnd => {
                if let Some((mut message, writer)) = taken.open.take() {
                    if !message.too_large {
                        message.content = writer.finish().await?;
                    }
                    if taken.held + message.content.head.len() > HELD && !message.too_large {
                        message.content = self.put_down(message.content).await?;
                    }
                    taken.held += message.content.head.len();
                    taken.whole.push(message);
                }
            }
        }
        Ok(())
    }

    /// Of a message that grows too large only the beginning is kept, for the report.
    async fn take_text(&self, bytes: &[u8], taken: &mut Taken) -> Result<(), QueueError> {
        let Some((message, writer)) = &mut taken.open else { return Ok(()) };
        if message.too_large {
            return Ok(());
        }
        if writer.length() + bytes.len() as u64 <= self.settings().size {
            return Ok(writer.write(bytes).await?);
        }
        message.too_large = true;
        let whole = std::mem::replace(writer, body::Writer::new(self.spool())).finish().await?;
        message.content = match whole.rest {
            None => whole,
            Some(body) => {
                let beginning = self.spool().body_read(body, 0, CHUNK).await?;
                self.spool().body_drop(body).await?;
                Content::bytes(beginning)
            }
        };
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
        if let Some((_, writer)) = taken.open
            && let Err(error) = writer.abandon().await
        {
            tracing::debug!(%error, "a body is left to the sweep");
        }
        for message in taken.whole {
            if let Some(body) = message.content.rest
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
    whole: Vec<Message>,
    /// Bytes of `whole` that are in memory.
    held: usize,
    open: Option<(Message, body::Writer)>,
}

/// One message of a batch.
#[derive(Debug)]
struct Message {
    envelope: Envelope,
    unreadable: Vec<Unreadable>,
    content: Content,
    /// It is larger than we take; `content` is its beginning.
    too_large: bool,
}
