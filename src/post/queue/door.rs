//! The door: from an envelope and bytes to messages that may be kept.

use super::QueueError;
use super::live::LiveTables;
use super::lookup::Lookup;
use super::parts::{Part, Parts};
use super::report::{Failure, Original, failure};
use crate::agent::{self, Agent};
use crate::post::address::Address;
use crate::post::batch;
use crate::post::delivery::body;
use crate::post::mail::{self, Envelope, HOP_LIMIT, Sender, Submission, Trace, With, head};
use crate::post::route::{Routed, Tables};
use crate::spool::{BodyId, CHUNK, Content, Event, MessageId, NewDelivery, NewMessage, Spool};
use jiff::Timestamp;
use std::sync::Arc;

/// What a site may set about its queue.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our name in mail, with a domain if the site has one: in trace headers and reports.
    pub host: String,
    /// Most recipients of one message that is handed in; default 1 000 (RFC 5321 section 4.5.3.1.8 asks for at
    /// least 100). Setting `max-recipients`.
    pub recipients: usize,
    /// Largest message, in bytes; default 50 MiB. Setting `max-message-size`.
    pub size: u64,
    /// What one batch may hold.
    pub batch: batch::Limits,
}

impl Settings {
    pub fn new(host: String) -> Settings {
        Settings { host, recipients: 1000, size: 50 * 1024 * 1024, batch: batch::Limits::default() }
    }
}

/// Mail that has come in.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub envelope: Envelope,
    /// Recipients that were no addresses, and why; they bounce with the others.
    pub unreadable: Vec<Unreadable>,
    /// Header and body with LF line ends, without From_ lines.
    pub content: Content,
    pub origin: Origin,
    pub arrived: Timestamp,
}

/// What stood where a recipient should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub text: String,
    pub reason: String,
}

/// How it came in.
#[derive(Debug, Clone)]
pub struct Origin {
    pub with: With,
    /// The authenticated peer, or what the client called itself; nothing for a local user.
    pub from: Option<String>,
    /// What the peer claims to be, if that is not `from`.
    pub claimed: Option<String>,
    /// For the log: `smtp 127.0.0.1`, `rmail from polux`, `local user jan`.
    pub text: String,
    /// It is handed in here for the first time, by this person: what it lacks of its headers is added.
    pub submitter: Option<Submitter>,
}

/// Who hands a message in.
#[derive(Debug, Clone)]
pub struct Submitter {
    /// The address as strangers see it, with a domain.
    pub from: String,
    pub full_name: Option<String>,
}

/// What the door makes of mail.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The message, if it goes to anybody, once for each sender that lists give it, and the reports that are due.
    pub messages: Vec<NewMessage>,
    /// Recipients that get nothing and whose sender is not told, and why.
    pub dropped: Option<String>,
    /// By which the message is known in its trace header and in the log.
    pub id: String,
}

/// Mail that is on disk.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// By which it is known in its trace header and in the log.
    pub id: String,
    /// The message and the report to its sender, as far as there are any. None: it came from the null sender, goes to
    /// nobody, and was quarantined.
    pub messages: Vec<MessageId>,
}

/// The one door in. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    spool: Spool,
    settings: Settings,
    tables: LiveTables,
    lookup: Lookup,
}

impl Door {
    /// A door that reads files of our own uid alone.
    pub fn new(spool: Spool, settings: Settings, tables: Tables) -> Door {
        Door::with_agent(spool, settings, tables, Agent::new(agent::Settings::default()))
    }

    /// A door that reads the files of users through `agent`.
    pub fn with_agent(spool: Spool, settings: Settings, tables: Tables, agent: Agent) -> Door {
        let lookup = Lookup::new(agent, &tables.directors);
        Door { inner: Arc::new(Inner { spool, settings, tables: LiveTables::new(tables), lookup }) }
    }

    pub fn spool(&self) -> &Spool {
        &self.inner.spool
    }

    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// What routing knows now: files of routes that have changed are read again.
    pub fn tables(&self) -> Arc<Tables> {
        self.inner.tables.now()
    }

    /// Keeps mail, in one transaction. An `Ok` means that it is on disk.
    pub async fn accept(&self, mail: Incoming) -> Result<Accepted, QueueError> {
        let (origin, arrived) = (mail.origin.text.clone(), mail.arrived);
        let content = mail.content.clone();
        let prepared = self.prepare(mail).await?;
        if let Some(reason) = prepared.dropped.filter(|_| prepared.messages.is_empty()) {
            self.spool().quarantine(origin, reason, content, Vec::new(), arrived).await?;
            return Ok(Accepted { id: prepared.id, messages: Vec::new() });
        }
        let messages = self.spool().accept(None, prepared.messages).await?;
        Ok(Accepted { id: prepared.id, messages })
    }

    /// Everything short of keeping it.
    pub async fn prepare(&self, mail: Incoming) -> Result<Prepared, QueueError> {
        let Incoming { envelope, unreadable, content, origin, arrived } = self.rewritten(mail).await?;
        let Envelope { sender, recipients } = envelope;
        if recipients.is_empty() && unreadable.is_empty() {
            return Err(QueueError::NoRecipients);
        }
        if recipients.len() > self.settings().recipients {
            return Err(QueueError::TooManyRecipients(self.settings().recipients));
        }
        let id = new_id()?;
        let (beginning, whole) = self.beginning(&content).await?;
        let front = self.front(&origin, &beginning, &id, arrived);
        let is_lost = mail::hops(&beginning) >= HOP_LIMIT;

        let mut parts = Parts::new(sender);
        parts.fail(unreadable.iter().filter_map(unreadable_failure));
        if is_lost {
            let lost = |recipient| failure(recipient, "5.4.6", "the message goes round in a loop");
            parts.fail(recipients.into_iter().map(lost));
        } else {
            parts.add(self.resolve(&recipients).await)?;
        }
        let parts = parts.into_parts();
        let mut messages = Vec::new();
        let mut reports = Vec::new();
        let mut dropped: Vec<String> = Vec::new();
        let mut copies = parts.iter().filter(|part| !part.deliveries.is_empty()).count();
        let mut content = Some(content);
        for Part { sender, deliveries, failures } in parts {
            if !failures.is_empty() {
                let message = [front.as_bytes(), &beginning].concat();
                let original = Original { sender: sender.clone(), arrived, beginning: &message, whole };
                match self.report(&original, &failures, arrived).await? {
                    Ok(report) => reports.push(report),
                    Err(reason) => {
                        self.note_dropped(&origin, &id, &reason, arrived).await?;
                        dropped.push(reason);
                    }
                }
            }
            if !deliveries.is_empty() {
                copies -= 1;
                // Each message has a body of its own; the last takes the one that came.
                let content = match content.take() {
                    Some(first) if copies > 0 => self.copy(content.insert(first)).await?,
                    Some(last) => last,
                    None => Content::default(),
                };
                let content = self.with_front(front.clone().into_bytes(), content).await?;
                let (sender, origin) = (sender.smtp().to_owned(), format!("{} id {id}", origin.text));
                messages.push(NewMessage { sender, content, accepted: arrived, origin, deliveries });
            }
        }
        messages.append(&mut reports);
        let dropped = Some(dropped.join("; ")).filter(|dropped| !dropped.is_empty());
        Ok(Prepared { messages, dropped, id })
    }

    /// That somebody gets nothing and nobody is told of it must at least be found in the history.
    async fn note_dropped(
        &self,
        origin: &Origin,
        id: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), QueueError> {
        tracing::warn!(mail = id, origin = origin.text, reason, "mail dropped");
        let text = format!("{}: {reason}", origin.text);
        let event = Event { at, what: "dropped".to_owned(), ids: format!("mail={id}"), system: None, text };
        Ok(self.spool().note(event).await?)
    }

    /// Where each recipient's copies go.
    pub async fn resolve(&self, recipients: &[Address]) -> Vec<Routed> {
        self.inner.lookup.resolve(&self.tables(), recipients).await
    }

    /// The deliveries of a message of the null sender that `recipient` comes to, or why there are none.
    pub(super) async fn deliveries_of(
        &self,
        recipient: &Address,
    ) -> Result<Result<Vec<NewDelivery>, String>, QueueError> {
        let routed = self.resolve(std::slice::from_ref(recipient)).await;
        let mut parts = Parts::new(Sender::Null);
        parts.add(routed)?;
        let (mut deliveries, mut failures) = (Vec::new(), Vec::new());
        for part in parts.into_parts() {
            deliveries.extend(part.deliveries);
            failures.extend(part.failures);
        }
        if deliveries.is_empty() {
            let why = failures.into_iter().next().map(|failure| failure.diagnostic);
            return Ok(Err(why.unwrap_or_else(|| "no route".to_owned())));
        }
        Ok(Ok(deliveries))
    }

    /// What goes before a message: our trace, and what a message handed in here must not lack.
    fn front(&self, origin: &Origin, beginning: &[u8], id: &str, date: Timestamp) -> String {
        let host = self.settings().host.as_str();
        let trace = Trace {
            from: origin.from.as_deref(),
            claimed: origin.claimed.as_deref(),
            by: host,
            with: origin.with,
            id,
            date,
        };
        let mut front = trace.header();
        if let Some(submitter) = &origin.submitter {
            let message_id = format!("{id}@{host}");
            let (from, full_name) = (submitter.from.as_str(), submitter.full_name.as_deref());
            let submission = Submission { from, full_name, message_id: &message_id, date };
            front.push_str(&mail::missing_headers(beginning, &submission));
        }
        front.push_str(if head::gap(beginning).is_empty() { "" } else { "\n" });
        front
    }

    /// As much of a message as may hold its header, and whether that is all of it.
    pub(super) async fn beginning(&self, content: &Content) -> Result<(Vec<u8>, bool), QueueError> {
        let mut bytes = content.head.clone();
        let Some(rest) = content.rest else { return Ok((bytes, true)) };
        let mut offset = 0;
        while bytes.len() < head::HEAD_LIMIT {
            let piece = self.spool().body_read(rest, offset, CHUNK).await?;
            if piece.is_empty() {
                return Ok((bytes, true));
            }
            offset += piece.len() as u64;
            bytes.extend_from_slice(&piece);
        }
        Ok((bytes, false))
    }

    /// What a body holds from `offset` on, as content of its own.
    pub async fn copy_from(&self, from: BodyId, offset: u64) -> Result<Content, QueueError> {
        let mut writer = body::Writer::new(self.spool());
        writer.copy(from, offset).await?;
        Ok(writer.finish().await?)
    }

    async fn copy(&self, content: &Content) -> Result<Content, QueueError> {
        let Some(rest) = content.rest else { return Ok(content.clone()) };
        let mut writer = body::Writer::new(self.spool());
        writer.write(&content.head).await?;
        writer.copy(rest, 0).await?;
        Ok(writer.finish().await?)
    }

    pub(super) async fn with_front(
        &self,
        mut front: Vec<u8>,
        content: Content,
    ) -> Result<Content, QueueError> {
        front.extend_from_slice(&content.head);
        if front.len() <= CHUNK {
            return Ok(Content { head: front, rest: content.rest });
        }
        // No room left before the body: what comes first becomes part of a new one.
        let mut writer = body::Writer::new(self.spool());
        writer.write(&front).await?;
        if let Some(rest) = content.rest {
            writer.copy(rest, 0).await?;
        }
        Ok(writer.finish().await?)
    }
}

pub(super) fn unreadable_failure(unreadable: &Unreadable) -> Option<Failure> {
    let Unreadable { text, reason } = unreadable;
    // A report needs an address for each recipient; this one had none, and the words say so.
    let recipient = Address::parse("unreadable-address").ok()?;
    Some(failure(recipient, "5.1.3", &format!("{text:?} is no address: {reason}")))
}

/// A new name for a message: 60 random bits in the letters of base 32.
pub(super) fn new_id() -> Result<String, QueueError> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| QueueError::NoId(error.to_string()))?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|b| char::from(*b)).collect())
}
