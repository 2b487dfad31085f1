//! Batched SMTP.
