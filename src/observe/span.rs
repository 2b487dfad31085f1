//! The spans of this house and the names of their fields, in one place: a log is searched by them.
//!
//! `call`: the call's number in the spool; `job`: a job's name; `msg`: a message's id; `peer`: a system's name;
//! `line`: a line's name. Drivers open spans; machines only emit events, which inherit the fields.

use std::fmt::Display;
use tracing::Span;

/// Around one call. `call` is recorded later with [`record_call`], when the spool has given it a number.
pub fn call(line: &str, peer: Option<&str>) -> Span {
    tracing::info_span!("call", line, peer, call = tracing::field::Empty)
}

/// Tells an open call span its number.
pub fn record_call(span: &Span, call: impl Display) {
    span.record("call", tracing::field::display(call));
}

/// Around the work on one line, between calls too.
pub fn line(line: &str) -> Span {
    tracing::info_span!("line", line)
}

/// Around the transfer or execution of one job.
pub fn job(job: impl Display, peer: &str) -> Span {
    tracing::info_span!("job", %job, peer)
}

/// Around the work on one message.
pub fn msg(msg: impl Display) -> Span {
    tracing::info_span!("msg", %msg)
}
