//! Bytes and modem signals of a line.
