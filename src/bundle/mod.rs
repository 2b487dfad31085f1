//! Batches that travel as files.
