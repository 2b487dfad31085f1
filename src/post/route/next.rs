//! Where a route leads.

use super::Place;
use crate::job::SystemName;
use crate::post::address::Address;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The port of SMTP, where a next hop names none.
const SMTP_PORT: u16 = 25;

/// A host that is spoken to by SMTP or LMTP, as the client reads it:
///
/// - `mail.example`: a domain; who takes mail for it is looked up (MX);
/// - `[mail.example]:2525`, `[192.0.2.1]:25`: that host and port, nothing looked up but its address;
/// - `lmtp:/run/lmtp`, `lmtp:[192.0.2.1]:24`: the same by LMTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hop(String);

/// Why a text is no next hop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host for SMTP: write a domain, \"[host]:port\", \"lmtp:/path\" or \"lmtp:[host]:port\"")]
pub struct HopError(String);

impl Hop {
    /// Who takes mail for a domain.
    pub fn domain(name: &str) -> Result<Hop, HopError> {
        let wrong = || HopError(name.chars().take(80).collect());
        let domain = Address::parse(&format!("x@{name}")).map_err(|_| wrong())?;
        match domain.domain() {
            Some(found) if found == name && !name.starts_with('[') => Ok(Hop(name.to_ascii_lowercase())),
            _ => Err(wrong()),
        }
    }

    /// That host itself, at the port of SMTP: nothing is looked up but its address.
    pub fn host(name: &str) -> Result<Hop, HopError> {
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        format!("[{bare}]:{SMTP_PORT}").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain or host alone; for a path of LMTP that.
    pub(super) fn name(&self) -> &str {
        let place = self.0.strip_prefix("lmtp:").unwrap_or(&self.0);
        let inside = place.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        inside.map_or(place, |(host, _)| host)
    }

    /// The same without a look-up of its MX.
    pub fn without_mx(self) -> Hop {
        let is_taken_as_it_is = self.0.starts_with('[') || self.0.starts_with("lmtp:");
        if is_taken_as_it_is { self } else { Hop(format!("[{}]:{SMTP_PORT}", self.0)) }
    }
}

impl FromStr for Hop {
    type Err = HopError;

    fn from_str(text: &str) -> Result<Hop, HopError> {
        let wrong = || HopError(text.chars().take(80).collect());
        if text.len() > 300 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong());
        }
        let lmtp = text.strip_prefix("lmtp:");
        if lmtp.is_some_and(|path| path.starts_with('/')) {
            return Ok(Hop(text.to_owned()));
        }
        let place = lmtp.unwrap_or(text);
        let Some(inside) = place.strip_prefix('[') else {
            return if lmtp.is_none() { Hop::domain(text) } else { Err(wrong()) };
        };
        let (host, port) = inside.split_once(']').ok_or_else(wrong)?;
        let is_host = !host.is_empty()
            && !host.starts_with('-')
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-' | b'_'));
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        match port.strip_prefix(':') {
            _ if !is_host => Err(wrong()),
            Some(port) if is_port(port) => Ok(Hop(text.to_owned())),
            None if port.is_empty() && lmtp.is_none() => Ok(Hop(format!("{text}:{SMTP_PORT}"))),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Hop {
    type Error = HopError;

    fn try_from(text: String) -> Result<Hop, HopError> {
        text.parse()
    }
}

impl From<Hop> for String {
    fn from(hop: Hop) -> String {
        hop.0
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The next system on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A neighbour, by the transport that is set for it.
    System(SystemName),
    Smtp(Hop),
    /// By SMTP to whoever takes mail for the domain of the address itself.
    Mx,
}

/// A route, and where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub next: Next,
    pub place: Option<Place>,
}

impl From<SystemName> for Route {
    fn from(system: SystemName) -> Route {
        Route { next: Next::System(system), place: None }
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Next::System(system) => system.fmt(f),
            Next::Smtp(hop) => write!(f, "smtp:{hop}"),
            Next::Mx => f.write_str("smtp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_a_domain_or_a_host_as_it_is() {
        for (text, hop) in [
            ("Mail.example", "mail.example"),
            ("[192.0.2.1]:2525", "[192.0.2.1]:2525"),
            ("[mail.example]", "[mail.example]:25"),
            ("[::1]:25", "[::1]:25"),
            ("lmtp:/run/lmtp", "lmtp:/run/lmtp"),
            ("lmtp:[127.0.0.1]:24", "lmtp:[127.0.0.1]:24"),
        ] {
            assert_eq!(text.parse::<Hop>().unwrap().as_str(), hop, "{text}");
        }
        for text in ["", "a b", "[]:25", "[x]:0", "[x]y", "[x", "lmtp:x", "lmtp:[x]", "a@b", "[-x]:25", "x\n"]
        {
            assert!(text.parse::<Hop>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn without_mx_a_domain_is_a_host() {
        let hop = |text: &str| text.parse::<Hop>().unwrap().without_mx().to_string();
        assert_eq!(hop("mail.example"), "[mail.example]:25");
        assert_eq!(hop("lists.example"), "[lists.example]:25");
        assert_eq!(hop("[10.0.0.1]:2525"), "[10.0.0.1]:2525");
        assert_eq!(hop("lmtp:/run/lmtp"), "lmtp:/run/lmtp");
        assert_eq!("lmtp:[10.0.0.1]:24".parse::<Hop>().unwrap().name(), "10.0.0.1");
        assert_eq!(Hop::host("[192.0.2.1]").unwrap().as_str(), "[192.0.2.1]:25");
    }
}
