//! Mailboxes: an mbox file in an open directory, and what may be done to it.
//!
//! This room knows files and their format alone: no user, spool or task. A [`Mailbox`] is a file under both
//! locks that mail programs heed (a dotlock and an `fcntl` lock); from it plain facts are read ([`Place`]),
//! bytes are appended in one write, and after a crash what became of an append is found out
//! ([`Mailbox::recover`]). The promise "exactly once" is made of these by `post::delivery`.
//!
//! Sources: RFC 4155 (mbox), the mbox(5) page of qmail for the `mboxrd` quoting, the locking customs of
//! procmail and liblockfile (`NAME.lock` made with `O_EXCL`, holding the pid of its owner).

mod error;
mod file;
mod lock;
pub mod mbox;

pub use error::MailboxError;
pub use file::{Appended, Create, Mailbox, Place, Recovered};
