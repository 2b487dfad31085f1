//! Mail that comes in, its senders under their public names.

use super::{Door, Incoming, QueueError};
use crate::post::address::Address;
use crate::post::delivery::body;
use crate::post::mail::rewrite::SENDER_FIELDS;
use crate::post::mail::{Sender, head, rewrite};
use crate::spool::Content;

impl Door {
    /// The same mail as it is to be known outside. Recipients are read in their inner form when they are routed; they
    /// stay here as they were given, for reports.
    pub(super) async fn rewritten(&self, mut mail: Incoming) -> Result<Incoming, QueueError> {
        let tables = self.tables();
        if tables.rewriting.is_empty() {
            return Ok(mail);
        }
        if let Sender::Address(sender) = &mail.envelope.sender {
            mail.envelope.sender = Sender::Address(tables.public_sender(sender));
        }
        if let Some(submitter) = &mut mail.origin.submitter
            && let Ok(from) = Address::parse(&submitter.from)
        {
            submitter.from = tables.public_sender(&from).to_string();
        }
        let (beginning, _) = self.beginning(&mail.content).await?;
        let length = head::length(&beginning);
        let header = rewrite::addresses(&beginning, |field, address| {
            let is_of_sender = SENDER_FIELDS.iter().any(|name| name.eq_ignore_ascii_case(field));
            Some(tables.in_header(field, is_of_sender, address)).filter(|other| other != address)
        });
        if beginning.get(..length) != Some(header.as_slice()) {
            mail.content = self.with_header(header, length, mail.content).await?;
        }
        Ok(mail)
    }

    /// The same message with another header in place of the first `length` bytes.
    async fn with_header(
        &self,
        header: Vec<u8>,
        length: usize,
        content: Content,
    ) -> Result<Content, QueueError> {
        if let Some(after) = content.head.get(length..) {
            return self.with_front(header, Content { head: after.to_vec(), rest: content.rest }).await;
        }
        let mut writer = body::Writer::new(self.spool());
        writer.write(&header).await?;
        if let Some(rest) = content.rest {
            writer.copy(rest, (length - content.head.len()) as u64).await?;
        }
        Ok(writer.finish().await?)
    }
}
