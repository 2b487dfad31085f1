//! uugate.toml: one section a file, read into plain settings.
//!
//! The file is parsed into tables that know their place in it, and walked by hand, so that every finding is
//! collected, not only the first. Relative paths are relative to the configuration file.

mod agent;
mod batches;
mod calls;
mod dialling;
mod directors;
mod fill;
mod findings;
mod lines;
mod log;
mod mail;
mod names;
mod neighbours;
mod node;
mod protocols;
mod queue;
mod record;
mod redial;
mod rewrite;
mod routes;
mod rules;
mod secrets;
mod section;
mod smtp;
mod smtp_out;
mod spool;
mod systems;
mod tariff;
mod timetable;
mod transfers;
mod units;
mod users;
mod when;
mod wire;

pub use agent::AgentConfig;
pub use findings::{Finding, Findings, Severity};
pub use lines::{Flow, LineConfig, LineKind, ModemConfig, SerialPort};
pub use mail::Mail;
pub use names::Kind;
pub use node::Node;
pub use queue::Queue;
pub use routes::Routes;
pub use rules::{Rule, Rules};
pub use smtp::Smtp;
pub use smtp_out::SmtpOut;
pub use systems::System;

use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::observe::LogSettings;
use crate::post::route::Rewriting;
use crate::wire::record::drive::RecordSettings;
use dialling::Dialling;
use jiff::tz::TimeZone;
use names::Names;
use section::Section;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

/// Where the configuration is if nothing is said (`-I`, `UUGATE_CONFIG`).
pub const DEFAULT_FILE: &str = "/etc/uugate/uugate.toml";
/// Where the spool is for the default configuration file; for any other it is `spool` beside the file.
const DEFAULT_SPOOL: &str = "/var/spool/uugate";
/// Where the control socket is for the default configuration file; for any other it is `control` beside the file.
const DEFAULT_SOCKET: &str = "/run/uugate/control";
/// The longest configuration file, in bytes.
const LONGEST: u64 = 1 << 20;

/// The whole configuration of a node.
#[derive(Debug, Clone)]
pub struct Config {
    pub file: PathBuf,
    pub node: Node,
    pub places: Places,
    pub log: LogSettings,
    pub mail: Mail,
    pub queue: Queue,
    pub smtp: Smtp,
    pub smtp_out: SmtpOut,
    /// Local users and their mailboxes.
    pub users: BTreeMap<String, PathBuf>,
    pub aliases: BTreeMap<String, Vec<String>>,
    pub directors: crate::post::route::directors::Settings,
    pub routes: Routes,
    pub rewriting: Rewriting,
    /// Users of the password file, and what is done in their name.
    pub agent: AgentConfig,
    pub systems: Vec<System>,
    pub lines: Vec<LineConfig>,
    /// Whether calls are recorded.
    pub record: Option<RecordSettings>,
    /// Where in the file it is said how systems and lines are used.
    pub rules: Rules,
}

/// What a command has to know to find the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub spool: PathBuf,
    /// Free space, in bytes, under which no new work is taken; None: as the spool has it.
    pub reserve: Option<u64>,
    /// How old what nobody claims becomes before it is told; None: as the spool has it.
    pub unclaimed_after: Option<Duration>,
    pub socket: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{} cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: std::io::Error },
    #[error("{} is longer than {} KiB", file.display(), LONGEST >> 10)]
    TooLong { file: PathBuf },
    /// Something is wrong in it; the findings say what.
    #[error("{} has {} error{}", findings.file(), findings.errors(), if findings.errors() == 1 { "" } else { "s" })]
    Wrong { findings: Findings },
}

impl ToFault for ConfigError {
    fn fault(&self) -> Fault {
        let advice = match self {
            ConfigError::Unreadable { .. } => "give its path with -I or in UUGATE_CONFIG",
            ConfigError::TooLong { .. } => "see whether it is the configuration",
            ConfigError::Wrong { .. } => "see `uugate check`",
        };
        Fault {
            stage: Stage::Config,
            whose: Whose::Usage,
            retry: Retry::Never,
            message: self.to_string(),
            advice: advice.to_owned(),
        }
    }
}

impl Config {
    /// Reads a file. The findings may hold warnings.
    pub fn load(file: &Path) -> Result<(Config, Findings), ConfigError> {
        let source = read_bounded(file)?;
        let (config, findings) = Config::read(file, source);
        match config {
            Some(config) => Ok((config, findings)),
            None => Err(ConfigError::Wrong { findings }),
        }
    }

    /// Reads the text of a file; nothing comes of it if there is an error among the findings.
    pub fn read(file: &Path, source: String) -> (Option<Config>, Findings) {
        let findings = Findings::new(file.display().to_string(), source.clone());
        let (document, errors) = DeTable::parse_recoverable(&source);
        for error in &errors {
            findings.error(error.span().unwrap_or(0..0), format!("this is no TOML: {}", error.message()), "");
        }
        let root = Section::new("the file", document.get_ref(), 0..0, &findings);
        let config = read_root(file, root, &findings);
        (config.filter(|_| findings.errors() == 0), findings)
    }

    /// The neighbour with this name or alias.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| {
            system.name.as_str() == name || system.aliases.iter().any(|alias| alias.as_str() == name)
        })
    }

    pub fn line(&self, name: &str) -> Option<&LineConfig> {
        self.lines.iter().find(|line| line.name == name)
    }
}

impl Places {
    /// Where things are if the file says nothing.
    fn usual(file: &Path) -> Places {
        if file == Path::new(DEFAULT_FILE) {
            return Places::at(DEFAULT_SPOOL.into(), DEFAULT_SOCKET.into());
        }
        let base = base_of(file);
        Places::at(base.join("spool"), base.join("control"))
    }

    fn at(spool: PathBuf, socket: PathBuf) -> Places {
        Places { spool, reserve: None, unclaimed_after: None, socket }
    }

    /// What a command has to know, as far as it may read the file: a user who may not read it still finds the
    /// daemon where it usually is. Whatever else is wrong in the file is the daemon's business.
    pub fn find(file: &Path) -> Places {
        let mut places = Places::usual(file);
        if let Ok(source) = read_bounded(file) {
            let findings = Findings::default();
            let (document, _) = DeTable::parse_recoverable(&source);
            let mut root = Section::new("the file", document.get_ref(), 0..0, &findings);
            places.read(&mut root, &base_of(file));
        }
        places
    }

    /// The zone of a node for whoever prints its times; `None`: none is given, or the file may not be read.
    pub fn zone_of(file: &Path) -> Option<TimeZone> {
        let source = read_bounded(file).ok()?;
        let findings = Findings::default();
        let (document, _) = DeTable::parse_recoverable(&source);
        let mut root = Section::new("the file", document.get_ref(), 0..0, &findings);
        node::read_zone(&mut root.section("node")?)
    }

    pub fn spool_settings(&self) -> crate::spool::Settings {
        let usual = crate::spool::Settings::default();
        crate::spool::Settings {
            reserve: self.reserve.unwrap_or(usual.reserve),
            unclaimed_after: self.unclaimed_after.unwrap_or(usual.unclaimed_after),
        }
    }

    fn read(&mut self, root: &mut Section<'_>, base: &Path) {
        if let Some(mut section) = root.section("spool") {
            spool::read_spool(&mut section, base, self);
            section.finish();
        }
        if let Some(mut section) = root.section("control") {
            spool::read_control(&mut section, base, self);
            section.finish();
        }
    }
}

/// The folder that relative paths are relative to; an absolute path, for the daemon may go elsewhere.
fn base_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().map(Path::to_owned).unwrap_or_default()
}

fn read_bounded(file: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { file: file.to_owned(), error };
    let mut source = String::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(LONGEST + 1).read_to_string(&mut source).map_err(unreadable)?;
    if source.len() as u64 > LONGEST {
        let file = file.to_owned();
        return Err(ConfigError::TooLong { file });
    }
    Ok(source)
}

fn read_root(file: &Path, mut root: Section<'_>, findings: &Findings) -> Option<Config> {
    let base = base_of(file);
    let mut names = Names::default();
    let mut places = Places::usual(file);
    places.read(&mut root, &base);
    let node = match root.section("node") {
        Some(mut section) => {
            let node = node::read(&mut section, &base, &places.spool);
            section.finish();
            node
        }
        None => {
            if !root.has("node") {
                root.missing("[node]", "add a section [node] with the name of this system");
            }
            None
        }
    };
    let log = root.section("log").map(|mut section| {
        let log = log::read(&mut section);
        section.finish();
        log
    });
    let mail = root.section("mail").map(|mut section| {
        let mail = mail::read(&mut section);
        section.finish();
        mail
    });
    let queue = root.section("queue").map(|mut section| {
        let queue = queue::read(&mut section);
        section.finish();
        queue
    });
    let smtp = root.section("smtp").map(|mut section| {
        let smtp = smtp::read(&mut section, &base, findings);
        section.finish();
        smtp
    });
    let smtp_out = root.section("smtp-out").map(|mut section| {
        let smtp_out = smtp_out::read(&mut section, &base, findings);
        section.finish();
        smtp_out
    });
    let message_max = mail.clone().unwrap_or_default().max_message_size;
    let agent = root.section("agent").map(|mut section| {
        let agent = agent::read(&mut section, &base, message_max, findings);
        section.finish();
        agent
    });
    let record = root.section("record").and_then(|mut section| {
        let record = record::read(&mut section, &base);
        section.finish();
        record
    });
    let users = root.section("users").map(|section| users::read_users(section, &base, findings));
    let aliases = root.section("aliases").map(|section| users::read_aliases(section, findings));
    let directors = root.section("directors").map(|mut section| {
        let directors = directors::read(&mut section, &base);
        section.finish();
        directors
    });
    let routes = root.section("routes").map(|mut section| {
        let routes = routes::read(&mut section, &base, &mut names, findings);
        section.finish();
        routes
    });
    let rewriting = root.section("rewrite").map(|mut section| {
        let ours = node.as_ref().map(|node| node.domains.as_slice()).unwrap_or_default();
        let rewriting = rewrite::read(&mut section, ours, findings);
        section.finish();
        rewriting
    });
    let tables =
        root.section("timetable").map(|section| timetable::read(section, findings)).unwrap_or_default();
    let mut rules = Rules::default();
    let lines: Vec<_> = root
        .sections("line")
        .into_iter()
        .filter_map(|section| {
            rules.add(names::Kind::Line, &section, findings);
            lines::read(section, &base, &tables, &mut names, findings)
        })
        .collect();
    let dialling = Dialling::read(&mut root, findings);
    let systems: Vec<_> = root
        .sections("system")
        .into_iter()
        .filter_map(|section| {
            rules.add(names::Kind::System, &section, findings);
            systems::read(section, &base, &lines, &dialling, &tables, &mut names, findings)
        })
        .collect();
    check_zone(&root, &lines, &systems, &rules);
    if let Some(node) = &node
        && names.is_given(names::Kind::System, node.name.as_str())
    {
        root.wrong(
            "system",
            format!("a [[system]] has our own name `{}`", node.name),
            "give the name of the other system",
        );
    }
    names.resolve(findings);
    root.finish();
    Some(Config {
        file: file.to_owned(),
        node: node?,
        places,
        log: log.unwrap_or_default(),
        mail: mail.unwrap_or_default(),
        queue: queue.unwrap_or_default(),
        smtp: smtp.unwrap_or_default(),
        smtp_out: smtp_out.unwrap_or_default(),
        users: users.unwrap_or_default(),
        aliases: aliases.unwrap_or_default(),
        directors: directors.unwrap_or_else(directors::usual),
        routes: routes.unwrap_or_default(),
        rewriting: rewriting.unwrap_or_default(),
        agent: agent.unwrap_or_else(|| AgentConfig::usual(message_max)),
        systems,
        lines,
        record,
        rules,
    })
}

/// Hours and months are those of some zone; that of the machine, or of whoever starts the daemon, may be another one tomorrow.
fn check_zone(root: &Section<'_>, lines: &[LineConfig], systems: &[System], rules: &Rules) {
    let has_hours = |system: &System| {
        let told = |key| rules.find(names::Kind::System, system.name.as_str(), key).is_some();
        told("times") || told("poll-at")
    };
    let matters = lines.iter().any(|line| line.tariff.is_some()) || systems.iter().any(has_hours);
    if matters && root.keys().iter().all(|(key, _)| key != "node.time-zone") {
        root.doubtful(
            "node",
            "the hours and months here are those of the machine's zone, or of TZ where the daemon is started",
            "add the zone to [node], as time-zone = \"Europe/Berlin\"",
        );
    }
}

#[cfg(test)]
mod tests;
