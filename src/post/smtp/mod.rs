//! SMTP: the server side of RFC 5321 as a machine, and the task that serves one connection with it; the other side is [`client`].
//!
//! [`Server`] takes bytes and time and gives bytes, a deadline and events; whoever drives it answers the events that ask.
//! It knows neither queue nor route. Offered: PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152),
//! DSN (RFC 3461), ENHANCEDSTATUSCODES (RFC 2034), and if the settings say so STARTTLS (RFC 3207), AUTH (RFC 4954) and
//! ETRN (RFC 1985). Command lines and message lines end with CRLF and nothing else; see
//! [`crate::post::mail::dots`].

pub mod client;
pub mod drive;
mod error;
mod event;
mod reply;
mod server;
mod settings;

pub use error::SmtpError;
pub use event::{Event, MailFrom, RcptTo};
pub use reply::Refusal;
pub use server::Server;
pub use settings::Settings;

#[cfg(test)]
mod tests;
