//! The routers: where mail for another host goes. The first that knows a way decides:
//!
//! 1. the forced paths, which win over everything;
//! 2. the UUCP neighbours, by their names, with `.uucp` or without;
//! 3. path files, in order;
//! 4. the table of transports, for hosts that are reached by SMTP;
//! 5. routes by domain;
//! 6. the smart host;
//! 7. whoever takes mail for the domain (MX), if that is allowed.
//!
//! Names in pseudo-domains (`.uucp`, `.bitnet`) and those without a dot are never looked up.

mod hand;
mod hosts;
mod paths;
mod pipe;

pub use hosts::Hosts;
pub(super) use hosts::Row;
use paths::Found;
pub use paths::{FileError, Paths};
pub use pipe::{Pipe, PipeError};

use super::decision::refused;
use super::rule::Why;
use super::tables::without_uucp;
use super::{Decision, Next, Tables, Transport};
use crate::post::address::Address;
use std::sync::Arc;

/// An address at another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub host: String,
    /// The address with its host.
    pub whole: Address,
    /// What the host itself is given.
    pub rest: Address,
}

/// A path file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRouter {
    pub paths: Arc<Paths>,
    /// The program that is given what goes by these paths.
    pub gateway: Option<Pipe>,
}

/// Asks each router in turn. The rules that led to the answer are added to `why`.
pub(super) fn route(tables: &Tables, remote: &Remote, why: &mut Why) -> Decision {
    let host = remote.host.as_str();
    if let Some(forced) = &tables.forced
        && let Some(found) = find(forced, remote)
    {
        return hand::to_path(tables, "forced path", found, None, why);
    }
    if let Some((system, _)) = tables.neighbour(host) {
        why.push(format!("{system} is a neighbour"));
        return hand::to_system(tables, system, remote.rest.clone(), why);
    }
    for router in &tables.paths {
        if let Some(found) = find(&router.paths, remote) {
            return hand::to_path(tables, "path", found, router.gateway.as_ref(), why);
        }
    }
    if let Some(row) = tables.hosts.named(host) {
        why.push_at(format!("the table says {} for {}", row.transport, row.name), Some(row.place));
        return match row.transport {
            Transport::Smtp | Transport::Queueonly => hand::to_next(tables, &Next::Mx, remote, why),
            _ => refused("5.3.5", format!("the table sends {host} by UUCP, but it is not a neighbour")),
        };
    }
    if let Some((name, route)) = tables.route(host) {
        why.push_at(format!("route {name} to {}", route.next), route.place.clone());
        return hand::to_next(tables, &route.next, remote, why);
    }
    if let Some(route) = &tables.smart_host {
        why.push_at(format!("smart host {}", route.next), route.place.clone());
        return hand::to_next(tables, &route.next, remote, why);
    }
    if let Some(place) = &tables.direct
        && tables.may_look_up(host)
    {
        why.push_at(format!("whoever takes mail for {host}"), Some(place.clone()));
        return hand::to_next(tables, &Next::Mx, remote, why);
    }
    why.push("no neighbour, no route, no smart host".to_owned());
    refused("5.1.2", format!("no route to {host}"))
}

/// The path to a host; `far.uucp` is found as `far`, too.
fn find<'a>(paths: &'a Paths, remote: &Remote) -> Option<Result<Found<'a>, String>> {
    let host = remote.host.as_str();
    paths.find(host, &remote.rest).or_else(|| paths.find(without_uucp(host), &remote.rest))
}
