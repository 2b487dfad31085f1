//! Batches of mail that wait for a call and may be taken up again, to be made larger.

use super::{BodyRef, MessageId};

/// A batch that no call has had in its hands: a job of the transport `uusmtp`, made since the spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBatch {
    /// That of its job.
    pub number: u64,
    /// How many messages are in it, and their bytes, each counted once.
    pub messages: u64,
    pub bytes: u64,
}

/// What a batch carries to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub message: MessageId,
    pub sender: String,
    pub address: String,
    pub body: BodyRef,
}
