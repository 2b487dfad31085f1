//! Which hosts are tried for a next hop, and in what order.

use super::dns::{Mx, NotFound, Resolver};
use super::error::HopError;
use super::hop::{NextHop, Place, usual_port};
use super::settings::Settings;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;

/// Addresses that are tried in one attempt.
const TARGETS_MAX: usize = 10;
/// Mail hosts of one domain that are looked up.
const HOSTS_MAX: usize = 20;

/// One place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name, or its address if that is all that is known.
    pub name: String,
    pub at: At,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    Address(SocketAddr),
    Socket(PathBuf),
}

/// As it is told to people: `mail.example [192.0.2.1]:25`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Address(at) if at.ip().to_string() == self.name => write!(f, "[{}]:{}", at.ip(), at.port()),
            At::Address(at) => write!(f, "{} [{}]:{}", self.name, at.ip(), at.port()),
            At::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A mail host with its addresses.
#[derive(Debug)]
struct MailHost {
    mx: Mx,
    addresses: Vec<SocketAddr>,
}

/// What may be tried for a next hop, the best first; never nothing.
pub async fn find(
    hop: &NextHop,
    settings: &Settings,
    resolver: &Resolver,
    port: Option<u16>,
) -> Result<Vec<Target>, HopError> {
    let mut targets = match &hop.place {
        Place::Socket(path) => vec![Target { name: "localhost".to_owned(), at: At::Socket(path.clone()) }],
        Place::Host { name, port } => {
            let found = addresses(resolver, name).await;
            let found = found.map_err(|why| unfound(name, why, HopError::NoAddress))?;
            targets(name, found.into_iter().map(|ip| SocketAddr::new(ip, *port)))
        }
        Place::Domain(domain) => {
            by_mx(domain, settings, resolver, port.unwrap_or(usual_port(hop.protocol))).await?
        }
    };
    targets.truncate(TARGETS_MAX);
    Ok(targets)
}

async fn by_mx(
    domain: &str,
    settings: &Settings,
    resolver: &Resolver,
    port: u16,
) -> Result<Vec<Target>, HopError> {
    let mail_hosts = match resolver.mail_hosts(domain).await {
        Ok(found) if found.iter().all(|mx| mx.host.is_empty()) => {
            return Err(HopError::NullMx(domain.to_owned()));
        }
        Ok(found) => in_order(found),
        // Without an MX the domain is its own mail host: RFC 5321 section 5.1.
        Err(NotFound::NoRecord) => vec![Mx { preference: 0, host: domain.to_owned() }],
        Err(why) => return Err(unfound(domain, why, HopError::NoDomain)),
    };
    let mut hosts = Vec::new();
    let mut unknown = None;
    for mx in mail_hosts.into_iter().take(HOSTS_MAX) {
        match addresses(resolver, &mx.host).await {
            Ok(found) => {
                let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                hosts.push(MailHost { mx, addresses });
            }
            // A host that is ourselves by name need not have an address.
            Err(NotFound::Unknown(why)) => {
                unknown = Some(HopError::Lookup { name: mx.host.clone(), why });
                hosts.push(MailHost { mx, addresses: Vec::new() });
            }
            Err(NotFound::NoName | NotFound::NoRecord) => hosts.push(MailHost { mx, addresses: Vec::new() }),
        }
    }
    let better = better_than_ourselves(hosts, settings).ok_or_else(|| HopError::Loop(domain.to_owned()))?;
    let found: Vec<Target> =
        better.into_iter().flat_map(|host| targets(&host.mx.host, host.addresses.into_iter())).collect();
    match (found.is_empty(), unknown) {
        (false, _) => Ok(found),
        (true, Some(unknown)) => Err(unknown),
        (true, None) => Err(HopError::NoAddress(domain.to_owned())),
    }
}

/// By preference, and without an order among equals, so that the load is spread: RFC 5321 section 5.1.
fn in_order(mail_hosts: Vec<Mx>) -> Vec<Mx> {
    let shuffled = |mx: Mx| (mx.preference, getrandom::u32().unwrap_or_default(), mx);
    let mut all: Vec<_> = mail_hosts.into_iter().filter(|mx| !mx.host.is_empty()).map(shuffled).collect();
    all.sort_by_key(|(preference, random, _)| (*preference, *random));
    all.into_iter().map(|(_, _, mx)| mx).collect()
}

/// Those of a lower preference than our own, if we are among them; the others would send it back to us. `None`: nobody is left.
fn better_than_ourselves(mut hosts: Vec<MailHost>, settings: &Settings) -> Option<Vec<MailHost>> {
    let is_own = |host: &MailHost| {
        settings.own_names.iter().any(|own| own.eq_ignore_ascii_case(&host.mx.host))
            || host
                .addresses
                .iter()
                .any(|address| settings.own_addresses.iter().any(|own| is_same(own, address)))
    };
    let own = hosts.iter().filter(|host| is_own(host)).map(|host| host.mx.preference).min();
    if let Some(own) = own {
        hosts.retain(|host| host.mx.preference < own);
    }
    (own.is_none() || !hosts.is_empty()).then_some(hosts)
}

/// Whether a connection to `address` ends at our own listener.
fn is_same(own: &SocketAddr, address: &SocketAddr) -> bool {
    own.port() == address.port()
        && (own.ip() == address.ip() || own.ip().is_unspecified() && is_of_this_machine(*address))
}

/// A machine talks to its own addresses from the same address. Nothing is sent.
fn is_of_this_machine(address: SocketAddr) -> bool {
    let from: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let local = UdpSocket::bind((from, 0)).and_then(|socket| {
        socket.connect(address)?;
        socket.local_addr()
    });
    local.is_ok_and(|local| local.ip() == address.ip())
}

async fn addresses(resolver: &Resolver, name: &str) -> Result<Vec<IpAddr>, NotFound> {
    match name.parse() {
        Ok(address) => Ok(vec![address]),
        Err(_) => resolver.addresses(name).await,
    }
}

fn targets(name: &str, addresses: impl Iterator<Item = SocketAddr>) -> Vec<Target> {
    addresses.map(|address| Target { name: name.to_owned(), at: At::Address(address) }).collect()
}

fn unfound(name: &str, why: NotFound, none: impl FnOnce(String) -> HopError) -> HopError {
    match why {
        NotFound::NoName | NotFound::NoRecord => none(name.to_owned()),
        NotFound::Unknown(why) => HopError::Lookup { name: name.to_owned(), why },
    }
}
