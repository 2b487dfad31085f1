//! Mailbox formats on an open directory.
