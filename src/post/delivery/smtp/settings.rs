//! What a site sets for mail that goes out by SMTP: section `[smtp-out]`.

use super::hop::NextHop;
use crate::post::smtp::client::{Login, Timeouts, Tls};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Our own name in mail, said in EHLO. Setting `hello`; default: the first domain of the node.
    pub hello: String,
    /// Names by which an MX means this host.
    pub own_names: Vec<String>,
    /// Where this host takes mail by SMTP itself.
    pub own_addresses: Vec<SocketAddr>,
    /// From which addresses connections are made, one for IPv4 and one for IPv6; default: as the system has it. Setting
    /// `source-address`.
    pub sources: Vec<IpAddr>,
    /// How long a connection may take to come about; default 30 s. Setting `connect-timeout`.
    pub connect_timeout: Duration,
    pub timeouts: Timeouts,
    /// So many messages go over one connection; default 100. Setting `max-messages`.
    pub messages_max: usize,
    /// After so long no further message is begun on a connection; default 5 minutes. Setting `max-time`.
    pub time_max: Duration,
    /// What reaches no server, and no name server, waits for better times; default true. Otherwise it comes back at once. Setting
    /// `defer-no-connect`.
    pub defer_no_connect: bool,
    /// How long a message may go on when this node stops; 5 s, half of what the daemon gives all its parts.
    pub stopping_time: Duration,
    /// For next hops without a section of their own.
    pub usual: Route,
    /// By next hop.
    pub routes: Vec<(NextHop, Route)>,
}

/// How one next hop is talked to: `[[smtp-out.route]]`.
#[derive(Debug, Clone, Default)]
pub struct Route {
    pub tls: Tls,
    /// The issuers of certificates that are believed, as PEM; default: those that the machine believes.
    pub issuers: Option<PathBuf>,
    /// The name that has to stand in the certificate; default: that of the host that is called.
    pub name: Option<String>,
    pub login: Option<Login>,
    /// The port of a domain's mail hosts; default 25.
    pub port: Option<u16>,
}

impl Settings {
    pub fn new(hello: String) -> Settings {
        Settings {
            own_names: vec![hello.clone()],
            hello,
            own_addresses: Vec::new(),
            sources: Vec::new(),
            connect_timeout: Duration::from_secs(30),
            timeouts: Timeouts::default(),
            messages_max: 100,
            time_max: Duration::from_secs(300),
            defer_no_connect: true,
            stopping_time: Duration::from_secs(5),
            usual: Route::default(),
            routes: Vec::new(),
        }
    }

    /// How this next hop is talked to.
    pub fn route(&self, hop: &NextHop) -> &Route {
        let found = self.routes.iter().find(|(to, _)| to == hop);
        found.map_or(&self.usual, |(_, route)| route)
    }
}
