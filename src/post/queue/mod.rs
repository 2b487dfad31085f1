//! The one door in, per-recipient state, the worker.
