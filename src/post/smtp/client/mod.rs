//! The client side of SMTP (RFC 5321) and LMTP (RFC 2033), as a machine, and the task that talks to one server with it.
//!
//! [`Client`] takes bytes and time and gives bytes, a deadline and events. It carries any number of messages over one connection, one
//! after the other, and says of each recipient what the server answered. Used where the server has it: PIPELINING (RFC 2920),
//! SIZE (RFC 1870), 8BITMIME (RFC 6152), DSN (RFC 3461, `ORCPT` alone), STARTTLS (RFC 3207), AUTH PLAIN and LOGIN (RFC 4954), and
//! the status codes of RFC 2034.
//!
//! A message goes out as it is: neither 8-bit text for a server without 8BITMIME nor a line of more than 998 bytes is rewritten,
//! broken or kept back. Only what cannot be said in SMTP is changed: a CR or LF that stands alone becomes a line end, and NUL,
//! which some servers drop and by that could make a line of one dot, is left out. See [`crate::post::mail::dots`].

mod answer;
pub mod drive;
mod error;
mod exchange;
mod extensions;
mod login;
mod machine;
mod offer;
mod reply;
mod settings;
mod step;

pub use answer::Answer;
pub use error::ClientError;
pub use machine::{Client, Event};
pub use offer::{Offer, Recipient};
pub use reply::{Reply, ReplyError, ReplyReader};
pub use settings::{Login, Protocol, Settings, Timeouts, Tls};
pub use step::Step;

#[cfg(test)]
mod tests;
