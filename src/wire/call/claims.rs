//! What a call holds in the spool.

use crate::spool::{CallLease, Claim};
use std::sync::{Arc, Mutex, PoisonError};

/// The claims that a call holds; they are renewed while it runs.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<Vec<Claim>>>);

impl Claims {
    pub fn of(lease: CallLease) -> Claims {
        let claims = Claims::default();
        claims.add(lease.claim);
        claims
    }

    pub fn add(&self, claim: Claim) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
    }

    pub fn remove(&self, claim: Claim) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != claim);
    }

    pub fn all(&self) -> Vec<Claim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
