//! The SMTP listeners: join the server machine of [`crate::post::smtp`] to the queue's door.
//!
//! "250" is said when the spool has the message on disk, never before. Mail is passed on to others for clients of the
//! configured networks, for who has logged in, and for who shows a configured certificate; everybody else may write to our own
//! users alone.

mod clients;
mod desk;
mod listener;
mod network;
mod session;

pub use clients::Clients;
pub use desk::{Client, Desk, Service, Settings, Turn, Turning};
pub use listener::{serve, serve_one};
pub use network::{Network, NetworkError};

#[cfg(test)]
mod tests;
