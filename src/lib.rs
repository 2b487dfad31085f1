//! uugate: UUCP and dial-up mail in one program. This page is the map of the house.
//!
//! # The way through the house
//!
//! ```text
//! mail in (SMTP, sendmail, rmail, rsmtp, batch file)
//!     -> queue: envelope, trace -> route (aliases, neighbours, smart host)
//!     -> spool (one transaction: message + one delivery a recipient), and only then "250" / exit 0
//! uux, uucp -> control socket -> job in the spool for its system
//! delivery: local -> agent -> mailbox;  uux, uusmtp -> job in the spool for a neighbour
//! call: station -> line -> modem (dial, answer) -> chat (login) -> session (handshake, S R X E H)
//!     over link (g, i) -> spool
//! arrival, by call or bundle: spool (received, once) -> execute (rmail and rsmtp built in: back to the queue)
//! ```
//!
//! # Rooms
//!
//! The spool is the cellar; two wings stand on it that never import each other: [`wire`] (everything between a byte on
//! a line and a job) and [`post`] (everything between a message and a mailbox). They meet in the spool, and in
//! [`execute`] and [`bundle`] above them. [`node`] and [`commands`] are the roof. Rooms marked **pure** hold machines and
//! data alone: no files, sockets, clocks, randomness or tasks; bytes and time are handed in.
//!
//! - [`fault`] (pure): what went wrong, in the one form that the outside reads. [`exit`]: exit codes.
//! - [`lines`] (pure): the one bounded line reader. [`clock`]: the only reader of clocks.
//! - [`observe`]: logging, the fields of spans, redaction.
//! - [`job`] (pure): names, grades, execution requests, X. files.
//! - [`schedule`] (pure): time windows, the one retry clock, who to call next, when and why.
//! - [`spool`]: everything that must not be lost, in SQLite; the verbs on it.
//! - [`mailbox`]: mbox on an open directory. [`agent`]: what runs as a user.
//! - [`wire::noise`] (pure): a line in virtual time. [`wire::line`]: bytes and modem signals of a real line.
//!   [`wire::modem`] (pure): AT dialogue. [`wire::chat`] (pure): expect-send. [`wire::link`]: packet protocols.
//!   [`wire::session`]: handshake and commands. [`wire::call`]: one call from a locked line to its record.
//!   [`wire::station`]: the lines of this node. [`wire::exchange`]: a telephone exchange of virtual modems.
//! - [`post::address`], [`post::mail`], [`post::batch`], [`post::route`] (pure): addresses, envelopes and the dot codec,
//!   batched SMTP, where mail goes. [`post::smtp`]: the SMTP machine. [`post::delivery`]: one file a transport.
//!   [`post::queue`]: the one door in, the worker, bounces. [`post::submit`]: the SMTP listener.
//! - [`execute`]: what a peer may run here. [`bundle`]: batches that travel as files.
//! - [`node`]: configuration, reports, control socket, daemon, demo. [`commands`]: one file a program name.
//!
//! # Allowed arrows
//!
//! A room may import the rooms of its line and nothing else; `tests/house.rs` reads this list.
//!
//! ```arrows
//! fault: exit
//! lines:
//! exit:
//! clock:
//! observe: fault
//! job: fault
//! schedule: fault
//! spool: fault clock observe job
//! mailbox: fault
//! agent: fault observe clock mailbox
//! wire::noise:
//! wire::line: fault clock observe
//! wire::modem: fault lines
//! wire::chat: fault lines
//! wire::link: fault clock observe
//! wire::session: fault lines job wire::link clock observe
//! wire::call: fault clock observe job spool lines wire::session wire::link wire::chat wire::modem wire::line
//! wire::station: fault clock observe job spool schedule wire::call wire::session wire::modem wire::line
//! wire::exchange: fault clock observe lines wire::modem wire::noise
//! post::address: fault
//! post::mail: fault lines post::address
//! post::batch: fault lines post::mail post::address
//! post::route: fault job post::address
//! post::smtp: fault clock observe lines post::mail post::address
//! post::delivery: fault clock observe job spool agent mailbox post::smtp post::batch post::mail post::address
//! post::queue: fault clock observe job spool agent schedule post::route post::delivery post::mail post::address post::batch
//! post::submit: fault clock observe post::smtp post::queue post::delivery post::route post::mail post::address
//! execute: fault clock observe job spool post::batch post::queue post::mail post::address
//! bundle: fault clock observe job spool post::batch post::queue post::mail post::address
//! ```
//!
//! # Pure rooms
//!
//! ```pure
//! fault
//! lines
//! job
//! schedule
//! wire::noise
//! wire::modem
//! wire::chat
//! wire::link
//! wire::session
//! post::address
//! post::mail
//! post::batch
//! post::route
//! post::smtp
//! ```

pub mod agent;
pub mod bundle;
pub mod clock;
pub mod commands;
pub mod execute;
pub mod exit;
pub mod fault;
pub mod job;
pub mod lines;
pub mod mailbox;
pub mod node;
pub mod observe;
pub mod post;
pub mod schedule;
pub mod spool;
pub mod wire;
