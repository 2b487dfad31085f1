//! What must not be lost: messages and their deliveries, jobs, executions, receipts, partial files, and the
//! history of calls. The verbs on it are the whole interface.
//!
//! [`Spool`] is an async handle to one writer thread. The writer takes what is queued, wraps each verb in a
//! savepoint and answers after one commit for all of them (group commit), so an `Ok` means: on disk. Each
//! verb is one transaction; verbs that make something take an optional [`RequestId`] and may be repeated
//! with it. A few (`claim_jobs`, `settle_soon`) may be undone by a power cut; they go to disk with the next of the
//! others. Bodies are read beside the writer by [`BodyReader`]. Time is handed in. Nothing of the store behind (rows, SQL,
//! paths) crosses this interface.
//!
//! One implementation, in SQL ([`store`]), has two homes: a directory (SQLite and a folder of large bodies) and memory,
//! so that tests of every room run on the very verbs that are shipped.
//!
//! What is worked upon is *claimed*: a claim carries a lease, and only who holds it may settle. Leases of an
//! owner that died or let them run out are taken back, at start and every minute.

mod batch;
mod body;
mod call;
mod claim;
mod dump;
mod error;
mod event;
mod handle;
mod incoming;
mod job;
mod message;
mod reader;
mod sequence;
mod settings;
mod store;
mod verify;
mod withheld;
mod writer;

#[cfg(test)]
mod tests;

pub use batch::{Carried, OpenBatch};
pub use body::{BodyId, BodyRef, CHUNK, Content, MOST_AT_ONCE};
pub use call::{
    CallId, CallLease, CallRecord, Charge, Charges, Failure, ModemReport, NewCall, Pace, PastCall,
    PortErrors, Tried, Wish,
};
pub use claim::{Claim, Outcome};
pub use dump::{Dumped, dump};
pub use error::SpoolError;
pub use event::{Event, EventFilter, NewNotice, Notice, Quarantined};
pub use handle::{Appending, Spool};
pub use incoming::{Arrival, ArrivalKind, Execution, Identity, Input, Partial, Received, Task};
pub use job::{Job, JobState, JobSummary, NewJob, Order, Wanted, WorkWaiting};
pub use message::{
    ByHand, Delivery, DeliveryState, Handled, Intent, MessageId, NewDelivery, NewMessage, Notify, Overdue,
    Priority, QueueEntry, QueueTotals, Return,
};
pub use reader::BodyReader;
pub use sequence::Sequence;
pub use settings::Settings;
pub use store::Blocks;
pub use verify::{Finding, Verified, verify};
pub use withheld::{BundleState, Import};

/// Chosen by whoever asks; a verb repeated with the same id is answered again but not done again.
pub type RequestId = u128;
