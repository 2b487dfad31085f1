//! `[node]`: who we are.

use super::section::{Section, plain};
use crate::job::SystemName;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Who this node is, and whom it trusts.
#[derive(Debug, Clone)]
pub struct Node {
    /// The UUCP name that peers know us by.
    pub name: SystemName,
    /// The mail domains that are ours; the first stands in our own addresses. `NAME.uucp` always is.
    pub domains: Vec<String>,
    /// Where files from peers may be put: `~/` of a peer. Default: `public` beside the spool.
    pub public_directory: PathBuf,
    /// The zone of all time strings, and of the months of budgets. Default: the machine's.
    pub time_zone: TimeZone,
    /// Who may give From_, `-f` and a peer's name, beside root and the owner of the node.
    pub trusted_users: Vec<String>,
}

/// Users trusted when nothing is said: the owner of the packaged UUCP.
const TRUSTED: &str = "uucp";

pub fn read(section: &mut Section<'_>, base: &Path, spool: &Path) -> Option<Node> {
    let name = section.value("name", system_name);
    let domains = section.list("domain", domain);
    let public = section.text("public-directory");
    let trusted = section.list("trusted-users", |text| plain(text).map(str::to_owned));
    let time_zone = read_zone(section);
    if !section.has("name") {
        section.missing("name", "add the name that other systems call this one by, as name = \"barberouge\"");
    }
    let public_directory = match public {
        Some(path) => base.join(path),
        None => spool.with_file_name("public"),
    };
    Some(Node {
        domains: domains.unwrap_or_default(),
        public_directory,
        time_zone: time_zone.unwrap_or_else(TimeZone::system),
        trusted_users: trusted.unwrap_or_else(|| vec![TRUSTED.to_owned()]),
        name: name?,
    })
}

/// `time-zone`, if it is given.
pub fn read_zone(section: &mut Section<'_>) -> Option<TimeZone> {
    section.value("time-zone", |text| {
        TimeZone::get(text)
            .map_err(|_| "write the name of a zone that this machine knows, as \"Europe/Berlin\"".into())
    })
}

/// A system name, or why not.
pub fn system_name(text: &str) -> Result<SystemName, String> {
    text.parse().map_err(|_| "write 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit".into())
}

/// A mail domain in lower case, or why not.
pub fn domain(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.to_ascii_lowercase();
    if name.len() <= 255 && name.split('.').all(label) {
        Ok(name)
    } else {
        Err("write a domain of letters, digits, dots and hyphens, as \"barberouge.example\"".into())
    }
}
