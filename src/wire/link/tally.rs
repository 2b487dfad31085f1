//! What a link counts: bytes and packets for the record of the call, errors against their budget.

use super::budget::Budget;
use super::{Counters, LinkError};

/// The counts of one call.
#[derive(Debug)]
pub struct Tally {
    protocol: char,
    counters: Counters,
    budget: Budget,
}

impl Tally {
    /// `errors` and `error_decay` are those of [`Budget`].
    pub fn new(protocol: char, errors: u32, error_decay: u32) -> Self {
        Tally { protocol, counters: Counters::default(), budget: Budget::new(errors, error_decay) }
    }

    pub fn sent(&mut self, bytes: usize) {
        self.counters.bytes_sent += bytes as u64;
    }

    pub fn received(&mut self, bytes: usize) {
        self.counters.bytes_received += bytes as u64;
    }

    /// A sound packet came, whatever is in it.
    pub fn packet(&mut self) {
        self.counters.packets_received += 1;
    }

    pub fn bad_header(&mut self) {
        self.counters.bad_headers += 1;
    }

    pub fn bad_checksum(&mut self) {
        self.counters.bad_checksums += 1;
    }

    /// So many packets came through, either way.
    pub fn good(&mut self, packets: usize) {
        (0..packets).for_each(|_| self.budget.good());
    }

    /// Something was spoiled; an error when that was once too often.
    pub fn error(&mut self) -> Result<(), LinkError> {
        let protocol = self.protocol;
        self.budget.error().map_err(|errors| LinkError::TooManyErrors { protocol, errors })
    }

    /// Everything, with what the sending half has counted.
    pub fn counters(&self, packets_sent: u64, packets_resent: u64) -> Counters {
        Counters { packets_sent, packets_resent, ..self.counters }
    }
}
