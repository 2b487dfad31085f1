//! Leases on work, and how work ends.

use super::{NewJob, NewMessage, NewNotice};
use jiff::Timestamp;

/// The right to work on one delivery, job or execution, until the lease runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    pub id: u64,
    pub token: u64,
}

/// How one claimed piece of work ended. All parts of an outcome happen together or not at all.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Deliveries that reached their mailbox, program or host.
    Delivered { deliveries: Vec<Claim>, note: String },
    /// Deliveries to try again.
    Deferred { deliveries: Vec<Claim>, until: Timestamp, note: String },
    /// Deliveries that became a job for a neighbour. They are delivered when the job is done, and come back,
    /// claimable and with [`super::Delivery::refusal`] set, when the peer refuses the job.
    Handed { deliveries: Vec<Claim>, job: NewJob },
    /// The same, for a job that carries what these open batches carried ([`super::Spool::open_batches`], by the numbers of their jobs)
    /// and takes their place. [`super::SpoolError::Conflict`] says that one of them is not open any more.
    Gathered { deliveries: Vec<Claim>, job: NewJob, instead_of: Vec<u64> },
    /// Deliveries that failed for ever, and the reports about it: to the sender, if one is due, and the copy of postmaster.
    Bounced { deliveries: Vec<Claim>, note: String, reports: Vec<NewMessage> },
    /// Deliveries kept until somebody releases them.
    Held { deliveries: Vec<Claim>, note: String },
    /// A job that the peer has: it said CY, or SN8.
    JobDone { job: Claim, note: String },
    /// A job that stays, for a later call (SN4, SN6, SN9, loss of the call). It is claimable at once, so a call that
    /// goes on settles it when it ends.
    JobDeferred { job: Claim, note: String },
    /// A job that the peer will never take (SN2, SN7, CN5). Mail deliveries behind it go back to the queue to be
    /// bounced; any other job goes to quarantine, and its user is told by `notice`.
    JobRefused { job: Claim, note: String, notice: Option<NewNotice> },
    /// A job whose body is damaged, so that it is not sent. Its bytes go to quarantine. Mail deliveries behind it go back
    /// to the queue: what is sound of them makes a new job.
    JobSpoiled { job: Claim, note: String, notice: NewNotice },
    /// A fetch job whose file was placed.
    Fetched { job: Claim },
    /// An execution that was carried out. Mail that it was becomes messages here, in the same transaction.
    Executed { execution: Claim, messages: Vec<NewMessage>, note: String },
    /// An execution to try again.
    ExecutionDeferred { execution: Claim, until: Timestamp, note: String },
    /// An execution that was refused or failed; its bytes are kept in quarantine with the reason.
    Quarantined { execution: Claim, reason: String, notices: Vec<NewNotice> },
    /// A notice that was turned into mail (or needs none).
    Noticed { notice: Claim, message: Option<NewMessage> },
}
