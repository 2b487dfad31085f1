//! uugate with other programs as peers.

mod old_taylor;
mod recorded;
mod recorded_dial;
mod taylor_alone;
mod taylor_exchange;
pub mod taylor_pipe;
mod taylor_protocols;
pub mod taylor_session;
mod taylor_tcp;
mod taylor_telephone;
mod taylor_tls;
