//! What is known of this site and its neighbours.

use crate::job::SystemName;
use crate::post::address::Precedence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How mail is handed to a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// One `rmail` job for a few recipients.
    #[default]
    Uux,
    /// A batch for `rsmtp`, with any number of recipients.
    Uusmtp,
}

/// A system that mail can be handed to directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    pub transport: Transport,
    /// The most recipients of one `rmail` job. The custom of UUCP mailers: 5.
    pub max_addresses: usize,
    /// The most characters that the recipients of one `rmail` job take together, with a blank each. The custom: 200.
    pub max_characters: usize,
}

impl Default for Neighbour {
    fn default() -> Neighbour {
        Neighbour { transport: Transport::Uux, max_addresses: 5, max_characters: 200 }
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
    /// The local user who gets what is for `postmaster` and `mailer-daemon` without an alias. Without it, or if there
    /// is no such user: the first user.
    pub postmaster: Option<String>,
    pub neighbours: BTreeMap<SystemName, Neighbour>,
    /// `farm.example` for that name alone, `.farm.example` for every name under it.
    pub routes: BTreeMap<String, SystemName>,
    /// The neighbour that gets what nothing else fits.
    pub smart_host: Option<SystemName>,
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
            postmaster: None,
            neighbours: BTreeMap::new(),
            routes: BTreeMap::new(),
            smart_host: None,
            precedence: Precedence::default(),
        }
    }

    /// The form in which names are kept in the tables.
    pub fn key(name: &str) -> String {
        name.to_ascii_lowercase()
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

    /// The route for a host: its key in the table, and the neighbour.
    pub(super) fn route(&self, host: &str) -> Option<(&str, &SystemName)> {
        let host = Tables::key(host);
        let suffixes = host.match_indices('.').filter_map(|(at, _)| host.get(at..));
        std::iter::once(host.as_str())
            .chain(suffixes)
            .find_map(|name| self.routes.get_key_value(name))
            .map(|(name, system)| (name.as_str(), system))
    }

    pub(super) fn postmaster(&self) -> Option<(&String, &PathBuf)> {
        let named = self.postmaster.as_ref().and_then(|name| self.users.get_key_value(name));
        named.or_else(|| self.users.first_key_value())
    }
}

fn without_uucp(host: &str) -> &str {
    match host.len().checked_sub(".uucp".len()).and_then(|at| host.split_at_checked(at)) {
        Some((bare, end)) if end.eq_ignore_ascii_case(".uucp") => bare,
        _ => host,
    }
}
