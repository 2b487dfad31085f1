//! Batched SMTP: any number of messages as one stream of commands without answers. What `rsmtp` reads.
//!
//! ```text
//! HELO leaf                  optional
//! MAIL FROM:<joe@leaf.example>
//! RCPT TO:<bill@polux.example>     as many as are wanted
//! DATA
//! ...                        dots doubled
//! .
//! QUIT                       optional
//! ```
//!
//! RFC 2442, with the grammar and dot codec of SMTP. The first line settles whether lines end with CRLF or LF, for
//! the whole batch. Whoever reads a batch keeps nothing of it for good until [`Reader::finish`] has said that it is whole:
//! a batch that breaks off or breaks the rules anywhere is set aside as a whole, with its bytes. One bad
//! recipient is not the batch's fault: it is reported beside the good ones.
//!
//! As a whole it may be compressed ([`wrapper`]).

mod error;
mod reader;
pub mod wrapper;
mod writer;

pub use error::BatchError;
pub use reader::{Event, Reader, Refused, Settings};
pub use wrapper::{Limits, Packer, PackerError, UnwrapError, Unwrapper, Wrapper};
pub use writer::{Body, Writer};

#[cfg(test)]
mod tests;
