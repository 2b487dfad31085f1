//! The wire: everything between a byte on a line and a job in the spool.

pub mod call;
pub mod chat;
pub mod doctor;
pub mod exchange;
pub mod line;
pub mod link;
pub mod modem;
pub mod noise;
pub mod record;
pub mod session;
pub mod station;
pub mod trace;
