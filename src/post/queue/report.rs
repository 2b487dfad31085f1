//! What the sender is told about recipients that get nothing.

use super::door::new_id;
use super::{Door, QueueError};
use crate::post::address::Address;
use crate::post::delivery::body;
use crate::post::mail::Sender;
use crate::post::mail::dsn::{Action, Outcome, Report, report_to};
use crate::spool::NewMessage;
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
}

pub(super) fn failure(recipient: Address, status: &str, diagnostic: &str) -> Failure {
    let (status, diagnostic) = (status.to_owned(), diagnostic.to_owned());
    Failure { recipient, action: Action::Failed, status, diagnostic }
}

impl Door {
    /// The one report about these recipients, to the sender, or to postmaster if there is no way to the sender. `Err`: why
    /// nobody can be told.
    pub(super) async fn report(
        &self,
        original: &Original<'_>,
        failures: &[Failure],
        now: Timestamp,
    ) -> Result<Result<NewMessage, String>, QueueError> {
        let about = failures.iter().map(|failure| format!("{}: {}", failure.recipient, failure.diagnostic));
        let about = about.collect::<Vec<_>>().join("; ");
        let Some(to) = report_to(&original.sender) else {
            return Ok(Err(format!("{about}; the sender is null, so nobody is told")));
        };
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
                    None => return Ok(Err(format!("{about}; the sender {to} cannot be told: {why}"))),
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
        };
        let mut writer = body::Writer::new(self.spool());
        writer.write(&report.text()).await?;
        let content = writer.finish().await?;
        let origin = "report".to_owned();
        Ok(Ok(NewMessage { sender: String::new(), content, accepted: now, origin, deliveries }))
    }
}
