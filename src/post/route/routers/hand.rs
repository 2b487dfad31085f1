//! From a next system to a decision: by which transport, and whether that can carry the address.

use super::super::decision::refused;
use super::super::rule::Why;
use super::super::{Decision, Hop, Next, Tables, Transport};
use super::paths::Found;
use super::{Pipe, Remote};
use crate::job::SystemName;
use crate::post::address::{Address, Precedence, Target};

/// To where a route leads, with the whole address: what is behind there is told by it.
pub(super) fn to_next(tables: &Tables, next: &Next, remote: &Remote, why: &mut Why) -> Decision {
    match next {
        Next::System(system) => to_system(tables, system, remote.whole.clone(), why),
        Next::Smtp(hop) => {
            by_smtp(tables, hop.clone(), with_domain(&remote.whole, &remote.host, &remote.rest), why)
        }
        Next::Mx => {
            let address = with_domain(&remote.whole, &remote.host, &remote.rest);
            to_host(tables, &remote.host, address, why)
        }
    }
}

/// To the first system of a path, with what comes behind.
pub(super) fn to_path(
    tables: &Tables,
    kind: &str,
    found: Result<Found<'_>, String>,
    gateway: Option<&Pipe>,
    why: &mut Why,
) -> Decision {
    let found = match found {
        Ok(found) => found,
        Err(reason) => return refused("5.1.3", reason),
    };
    why.push_at(format!("{kind} {} to {}", found.name, found.address), Some(found.place));
    // A path is read as bang paths are, whatever the setting for strangers' addresses is.
    let (first, rest) = match found.address.target(Precedence::Bang) {
        Target::Hop { hop, rest } => (hop, rest),
        Target::Domain { local, domain } => (domain, local),
        Target::User(_) => return refused("5.4.6", format!("the path {} leads back here", found.address)),
    };
    if let Some(gateway) = gateway {
        return Decision::Gateway { command: gateway.for_host(&first), address: rest };
    }
    if let Some((system, _)) = tables.neighbour(&first) {
        return to_system(tables, system, rest, why);
    }
    if tables.hosts.named(&first).is_some_and(|row| row.transport == Transport::Smtp) {
        return to_host(tables, &first, with_domain(&rest, &first, &rest), why);
    }
    why.push(format!("{first} is not among the neighbours"));
    refused("5.3.5", format!("the path leads to {first}, which is not a neighbour"))
}

/// To a neighbour, by the transport that is set for it.
pub(super) fn to_system(tables: &Tables, system: &SystemName, address: Address, why: &mut Why) -> Decision {
    let Some(neighbour) = tables.neighbours.get(system) else {
        why.push(format!("{system} is not among the neighbours"));
        return refused("5.3.5", format!("the route leads to {system}, which is not a neighbour"));
    };
    let row = tables.row(system.as_str(), neighbour);
    let told = row.as_ref().map(|row| row.transport).or(neighbour.transport).unwrap_or_default();
    if let Some(row) = row {
        why.push_at(format!("the table says {} for {}", row.transport, row.name), Some(row.place));
    }
    let transport = if told == Transport::Queueonly { Transport::default() } else { told };
    if transport == Transport::Smtp {
        return to_host(tables, system.as_str(), with_domain(&address, system.as_str(), &address), why);
    }
    if transport.is_rmail() && !address.is_command_word() {
        why.push("rmail cannot be given this address".to_owned());
        return refused("5.1.3", format!("{address} holds a character that cannot be given to rmail"));
    }
    let decision = Decision::Neighbour { system: system.clone(), transport, address };
    if told == Transport::Queueonly { Decision::Held(Box::new(decision)) } else { decision }
}

/// To a host by SMTP: to who takes mail for it where that may be looked up, else to itself.
fn to_host(tables: &Tables, host: &str, address: Address, why: &mut Why) -> Decision {
    let hop = if tables.may_look_up(host) { Hop::domain(host) } else { Hop::host(host) };
    match hop {
        Ok(hop) => by_smtp(tables, hop, address, why),
        Err(error) => refused("5.1.2", error.to_string()),
    }
}

/// An address as SMTP knows addresses: `b!joe@host` for `host!b!joe`. `rest` is what `host` is given.
fn with_domain(address: &Address, host: &str, rest: &Address) -> Address {
    let written = Address::parse(&format!("{rest}@{host}")).ok().filter(|_| address.domain().is_none());
    written.unwrap_or_else(|| address.clone())
}

fn by_smtp(tables: &Tables, hop: Hop, address: Address, why: &mut Why) -> Decision {
    let hop = if tables.dns { hop } else { hop.without_mx() };
    let row = tables.hosts.named(hop.name()).or_else(|| tables.hosts.others());
    let decision = Decision::Smtp { hop, address };
    match row.filter(|row| row.transport == Transport::Queueonly) {
        Some(row) => {
            why.push_at(format!("the table says {} for {}", row.transport, row.name), Some(row.place));
            Decision::Held(Box::new(decision))
        }
        None => decision,
    }
}
