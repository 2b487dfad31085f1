//! The record of a call that failed.

use super::under_way::UnderWay;
use crate::fault::Coded;
use crate::spool::{CallLease, CallRecord, Charge, Failure, Spool};
use crate::wire::record::Prelude;

/// What was seen of a call on its line.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The last line of the modem before the connection.
    pub(super) modem_said: Option<String>,
    /// The last bytes that came.
    pub(super) last_bytes: Option<String>,
}

impl Seen {
    /// Of a call that was never connected.
    fn before(prelude: &Prelude) -> Seen {
        Seen { modem_said: prelude.last_line(), last_bytes: prelude.heard() }
    }
}

/// Writes into a record why its call failed.
pub(super) fn fail(record: &mut CallRecord, error: &impl Coded, seen: Seen) {
    let mut cause = Failure::of(error);
    cause.modem_said = cause.modem_said.or(seen.modem_said);
    cause.last_bytes = seen.last_bytes;
    record.failure = Some(error.fault().to_string());
    record.kind = error.call_failure();
    record.cause = Some(cause);
}

/// A call that never had a connection.
#[derive(Debug, Default)]
pub struct Tried {
    /// The telephone number, if one was dialled.
    pub number: Option<String>,
    /// What was said to the modem, and by it.
    pub prelude: Prelude,
    /// What it costs, for somebody may have picked up.
    pub charge: Option<Charge>,
}

/// Ends a call of ours that never had a connection (busy, no answer, a port that does not open).
pub async fn not_connected(spool: &Spool, lease: CallLease, error: &impl Coded, tried: Tried) -> CallRecord {
    let Tried { number, prelude, charge } = tried;
    let mut record = CallRecord { number, charge, ..CallRecord::default() };
    fail(&mut record, error, Seen::before(&prelude));
    UnderWay::new(spool, lease).end(record).await
}

/// Ends a call of ours for which there was no line: another program has it. The call waits for the line, and has not failed.
pub async fn line_taken(spool: &Spool, lease: CallLease, error: &impl Coded) -> CallRecord {
    let mut record = CallRecord { line_taken: true, ..CallRecord::default() };
    fail(&mut record, error, Seen::default());
    UnderWay::new(spool, lease).end(record).await
}
