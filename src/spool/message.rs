//! Messages and what is due to each recipient.

use super::{BodyRef, Claim, Content};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageId(pub u64);

/// A message to be kept, with everybody who is to have it.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// The envelope sender as the post room prints it; empty is the null sender.
    pub sender: String,
    /// Header and body with LF line ends, trace header included.
    pub content: Content,
    pub accepted: Timestamp,
    /// Where it came from, for the log: `smtp 127.0.0.1`, `rmail from polux`, `local user jan`.
    pub origin: String,
    pub deliveries: Vec<NewDelivery>,
    /// How much of it a report carries: RET of RFC 3461. None: as its size has it.
    pub ret: Option<Return>,
    /// What the sender calls it in reports: ENVID, as xtext.
    pub envid: Option<String>,
    pub priority: Priority,
    /// The sender is one of our own names, but came from a stranger: nobody is told what becomes of it.
    pub unproven: bool,
    /// When it is looked at for the first time whether its sender has to be told something; None: never.
    pub tell: Option<Timestamp>,
}

/// How much of a message a report carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Return {
    /// `RET=FULL`
    Full,
    /// `RET=HDRS`
    Headers,
}

/// What the sender of a message wants to be told about a recipient: NOTIFY of RFC 3461. All false is `NEVER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

impl Notify {
    pub const NEVER: Notify = Notify { success: false, failure: false, delay: false };
    /// Where nothing was asked for: RFC 3461, section 4.1, leaves the delays to us.
    pub const USUAL: Notify = Notify { success: false, failure: true, delay: true };
}

/// What goes first to a site where much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    Urgent,
    #[default]
    Normal,
    /// It takes what the others leave, and an eighth where both wait.
    Bulk,
}

/// One recipient, routed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// None: nothing was asked for.
    pub notify: Option<Notify>,
    /// The recipient as the sender had it, type in front (`rfc822;joe@x.org`): ORCPT of RFC 3461, as xtext.
    pub orcpt: Option<String>,
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
    pub ret: Option<Return>,
    pub envid: Option<String>,
    pub notify: Option<Notify>,
    pub orcpt: Option<String>,
    /// See [`NewMessage::unproven`].
    pub unproven: bool,
    /// The sender was told that it takes long.
    pub warned: bool,
    /// How often its site has failed as a whole, since it last took something.
    pub site_failures: u32,
}

/// A delivery about which its sender may have to be told something.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// Its claim gives no right to work on it.
    pub delivery: Delivery,
    pub state: DeliveryState,
    /// What the last attempt said.
    pub note: String,
}

/// What somebody does to deliveries by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByHand {
    /// Keeps it until it is released.
    Hold,
    /// Ends that.
    Release,
    /// Tries it now; a job that it became is taken back first.
    Requeue,
    /// Throws it away; nobody is told.
    Delete,
}

/// What became of that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handled {
    pub done: u64,
    /// Those that were left as they are, and why.
    pub left: Vec<(u64, String)>,
}

/// What there is, in numbers; the same work however much it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueTotals {
    pub messages: u64,
    /// Deliveries by transport and state.
    pub deliveries: Vec<(String, DeliveryState, u64)>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    Queued,
    /// It is a job that waits for a call.
    Handed,
    Delivered,
    /// The neighbour has said that it has the job.
    Acknowledged,
    Bounced,
    Held,
}

/// One line of `mailq`.
#[derive(Debug, Clone)]
pub struct QueueEntry {
    pub message: MessageId,
    pub delivery: u64,
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
    /// The job that it became.
    pub job: Option<u64>,
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
