//! Deliveries, one file a transport.

pub mod body;
pub mod local;
pub mod uucp;

use crate::fault::Fault;
use crate::spool::Delivery;

/// Deliveries that could not be made, and why.
#[derive(Debug)]
pub struct Failed {
    pub deliveries: Vec<Delivery>,
    /// Whether to try again is in it.
    pub fault: Fault,
}
