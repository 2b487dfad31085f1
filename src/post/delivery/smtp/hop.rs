//! Where mail goes by SMTP: what a delivery has as its site.

use crate::post::smtp::client::Protocol;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The next hop of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    pub protocol: Protocol,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `far.example`: whoever takes mail for this domain, by its MX.
    Domain(String),
    /// `[mail.far.example]:587`, `[192.0.2.1]`, `[2001:db8::1]:25`: this host.
    Host { name: String, port: u16 },
    /// `lmtp:/run/dovecot/lmtp`: a socket of this machine.
    Socket(PathBuf),
}

/// The text names no next hop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no next hop")]
pub struct NotAHop(pub String);

impl FromStr for NextHop {
    type Err = NotAHop;

    fn from_str(text: &str) -> Result<NextHop, NotAHop> {
        let (protocol, place) = match text.strip_prefix("lmtp:") {
            Some(place) => (Protocol::Lmtp, place),
            None => (Protocol::Smtp, text),
        };
        let place = match (protocol, place.as_bytes().first()) {
            (Protocol::Lmtp, Some(b'/')) => Some(Place::Socket(place.into())),
            (_, Some(b'[')) => host(place, usual_port(protocol)),
            // Nobody publishes who takes mail by LMTP.
            (Protocol::Smtp, _) => is_name(place).then(|| Place::Domain(place.to_ascii_lowercase())),
            (Protocol::Lmtp, _) => None,
        };
        let not_a_hop = || NotAHop(text.chars().take(80).collect());
        place.map(|place| NextHop { protocol, place }).ok_or_else(not_a_hop)
    }
}

/// The port where nothing else is said. For SMTP: RFC 5321 section 4.5.4.2. RFC 2033 section 5 leaves LMTP's to the site; 24 is
/// what most take.
pub fn usual_port(protocol: Protocol) -> u16 {
    match protocol {
        Protocol::Smtp => 25,
        Protocol::Lmtp => 24,
    }
}

fn host(text: &str, usual_port: u16) -> Option<Place> {
    let (name, port) = text.strip_prefix('[')?.split_once(']')?;
    let port = match port {
        "" => usual_port,
        _ => port.strip_prefix(':')?.parse().ok().filter(|port| *port > 0)?,
    };
    // As an address is written in mail, RFC 5321 section 4.1.3.
    let name = name.strip_prefix("IPv6:").unwrap_or(name);
    let is_host = name.parse::<IpAddr>().is_ok() || is_name(name);
    is_host.then(|| Place::Host { name: name.to_ascii_lowercase(), port })
}

/// A name of the domain name system, or of a hosts file.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_hop_is_a_domain_a_host_or_a_socket() {
        let host = |name: &str, port| Place::Host { name: name.to_owned(), port };
        for (text, protocol, place) in [
            ("Far.example", Protocol::Smtp, Place::Domain("far.example".to_owned())),
            ("[Mail.far.example]:587", Protocol::Smtp, host("mail.far.example", 587)),
            ("[192.0.2.1]", Protocol::Smtp, host("192.0.2.1", 25)),
            ("[IPv6:2001:db8::1]", Protocol::Smtp, host("2001:db8::1", 25)),
            ("[::1]:2525", Protocol::Smtp, host("::1", 2525)),
            ("lmtp:[127.0.0.1]", Protocol::Lmtp, host("127.0.0.1", 24)),
            ("lmtp:/run/lmtp", Protocol::Lmtp, Place::Socket("/run/lmtp".into())),
        ] {
            assert_eq!(text.parse(), Ok(NextHop { protocol, place }), "{text}");
        }
        for text in [
            "",
            "[",
            "[]",
            "[x",
            "[x]y",
            "[x]:",
            "[x]:0",
            "[x]:70000",
            "[a b]",
            "a..b",
            "a b",
            "/run/lmtp",
            "lmtp:far.example",
            "lmtp:",
            "far.example:25",
            "\u{e9}.example",
        ] {
            assert!(text.parse::<NextHop>().is_err(), "{text}");
        }
    }
}
