//! uugate.toml.
