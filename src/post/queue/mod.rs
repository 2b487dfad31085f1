//! The queue: the one door by which mail comes in, and the worker that sees to what is due.
//!
//! Whoever has mail (the SMTP listener, a command, an execution, a batch file) gives it to the [`Door`], which puts the
//! trace header before it, asks the route where each recipient's copy goes, and keeps message, deliveries and the
//! report to the sender about recipients that have no route in one transaction. What is kept was accepted; nothing
//! else was. [`Door::prepare`] does the same up to the transaction, for who has one of his own.
//!
//! The [`Worker`] claims what is due, hands it to its transport (`transports.rs` has an arm for each), and settles what came of it.
//!
//! A report goes out once for each set of recipients that failed together. The null sender never gets one; mail of
//! his that reaches nobody is kept in quarantine.

mod door;
mod error;
mod failed;
mod live;
mod lookup;
mod notice;
mod parts;
mod patience;
mod pieces;
mod priority;
mod report;
pub mod retry;
mod rewritten;
mod tell;
mod transports;
mod unbatch;
mod worker;

pub use door::{Accepted, Asked, AskedOf, Door, Incoming, Origin, Prepared, Settings, Submitter, Unreadable};
pub use error::QueueError;
pub use live::{RouteFileError, read_paths, read_table};
pub use lookup::{AliasFileError, read_aliases};
pub use patience::{Link, Patience};
pub use pieces::{PieceError, Pieces};
pub use unbatch::{UnbatchError, Unbatched};
pub use worker::Worker;

#[cfg(test)]
mod tests;
