//! Logging, the fields of spans, redaction.
