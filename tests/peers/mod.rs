//! uugate with other programs as peers.

mod call_back;
mod exim;
mod old_taylor;
mod postfix;
mod recorded;
mod recorded_dial;
mod taylor_alone;
mod taylor_exchange;
mod taylor_files;
mod taylor_grades;
pub mod taylor_pipe;
mod taylor_protocols;
mod taylor_sequence;
pub mod taylor_session;
mod taylor_tcp;
mod taylor_telephone;
mod taylor_tls;
