//! What a call must know of this node and of its neighbours. The configuration fills it.

use super::{Protocols, TimeGrades};
use crate::clock;
use crate::job::SystemName;
use crate::schedule::{Sizes, Tariff, Times, Windows};
use crate::spool::Order;
use crate::wire::chat::{self, LoginSettings, Script, Values};
use crate::wire::record::drive::RecordSettings;
use crate::wire::session::{Permissions, Profile};
use jiff::Zoned;
use jiff::tz::TimeZone;
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
    /// The zone of the time strings; default: the machine's.
    pub zone: TimeZone,
    /// What our calls cost, on the lines where they cost anything.
    pub tariffs: BTreeMap<String, Tariff>,
    /// The public directory: `~/` of peers.
    pub public: PathBuf,
    /// How callers are asked for name and password.
    pub prompt: LoginSettings,
    /// How long a partial file may be continued; default 7 days.
    pub partial_life: Duration,
    /// How long the handshake may take before the line is given up; default 2 minutes.
    pub handshake_timeout: Duration,
    /// How long nothing at all may arrive in a session; default 2 minutes.
    pub idle_timeout: Duration,
    /// Whether calls are recorded; default: no.
    pub record: Option<RecordSettings>,
    /// The lease of a call and its jobs, renewed at half of it; longer than a handshake may take; default 3 minutes.
    pub lease: Duration,
}

impl Node {
    /// A node with this name, this public directory, no neighbours, and the defaults.
    pub fn new(name: SystemName, public: PathBuf) -> Node {
        Node {
            name,
            systems: BTreeMap::new(),
            zone: TimeZone::system(),
            tariffs: BTreeMap::new(),
            public,
            prompt: LoginSettings::default(),
            partial_life: Duration::from_secs(7 * 24 * 3600),
            handshake_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(120),
            record: None,
            lease: Duration::from_secs(180),
        }
    }

    /// How long a call with a system may take, whatever it costs.
    pub(super) fn longest_call(&self, system: &SystemName) -> Duration {
        self.systems.get(system).map_or(System::MAX_TIME, |system| system.max_time)
    }

    pub(super) fn now(&self) -> Zoned {
        clock::wall().to_zoned(self.zone.clone())
    }
}

/// A neighbour.
#[derive(Debug, Clone)]
pub struct System {
    /// What is known of its kind; default: what it shows.
    pub profile: &'static Profile,
    /// The packet protocols to use with it, and how they are set up.
    pub protocols: Protocols,
    /// Other names that it calls itself by.
    pub aliases: Vec<SystemName>,
    /// How we get from the connection to its `Shere`; `None`: nothing is to be said.
    pub chat: Option<Dialogue>,
    /// How it proves who it is when it calls us; `None`: the line has seen to that (ssh, a login shell, a private wire).
    pub login: Option<Account>,
    /// The DNS name that the certificate which it calls us with has to show, in lower case. With one it need not log in,
    /// unless it has an account too; and without that certificate nobody is let in as this system.
    pub certificate: Option<String>,
    /// When it calls us it is refused, and called back: so nobody can pretend to be it who cannot be called at its number.
    pub callback: bool,
    /// Which of our jobs go in calls of ours, by the hour in which they begin (`times`); default: all.
    pub times: Times,
    /// Which grades it is asked to send when we call it.
    pub call_grades: TimeGrades,
    /// Which grades are sent to it when it calls us, whatever it asks.
    pub called_grades: TimeGrades,
    /// The calls between us are numbered, at both ends.
    pub sequence: bool,
    /// How long a call may take from the handshake on; default 12 hours (`max-time`).
    pub max_time: Duration,
    /// What goes first among jobs of one grade; `None`: as the line has it.
    pub order: Option<Order>,
    /// The largest files by the hours of the week.
    pub sizes: Sizes,
    /// How long one file of ours may keep others waiting, where files can go side by side; `None`: to its end.
    pub max_file_time: Option<Duration>,
    /// What it may send and fetch, and how large.
    pub permissions: Permissions,
    /// Whether our jobs go in calls that we place; default yes.
    pub call_transfer: bool,
    /// Whether our jobs go in calls that it places; default yes.
    pub called_transfer: bool,
}

impl System {
    /// A day's mail of a slow line (5 MB at 1200 bit/s) and no more; what has arrived by then need not come again.
    pub(super) const MAX_TIME: Duration = Duration::from_secs(12 * 3600);

    /// Whether its login chat says anything, which is to be taken for a secret.
    pub fn has_login(&self) -> bool {
        self.chat.as_ref().is_some_and(|dialogue| dialogue.script.sends_text())
    }
}

impl Default for System {
    fn default() -> System {
        System {
            profile: &Profile::SHOWN,
            protocols: Protocols::default(),
            aliases: Vec::new(),
            chat: None,
            login: None,
            certificate: None,
            callback: false,
            times: Windows::any().into(),
            call_grades: TimeGrades::default(),
            called_grades: TimeGrades::default(),
            sequence: false,
            max_time: System::MAX_TIME,
            order: None,
            sizes: Sizes::default(),
            max_file_time: None,
            permissions: Permissions::default(),
            call_transfer: true,
            called_transfer: true,
        }
    }
}

/// The login chat of a system that we call.
#[derive(Debug, Clone)]
pub struct Dialogue {
    pub script: Script,
    pub settings: chat::Settings,
    pub values: Values,
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
