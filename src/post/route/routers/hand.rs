//! From a next system to a decision: by which transport, and whether that can carry the address.

use super::super::decision::refused;
use super::super::rule::Why;
use super::super::{Decision, Hop, Next, Tables, Transport};
use super::paths::Found;
use super::{By, Remote};
use crate::job::SystemName;
use crate::post::address::{Address, Precedence, Target};

/// To where a route leads, with the whole address: what is behind there is told by it.
pub(super) fn to_next(tables: &Tables, next: &Next, remote: &Remote, why: &mut Why) -> Decision {
    match next {
        Next::System(system) => to_system(tables, system, remote.whole.clone(), why),
        Next::Smtp(hop) => by_smtp(tables, hop.clone(), remote.whole.clone(), why),
        Next::Mx => to_host(tables, &remote.host, remote.whole.clone(), why),
    }
}

/// To the first system of a path, with what comes behind.
pub(super) fn to_path(
    tables: &Tables,
    kind: &str,
    found: Result<Found<'_>, String>,
    by: &By,
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
    let at_first = || Address::parse(&format!("{rest}@{first}")).unwrap_or_else(|_| rest.clone());
    match by {
        By::Pipe(pipe) => Decision::Pipe { command: pipe.for_host(&first), address: rest },
        By::Smtp => to_host(tables, &first, at_first(), why),
        By::Usual => match tables.neighbour(&first) {
            Some((system, _)) => to_system(tables, system, rest, why),
            None if tables.hosts.named(&first).is_some_and(|row| row.transport == Transport::Smtp) => {
                to_host(tables, &first, at_first(), why)
            }
            None => {
                why.push(format!("{first} is not among the neighbours"));
                refused("5.3.5", format!("the path leads to {first}, which is not a neighbour"))
            }
        },
    }
}

/// To a neighbour, by the transport that is set for it.
pub(super) fn to_system(tables: &Tables, system: &SystemName, address: Address, why: &mut Why) -> Decision {
    let Some(neighbour) = tables.handing(system) else {
        why.push(format!("{system} is not among the neighbours"));
        return refused("5.3.5", format!("the route leads to {system}, which is not a neighbour"));
    };
    let row = tables.row(system.as_str(), &neighbour);
    let told = row.as_ref().map(|row| row.transport).or(neighbour.transport).unwrap_or_default();
    if let Some(row) = row {
        why.push_at(format!("the table says {} for {}", row.transport, row.name), Some(row.place));
    }
    let transport = if told == Transport::Queueonly { Transport::default() } else { told };
    if transport == Transport::Smtp {
        return to_host(tables, system.as_str(), address, why);
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
