//! Start-up, supervision, shutdown.
