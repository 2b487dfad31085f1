//! What a site sets.

use crate::observe::Secret;
use std::time::Duration;

/// How to talk to a server.
#[derive(Debug, Clone)]
pub struct Settings {
    pub protocol: Protocol,
    /// Our own name in mail, said in EHLO.
    pub hello: String,
    pub tls: Tls,
    pub login: Option<Login>,
    /// A server that goes by our own name is ourselves: mail for it would go round.
    pub find_loops: bool,
    pub timeouts: Timeouts,
}

impl Settings {
    pub fn new(hello: String) -> Settings {
        Settings {
            protocol: Protocol::Smtp,
            hello,
            tls: Tls::default(),
            login: None,
            find_loops: false,
            timeouts: Timeouts::default(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    #[default]
    Smtp,
    /// RFC 2033: an answer for each recipient after the text.
    Lmtp,
}

/// Whether the connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    Never,
    /// By STARTTLS, if the server offers it.
    #[default]
    IfOffered,
    /// By STARTTLS, or nothing is said.
    Required,
    /// Before the server's greeting (RFC 8314, "implicit TLS"). The connection that is handed over is secured.
    FromStart,
}

/// Who we are to the server.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

/// How long the server may take: RFC 5321 section 4.5.3.2, whose values are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For its greeting, and for the answer to every command but DATA; 5 minutes. Setting `short-timeout`.
    pub command: Duration,
    /// For the answer to DATA; 2 minutes, or `short-timeout` if that is less.
    pub data: Duration,
    /// To take the next piece of a message, which has at most 64 KiB; 3 minutes, or `short-timeout` if that is less.
    pub text: Duration,
    /// For the answer to a whole message; 10 minutes. Who gives up earlier sends it twice (RFC 1047). Setting `long-timeout`.
    pub end: Duration,
    /// For the answer to QUIT, on which nothing depends; 10 seconds.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            command: Duration::from_secs(300),
            data: Duration::from_secs(120),
            text: Duration::from_secs(180),
            end: Duration::from_secs(600),
            quit: Duration::from_secs(10),
        }
    }
}
