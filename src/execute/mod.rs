//! What a peer may have done here: the commands that it sent with their input, and files for the file system.
//!
//! A command runs if its name, letter for letter, stands on the allow-list ([`builtin`]); there is no path, no shell and
//! no child process. `rmail` and `rsmtp` end at the door of the queue: their mail is kept in the very transaction that
//! ends the execution. Whatever is refused or broken is kept in quarantine, and who asked for it is told, if that can be
//! done without writing to a stranger.
//!
//! Sources: RFC 976 (`rmail`), RFC 2442 (`rsmtp`), the Taylor UUCP manual, "Execution File Format".

mod builtin;
mod place;
mod rmail;
mod rsmtp;
mod run;
mod whom;

pub use place::{PlaceError, Roots};
pub use run::{Executor, Settings};

#[cfg(test)]
mod tests;
