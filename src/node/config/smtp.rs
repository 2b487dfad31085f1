//! `[smtp]`: where the node takes mail by SMTP.

use super::section::Section;
use super::units::duration;
use crate::post::submit::Network;
use std::net::SocketAddr;
use std::time::Duration;

/// The SMTP listener; without `listen` there is none.
#[derive(Debug, Clone)]
pub struct Smtp {
    pub listen: Vec<SocketAddr>,
    /// Whose mail is passed on to other systems. Default: this machine's own.
    pub relay_for: Vec<Network>,
    /// Clients at once.
    pub max_sessions: u32,
    /// How long a client may be silent. RFC 5321, 4.5.3.2.7: at least 5 minutes.
    pub timeout: Duration,
}

impl Default for Smtp {
    fn default() -> Self {
        Smtp {
            listen: Vec::new(),
            relay_for: Network::loopback(),
            max_sessions: 50,
            timeout: Duration::from_secs(300),
        }
    }
}

pub fn read(section: &mut Section<'_>) -> Smtp {
    let usual = Smtp::default();
    let listen = section.list("listen", address).unwrap_or_default();
    let relay_for = section.list("relay-for", |text| {
        text.parse::<Network>().map_err(|_| "write networks, as [\"127.0.0.1\", \"192.0.2.0/24\"]".to_owned())
    });
    Smtp {
        listen,
        relay_for: relay_for.unwrap_or(usual.relay_for),
        max_sessions: section.count("max-sessions", 1..=1000).unwrap_or(usual.max_sessions),
        timeout: section.value("timeout", duration).unwrap_or(usual.timeout),
    }
}

/// An address to listen on. A name would have to be looked up, so only numbers are taken.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port, as \"127.0.0.1:2525\" or \"[::1]:2525\"".into())
}
