//! `rmail`, `sendmail`, `rsmtp`: mail that programs of this machine hand in.

use super::body::{Body, keep};
use super::text::Text;
use super::{MailRequest, VerbError, Verbs, Who};
use crate::clock;
use crate::fault::ToFault;
use crate::node::report::Report;
use crate::post::address::Address;
use crate::post::delivery::body::Writer;
use crate::post::mail::head::HEAD_LIMIT;
use crate::post::mail::{Envelope, Sender, With, parsed, read_from_lines};
use crate::post::queue::{Asked, AskedOf, Incoming, Origin, Submitter, Unreadable};
use crate::spool::{BodyRef, Content, MessageId};

impl Verbs {
    pub(super) async fn mail(
        &self,
        who: &Who,
        request: MailRequest,
        body: &mut impl Body,
    ) -> Result<Report, VerbError> {
        // What comes by `rmail` was written by a machine, and goes on as it is.
        let mut text = Text::new(body, request.dot_ends, !request.from_line);
        // The beginning is looked at, so it is kept at hand; the rest goes straight to the spool.
        let mut beginning = Vec::new();
        while beginning.len() < HEAD_LIMIT {
            match text.next().await? {
                Some(piece) => beginning.extend_from_slice(&piece),
                None => break,
            }
        }
        let lines = read_from_lines(&beginning, None);
        beginning.drain(..lines.length.min(beginning.len()));
        let written = lines.sender.filter(|_| request.from_line && who.trusted);
        let sender = self.sender(who, request.sender.as_deref(), written)?;
        let (mut recipients, unreadable) = read_recipients(&request.recipients);
        if request.recipients_in_header {
            let found = parsed::recipients(&beginning).map_err(|error| VerbError::Below(error.fault()))?;
            recipients.extend(
                found.into_iter().filter(|address| !recipients.contains(address)).collect::<Vec<_>>(),
            );
            beginning = parsed::without_bcc(&beginning);
        }
        let from = match sender.address() {
            Some(address) if address.as_str().contains('@') => address.to_string(),
            Some(address) if !address.as_str().contains('!') => format!("{address}@{}", self.config.host()),
            Some(address) => address.to_string(),
            None => format!("MAILER-DAEMON@{}", self.config.host()),
        };
        let program = if request.from_line { "rmail" } else { "sendmail" };
        let origin = Origin {
            with: With::Local,
            from: None,
            claimed: None,
            text: format!("{program} by {}", who.name),
            submitter: (!request.from_line).then_some(Submitter { from, full_name: request.full_name }),
        };
        let content = self.write(beginning, &mut text).await?;
        let unused = content.rest;
        let of = AskedOf { notify: request.notify, orcpt: None };
        let asked = Asked {
            ret: request.ret,
            envid: request.envid,
            recipients: recipients.iter().map(|to| (to.clone(), of.clone())).collect(),
        };
        let envelope = Envelope { sender, recipients };
        let incoming = Incoming { envelope, unreadable, content, origin, arrived: clock::wall(), asked };
        match self.door.accept(incoming).await {
            Ok(kept) => Ok(accepted(kept.messages)),
            Err(error) => {
                if let Some(body) = unused {
                    // The sweep would find it too.
                    let _ = self.spool.body_drop(body).await;
                }
                Err(VerbError::Below(error.fault()))
            }
        }
    }

    /// A batch of messages names its senders itself, so only a trusted user may hand one in.
    pub(super) async fn batch(&self, who: &Who, body: &mut impl Body) -> Result<Report, VerbError> {
        if !who.trusted {
            let what = "hand in a batch, which names its senders itself".to_owned();
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        let mut writer = Counted { size: 0, body };
        let content = keep(&mut writer, &self.spool).await?;
        let size = writer.size;
        let id = match content.rest {
            Some(id) => id,
            None => {
                let id = self.spool.body_new().await?;
                self.spool.body_append(id, 0, content.head).await?;
                id
            }
        };
        let text = format!("rsmtp by {}", who.name);
        let kept = async {
            let batch = self.door.prepare_batch(BodyRef { id, size }, None, &text, clock::wall()).await;
            let batch = batch.map_err(|error| VerbError::Below(error.fault()))?;
            if !batch.dropped.is_empty() {
                // First, so that nothing is lost whatever comes between.
                let (reason, batch) = (batch.dropped.join("; "), Content::body(id));
                self.spool.quarantine(text, reason, batch, Vec::new(), clock::wall()).await?;
            }
            match batch.messages.is_empty() {
                true => Ok(Vec::new()),
                false => Ok(self.spool.accept(None, batch.messages).await?),
            }
        };
        let kept = kept.await;
        // Its messages are bodies of their own now, or nothing is; one that is in quarantine stays.
        let _ = self.spool.body_drop(id).await;
        kept.map(accepted)
    }

    /// Who the message is from: `-f`, else the From_ line, else who asks.
    fn sender(&self, who: &Who, given: Option<&str>, written: Option<Sender>) -> Result<Sender, VerbError> {
        let Some(given) = given else {
            let own = || Sender::parse(&who.name);
            return written.map_or_else(own, Ok).map_err(|error| VerbError::Usage(error.to_string()));
        };
        let sender = Sender::parse(given)
            .map_err(|error| VerbError::Usage(format!("{given:?} is no sender: {error}")))?;
        if who.trusted || self.is_own(who, sender.smtp()) {
            return Ok(sender);
        }
        let what = format!("send mail as {given:?}");
        Err(VerbError::Forbidden { who: who.name.clone(), what })
    }

    /// Whether an address is that of who asks: the name alone, or at a host that is ours.
    pub(super) fn is_own(&self, who: &Who, address: &str) -> bool {
        match address.split_once('@') {
            Some((user, host)) => user == who.name && self.door.tables().is_ours(host),
            None => address == who.name,
        }
    }

    async fn write(
        &self,
        beginning: Vec<u8>,
        text: &mut Text<'_, impl Body>,
    ) -> Result<crate::spool::Content, VerbError> {
        let mut writer = Writer::new(&self.spool);
        let most = self.door.settings().size;
        let written = async {
            writer.write(&beginning).await?;
            loop {
                if writer.length() > most {
                    let error = crate::post::queue::QueueError::TooLarge(most);
                    return Err(VerbError::Below(error.fault()));
                }
                match text.next().await? {
                    Some(piece) => writer.write(&piece).await?,
                    None => return Ok(()),
                }
            }
        };
        match written.await {
            Ok(()) => Ok(writer.finish().await?),
            Err(error) => {
                let _ = writer.abandon().await;
                Err(error)
            }
        }
    }
}

fn accepted(messages: Vec<MessageId>) -> Report {
    Report::Accepted { messages: messages.into_iter().map(|id| id.0).collect() }
}

fn read_recipients(texts: &[String]) -> (Vec<Address>, Vec<Unreadable>) {
    let (mut recipients, mut unreadable) = (Vec::new(), Vec::new());
    // Several addresses may stand in one word, as old mail programs have it.
    for text in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty()) {
        let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        match Address::parse(bare) {
            Ok(address) => recipients.push(address),
            Err(error) => {
                let text = text.chars().take(80).collect();
                unreadable.push(Unreadable { text, reason: error.to_string() });
            }
        }
    }
    (recipients, unreadable)
}

/// Counts what passes.
struct Counted<'b, B> {
    size: u64,
    body: &'b mut B,
}

impl<B: Body> Body for Counted<'_, B> {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
        let piece = self.body.chunk().await?;
        self.size += piece.as_ref().map_or(0, Vec::len) as u64;
        Ok(piece)
    }
}
