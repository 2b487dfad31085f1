//! Mail that travels as a file: on a stick, a disk, by hand.
//!
//! A plain-file batch is batched SMTP ([`crate::post::batch`]) and nothing else, so that any program that reads such
//! batches can take it. [`export`] writes the mail that waits for a system into one file and withholds its jobs from calls
//! until [`done`] (the other side has it) or [`recall`] (it never went). Both know the file by its digest, whatever it is
//! called by then. [`import`] takes such a file in, once: the digest is kept.
//!
//! A file appears under its name whole or not at all, and only after its jobs were withheld: a job is never both in a
//! file and in a call. What a crash leaves under the temporary name is taken back by the next export to that name.

mod error;
mod export;
mod file;
mod import;

pub use error::BundleError;
pub use export::{Exported, done, export, recall};
pub use import::{Imported, import};

#[cfg(test)]
mod tests;
