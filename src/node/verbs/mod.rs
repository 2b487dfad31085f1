//! What a command asks, carried out on an open spool.
