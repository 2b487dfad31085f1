//! The post: everything between a message and a mailbox.

pub mod address;
pub mod batch;
pub mod delivery;
pub mod mail;
pub mod queue;
pub mod route;
pub mod smtp;
pub mod submit;
