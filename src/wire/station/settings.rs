//! What the station is told: lines, systems, and how to call them. The configuration fills it.

use super::StationError;
use crate::job::SystemName;
use crate::schedule::{Plan, SizeLimits};
use crate::spool::Order;
use crate::wire::call::{Node, Protocols};
use crate::wire::line::{Declared, Over, PipeSettings, Port, TcpSettings};
use crate::wire::modem::Profile;
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Everything the station works by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For the calls themselves.
    pub node: Arc<Node>,
    pub lines: Vec<LineSettings>,
    pub systems: Vec<SystemSettings>,
    /// The zone of the time strings; default: the machine's.
    pub zone: TimeZone,
    /// How long calls may go on once the station is told to stop; default 5 s.
    pub stop_limit: Duration,
}

impl Settings {
    /// No lines and no systems yet.
    pub fn new(node: Arc<Node>) -> Self {
        Settings {
            node,
            lines: Vec::new(),
            systems: Vec::new(),
            zone: TimeZone::system(),
            stop_limit: Duration::from_secs(5),
        }
    }

    /// Whether a number is dialled on a line.
    pub(super) fn dials_on(&self, line: &str) -> bool {
        let is_modem = |line: &LineSettings| matches!(line.kind, LineKind::Modem { .. });
        self.lines.iter().find(|other| other.name == line).is_none_or(is_modem)
    }
}

impl LineSettings {
    /// How long a serial line is left alone after a call, if nothing else is said.
    pub const HOLD_OFF: Duration = Duration::from_millis(500);

    /// How to open it for a call to this system.
    pub(super) fn port_to(&self, system: &SystemSettings) -> Result<Port, StationError> {
        Ok(match &self.kind {
            LineKind::Modem { port, .. } | LineKind::Direct { port } => port.clone(),
            LineKind::Tcp { connect_limit, keepalive, over, .. } => {
                let (host, port) = system.address.clone().ok_or_else(|| StationError::NoAddress {
                    system: system.name.to_string(),
                    line: self.name.clone(),
                })?;
                let (connect_limit, keepalive) = (*connect_limit, *keepalive);
                let (over, certificate_name) = (over.clone(), system.certificate_name.clone());
                Port::Tcp(TcpSettings { host, port, connect_limit, keepalive, over, certificate_name })
            }
            LineKind::Pipe(pipe) => {
                let host = system.address.as_ref().map(|(host, _)| host.as_str());
                Port::Pipe(pipe.to(system.name.as_str(), host))
            }
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSettings {
    pub name: String,
    /// Calls are taken on it. A pipe takes none.
    pub answer: bool,
    /// How long it is left alone after a call, if it is a serial line: modems and exchanges need a moment to see the end of one.
    pub hold_off: Duration,
    /// What it is fit for, where that is not as its kind has it.
    pub declared: Declared,
    /// The protocols that may run on it, and how they are set up, where the system says nothing else.
    pub protocols: Protocols,
    /// What goes first among jobs of one grade, where the system says nothing else.
    pub order: Option<Order>,
    pub kind: LineKind,
}

/// What the line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// A modem on a serial port, here or behind a terminal server: calls are dialled, and answered when it rings.
    Modem { port: Port, profile: Box<Profile> },
    /// A cable: what comes in is a call.
    Direct { port: Port },
    Tcp {
        /// Where calls are taken.
        listen: Vec<SocketAddr>,
        connect_limit: Duration,
        /// As in `wire::line`.
        keepalive: Option<Duration>,
        over: Over,
        /// Passwords may cross a network where others can read them.
        plain_passwords: bool,
        /// Calls at once, both ways together.
        most_calls: usize,
    },
    /// A program for each call.
    Pipe(PipeSettings),
}

impl LineKind {
    /// Plain TCP, with the defaults: a minute to connect, keepalive after one, 8 calls at once.
    pub fn tcp(listen: Vec<SocketAddr>) -> Self {
        let minute = Duration::from_secs(60);
        LineKind::Tcp {
            listen,
            connect_limit: minute,
            keepalive: Some(minute),
            over: Over::Plain,
            plain_passwords: false,
            most_calls: 8,
        }
    }
}

/// A neighbour that we call.
#[derive(Debug, Clone)]
pub struct SystemSettings {
    pub name: SystemName,
    /// The lines to call it on, in order of preference.
    pub lines: Vec<String>,
    /// For lines with a modem: one after the other is tried, call by call.
    pub numbers: Vec<String>,
    /// Host and port, for TCP; `\H` of a program.
    pub address: Option<(String, u16)>,
    /// The name that its certificate has to show, if not the host of the address.
    pub certificate_name: Option<String>,
    /// Work for it goes in calls of ours, and so is a reason to call.
    pub sends: bool,
    /// When to call.
    pub plan: Plan,
    /// The largest files of ours that these calls carry, by the hours of the week.
    pub sizes: SizeLimits,
}
