//! `mailq`: what is due to each recipient; and how much there is.

use super::short_time;
use crate::spool::{DeliveryState, QueueEntry, QueueTotals};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queue {
    pub entries: Vec<Entry>,
    /// There may be more after this message.
    pub next: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    pub message: u64,
    /// Empty: the null sender.
    pub sender: String,
    pub size: u64,
    pub accepted: Timestamp,
    pub recipient: String,
    pub transport: String,
    pub site: String,
    pub state: DeliveryState,
    pub due: Timestamp,
    pub attempts: u32,
    pub note: String,
}

impl From<QueueEntry> for Entry {
    fn from(entry: QueueEntry) -> Entry {
        Entry {
            message: entry.message.0,
            sender: entry.sender,
            size: entry.size,
            accepted: entry.accepted,
            recipient: entry.recipient,
            transport: entry.transport,
            site: entry.site,
            state: entry.state,
            due: entry.due,
            attempts: entry.attempts,
            // Another host may have said it, at length; a page of these has to fit into one message.
            note: entry.note.chars().take(NOTE).collect(),
        }
    }
}

/// So much is told of what was said, in characters.
const NOTE: usize = 200;

impl Entry {
    /// What it waits for.
    fn waits(&self) -> String {
        match self.state {
            DeliveryState::Queued if self.attempts == 0 => format!("queued for {}", self.transport),
            DeliveryState::Queued => {
                format!("Deferred, tried {} times, again {}", self.attempts, short_time(self.due))
            }
            DeliveryState::Handed => {
                format!("handed to link {}, waits for a call with {}", self.site, self.site)
            }
            DeliveryState::Acknowledged => format!("acknowledged by {}", self.site),
            DeliveryState::Delivered => "delivered".to_owned(),
            DeliveryState::Bounced => "bounced".to_owned(),
            DeliveryState::Held => "held".to_owned(),
        }
    }
}

impl Queue {
    /// What stands above the first page.
    pub const HEADING: &str =
        "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n";
}

impl fmt::Display for Queue {
    /// As sendmail has it: a line for each message; below it, for each recipient, why it waits, and who it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        for entry in &self.entries {
            if last != Some(entry.message) {
                last = Some(entry.message);
                let time = short_time(entry.accepted);
                writeln!(f, "{:<14} {:>8} {time:<16} <{}>", entry.message, entry.size, entry.sender)?;
            }
            write!(f, "{:25}({}", "", entry.waits())?;
            if !entry.note.is_empty() {
                write!(f, ": {}", entry.note)?;
            }
            writeln!(f, ")\n{:41}<{}>", "", entry.recipient)?;
        }
        Ok(())
    }
}

/// How much waits, at a glance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueueSummary {
    pub messages: u64,
    pub recipients: Vec<Waiting>,
    /// When something is due next.
    pub next: Option<Timestamp>,
}

/// Recipients of one transport in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    pub transport: String,
    pub state: DeliveryState,
    pub number: u64,
}

impl From<QueueTotals> for QueueSummary {
    fn from(totals: QueueTotals) -> QueueSummary {
        let waiting = |(transport, state, number)| Waiting { transport, state, number };
        let recipients = totals.deliveries.into_iter().map(waiting).collect();
        QueueSummary { messages: totals.messages, recipients, next: None }
    }
}

impl fmt::Display for QueueSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} messages", self.messages)?;
        for Waiting { transport, state, number } in &self.recipients {
            let state = match state {
                DeliveryState::Handed => "handed to links",
                DeliveryState::Held => "held",
                _ => "queued",
            };
            writeln!(f, "{number:>8} recipients by {transport} are {state}")?;
        }
        self.next.map_or(Ok(()), |next| writeln!(f, "the next is due {}", short_time(next)))
    }
}

/// What came of a deed on the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Handled {
    /// `held`, `released` and the like.
    pub what: String,
    /// Recipients.
    pub done: u64,
    /// What was left as it is, and why.
    pub left: Vec<String>,
}

impl fmt::Display for Handled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} {} {}",
            self.done,
            if self.done == 1 { "recipient" } else { "recipients" },
            self.what
        )?;
        self.left.iter().try_for_each(|why| writeln!(f, "left: {why}"))
    }
}

/// `sendmail -bv`: each address, whether mail for it would be delivered, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    pub addresses: Vec<(String, bool, String)>,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addresses.iter().try_for_each(|(address, _, text)| writeln!(f, "{address}... {text}"))
    }
}
