//! uugate with other programs as peers.

mod taylor_alone;
mod taylor_exchange;
mod taylor_pipe;
mod taylor_session;
mod taylor_telephone;
