//! What a call must know of this node and of its neighbours. The configuration fills it.

use crate::job::SystemName;
use crate::wire::session::Permissions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// This node, as its calls see it. Shared by `Arc`; a call keeps the one that it began with.
#[derive(Debug, Clone)]
pub struct Node {
    /// Our own name.
    pub name: SystemName,
    /// The systems that we know. Others are refused.
    pub systems: BTreeMap<SystemName, System>,
    /// The public directory: `~/` of peers.
    pub public: PathBuf,
    /// How long a partial file may be continued; default 7 days.
    pub partial_life: Duration,
    /// How long the login and the handshake may take together before the line is given up; default 2 minutes.
    pub handshake_timeout: Duration,
    /// How long nothing at all may arrive in a session; default 2 minutes.
    pub idle_timeout: Duration,
    /// How long a hanging up in order may take; default 10 seconds.
    pub hangup_timeout: Duration,
    /// The lease of a call and its jobs, renewed at half of it; default 2 minutes.
    pub lease: Duration,
}

impl Node {
    /// A node with this name, this public directory, no neighbours, and the defaults.
    pub fn new(name: SystemName, public: PathBuf) -> Node {
        Node {
            name,
            systems: BTreeMap::new(),
            public,
            partial_life: Duration::from_secs(7 * 24 * 3600),
            handshake_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(120),
            hangup_timeout: Duration::from_secs(10),
            lease: Duration::from_secs(120),
        }
    }
}

/// A neighbour.
#[derive(Debug, Clone)]
pub struct System {
    /// The packet protocols to use with it, best first: by default `i`, then `g`.
    pub protocols: Vec<char>,
    /// How it proves who it is when it calls us; `None`: the line has seen to that (ssh, a login shell, a private wire).
    pub login: Option<Account>,
    /// What it may put here, fetch from here, and how large.
    pub permissions: Permissions,
}

impl Default for System {
    fn default() -> System {
        System { protocols: vec!['i', 'g'], login: None, permissions: Permissions::default() }
    }
}

/// A login name and the PHC string (Argon2id) of its password.
#[derive(Clone)]
pub struct Account {
    pub name: String,
    pub password_hash: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}
