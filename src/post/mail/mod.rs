//! Mail itself: envelopes, From_ lines, the dot codec, trace headers, command grammar, delivery reports.
//!
//! # Line endings
//!
//! Inside uugate a message is bytes whose lines end with LF, as UUCP carries it. Whatever else it holds (8-bit
//! characters, NULs, lone CRs, a last line without an end) is kept as it came. SMTP in turns CRLF into LF, SMTP out turns
//! LF into CRLF; both happen in [`dots`] and nowhere else. Headers are put before a message, [`parsed::without_bcc`] cuts
//! whole fields out, and [`rewrite`] replaces addresses in fields where the site or a neighbour wants them otherwise;
//! the rest stays byte for byte.
//!
//! Sources: RFC 5321 (SMTP, Received, limits), RFC 5322 (headers), RFC 976 (From_ lines), RFC 3464 (delivery
//! reports), RFC 2442 (batched SMTP).

pub mod command;
pub mod dots;
pub mod dsn;
mod envelope;
mod from_line;
pub mod head;
pub mod notice;
pub mod parsed;
mod received;
pub mod rewrite;

pub use envelope::{Envelope, Sender};
pub use from_line::{FromLines, from_line, read_from_lines};
pub use received::{HOP_LIMIT, Submission, Trace, With, hops, missing_headers};
