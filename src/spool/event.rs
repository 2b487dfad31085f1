//! What an operator may ask later, and what somebody must be told.

use super::{BodyRef, Claim};
use crate::job::SystemName;
use jiff::Timestamp;

/// One line of history. Verbs write their own; rooms add what only they know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    /// `accepted`, `delivered`, `bounced`, `sent`, `received`, `executed`, `call`, ...
    pub what: String,
    /// The ids that make one grep tell a life, as `msg=12 job=3f call=9`.
    pub ids: String,
    pub system: Option<SystemName>,
    pub text: String,
}

#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub system: Option<SystemName>,
    /// Only events after this one.
    pub after: Option<u64>,
    /// At most 1 000, which is what 0 stands for.
    pub limit: usize,
}

/// Mail that is due to somebody about a job, an execution or a call; the queue makes it.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// A local user, or an address relative to this node (`polux!jan`).
    pub to: String,
    pub subject: String,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Notice {
    pub claim: Claim,
    pub notice: NewNotice,
}

/// Something that was refused and kept.
#[derive(Debug, Clone)]
pub struct Quarantined {
    pub id: u64,
    pub at: Timestamp,
    pub from: String,
    pub reason: String,
    pub body: Option<BodyRef>,
}
