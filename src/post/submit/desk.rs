//! The desk at which mail is handed in: what the listeners share.

use super::{Clients, Network};
use crate::job::SystemName;
use crate::observe::Secret;
use crate::post::queue::Door;
use crate::post::smtp::{self, Refusal};
use crate::tls::TlsServer;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What a site may set about mail by SMTP.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most connections at a time; the next is told to come again. Setting `max-sessions`, default 200.
    pub connections: usize,
    /// Most connections at a time of one address (of IPv6: one network of 64 bits) whose mail is not passed on. Setting
    /// `max-sessions-each`, default 20.
    pub connections_each: usize,
    /// Whose mail is passed on to other systems. Setting `relay-for`, default this machine itself.
    pub relay: Vec<Network>,
    /// DNS names of certificates, in lower case, whose owners' mail is passed on. Setting `relay-certificates`.
    pub relay_certificates: Vec<String>,
    /// Who may log in, each with the hash of the password. Setting `passwords`.
    pub passwords: BTreeMap<String, Secret>,
    /// Our certificate. Settings `certificate`, `key-file`, `ca`.
    pub tls: Option<TlsServer>,
    /// How long connections get to end when the node stops. Default 5 s.
    pub farewell: Duration,
    /// Limits of one connection. What is offered on it is settled by the above.
    pub smtp: smtp::Settings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connections: 200,
            connections_each: 20,
            relay: Network::loopback(),
            relay_certificates: Vec::new(),
            passwords: BTreeMap::new(),
            tls: None,
            farewell: Duration::from_secs(5),
            smtp: smtp::Settings::default(),
        }
    }
}

impl Settings {
    /// Whether mail from this address is passed on to other systems.
    pub(super) fn relays_for(&self, address: IpAddr) -> bool {
        self.relay.iter().any(|network| network.contains(address))
    }
}

/// How mail is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// By other mail systems and by our own clients (port 25).
    Smtp,
    /// By clients whose mail is passed on, and nobody else (RFC 6409, port 587).
    Submission,
    /// The same, over TLS from the first byte (RFC 8314, port 465).
    Submissions,
}

impl Service {
    /// The name in `LISTEN_FDNAMES`, and of the port (services(5)).
    pub fn name(self) -> &'static str {
        match self {
            Service::Smtp => "smtp",
            Service::Submission => "submission",
            Service::Submissions => "submissions",
        }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    At(IpAddr),
    /// A user of this machine, on the standard input of a command.
    Local {
        user: String,
    },
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::At(address) => address.to_canonical().fmt(f),
            Client::Local { user } => write!(f, "local user {user}"),
        }
    }
}

/// Whether a neighbour is called because of a request: false if nothing waits for it.
pub type Turning = Pin<Box<dyn Future<Output = Result<bool, Refusal>> + Send>>;

/// Has a neighbour called for whom mail waits.
#[derive(Clone)]
pub struct Turn(Arc<dyn Fn(SystemName) -> Turning + Send + Sync>);

impl Turn {
    pub fn new(turn: impl Fn(SystemName) -> Turning + Send + Sync + 'static) -> Turn {
        Turn(Arc::new(turn))
    }

    pub(super) async fn call(&self, system: SystemName) -> Result<bool, Refusal> {
        (self.0)(system).await
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

/// What serving a client needs. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) door: Door,
    pub(super) settings: Arc<Settings>,
    pub(super) clients: Clients,
    pub(super) turn: Option<Turn>,
}

impl Desk {
    /// Without `turn` ETRN is not offered.
    pub fn new(door: Door, settings: Settings, clients: Clients, turn: Option<Turn>) -> Desk {
        Desk { door, settings: Arc::new(settings), clients, turn }
    }
}
