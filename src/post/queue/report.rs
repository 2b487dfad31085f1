//! What the sender is told about recipients that get nothing.

use super::door::new_id;
use super::{Door, QueueError};
use crate::post::address::Address;
use crate::post::delivery::body;
use crate::post::mail::Sender;
use crate::post::mail::dsn::{Action, Outcome, Report, report_to};
use crate::spool::{NewDelivery, NewMessage, Return};
use jiff::Timestamp;

/// A recipient that gets nothing, for ever or for now.
pub(super) type Failure = Outcome;

/// The message that a report is about.
#[derive(Debug)]
pub(super) struct Original<'a> {
    pub sender: Sender,
    pub arrived: Timestamp,
    /// The message, or as much of it as holds its header.
    pub beginning: &'a [u8],
    /// `beginning` is all of it.
    pub whole: bool,
    /// How much of it the sender wants back.
    pub ret: Option<Return>,
    pub envid: Option<&'a str>,
    /// The sender is one of our names that a stranger gave.
    pub unproven: bool,
}

/// Who is told.
#[derive(Debug)]
pub(super) enum Told {
    /// By these messages; none: nobody wants to hear of it.
    By(Vec<NewMessage>),
    /// Nobody can be, or may be told. `keep`: so the message stays where somebody finds it.
    Nobody { why: String, keep: bool },
}

pub(super) fn failure(recipient: Address, status: &str, diagnostic: &str) -> Failure {
    let (status, diagnostic) = (status.to_owned(), diagnostic.to_owned());
    let (action, original, retried_until) = (Action::Failed, None, None);
    Failure { recipient, original, action, status, diagnostic, retried_until }
}

impl Door {
    /// The one report about these recipients, to the sender, or to postmaster if there is no way to the sender; and the copy that
    /// postmaster may want of a failure.
    pub(super) async fn report(
        &self,
        original: &Original<'_>,
        failures: &[Failure],
        now: Timestamp,
    ) -> Result<Told, QueueError> {
        let about = failures.iter().map(|failure| format!("{}: {}", failure.recipient, failure.diagnostic));
        let about = about.collect::<Vec<_>>().join("; ");
        let Some(to) = report_to(&original.sender) else {
            let why = format!("{about}; the sender is null, so nobody is told");
            return Ok(Told::Nobody { why, keep: true });
        };
        if original.unproven {
            let why = format!("a stranger gave our {to} as its sender, so nobody is told");
            return Ok(Told::Nobody { why, keep: false });
        }
        let most = self.settings().reports_per_hour;
        if !self.spool().may_report(to.to_string(), most, now).await? {
            let why = format!("{most} reports have gone to {to} within an hour, so this one does not");
            return Ok(Told::Nobody { why, keep: false });
        }
        let deliveries = match self.deliveries_of(to).await? {
            Ok(deliveries) => deliveries,
            Err(why) => {
                tracing::info!(%to, why, "a report cannot reach the sender and goes to postmaster");
                // Addressed to the sender as before, so that postmaster sees whom it was for.
                let postmaster = match Address::parse("postmaster") {
                    Ok(postmaster) => self.deliveries_of(&postmaster).await?.ok(),
                    Err(_) => None,
                };
                match postmaster {
                    Some(deliveries) => deliveries,
                    None => {
                        let why = format!("{about}; the sender {to} cannot be told: {why}");
                        return Ok(Told::Nobody { why, keep: true });
                    }
                }
            }
        };
        let host = &self.settings().host;
        let message_id = format!("{}@{host}", new_id()?);
        let report = Report {
            host,
            to,
            message_id: &message_id,
            date: now,
            arrived: original.arrived,
            outcomes: failures,
            message: original.beginning,
            whole: original.whole,
            envid: original.envid,
            only_headers: original.ret == Some(Return::Headers),
            all: original.ret == Some(Return::Full),
        };
        let mut reports = vec![self.report_message(&report, deliveries, now).await?];
        let failed = failures.iter().any(|failure| failure.action == Action::Failed);
        if failed
            && self.settings().postmaster_copies
            && let Ok(postmaster) = Address::parse("postmaster")
        {
            let message_id = format!("{}@{host}", new_id()?);
            let copy = Report { message_id: &message_id, only_headers: true, all: false, ..report };
            if let Ok(deliveries) = self.deliveries_of(&postmaster).await? {
                reports.push(self.report_message(&copy, deliveries, now).await?);
            }
        }
        Ok(Told::By(reports))
    }

    async fn report_message(
        &self,
        report: &Report<'_>,
        deliveries: Vec<NewDelivery>,
        now: Timestamp,
    ) -> Result<NewMessage, QueueError> {
        let mut writer = body::Writer::new(self.spool());
        writer.write(&report.text()).await?;
        let content = writer.finish().await?;
        Ok(NewMessage {
            sender: String::new(),
            content,
            accepted: now,
            origin: "report".to_owned(),
            deliveries,
            tell: self.settings().patience.first_look(now),
            ..NewMessage::default()
        })
    }
}
