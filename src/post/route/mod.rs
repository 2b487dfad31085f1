//! Where mail for an address goes: to a mailbox here, to a neighbour, or back.
//!
//! A machine over the address and the [`Tables`] that the configuration fills ([`Resolver`]); what it must know besides, of
//! users and of files, it asks for. An address is walked one step at a time: our own names are taken off, then the rules are
//! tried in this order, and the first that fits decides:
//!
//! 1. a name here: the [`directors`], which may give several addresses (each is routed anew);
//! 2. the routers, for what is at another host ([`routers`]).
//!
//! No form of address opens a road that the plain `user@host` would not: `user%host` and `a!b!user` at one of our names
//! are read as the address that they stand for and meet the same rules. Who may hand in mail at all is the business of
//! the door it came by.

mod decision;
pub mod directors;
mod files;
mod group;
mod next;
mod resolve;
mod rewriting;
pub mod routers;
mod rule;
mod tables;
mod transport;
mod walk;

pub use decision::{Decision, Handover, Refusal, Routed};
pub use files::{FILE_MAX, Files, PathFile};
pub use group::group;
pub use next::{Hop, HopError, Next, Route};
pub use resolve::resolve;
pub use rewriting::Rewriting;
pub use routers::{FileError, Hosts, PathRouter, Paths, Pipe, PipeError};
pub use rule::Place;
pub use tables::{Neighbour, Tables};
pub use transport::{OnRelease, Transport};
pub use walk::Resolver;

#[cfg(test)]
mod tests;
