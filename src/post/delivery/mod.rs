//! Deliveries, one file a transport: [`local`] into mailboxes and files, [`pipe`] into programs as a user, [`uucp`] into jobs
//! for a neighbour, [`batches`] many messages into one job, [`smtp`] to other hosts, [`gateway`] to a program; [`body`] reads and
//! writes their bytes, [`users`] knows who gets local mail.
//!
//! A transport takes deliveries that the queue has claimed, settles those that it made, and says of each other one whether it may be
//! tried again or failed for good. What each transport promises is told in its file, and in `docs/promises.md`.

pub mod batches;
pub mod body;
pub mod gateway;
pub mod local;
pub mod pipe;
pub mod smtp;
pub mod users;
pub mod uucp;

use crate::fault::Fault;
use crate::spool::Delivery;

/// Deliveries that could not be made, and why.
#[derive(Debug)]
pub struct Failed {
    pub deliveries: Vec<Delivery>,
    /// Whether to try again is in it.
    pub fault: Fault,
}

/// The same, with what a report calls it: the status code (RFC 3463) that the other side gave, or that is plain from here.
#[derive(Debug)]
pub struct Undelivered {
    pub failed: Failed,
    pub status: Option<String>,
}

impl From<Failed> for Undelivered {
    fn from(failed: Failed) -> Undelivered {
        Undelivered { failed, status: None }
    }
}
