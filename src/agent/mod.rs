//! What runs as a user: mailbox appends in the name of the recipient.
