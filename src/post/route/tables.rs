//! What is known of this site and its neighbours.

use super::directors;
use super::routers::{Hosts, PathRouter, Paths, Row};
use super::{Files, Place, Rewriting, Route, Transport};
use crate::job::{Grade, SystemName};
use crate::post::address::{Address, AddressStyle, Precedence, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What looks like a top domain and is none: names of UUCP maps, and of a network that was.
const PSEUDO_DOMAINS: [&str; 2] = ["uucp", "bitnet"];

/// A system that mail can be handed to directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// `None`: as the table has it, else `uux`.
    pub transport: Option<Transport>,
    /// The most recipients of one `rmail` job. The custom of UUCP mailers: 5.
    pub max_addresses: usize,
    /// The most characters that the recipients of one `rmail` job take together, with a blank each. The custom: 200.
    pub max_characters: usize,
    /// The urgency of mail for it; `None`: as for all mail.
    pub grade: Option<Grade>,
    /// How addresses are written for it; `None`: as its transport has it, `uucp-old` for `uux-one-addr`.
    pub style: Option<AddressStyle>,
}

impl Neighbour {
    /// It is called as soon as there is mail for it.
    pub fn is_demand(&self) -> bool {
        self.transport.is_some_and(Transport::is_demand)
    }
}

impl Default for Neighbour {
    fn default() -> Neighbour {
        Neighbour { transport: None, max_addresses: 5, max_characters: 200, grade: None, style: None }
    }
}

/// All that routing knows. Names of hosts, domains, users and aliases are in lower case; whoever fills the
/// tables sees to that ([`Tables::key`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Our name among UUCP systems.
    pub system: SystemName,
    /// Our names in mail: hosts and domains whose users are the local users.
    pub domains: Vec<String>,
    /// Local users and their mailboxes.
    pub users: BTreeMap<String, PathBuf>,
    /// Names that stand for other addresses.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Alias files, lists, forward files, and what they may name.
    pub directors: directors::Settings,
    /// The local user who gets what is for `postmaster` and `mailer-daemon` without an alias. Without it, or if there
    /// is no such user: the first user.
    pub postmaster: Option<String>,
    pub neighbours: BTreeMap<SystemName, Neighbour>,
    /// The files that the next three are read from.
    pub files: Files,
    /// Paths that win over everything.
    pub forced: Option<Arc<Paths>>,
    /// Path files, in order.
    pub paths: Vec<PathRouter>,
    /// Which system is reached by which transport.
    pub hosts: Arc<Hosts>,
    /// `farm.example` for that name alone, `.farm.example` for every name under it.
    pub routes: BTreeMap<String, Route>,
    /// Gets what nothing else fits.
    pub smart_host: Option<Route>,
    /// What nothing else fits and no smart host takes goes by SMTP to whoever takes mail for the domain.
    /// Says where that is allowed.
    pub direct: Option<Place>,
    /// Names are looked up in the DNS at all.
    pub dns: bool,
    /// Top domains that the DNS does not know.
    pub pseudo_domains: Vec<String>,
    /// Systems to which a bang path is cut short: `a!b!known!joe` goes to `known`.
    pub shortcuts: BTreeSet<String>,
    /// Addresses that are other outside than inside.
    pub rewriting: Rewriting,
    /// How `a!b@c` is read.
    pub precedence: Precedence,
}

impl Tables {
    /// A site that knows only its own name.
    pub fn new(system: SystemName) -> Tables {
        Tables {
            system,
            domains: Vec::new(),
            users: BTreeMap::new(),
            aliases: BTreeMap::new(),
            directors: directors::Settings::default(),
            postmaster: None,
            neighbours: BTreeMap::new(),
            routes: BTreeMap::new(),
            files: Files::default(),
            forced: None,
            paths: Vec::new(),
            hosts: Arc::default(),
            smart_host: None,
            direct: None,
            dns: true,
            pseudo_domains: PSEUDO_DOMAINS.map(str::to_owned).to_vec(),
            shortcuts: BTreeSet::new(),
            rewriting: Rewriting::default(),
            precedence: Precedence::default(),
        }
    }

    /// The form in which names are kept in the tables.
    pub fn key(name: &str) -> String {
        name.to_ascii_lowercase()
    }

    /// Our name in mail: the first domain, else the name among UUCP systems.
    pub fn host(&self) -> String {
        self.domains.first().cloned().unwrap_or_else(|| format!("{}.uucp", self.system))
    }

    /// True for our own names: the domains, the system name, and that with `.uucp`.
    pub fn is_ours(&self, host: &str) -> bool {
        let bare = without_uucp(host);
        bare.eq_ignore_ascii_case(self.system.as_str())
            || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(host))
    }

    /// The neighbour of that name, with or without `.uucp`.
    pub(super) fn neighbour(&self, host: &str) -> Option<(&SystemName, &Neighbour)> {
        let bare = without_uucp(host);
        self.neighbours.iter().find(|(name, _)| name.as_str().eq_ignore_ascii_case(bare))
    }

    /// The route for a host, with its key in the table.
    pub(super) fn route(&self, host: &str) -> Option<(&str, &Route)> {
        let host = Tables::key(host);
        let suffixes = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        std::iter::once(host.as_str())
            .chain(suffixes)
            .find_map(|name| self.routes.get_key_value(name))
            .map(|(name, route)| (name.as_str(), route))
    }

    /// How mail is handed to a neighbour, with all that is set for it.
    pub fn handing(&self, system: &SystemName) -> Option<Neighbour> {
        let mut neighbour = self.neighbours.get(system)?.clone();
        let row = self.row(system.as_str(), &neighbour);
        let transport = row.map(|row| row.transport).or(neighbour.transport).unwrap_or_default();
        let usual = match transport {
            Transport::UuxOneAddr => AddressStyle::UucpOld,
            _ => AddressStyle::default(),
        };
        let style = neighbour.style.unwrap_or(usual);
        if transport == Transport::UuxOneAddr || style == AddressStyle::UucpOld {
            neighbour.max_addresses = 1;
        }
        neighbour.style = Some(style);
        neighbour.transport = Some(transport);
        Some(neighbour)
    }

    /// The row of the table that is for a neighbour: one that names it, or that for all others if it has no transport of
    /// its own.
    pub(super) fn row(&self, system: &str, neighbour: &Neighbour) -> Option<Row<'_>> {
        let others = || self.hosts.others().filter(|_| neighbour.transport.is_none());
        self.hosts.named(system).or_else(others)
    }

    /// True if the DNS may be asked about a host: it is used at all, the name has a dot, and is in no pseudo-domain.
    pub fn may_look_up(&self, host: &str) -> bool {
        let top = host.rsplit_once('.').map(|(_, top)| top);
        let is_name = top.is_some_and(|top| {
            !host.starts_with('[')
                && !self.pseudo_domains.iter().any(|pseudo| pseudo.eq_ignore_ascii_case(top))
        });
        self.dns && is_name
    }

    /// Where a bang path is cut short: what is left from the last system on that may be reached at once.
    pub(super) fn shortened(&self, path: &Address) -> Option<Address> {
        if self.shortcuts.is_empty() || !matches!(path.target(self.precedence), Target::Hop { .. }) {
            return None;
        }
        let text = path.as_str();
        let mut kept = None;
        let mut at = 0;
        for hop in text.split('!') {
            let is_hop = text.get(at + hop.len()..).is_some_and(|rest| rest.starts_with('!'));
            if at > 0 && is_hop && self.shortcuts.contains(&Tables::key(hop)) {
                kept = text.get(at..);
            }
            at += hop.len() + 1;
        }
        Address::parse(kept?).ok()
    }

    pub(super) fn postmaster(&self) -> Option<(&String, &PathBuf)> {
        let named = self.postmaster.as_ref().and_then(|name| self.users.get_key_value(name));
        named.or_else(|| self.users.first_key_value())
    }
}

/// The name of a system that is written as a domain.
pub(super) fn without_uucp(host: &str) -> &str {
    match host.len().checked_sub(".uucp".len()).and_then(|at| host.split_at_checked(at)) {
        Some((bare, end)) if end.eq_ignore_ascii_case(".uucp") => bare,
        _ => host,
    }
}
