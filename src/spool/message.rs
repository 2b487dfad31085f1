//! Messages and what is due to each recipient.

use super::{BodyRef, Claim, Content};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub u64);

/// A message to be kept, with everybody who is to have it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The envelope sender as the post room prints it; empty is the null sender.
    pub sender: String,
    /// Header and body with LF line ends, trace header included.
    pub content: Content,
    pub accepted: Timestamp,
    /// Where it came from, for the log: `smtp 127.0.0.1`, `rmail from polux`, `local user jan`.
    pub origin: String,
    pub deliveries: Vec<NewDelivery>,
}

/// One recipient, routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The envelope recipient as it was given.
    pub recipient: String,
    /// How it goes on: `local`, `pipe`, `file`, `uux`, `uusmtp`, `smtp`, `gateway` or `queueonly`.
    pub transport: String,
    /// Where it goes: a user, a command line, a path, a system name, a next hop of SMTP; for `queueonly` transport and
    /// site of what is done when it is released. Deliveries of one site are worked on together.
    pub site: String,
    /// The address as the next hop is to be given it.
    pub address: String,
}

/// A delivery that is due and now in the hands of who claimed it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub claim: Claim,
    pub message: MessageId,
    pub sender: String,
    pub recipient: String,
    pub transport: String,
    pub site: String,
    pub address: String,
    pub body: BodyRef,
    pub accepted: Timestamp,
    /// How often it was tried before; counted when it is claimed.
    pub attempts: u32,
    /// The peer's refusal of the job that this delivery had become.
    pub refusal: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    Queued,
    /// It is a job that waits for a call.
    Handed,
    Delivered,
    Bounced,
    Held,
}

/// One line of `mailq`.
#[derive(Debug, Clone)]
pub struct QueueEntry {
    pub message: MessageId,
    pub sender: String,
    pub size: u64,
    pub accepted: Timestamp,
    pub recipient: String,
    pub transport: String,
    pub site: String,
    pub state: DeliveryState,
    pub due: Timestamp,
    pub attempts: u32,
    /// What the last attempt said.
    pub note: String,
}

/// What is about to be appended to a mailbox, written before the first byte is (design: mailbox append).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    pub id: u64,
    pub path: String,
    pub device: u64,
    pub inode: u64,
    pub length_before: u64,
    /// Length and BLAKE3 digest of what is appended.
    pub length: u64,
    pub digest: [u8; 32],
    /// The deliveries that are in it.
    pub deliveries: Vec<Claim>,
}
