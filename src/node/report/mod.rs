//! What commands report: a type first; its JSON and its text are made from it.
//!
//! A report crosses the control socket as it is printed with `--json`, so its fields are its interface: they are
//! added to, never renamed.

mod aliases;
mod bundle;
mod calls;
mod check;
mod doctor;
mod jobs;
mod names;
mod queue;
mod route;
mod sequence;
mod spool;
mod when;

pub use aliases::{AliasFile, AliasProblem, Aliases};
pub use bundle::Bundle;
pub use calls::{Call, Calls, Poll};
pub use check::{Check, Finding};
pub use doctor::{Doctor, Examined};
pub use jobs::{Job, Jobs};
pub use names::{Name, Names};
pub use queue::{Entry, Handled, Queue, QueueSummary, Verified, Waiting};
pub use route::{Decision as RouteDecision, Route, Routed};
pub use sequence::Sequence;
pub use spool::{Dump, Verify};
pub use when::{Account, Ahead, Because, Happened, LineAhead, NumberAhead, When, Why};

use crate::spool::CallRecord;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;

/// What the node answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// It is done; there is nothing to say.
    Done,
    /// A job was kept; its id as `uustat` shows it.
    Queued {
        job: String,
    },
    /// Messages were kept.
    Accepted {
        messages: Vec<u64>,
    },
    Names(Names),
    Jobs(Jobs),
    Queue(Queue),
    QueueSummary(QueueSummary),
    Handled(Handled),
    Verified(Verified),
    Calls(Calls),
    Poll(Poll),
    /// How a call over standard input went.
    Call(Box<CallRecord>),
    Bundle(Bundle),
    Sequence(Sequence),
    Route(Route),
    When(When),
    Why(Why),
    /// So many executions were carried out.
    Ran {
        executions: u64,
    },
}

impl From<CallRecord> for Report {
    fn from(record: CallRecord) -> Report {
        Report::Call(Box::new(record))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Done | Report::Accepted { .. } | Report::Call(_) | Report::Ran { .. } => Ok(()),
            Report::Queued { job } => writeln!(f, "{job}"),
            Report::Names(names) => names.fmt(f),
            Report::Jobs(jobs) => jobs.fmt(f),
            Report::Queue(queue) => queue.fmt(f),
            Report::QueueSummary(summary) => summary.fmt(f),
            Report::Handled(handled) => handled.fmt(f),
            Report::Verified(verified) => verified.fmt(f),
            Report::Calls(calls) => calls.fmt(f),
            Report::Poll(poll) => poll.fmt(f),
            Report::Bundle(bundle) => bundle.fmt(f),
            Report::Sequence(sequence) => sequence.fmt(f),
            Report::Route(route) => route.fmt(f),
            Report::When(when) => when.fmt(f),
            Report::Why(why) => why.fmt(f),
        }
    }
}

/// The zone of this process, which prints reports of one node.
static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// From now on times are told in this zone, that of the node; else in that of the machine.
pub fn tell_times_in(zone: TimeZone) {
    let _ = ZONE.set(zone);
}

/// A time as lists show it: `11-23 00:41`.
fn short_time(time: Timestamp) -> String {
    let zone = ZONE.get().cloned().unwrap_or_else(TimeZone::system);
    time.to_zoned(zone).strftime("%m-%d %H:%M").to_string()
}
