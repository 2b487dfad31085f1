//! The door: from an envelope and bytes to messages that may be kept.

use super::QueueError;
use super::live::LiveTables;
use super::lookup::Lookup;
use super::parts::{Part, Parts};
use super::patience::Patience;
use super::priority::priority;
use super::report::{Failure, Original, Told, failure};
use crate::agent::{self, Agent};
use crate::post::address::{Address, Target};
use crate::post::batch;
use crate::post::delivery::body;
use crate::post::mail::notice::{self, MessageNotice, RecipientNotice};
use crate::post::mail::{self, Envelope, HOP_LIMIT, Sender, Submission, Trace, With, head};
use crate::post::route::{Handover, Routed, Tables};
use crate::spool::{
    BodyId, CHUNK, Content, Event, MessageId, NewDelivery, NewMessage, Notify, Return, Spool,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
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
    /// When senders are told what.
    pub patience: Patience,
    /// Most reports to one address in an hour of the clock; the others are not sent, for whoever forges an address does it more than
    /// once. Default 60. Setting `reports-per-hour`.
    pub reports_per_hour: u32,
    /// Postmaster gets a copy of each report of a failure, with the header of the message alone. Default off. Setting
    /// `postmaster-copies`.
    pub postmaster_copies: bool,
}

impl Settings {
    pub fn new(host: String) -> Settings {
        Settings {
            host,
            recipients: 1000,
            size: 50 * 1024 * 1024,
            batch: batch::Limits::default(),
            patience: Patience::default(),
            reports_per_hour: 60,
            postmaster_copies: false,
        }
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
    pub asked: Asked,
}

/// What the sender asks to be told: RFC 3461.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// RET.
    pub ret: Option<Return>,
    /// ENVID, as xtext.
    pub envid: Option<String>,
    /// By the recipients of the envelope.
    pub recipients: BTreeMap<Address, AskedOf>,
}

/// The same of one recipient.
#[derive(Debug, Clone, Default)]
pub struct AskedOf {
    /// NOTIFY.
    pub notify: Option<Notify>,
    /// ORCPT, as xtext.
    pub orcpt: Option<String>,
}

impl Asked {
    /// What came with MAIL.
    pub fn of(notice: &MessageNotice) -> Asked {
        let ret = notice.returned.map(|returned| match returned {
            notice::Returned::Full => Return::Full,
            notice::Returned::Headers => Return::Headers,
        });
        Asked { ret, envid: notice.envelope_id.clone(), recipients: BTreeMap::new() }
    }

    /// What came with RCPT.
    pub fn add(&mut self, recipient: &Address, notice: &RecipientNotice) {
        if *notice != RecipientNotice::default() {
            let asked = |notice::Notify { success, failure, delay }| Notify { success, failure, delay };
            let of = AskedOf { notify: notice.notify.map(asked), orcpt: notice.original.clone() };
            self.recipients.insert(recipient.clone(), of);
        }
    }

    /// Gives the deliveries of a message, and its failures, what was asked about their recipients; gives the failures that nobody
    /// wants to hear of.
    fn heed(&self, part: &mut Part) -> Vec<Failure> {
        for delivery in &mut part.deliveries {
            let recipient = Address::parse(&delivery.recipient).ok();
            if let Some(AskedOf { notify, orcpt }) = recipient.and_then(|to| self.recipients.get(&to)) {
                (delivery.notify, delivery.orcpt) = (*notify, orcpt.clone());
            }
        }
        let (mut heard, mut unheard) = (Vec::new(), Vec::new());
        for failure in part.failures.drain(..) {
            let asked = self.recipients.get(&failure.recipient);
            let original = asked.and_then(|asked| asked.orcpt.clone());
            match asked.and_then(|asked| asked.notify).is_none_or(|notify| notify.failure) {
                true => heard.push(Failure { original, ..failure }),
                false => unheard.push(failure),
            }
        }
        part.failures = heard;
        unheard
    }
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
        let Incoming { envelope, unreadable, content, origin, arrived, asked } = self.rewritten(mail).await?;
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
        let unproven = self.is_unproven(&origin, &sender);

        let came_from = sender.clone();
        let mut parts = Parts::new(sender);
        parts.fail(unreadable.iter().filter_map(unreadable_failure));
        if is_lost {
            let lost = |recipient| failure(recipient, "5.4.6", "the message goes round in a loop");
            parts.fail(recipients.into_iter().map(lost));
        } else {
            parts.add(self.resolve(&recipients).await)?;
        }
        let mut parts = parts.into_parts();
        for part in &mut parts {
            self.end_loops(&beginning, part);
            // What a list sends its owner hears of.
            let unheard = if part.sender == came_from { asked.heed(part) } else { Vec::new() };
            if let Some(Failure { recipient, diagnostic, .. }) = unheard.first() {
                let count = unheard.len();
                let why = format!(
                    "{recipient}: {diagnostic}; its sender wants to hear nothing of it ({count} such)"
                );
                self.note_dropped(&origin, &id, &why, arrived).await?;
            }
        }
        let mut messages = Vec::new();
        let mut reports = Vec::new();
        let mut dropped: Vec<String> = Vec::new();
        let mut copies = parts.iter().filter(|part| !part.deliveries.is_empty()).count();
        let mut content = Some(content);
        for Part { sender, deliveries, failures } in parts {
            let unproven = unproven && sender == came_from;
            if !failures.is_empty() {
                let message = [front.as_bytes(), &beginning].concat();
                let (ret, envid) = (asked.ret, asked.envid.as_deref());
                let (sender, beginning) = (sender.clone(), message.as_slice());
                let original = Original { sender, arrived, beginning, whole, ret, envid, unproven };
                match self.report(&original, &failures, arrived).await? {
                    Told::By(told) => reports.extend(told),
                    Told::Nobody { why, .. } => {
                        self.note_dropped(&origin, &id, &why, arrived).await?;
                        dropped.push(why);
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
                messages.push(NewMessage {
                    sender,
                    content,
                    accepted: arrived,
                    origin,
                    deliveries,
                    ret: asked.ret,
                    envid: asked.envid.clone(),
                    priority: priority(&beginning, whole),
                    unproven,
                    tell: self.settings().patience.first_look(arrived),
                });
            }
        }
        messages.append(&mut reports);
        let dropped = Some(dropped.join("; ")).filter(|dropped| !dropped.is_empty());
        Ok(Prepared { messages, dropped, id })
    }

    /// Whether a stranger, or a neighbour, says that it comes from one of us: it may, by way of a list or a forward, but then whoever
    /// did not write it must not hear of it.
    pub(super) fn is_unproven(&self, origin: &Origin, sender: &Sender) -> bool {
        let is_known = origin.from.is_none() || origin.submitter.is_some();
        let tables = self.tables();
        !is_known
            && sender.address().is_some_and(|address| match address.target(tables.precedence) {
                Target::User(_) => true,
                Target::Hop { hop: host, .. } | Target::Domain { domain: host, .. } => tables.is_ours(&host),
            })
    }

    /// Copies for mailboxes that the message has been in fail: it comes back from there, and would do so for ever.
    fn end_loops(&self, beginning: &[u8], part: &mut Part) {
        let fields = head::fields(beginning).filter(|field| field.is("Delivered-To"));
        let values: Vec<String> =
            fields.map(|field| String::from_utf8_lossy(field.value).trim().to_ascii_lowercase()).collect();
        if values.is_empty() {
            return;
        }
        let tables = self.tables();
        let bare = |address: &str| match address.rsplit_once('@') {
            Some((user, host)) if tables.is_ours(host) => user.to_ascii_lowercase(),
            _ => address.to_ascii_lowercase(),
        };
        let was_there = |to: &NewDelivery| {
            to.transport == "local" && values.iter().any(|value| bare(value) == bare(&to.recipient))
        };
        let (looped, others): (Vec<NewDelivery>, _) =
            std::mem::take(&mut part.deliveries).into_iter().partition(was_there);
        part.deliveries = others;
        let recipients = looped.iter().filter_map(|to| Address::parse(&to.recipient).ok());
        part.failures
            .extend(recipients.map(|to| failure(to, "5.4.6", "the message was in this mailbox before")));
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

    /// Where mail for an address goes: what is delivered, and why what is not.
    pub async fn look_up(&self, address: &Address) -> (Vec<NewDelivery>, Vec<String>) {
        let (mut deliveries, mut failures) = (Vec::new(), Vec::new());
        for Routed { recipient, decision, .. } in self.resolve(std::slice::from_ref(address)).await {
            match decision.handover() {
                Ok(Handover { transport, site, address }) => {
                    let recipient = recipient.to_string();
                    deliveries.push(NewDelivery {
                        recipient,
                        transport,
                        site,
                        address,
                        ..NewDelivery::default()
                    });
                }
                Err(refusal) => failures.push(refusal.reason),
            }
        }
        (deliveries, failures)
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
