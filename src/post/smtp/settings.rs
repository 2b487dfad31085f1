//! What a site sets.

use std::time::Duration;

/// What is offered on an SMTP connection, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Our own name in mail, said in the greeting.
    pub host: String,
    /// The largest message, in bytes with LF line ends; announced as SIZE.
    pub message_max: u64,
    /// The most recipients of a message. RFC 5321 section 4.5.3.1.8 asks for at least 100.
    pub recipients_max: usize,
    /// The longest command line, in bytes without its end. RFC 5321 section 4.5.3.1.4 asks for at least 512; a password in
    /// AUTH may be longer.
    pub line_max: usize,
    /// So many wrong commands and refused addresses end the connection.
    pub errors_max: u32,
    /// How long the client may be silent. RFC 5321 section 4.5.3.2.7: at least 5 minutes.
    pub idle_max: Duration,
    /// How long a connection may last, whatever it is used for. A message of 50 MiB over a modem at 33 600 bit/s takes
    /// three and a half hours.
    pub session_max: Duration,
    /// STARTTLS is offered.
    pub starttls: bool,
    /// The connection came over TLS.
    pub secured: bool,
    /// AUTH is offered, over TLS alone.
    pub login: bool,
    /// So many wrong passwords end the connection.
    pub logins_max: u32,
    /// How long the first wrong password waits for its answer; each further one twice as long.
    pub login_pause: Duration,
    /// ETRN is offered.
    pub turn: bool,
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
            session_max: Duration::from_secs(4 * 3600),
            starttls: false,
            secured: false,
            login: false,
            logins_max: 3,
            login_pause: Duration::from_secs(1),
            turn: false,
        }
    }
}
