//! What a site sets.

use std::time::Duration;

/// Limits of an SMTP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Our own name in mail, said in the greeting.
    pub host: String,
    /// The largest message, in bytes with LF line ends; announced as SIZE.
    pub message_max: u64,
    /// The most recipients of a message. RFC 5321 section 4.5.3.1.8 asks for at least 100.
    pub recipients_max: usize,
    /// The longest command line, in bytes without its end. RFC 5321 section 4.5.3.1.4 asks for at least 512.
    pub line_max: usize,
    /// So many wrong commands and refused addresses end the connection.
    pub errors_max: u32,
    /// How long the client may be silent. RFC 5321 section 4.5.3.2.7: at least 5 minutes.
    pub idle_max: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            host: "localhost".to_owned(),
            message_max: 50 * 1024 * 1024,
            recipients_max: 1000,
            line_max: 2048,
            errors_max: 20,
            idle_max: Duration::from_secs(300),
        }
    }
}
