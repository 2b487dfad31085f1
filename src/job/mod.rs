//! Jobs: what one system asks of another. Pure data, no files, no clock.
//!
//! A job is a command to run there with a message as its input (`uux`, mail), a file to put there, or
//! files to fetch from there (`uucp`). How a job looks on the wire is the session's business, how it is
//! kept the spool's; this room has the words that both use: names, grades, execution requests and the text
//! of an execution (X.) file. Sources: the Taylor UUCP manual, chapters "UUCP Grades" and "Execution File Format".

mod digest;
mod grade;
mod name;
mod pattern;
mod quote;
mod work;
mod xfile;

pub use digest::Digest;
pub use grade::Grade;
pub use name::{NameError, SystemName};
pub use pattern::{fits, is_pattern};
pub use quote::{quote, unquote};
pub use work::{Command, CommandError, Execute, Expand, Fetch, Notify, Send, StableId, Work, shown_id};
pub use xfile::{XFile, XFileError};
