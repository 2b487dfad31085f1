//! The SMTP listener: joins the server machine of [`crate::post::smtp`] to the queue's door.
//!
//! "250" is said when the spool has the message on disk, never before. Who may send mail through us to others is
//! decided by the client's network; everybody else may write to our own users alone.

mod listener;
mod network;
mod session;

pub use listener::{Settings, serve};
pub use network::{Network, NetworkError};

#[cfg(test)]
mod tests;
