//! Why mail did not get to a server.

use super::hop::NotAHop;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::post::smtp::client::ClientError;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum HopError {
    #[error(transparent)]
    NotAHop(#[from] NotAHop),
    /// RFC 7505.
    #[error("{0} takes no mail: it says so by a null MX")]
    NullMx(String),
    #[error("there is no domain {0}")]
    NoDomain(String),
    #[error("no mail host of {0} has an address")]
    NoAddress(String),
    #[error("{name} cannot be looked up: {why}")]
    Lookup { name: String, why: String },
    #[error("mail for {0} comes back to this host: no other is a better MX of it")]
    Loop(String),
    #[error("{target}: no connection: {source}")]
    Connect { target: String, source: io::Error },
    #[error("{target}: {source}")]
    Session { target: String, source: ClientError },
    #[error("the issuers for TLS cannot be read: {0}")]
    Issuers(String),
}

impl HopError {
    /// The status code for a report, where it says more than the usual one: RFC 3463, and RFC 7505 for the null MX.
    pub fn status(&self) -> Option<String> {
        let status = match self {
            HopError::NullMx(_) => "5.1.10",
            HopError::NoDomain(_) => "5.1.2",
            HopError::NoAddress(_) => "5.4.4",
            HopError::Loop(_) | HopError::Session { source: ClientError::Ourselves, .. } => "5.4.6",
            HopError::Lookup { .. } | HopError::Connect { .. } => "5.4.1",
            HopError::NotAHop(_) | HopError::Session { .. } | HopError::Issuers(_) => return None,
        };
        Some(status.to_owned())
    }

    /// Nobody was reached who could have said more.
    pub fn is_unreached(&self) -> bool {
        matches!(self, HopError::Lookup { .. } | HopError::Connect { .. })
    }
}

impl ToFault for HopError {
    fn fault(&self) -> Fault {
        let (whose, retry, advice) = match self {
            HopError::NotAHop(_) => {
                (Whose::Bug, Retry::Never, "write a domain, [host]:port or lmtp: and a path in the route")
            }
            HopError::NullMx(_) | HopError::NoDomain(_) | HopError::NoAddress(_) => {
                (Whose::PeerRefused, Retry::Never, "see whether the address is spelt right")
            }
            HopError::Lookup { .. } => (Whose::Line, Retry::Later, "see /etc/resolv.conf"),
            HopError::Loop(_) => (Whose::Usage, Retry::Never, "add the domain to `domain`, or mend its MX"),
            HopError::Connect { .. } => (Whose::Line, Retry::Later, ""),
            HopError::Session { source, .. } => {
                return Fault { message: self.to_string(), ..source.fault() };
            }
            HopError::Issuers(_) => (Whose::Local, Retry::Later, "see `tls-issuers`"),
        };
        let (message, advice) = (self.to_string(), advice.to_owned());
        Fault { stage: Stage::Deliver, whose, retry, message, advice }
    }
}
