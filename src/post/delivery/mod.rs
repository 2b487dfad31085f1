//! One file a transport.
