//! One call, from a connected line to its written record.
//!
//! A call that we place begins with [`begin`], before the line is dialled: that locks the system against a second
//! call. Then [`place`] takes the connected stream through login chat, handshake and session; a line that never
//! connected ends with [`not_connected`]. A call that comes in goes to [`answer`]. Each writes the record of the
//! call into the spool and gives it back.

mod error;
mod settings;

pub use error::CallError;
pub use settings::{Account, Node, System};

use crate::fault::Fault;
use crate::job::SystemName;
use crate::spool::{CallLease, CallRecord, Spool};
use crate::wire::session::Watch;
use tokio::io::{AsyncRead, AsyncWrite};

/// Locks a system for a call of ours; the wish to call it is taken.
pub async fn begin(_spool: &Spool, system: &SystemName, _line: &str) -> Result<CallLease, CallError> {
    Err(CallError::InCall { system: system.clone() })
}

/// What the line has told of a connection.
#[derive(Debug, Clone, Default)]
pub struct Connected {
    /// The name of the line, for the record.
    pub line: String,
    /// What the modem said: rates, error correction.
    pub connect: Option<String>,
}

/// Runs a call to `system` over a connected stream, to its end. The failure, if any, is in the record.
pub async fn place<S>(
    _stream: S,
    _node: &Node,
    _system: &SystemName,
    _lease: CallLease,
    _connected: Connected,
    _spool: &Spool,
    _watch: &Watch,
) -> CallRecord
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    CallRecord::default()
}

/// Ends a call of ours that never had a connection (busy, no answer, a port that does not open).
pub async fn not_connected(_spool: &Spool, _lease: CallLease, fault: &Fault) -> CallRecord {
    CallRecord { failure: Some(fault.to_string()), ..CallRecord::default() }
}

/// How the caller of an incoming call has shown who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Not yet: ask for name and password.
    Ask,
    /// It logged in before, under this name (`uucico` as the shell of a login).
    Done(String),
    /// The line vouches for it; only systems without an account may call so.
    Trusted,
}

/// An incoming call and how it ended.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Who called, if it came so far.
    pub system: Option<SystemName>,
    pub record: CallRecord,
}

/// Runs the called side of a call over a connected stream, to its end. Without a known caller there is no call
/// row; the attempt becomes an event.
pub async fn answer<S>(
    _stream: S,
    _node: &Node,
    _login: Login,
    _connected: Connected,
    _spool: &Spool,
    _watch: &Watch,
) -> Answered
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    Answered { system: None, record: CallRecord::default() }
}
