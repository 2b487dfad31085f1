//! Hostile and broken input, from outside: a clear error each time, nothing lost, and the next call works.

mod disk;
mod handshake;
mod spool;
mod work;
