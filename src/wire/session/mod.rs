//! Handshake and commands of a UUCP session.
