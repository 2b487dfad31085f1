//! uugate: UUCP and dial-up mail in one program. This page is the map of the house.
//!
//! # The way through the house
//!
//! ```text
//! mail in (SMTP, sendmail, rmail, rsmtp, batch file)
//!     -> queue: envelope, trace -> route (aliases, forwards, lists, neighbours, smart host)
//!     -> spool (one transaction: message + one delivery a recipient), and only then "250" / exit 0
//! uux, uucp -> control socket -> job in the spool for its system
//! delivery: local -> agent -> mailbox;  uux, uusmtp -> job in the spool for a neighbour;  smtp -> another host
//! call: station -> line -> modem (dial, answer) -> chat (login) -> session (handshake, S R X E H)
//!     over link (i, t, g, ...) -> spool
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
//! - [`fault`] (pure): what went wrong, in the one form that exit codes, call records, retries and reports read.
//! - [`exit`]: the exit codes of the programs, those of sysexits.h.
//! - [`lines`] (pure): the one bounded line reader: chat, AT replies, handshake, SMTP.
//! - [`frames`] (pure): how messages cross the unix sockets of this house.
//! - [`password`]: passwords held against their hashes, one at a time in the whole process.
//! - [`guests`]: whoever gave wrong passwords, and how long it is not listened to.
//! - [`tls`]: TLS over any stream, for both wings.
//! - [`clock`]: the only reader of clocks, and the only place that waits for time to pass.
//! - [`observe`]: logging, the fields of spans; keeps secrets and foreign control characters out of what is logged.
//! - [`job`] (pure): what one system asks of another: names, grades, execution requests, X. files.
//! - [`schedule`] (pure): time windows, the one retry clock, who to call next, when and why, what calls cost.
//! - [`spool`]: everything that must not be lost, in SQLite; the verbs on it, each one transaction.
//! - [`mailbox`]: an mbox file under both its locks: append, and find out what became of an append.
//! - [`agent`]: who is a user here; work on mailboxes and files, and programs, in the name of their owner: here for our own
//!   uid, for others by a process of root and its children.
//!
//! The wire, from the line up:
//!
//! - [`wire::noise`] (pure): a line in virtual time that delays, spoils and loses bytes, all from a seed.
//! - [`wire::line`]: bytes and modem signals of a real line: serial port, also behind a terminal server, child process,
//!   standard input, TCP, TLS.
//! - [`wire::line::telnet`] (pure but for its driver): telnet, and the serial ports of terminal servers.
//! - [`wire::modem`] (pure): AT commands, result codes, the dialogue; what differs between models is data.
//! - [`wire::chat`] (pure): expect-send scripts, and the login prompt that answers them.
//! - [`wire::link`] (pure but for its driver): the packet protocols, each a machine, and the choice of one.
//! - [`wire::session`] (pure but for its driver): the handshakes, the commands S R X E H, who is master.
//! - [`wire::record`] (pure but for its driver): what crossed a line in one call, written down and read.
//! - [`wire::trace`] (pure): what a recorded call says, packet by packet.
//! - [`wire::call`]: one call, from a connected line to its written record; joins a session to the spool.
//! - [`wire::station`]: the lines of this node: waits for rings, connections and the schedule, starts calls.
//! - [`wire::doctor`] (pure but for its driver): what is the matter with a serial line, and what to change.
//! - [`wire::exchange`]: a telephone exchange of virtual modems on PTYs, for tests, the demo and for play.
//!
//! The post, from the address up:
//!
//! - [`post::address`] (pure): bang, domain and mixed addresses, walked one step at a time.
//! - [`post::mail`] (pure): envelopes, From_ lines, the one dot codec, trace headers, delivery reports.
//! - [`post::batch`] (pure): batched SMTP, read and written.
//! - [`post::route`] (pure): where mail for an address goes: alias, user, forward file, list, path, neighbour, domain, smart
//!   host; by which transport. Asks for the users and files that it must know.
//! - [`post::smtp`] (pure but for its drivers): both sides of SMTP; knows no queue.
//! - [`post::delivery`]: one file a transport: into a mailbox by the append journal, into jobs for a neighbour, to other
//!   hosts by SMTP, to a program that is a gateway.
//! - [`post::queue`]: the one door by which mail comes in, the worker, retries and reports to senders.
//! - [`post::submit`]: the SMTP listener; joins the server machine to the door.
//!
//! Above the wings:
//!
//! - [`execute`]: what a peer may have done here: `rmail` and `rsmtp`, by exact name, and files put in their place.
//! - [`bundle`]: batches that travel as files, out and in, each once.
//! - [`node`]: the daemon: configuration, reports, the verbs of the commands, control socket, demo.
//! - [`commands`]: one file a program name: its grammar and what it prints.
//!
//! # Allowed arrows
//!
//! A room may import the rooms of its line and nothing else; `tests/house.rs` reads this list.
//!
//! ```arrows
//! fault: exit
//! lines:
//! frames:
//! exit:
//! clock:
//! observe: fault
//! password: clock observe
//! tls: fault clock
//! guests: clock schedule
//! job: fault
//! schedule: fault job
//! spool: fault clock observe job
//! mailbox: fault
//! agent: fault observe clock frames mailbox
//! wire::noise:
//! wire::line: fault clock observe tls wire::line::telnet
//! wire::line::telnet: clock
//! wire::modem: fault lines
//! wire::chat: fault lines observe
//! wire::link: fault clock observe
//! wire::session: fault lines job wire::link clock observe
//! wire::record: clock observe
//! wire::trace: observe wire::record wire::link wire::session
//! wire::call: fault clock observe password guests job spool schedule lines wire::session wire::link wire::chat wire::modem wire::line wire::record
//! wire::station: fault clock observe tls guests job spool schedule wire::call wire::session wire::modem wire::line wire::record
//! wire::doctor: clock wire::line wire::modem
//! wire::exchange: fault clock observe lines wire::modem wire::noise
//! post::address: fault
//! post::mail: fault lines observe post::address
//! post::batch: fault lines post::mail post::address
//! post::route: fault job post::address
//! post::smtp: fault clock observe lines post::mail post::address tls
//! post::delivery: fault exit clock observe job spool agent tls mailbox post::route post::smtp post::batch post::mail post::address
//! post::queue: fault clock observe job spool agent schedule post::route post::delivery post::mail post::address post::batch
//! post::submit: fault clock observe password tls guests job post::smtp post::queue post::delivery post::route post::mail post::address
//! execute: fault clock observe job spool post::batch post::queue post::mail post::address
//! bundle: fault clock observe job spool post::batch post::queue post::mail post::address
//! ```
//!
//! # Pure rooms
//!
//! ```pure
//! fault
//! lines
//! frames
//! job
//! schedule
//! wire::noise
//! wire::line::telnet
//! wire::modem
//! wire::doctor
//! wire::chat
//! wire::link
//! wire::session
//! wire::record
//! wire::trace
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
pub mod frames;
pub mod guests;
pub mod job;
pub mod lines;
pub mod mailbox;
pub mod node;
pub mod observe;
pub mod password;
pub mod post;
pub mod schedule;
pub mod spool;
pub mod tls;
pub mod wire;
