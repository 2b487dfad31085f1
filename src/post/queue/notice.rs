//! Notices become mail: what somebody must be told about a job, an execution or a call.

use super::door::new_id;
use super::{Door, Incoming, Origin, QueueError};
use crate::clock;
use crate::post::address::Address;
use crate::post::delivery::body;
use crate::post::mail::{Envelope, Sender, With};
use crate::spool::{NewMessage, NewNotice, Notice, Outcome};
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
            let message = self.prepare_notice(&notice).await?;
            self.spool().settle(now, vec![Outcome::Noticed { notice: claim, message }]).await?;
        }
        Ok(count)
    }

    /// The mail that a notice becomes, not yet kept. None if nobody can be reached: a notice comes from the null sender,
    /// so that none is ever made about another.
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
        let envelope = Envelope { sender: Sender::Null, recipients: vec![to] };
        let content = writer.finish().await?;
        let mail = Incoming { envelope, unreadable: Vec::new(), content, origin, arrived: now };
        let prepared = self.prepare(mail).await?;
        Ok(prepared.messages.into_iter().next())
    }
}
