//! `[[system]]`: the neighbours.

use super::batches;
use super::calls;
use super::dialling::{Dialling, HINT};
use super::findings::Findings;
use super::lines::{LineConfig, LineKind, SerialPort};
use super::names::{Kind, Names};
use super::neighbours;
use super::node::{domain, system_name};
use super::protocols;
use super::queue::wait;
use super::secrets;
use super::section::{Section, plain};
use super::transfers::{self, Transfers};
use super::units::{duration, size};
use super::when::{self, windows};
use super::wire::dialogue;
use crate::job::{Grade, SystemName};
use crate::observe::Secret;
use crate::post::delivery::batches::Terms;
use crate::post::route::Neighbour;
use crate::schedule::{Plan, Sizes, Timetables};
use crate::spool::Order;
use crate::wire::call::{Protocols, TimeGrades};
use crate::wire::chat::{self, Script};
use crate::wire::line::Over;
use crate::wire::modem::{self, Number};
use crate::wire::session::Profile;
use jiff::SignedDuration;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// One neighbour.
#[derive(Debug, Clone)]
pub struct System {
    pub name: SystemName,
    /// Other names that it may be called by.
    pub aliases: Vec<SystemName>,
    /// The lines to call it on, in order; with none, only it calls us.
    pub lines: Vec<String>,
    /// Its telephone numbers, to be tried in turn.
    pub numbers: Vec<String>,
    /// Host and port for a TCP line; the host is `\H` of a program.
    pub address: Option<(String, u16)>,
    /// The name that its certificate has to show when we call it over TLS, if not the host of the address.
    pub certificate_name: Option<String>,
    /// How we log in there (`\L` and `\P` of the chat).
    pub login: Option<String>,
    pub password: Option<Secret>,
    /// Expect and send strings of the login; the usual one asks `ogin:` and `word:`.
    pub chat: Option<Secret>,
    /// The login name that it uses here; several systems may share one.
    pub called_login: Option<String>,
    /// The DNS name of the certificate that it shows when it calls us over TLS.
    pub called_certificate: Option<String>,
    /// The Argon2id hash (PHC string) of the password that it uses here.
    pub called_password_hash: Option<Secret>,
    /// Protocols to speak with it, and how they are set up; what is not said is as the line has it.
    pub protocols: Protocols,
    /// What it may ask of us, and when our work goes to it.
    pub transfers: Transfers,
    /// How mail travels to it.
    pub mail: Neighbour,
    /// How batches for it are made.
    pub batches: Terms,
    /// What goes first among jobs of one grade; what is not said is as the line has it.
    pub order: Option<Order>,
    /// The largest files by the hours of the week.
    pub sizes: Sizes,
    /// The largest file taken from it at any hour, in bytes.
    pub largest_file: Option<u64>,
    /// How long one file may keep the others waiting.
    pub max_file_time: Option<Duration>,
    /// What kind of program it runs.
    pub profile: &'static Profile,
    /// When it calls, it is called back.
    pub callback: bool,
    /// Which grades it is asked to send when we call, and which are sent to it when it calls, by the hour.
    pub call_grades: TimeGrades,
    pub called_grades: TimeGrades,
    /// The calls between us are numbered, at both ends.
    pub sequence: bool,
    /// How long a call may take, either way.
    pub max_time: Option<Duration>,
    /// When it is called, and for what.
    pub plan: Plan,
    /// After this, mail that waits for it is sent back; None: after the usual time.
    pub bounce_after: Option<SignedDuration>,
}

pub fn read(
    mut section: Section<'_>,
    base: &Path,
    all_lines: &[LineConfig],
    dialling: &Dialling,
    tables: &Timetables,
    names: &mut Names,
    findings: &Findings,
) -> Option<System> {
    let name = section.value("name", system_name);
    let aliases = section.list("aliases", system_name).unwrap_or_default();
    match &name {
        Some(name) => names.give(Kind::System, name.as_str(), section.span("name"), findings),
        None if !section.has("name") => {
            section.missing("name", "add the name that it calls itself, as name = \"polux\"")
        }
        None => {}
    }
    for alias in &aliases {
        names.give(Kind::System, alias.as_str(), section.span("aliases"), findings);
    }
    let lines = section.list("line", |text| plain(text).map(str::to_owned)).unwrap_or_default();
    for line in &lines {
        names.uses(Kind::Line, line, section.span("line"));
    }
    let called_password_hash = section.value("called-password-hash", password_hash);
    let system = System {
        name: name.clone().or_else(|| "unnamed".parse().ok())?,
        aliases,
        lines,
        numbers: section.list("number", |text| dialling.number(text)).unwrap_or_default(),
        address: section.value("address", host_and_port),
        certificate_name: section.value("certificate-name", domain),
        login: section.text("login"),
        password: secrets::read(&mut section, "password", "password-file", base),
        chat: section.value("chat", chat),
        called_login: section.text("called-login"),
        called_certificate: section.value("called-certificate", domain),
        called_password_hash,
        protocols: protocols::read(&mut section),
        transfers: transfers::read(&mut section),
        mail: neighbours::read(&mut section),
        batches: batches::read(&mut section),
        order: calls::order(&mut section),
        sizes: calls::sizes(&mut section, tables),
        largest_file: section.value("largest-file", |text| match size(text)? {
            0 => Err("write 1 B or more: no mail would come".to_owned()),
            bytes => Ok(bytes),
        }),
        max_file_time: section.value("max-file-time", duration),
        profile: section.value("profile", profile).unwrap_or(&Profile::SHOWN),
        callback: section.boolean("callback").unwrap_or_default(),
        call_grades: grades(&mut section, "call-timegrade", tables),
        called_grades: grades(&mut section, "called-timegrade", tables),
        sequence: section.boolean("sequence").unwrap_or_default(),
        max_time: section.value("max-time", call_time),
        plan: when::read(&mut section, tables),
        bounce_after: section.value("bounce-after", wait),
    };
    check(&section, &system);
    check_lines(&section, &system, all_lines, dialling);
    section.finish();
    name.map(|_| system)
}

/// What does not fit together.
fn check(section: &Section<'_>, system: &System) {
    if system.lines.is_empty() {
        let needing = [
            "number",
            "address",
            "poll",
            "poll-at",
            "call-for",
            "call-timegrade",
            "call-transfer",
            "callback",
        ];
        for key in needing {
            if section.has(key) && (key != "callback" || system.callback) {
                section.wrong(
                    key,
                    format!("`{key}` needs a line to call on"),
                    "add the name of a [[line]], as line = \"modem\"",
                );
            }
        }
    }
    if section.has("called-login") && !section.has("called-password-hash") {
        section.missing("called-password-hash", "add the hash of its password; `uugate password` makes one");
    }
    if section.has("called-password-hash") && !section.has("called-login") {
        section.missing("called-login", "add the name that it logs in with");
    }
    if section.has("password") {
        section.doubtful(
            "password",
            "the password stands in the configuration itself",
            "put it in a file of mode 0600 and write password-file = \"FILE\"",
        );
    }
}

/// What does not fit together with the lines.
fn check_lines(section: &Section<'_>, system: &System, all: &[LineConfig], dialling: &Dialling) {
    let over = |line: &LineConfig| match &line.kind {
        LineKind::Tcp { over, .. } => Some(over.clone()),
        _ => None,
    };
    let lines: Vec<&LineConfig> = all.iter().filter(|line| system.lines.contains(&line.name)).collect();
    let host = system.address.as_ref().map(|(host, _)| host.as_str());
    let says_something = dialogue(system).is_some_and(|dialogue| dialogue.script.sends_text());
    for line in &lines {
        let goes_to = match &line.kind {
            LineKind::Tcp { over: Over::Plain | Over::Telnet, plain_passwords: false, .. } => host,
            LineKind::Serial { port: SerialPort::Server { host, plain_passwords: false, .. }, .. } => {
                Some(host.as_str())
            }
            _ => None,
        };
        if says_something && goes_to.is_some_and(|host| !is_loopback(host)) {
            section.wrong(
                "line",
                format!(
                    "what this system is told at the login could be read on the network of `{}`",
                    line.name
                ),
                "use a line of type \"tls\", or allow it with plain-passwords = true on that line",
            );
        }
    }
    for line in &lines {
        let LineKind::Serial { modem: Some(modem), .. } = &line.kind else { continue };
        let Some(profile) = modem::Profile::named(&modem.profile) else { continue };
        for number in &system.numbers {
            if let Err(error) = Number::parse(number, &profile.number_characters) {
                let title = format!("the modem of `{}` cannot dial this: {error}", line.name);
                section.wrong("number", title, HINT);
            }
            let prefix = modem.dial_prefix.as_deref().unwrap_or_default();
            if let Err(hint) = dialling.behind(prefix, number) {
                let title = format!("what `{}` dials for this system is dear", line.name);
                section.wrong("number", title, hint);
            }
        }
    }
    let is_tls = |line: &&&LineConfig| matches!(over(line), Some(Over::Tls(_)));
    if section.has("certificate-name") && lines.iter().find(is_tls).is_none() {
        section.wrong(
            "certificate-name",
            "no line of this system has certificates",
            "call it on a [[line]] of type \"tls\"",
        );
    }
    let asks = |line: &LineConfig| {
        line.answer && matches!(over(line), Some(Over::Tls(tls)) if tls.issuers.is_some())
    };
    if section.has("called-certificate") && !all.iter().any(asks) {
        section.wrong(
            "called-certificate",
            "no line asks callers for a certificate",
            "give a [[line]] of type \"tls\" that answers a `ca`: the file of the issuers that it believes",
        );
    }
}

/// Whether a host is this machine, as far as can be said without asking anybody.
pub(super) fn is_loopback(host: &str) -> bool {
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    number.map_or(host == "localhost", |number| number.to_canonical().is_loopback())
}

/// Shorter than this, hardly a call would come to its end.
const LEAST_TIME: Duration = Duration::from_secs(60);

fn call_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time >= LEAST_TIME { Ok(time) } else { Err("write \"1 min\" or more".into()) }
}

fn profile(text: &str) -> Result<&'static Profile, String> {
    Profile::named(text).ok_or_else(|| {
        let names: Vec<String> = Profile::ALL.iter().map(|profile| format!("{:?}", profile.name)).collect();
        format!("write one of {}, or leave it out: most systems show what they can do", names.join(", "))
    })
}

/// A grade and the hours when it is the worst that may travel.
fn grades(section: &mut Section<'_>, key: &'static str, tables: &Timetables) -> TimeGrades {
    let rule = |text: &str| {
        let hint = "write a grade and hours, as \"Z Wk0800-1800\"";
        let (letter, hours) = text.split_once(' ').ok_or(hint)?;
        let grade = letter.parse::<char>().ok().and_then(Grade::new).ok_or(hint)?;
        Ok((grade, windows(hours.trim_start(), tables)?))
    };
    TimeGrades::new(section.list(key, rule).unwrap_or_default())
}

pub(super) fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let hint = "write host and port, as \"polux.example:540\"";
    let (host, port) = text.rsplit_once(':').ok_or(hint)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or(hint)?;
    // A host becomes a word of a command (`\H`), where a hyphen would make it an option.
    if plain(host).is_ok() && !host.contains([' ', '/', '@']) && !host.starts_with('-') {
        Ok((host.to_owned(), port))
    } else {
        Err(hint.into())
    }
}

/// A login chat. It may hold a password, so only the place of an error is told.
fn chat(text: &str) -> Result<Secret, String> {
    match Script::parse(text, chat::Kind::Login) {
        Ok(_) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(r"write what to expect and what to send, by turns, as 'ogin: \L word: \P'".into()),
    }
}

pub(super) fn password_hash(text: &str) -> Result<Secret, String> {
    if text.starts_with("$argon2id$") && !text.contains(char::is_whitespace) && text.split('$').count() >= 5 {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("write what `uugate password` prints; it begins with $argon2id$".into())
    }
}
