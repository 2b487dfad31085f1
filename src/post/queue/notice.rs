//! Notices become mail: what somebody must be told about a job, an execution or a call.

use super::door::new_id;
use super::{Asked, Door, Incoming, Origin, QueueError};
use crate::clock;
use crate::fault::{Retry, ToFault};
use crate::post::address::Address;
use crate::post::delivery::body;
use crate::post::mail::{Envelope, Sender, With};
use crate::spool::{CHUNK, Claim, Content, NewMessage, NewNotice, Notice, Outcome};
use jiff::Timestamp;
use std::time::Duration;

/// How many are turned into mail at a time, and how long that may take.
const BATCH: usize = 100;
const LEASE: Duration = Duration::from_secs(60);

impl Door {
    /// Turns the notices that are due into mail. Returns how many there were.
    pub(super) async fn send_notices(&self) -> Result<usize, QueueError> {
        let now = clock::wall();
        let notices = self.spool().claim_notices(now, BATCH, LEASE).await?;
        let count = notices.len();
        for Notice { claim, notice } in notices {
            if let Err(error) = self.send_notice(claim, &notice, now).await {
                // It comes back when its lease has run out; the others do not wait for it.
                tracing::warn!(to = notice.to, subject = notice.subject, %error, "a notice cannot be sent now");
            }
        }
        Ok(count)
    }

    async fn send_notice(&self, claim: Claim, notice: &NewNotice, now: Timestamp) -> Result<(), QueueError> {
        let message = match self.prepare_notice(notice).await {
            Err(error) if error.fault().retry == Retry::Never => {
                // It never becomes mail, so it is kept where somebody finds it.
                let (from, reason) = (format!("notice to {}", notice.to), error.to_string());
                let text = format!("{}\n\n{}", notice.subject, notice.text);
                let content = Content::bytes(text.into_bytes().into_iter().take(CHUNK).collect());
                self.spool().quarantine(from, reason, content, Vec::new(), now).await?;
                None
            }
            prepared => prepared?,
        };
        self.spool().settle(now, vec![Outcome::Noticed { notice: claim, message }]).await?;
        Ok(())
    }

    /// The mail that a notice becomes, not yet kept. What cannot reach whom it is for, such as a user without a mailbox,
    /// goes to postmaster. None if nobody can be reached: a notice comes from the null sender, so that none is ever made
    /// about another.
    pub async fn prepare_notice(&self, notice: &NewNotice) -> Result<Option<NewMessage>, QueueError> {
        let to = match Address::parse(&notice.to) {
            Ok(to) => to,
            Err(error) => {
                tracing::warn!(to = notice.to, %error, "a notice is for no address");
                return Ok(None);
            }
        };
        let host = &self.settings().host;
        let one_line = |text: &str| -> String {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
        };
        let now = clock::wall();
        let head = format!(
            "From: Mail Delivery <MAILER-DAEMON@{host}>\nTo: <{to}>\nSubject: {}\nDate: {}\nMessage-Id: <{}@{host}>\n\
             Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
             Content-Transfer-Encoding: 8bit\n\n",
            one_line(&notice.subject),
            now.strftime("%a, %d %b %Y %H:%M:%S +0000"),
            new_id()?,
        );
        let mut writer = body::Writer::new(self.spool());
        writer.write(head.as_bytes()).await?;
        writer.write(notice.text.as_bytes()).await?;
        if !notice.text.ends_with('\n') {
            writer.write(b"\n").await?;
        }
        let origin = Origin {
            with: With::Local,
            from: None,
            claimed: None,
            text: "notice".to_owned(),
            submitter: None,
        };
        // Addressed as before, so that postmaster sees whom it was for.
        let is_reached = self.deliveries_of(&to).await?.is_ok();
        let reader = if is_reached { Some(to) } else { Address::parse("postmaster").ok() };
        let envelope = Envelope { sender: Sender::Null, recipients: reader.into_iter().collect() };
        let content = writer.finish().await?;
        let mail = Incoming {
            envelope,
            unreadable: Vec::new(),
            content,
            origin,
            arrived: now,
            asked: Asked::default(),
        };
        let prepared = self.prepare(mail).await?;
        Ok(prepared.messages.into_iter().next())
    }
}
