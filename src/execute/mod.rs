//! What a peer may run here.
