//! `[[line]]`: what calls are made and taken on.

use super::calls;
use super::dialling::is_dialled;
use super::findings::Findings;
use super::names::{Kind, Names};
use super::protocols;
use super::section::{Section, plain};
use super::smtp::address;
use super::systems::{host_and_port, is_loopback};
use super::tariff;
use super::units::{duration, speed};
use crate::fault::ToFault;
use crate::schedule::{Tariff, Timetables};
use crate::spool::Order;
use crate::tls::{Identity, TlsSettings};
use crate::wire::call::Protocols;
use crate::wire::line::{
    DataBits, Declared, DtrOnOpen, Over, Parity, PipeSettings, SerialSettings, is_adapter,
};
use crate::wire::modem::Profile;
use crate::wire::station::LineSettings;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One line of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineConfig {
    pub name: String,
    pub kind: LineKind,
    /// Calls are taken on this line.
    pub answer: bool,
    /// What it is fit for, where that is not as its kind has it.
    pub declared: Declared,
    /// The protocols that may run on it, and how they are set up, where the system says nothing else.
    pub protocols: Protocols,
    /// What goes first among jobs of one grade, where the system says nothing else.
    pub order: Option<Order>,
    /// What our calls cost; `None`: nothing.
    pub tariff: Option<Tariff>,
}

/// What the line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// A serial port; with a modem, calls are dialled.
    Serial {
        port: SerialPort,
        speed: u32,
        flow: Flow,
        data: DataBits,
        parity: Parity,
        dtr_on_open: DtrOnOpen,
        /// DTR falls when the port is closed.
        hang_up_on_close: bool,
        /// No other program may use it at the same time.
        exclusive: bool,
        /// How long it is left alone after a call.
        hold_off: Duration,
        /// Where `LCK..` files are, for programs that look at them.
        lock_directory: PathBuf,
        modem: Option<ModemConfig>,
    },
    /// Calls go to the `address` of the system, and are taken on `listen`; plain, over TLS or over telnet.
    Tcp {
        listen: Vec<SocketAddr>,
        connect_timeout: Duration,
        over: Over,
        /// Passwords may cross a network where others can read them.
        plain_passwords: bool,
    },
    /// A program whose standard input and output are the line; `\H` and `\Z` stand for host and name of the system.
    Pipe { program: Vec<String> },
    /// Our own standard input and output: `uucico` started by a login.
    Stdin,
}

/// Where a serial port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SerialPort {
    Device(PathBuf),
    /// Behind a terminal server (RFC 2217).
    Server {
        host: String,
        port: u16,
        /// Passwords may cross the network to it.
        plain_passwords: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    RtsCts,
    XonXoff,
    None,
}

/// A modem on a serial line: the built-in profile, with what is different here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemConfig {
    pub profile: String,
    /// Sent after the profile's own set-up, without `AT`.
    pub init: Option<String>,
    /// How long dialling may take until CONNECT.
    pub dial_timeout: Option<Duration>,
    /// Rings before an incoming call is answered.
    pub rings: Option<u32>,
    /// The modem is asked who calls.
    pub caller_id: bool,
    /// The modem answers by itself after the rings (S0), and is not told to.
    pub auto_answer: bool,
    /// What is dialled before every number: to get out of a PBX, say.
    pub dial_prefix: Option<String>,
    /// Dial by pulses; by tones if not.
    pub pulse: bool,
    /// How long DTR is low at a hang-up.
    pub dtr_low: Option<Duration>,
}

/// What is said of a modem.
const MODEM_KEYS: [&str; 8] =
    ["init", "rings", "caller-id", "auto-answer", "dial", "dial-prefix", "dial-timeout", "dtr-low"];

/// What a call costs is reckoned with DTR low for so long.
const LONGEST_PAID_DTR_LOW: Duration = Duration::from_secs(1);
/// Longer than anything needs to see that DTR is low, or that a call is over.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The exchange says who calls between the first ring and the second.
pub const RINGS_WITH_CALLER: u32 = 2;

/// The types of lines, as they are offered to whoever wrote another.
const KINDS: &str = r#""serial", "tcp", "tls", "telnet", "pipe" or "stdin""#;
/// Where programs that share a line look for its lock file (File-system Hierarchy Standard, /var/lock).
const LOCK_DIRECTORY: &str = "/var/lock";
/// The highest speed that a V.90 modem can make use of.
const USUAL_SPEED: u32 = 57_600;
/// How long a TCP connection may take. Taylor UUCP has the system's own limit, which is minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

pub fn read(
    mut section: Section<'_>,
    base: &Path,
    tables: &Timetables,
    names: &mut Names,
    findings: &Findings,
) -> Option<LineConfig> {
    let name = section.text("name");
    // A port is named so that calls are taken there.
    let answer = section.boolean("answer").unwrap_or_else(|| section.has("listen"));
    let kind = section.value("type", |text| match text {
        "serial" | "tcp" | "tls" | "telnet" | "pipe" | "stdin" => Ok(text.to_owned()),
        _ => Err(format!("write {KINDS}")),
    });
    // Nobody is called on standard input but by whoever has paid for that.
    let paid = kind.as_deref().is_some_and(|kind| kind != "stdin");
    let tariff = if paid { tariff::read(&mut section, tables) } else { None };
    let kind = match kind.as_deref() {
        Some("serial") => read_serial(&mut section, base, answer),
        Some("tcp") => Some(read_tcp(&mut section, answer, Over::Plain)),
        Some("telnet") => Some(read_tcp(&mut section, answer, Over::Telnet)),
        Some("tls") => {
            let tls = read_tls(&mut section, base, answer);
            Some(read_tcp(&mut section, answer, Over::Tls(tls)))
        }
        Some("pipe") => read_pipe(&mut section),
        Some("stdin") => Some(LineKind::Stdin),
        _ => None,
    };
    if section.has("auto-answer") && !answer {
        section.wrong(
            "auto-answer",
            "a modem that answers on a line without `answer` picks up for nobody",
            "add answer = true, or leave it out",
        );
    }
    let declared = Declared {
        eight_bit: section.boolean("eight-bit"),
        reliable: section.boolean("reliable"),
        full_duplex: section.boolean("full-duplex"),
    };
    let protocols = protocols::read(&mut section);
    let order = calls::order(&mut section);
    match &name {
        Some(name) => names.give(Kind::Line, name, section.span("name"), findings),
        None if !section.has("name") => section.missing("name", "add a name, as name = \"modem\""),
        None => {}
    }
    if !section.has("type") {
        section.missing("type", format!("add type = {KINDS}"));
    } else if kind.is_some() {
        // Without a sound type it is not known which keys belong here.
        section.finish();
    }
    Some(LineConfig { name: name?, kind: kind?, answer, declared, protocols, order, tariff })
}

fn read_serial(section: &mut Section<'_>, base: &Path, answer: bool) -> Option<LineKind> {
    let device = section.text("device").map(|device| SerialPort::Device(base.join(device)));
    let server = read_server(section, answer);
    if section.peek("device").is_some_and(is_adapter) {
        section.doubtful(
            "device",
            "this may be another adapter after the next start",
            "use a name below /dev/serial/by-id; `uugate line doctor` says which",
        );
    }
    let speed = section.value("speed", speed).unwrap_or(USUAL_SPEED);
    let flow = section.value("flow", |text| match text {
        "rts-cts" => Ok(Flow::RtsCts),
        "xon-xoff" => Ok(Flow::XonXoff),
        "none" => Ok(Flow::None),
        _ => Err("write \"rts-cts\", \"xon-xoff\" or \"none\"".into()),
    });
    if flow == Some(Flow::XonXoff) {
        section.doubtful(
            "flow",
            "with xon-xoff the bytes 0x11 and 0x13 never arrive: of the protocols for lines that lose bytes, j alone bears it",
            "write flow = \"rts-cts\", or \"none\" if the cable has three wires",
        );
    }
    let usual = SerialSettings::default();
    let (data, parity) = section.value("format", format).unwrap_or((usual.data, usual.parity));
    let dtr_on_open = section.value("dtr-on-open", |text| match text {
        "raise" => Ok(DtrOnOpen::Raise),
        "keep" => Ok(DtrOnOpen::Keep),
        "lower" => Ok(DtrOnOpen::Lower),
        _ => Err("write \"raise\", \"keep\" or \"lower\"".into()),
    });
    let hang_up_on_close = section.boolean("hang-up-on-close");
    let exclusive = section.boolean("exclusive");
    for key in ["dtr-on-open", "hang-up-on-close", "exclusive"] {
        if section.has("server") && section.has(key) {
            section.wrong(
                key,
                format!("`{key}` is for a port of this machine"),
                "set it at the terminal server",
            );
        }
    }
    let hold_off = section.value("hold-off", rest);
    let dtr_low = section.value("dtr-low", rest);
    let lock_directory = section.text("lock-directory").unwrap_or_else(|| LOCK_DIRECTORY.to_owned());
    let profile = section.value("modem", modem);
    let init = section.value("init", |text| {
        let fits = text.len() <= 80 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        match fits {
            true if sets_escape(text) => {
                Err("leave S2 and S12 out: the escape and its guard time are set, and relied on".to_owned())
            }
            true => Ok(text.to_owned()),
            false => Err("write what follows AT, as \"&C1&D2\"".to_owned()),
        }
    });
    let dial_timeout = section.value("dial-timeout", duration);
    let rings = section.count("rings", 1..=20);
    match (section.has("device"), section.has("server")) {
        (true, true) => section.wrong(
            "server",
            "both `device` and `server` are given",
            "keep the one where the serial port is",
        ),
        (false, false) => section.missing(
            "device",
            "add the serial port, as device = \"/dev/ttyS0\", or the terminal server that has it, as server = \"HOST:PORT\"",
        ),
        _ => {}
    }
    let auto_answer = section.boolean("auto-answer").unwrap_or_default();
    let caller_id = section.boolean("caller-id").unwrap_or_default();
    if caller_id {
        check_caller_id(section, profile.as_deref(), rings);
    }
    let dial_prefix = section.value("dial-prefix", |text| match is_dialled(text) {
        true => Ok(text.to_owned()),
        false => Err("write what goes before every number, as \"0W\"".to_owned()),
    });
    let pulse = section.value("dial", |text| match text {
        "tone" => Ok(false),
        "pulse" => Ok(true),
        _ => Err("write \"tone\" or \"pulse\"".into()),
    });
    let pulse = pulse.unwrap_or_default();
    for key in MODEM_KEYS {
        if section.has(key) && !section.has("modem") {
            section.wrong(
                key,
                format!("`{key}` needs a modem on this line"),
                "add the kind of modem, as modem = \"generic\"",
            );
        }
    }
    if section.has("modem") && dtr_on_open == Some(DtrOnOpen::Lower) {
        section.wrong("dtr-on-open", "a modem hears nothing while DTR is low", "write \"raise\" or \"keep\"");
    }
    check_paid_dial(section, "dial-timeout", dial_timeout);
    if section.has("tariff") && dtr_low.is_some_and(|low| low > LONGEST_PAID_DTR_LOW) {
        section.wrong(
            "dtr-low",
            "the cost of a call is reckoned with a faster hang-up",
            "on a line with a tariff, write \"1 s\" or less",
        );
    }
    let modem = profile.map(|profile| ModemConfig {
        profile,
        init,
        dial_timeout,
        rings,
        caller_id,
        auto_answer,
        dial_prefix,
        pulse,
        dtr_low,
    });
    Some(LineKind::Serial {
        port: device.or(server)?,
        speed,
        flow: flow.unwrap_or(Flow::RtsCts),
        data,
        parity,
        dtr_on_open: dtr_on_open.unwrap_or(usual.dtr_on_open),
        hang_up_on_close: hang_up_on_close.unwrap_or(usual.hang_up_on_close),
        exclusive: exclusive.unwrap_or(usual.exclusive),
        hold_off: hold_off.unwrap_or(LineSettings::HOLD_OFF),
        lock_directory: base.join(lock_directory),
        modem,
    })
}

/// What is reckoned at the beginning has to hold when the other end answers.
fn check_paid_dial(section: &Section<'_>, key: &str, limit: Option<Duration>) {
    if section.has("tariff") && limit.is_some_and(|limit| limit > tariff::LONGEST_DIAL) {
        section.wrong(
            key,
            "the price could change while it dials",
            "on a line with a tariff, write \"100 s\" or less",
        );
    }
}

/// A modem that is asked who calls has to know how, and to wait until it is told.
fn check_caller_id(section: &mut Section<'_>, profile: Option<&str>, rings: Option<u32>) {
    let profile = profile.and_then(Profile::named);
    if profile.is_some_and(|profile| profile.caller_id.is_empty()) {
        section.wrong(
            "caller-id",
            "no command is known by which this kind of modem says who calls",
            "leave it out; if your modem has a command for it, add that to `init`",
        );
    }
    if rings.is_some_and(|rings| rings < RINGS_WITH_CALLER) {
        section.wrong("rings", "the number of the caller comes after the first ring", "write 2 or more");
    }
}

/// A time for which a line does nothing.
fn rest(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| match time <= LONGEST_REST {
        true => Ok(time),
        false => Err("write a minute at most, as \"5 s\"".to_owned()),
    })
}

fn read_server(section: &mut Section<'_>, answer: bool) -> Option<SerialPort> {
    let (host, port) = section.value("server", host_and_port)?;
    let plain_passwords = section.boolean("plain-passwords").unwrap_or(false);
    if answer && !plain_passwords && !is_loopback(&host) {
        section.wrong(
            "server",
            "the passwords of callers could be read on the network",
            "answer no calls there, or allow it with plain-passwords = true",
        );
    }
    Some(SerialPort::Server { host, port, plain_passwords })
}

/// Whether these commands set the escape character (S2) or its guard time (S12). A mark before a letter makes it another command.
fn sets_escape(init: &str) -> bool {
    let init: String = init.to_ascii_uppercase().split_whitespace().collect();
    let marked = |before: &str| before.ends_with(['&', '%', '\\', '*', '+', '-', '$', '#', ':', '"']);
    init.match_indices('S').filter(|(at, _)| !init.get(..*at).is_some_and(marked)).any(|(at, _)| {
        let behind = init.get(at + 1..).unwrap_or_default();
        let register = behind.split_once('=').map(|(register, _)| register.trim_start_matches('0'));
        matches!(register, Some("2" | "12"))
    })
}

/// Data bits, parity and stop bits, as everybody writes them.
fn format(text: &str) -> Result<(DataBits, Parity), String> {
    match text {
        "8N1" => Ok((DataBits::Eight, Parity::None)),
        "8E1" => Ok((DataBits::Eight, Parity::Even)),
        "8O1" => Ok((DataBits::Eight, Parity::Odd)),
        "7E1" => Ok((DataBits::Seven, Parity::Even)),
        "7O1" => Ok((DataBits::Seven, Parity::Odd)),
        _ => Err("write \"8N1\", \"8E1\", \"8O1\", \"7E1\" or \"7O1\"".into()),
    }
}

/// The name of a built-in profile.
fn modem(text: &str) -> Result<String, String> {
    if Profile::named(text).is_some() {
        return Ok(text.to_owned());
    }
    let all = Profile::all();
    let names: Vec<&str> = all.iter().map(|profile| profile.name.as_str()).collect();
    Err(format!("write one of {}; the first one fits most modems", names.join(", ")))
}

fn read_tcp(section: &mut Section<'_>, answer: bool, over: Over) -> LineKind {
    let listen = section.list("listen", address).unwrap_or_default();
    let connect_timeout = section.value("connect-timeout", duration).unwrap_or(CONNECT_TIMEOUT);
    check_paid_dial(section, "connect-timeout", Some(connect_timeout));
    if answer && !section.has("listen") {
        section.missing("listen", "add where calls are taken, as listen = \"0.0.0.0:540\"");
    }
    let mut plain_passwords = false;
    if !matches!(over, Over::Tls(_)) {
        plain_passwords = section.boolean("plain-passwords").unwrap_or(false);
        let open = listen.iter().any(|address| !address.ip().to_canonical().is_loopback());
        if open && answer && !plain_passwords {
            section.wrong(
                "listen",
                "the passwords of callers could be read on the network",
                "use type = \"tls\", listen on loopback alone, or allow it with plain-passwords = true",
            );
        }
    }
    LineKind::Tcp { listen, connect_timeout, over, plain_passwords }
}

fn read_tls(section: &mut Section<'_>, base: &Path, answer: bool) -> TlsSettings {
    let mut path = |key| section.text(key).map(|path| base.join(path));
    let (certificate, key, issuers) = (path("certificate"), path("key-file"), path("ca"));
    let needed = section.boolean("require-certificate");
    let identity = certificate.zip(key).map(|(certificate, key)| Identity { certificate, key });
    let settings = TlsSettings {
        identity,
        issuers,
        callers_need_one: needed.unwrap_or(false),
        ..TlsSettings::default()
    };
    for (one, other) in [("certificate", "key-file"), ("key-file", "certificate")] {
        if (answer || section.has(other)) && !section.has(one) {
            section.missing(one, format!("add the file, as {one} = \"polux.pem\""));
        }
    }
    if needed == Some(true) && !section.has("ca") {
        section.missing(
            "ca",
            "add the file of the issuers that callers' certificates are to be from, as ca = \"ca.pem\"",
        );
    }
    if section.has("certificate") == section.has("key-file")
        && let Err(error) = settings.check(answer && section.has("certificate"))
    {
        section.wrong("type", format!("no TLS with what is given here: {error}"), error.fault().advice);
    }
    settings
}

fn read_pipe(section: &mut Section<'_>) -> Option<LineKind> {
    let program = section.list("program", |text| {
        plain(text)?;
        PipeSettings::check(text).map(|()| text.to_owned())
    });
    match program {
        Some(program) if !program.is_empty() => Some(LineKind::Pipe { program }),
        Some(_) => {
            section.wrong(
                "program",
                "a pipe needs a program",
                "write it with its arguments, as [\"ssh\", \"polux\"]",
            );
            None
        }
        None => {
            if !section.has("program") {
                section.missing(
                    "program",
                    "add the program with its arguments, as program = [\"ssh\", \"polux\"]",
                );
            }
            None
        }
    }
}
