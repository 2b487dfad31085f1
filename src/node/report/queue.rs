//! `mailq`: what is due to each recipient.

use super::short_time;
use crate::spool::{DeliveryState, QueueEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queue {
    pub entries: Vec<Entry>,
    /// There are more after this message.
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
            note: entry.note,
        }
    }
}

impl fmt::Display for Queue {
    /// A line for each message, and below it one for each recipient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() && self.next.is_none() {
            return writeln!(f, "Mail queue is empty");
        }
        let mut last = None;
        for entry in &self.entries {
            if last != Some(entry.message) {
                last = Some(entry.message);
                let time = short_time(entry.accepted);
                writeln!(f, "{:<8} {:>9} {time} <{}>", entry.message, entry.size, entry.sender)?;
            }
            let state = match entry.state {
                DeliveryState::Queued => format!("due {}", short_time(entry.due)),
                DeliveryState::Handed => format!("waits for a call with {}", entry.site),
                DeliveryState::Delivered => "delivered".to_owned(),
                DeliveryState::Bounced => "bounced".to_owned(),
                DeliveryState::Held => "held".to_owned(),
            };
            write!(f, "         {} by {}, {state}", entry.recipient, entry.transport)?;
            if entry.attempts > 0 {
                write!(f, ", tried {} times", entry.attempts)?;
            }
            if !entry.note.is_empty() {
                write!(f, ": {}", entry.note)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
