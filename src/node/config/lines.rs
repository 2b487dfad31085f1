//! `[[line]]`: what calls are made and taken on.

use super::findings::Findings;
use super::names::{Kind, Names};
use super::section::{Section, plain};
use super::smtp::address;
use super::units::{duration, speed};
use crate::wire::line::Declared;
use crate::wire::modem::Profile;
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
}

/// What the line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// A serial port; with a modem, calls are dialled.
    Serial {
        device: PathBuf,
        speed: u32,
        flow: Flow,
        /// Where `LCK..` files are, for programs that look at them.
        lock_directory: PathBuf,
        modem: Option<ModemConfig>,
    },
    /// Calls go to the `address` of the system, and are taken on `listen`.
    Tcp { listen: Vec<SocketAddr>, connect_timeout: Duration },
    /// A program whose standard input and output are the line.
    Pipe { program: Vec<String> },
    /// Our own standard input and output: `uucico` started by a login.
    Stdin,
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
}

/// Where programs that share a line look for its lock file (File-system Hierarchy Standard, /var/lock).
const LOCK_DIRECTORY: &str = "/var/lock";
/// The highest speed that a V.90 modem can make use of.
const USUAL_SPEED: u32 = 57_600;
/// How long a TCP connection may take. Taylor UUCP has the system's own limit, which is minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

pub fn read(
    mut section: Section<'_>,
    base: &Path,
    names: &mut Names,
    findings: &Findings,
) -> Option<LineConfig> {
    let name = section.text("name");
    // A port is named so that calls are taken there.
    let answer = section.boolean("answer").unwrap_or_else(|| section.has("listen"));
    let kind = section.value("type", |text| match text {
        "serial" | "tcp" | "pipe" | "stdin" => Ok(text.to_owned()),
        _ => Err("write \"serial\", \"tcp\", \"pipe\" or \"stdin\"".into()),
    });
    let kind = match kind.as_deref() {
        Some("serial") => read_serial(&mut section, base),
        Some("tcp") => Some(read_tcp(&mut section, answer)),
        Some("pipe") => read_pipe(&mut section),
        Some("stdin") => Some(LineKind::Stdin),
        _ => None,
    };
    let declared = Declared {
        eight_bit: section.boolean("eight-bit"),
        reliable: section.boolean("reliable"),
        full_duplex: section.boolean("full-duplex"),
    };
    match &name {
        Some(name) => names.give(Kind::Line, name, section.span("name"), findings),
        None if !section.has("name") => section.missing("name", "add a name, as name = \"modem\""),
        None => {}
    }
    if !section.has("type") {
        section.missing("type", "add type = \"serial\", \"tcp\", \"pipe\" or \"stdin\"");
    } else if kind.is_some() {
        // Without a sound type it is not known which keys belong here.
        section.finish();
    }
    Some(LineConfig { name: name?, kind: kind?, answer, declared })
}

fn read_serial(section: &mut Section<'_>, base: &Path) -> Option<LineKind> {
    let device = section.text("device");
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
            "with xon-xoff the bytes 0x11 and 0x13 never arrive, and protocols i and g need all bytes",
            "write flow = \"rts-cts\", or \"none\" if the cable has three wires",
        );
    }
    let lock_directory = section.text("lock-directory").unwrap_or_else(|| LOCK_DIRECTORY.to_owned());
    let profile = section.value("modem", modem);
    let init = section.value("init", |text| {
        let fits = text.len() <= 80 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let hint = "write what follows AT, as \"&C1&D2\"";
        if fits { Ok(text.to_owned()) } else { Err(hint.to_owned()) }
    });
    let dial_timeout = section.value("dial-timeout", duration);
    let rings = section.count("rings", 1..=20);
    if !section.has("device") {
        section.missing("device", "add the serial port, as device = \"/dev/ttyS0\"");
    }
    let modem = profile.map(|profile| ModemConfig { profile, init, dial_timeout, rings });
    Some(LineKind::Serial {
        device: base.join(device?),
        speed,
        flow: flow.unwrap_or(Flow::RtsCts),
        lock_directory: base.join(lock_directory),
        modem,
    })
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

fn read_tcp(section: &mut Section<'_>, answer: bool) -> LineKind {
    let listen = section.list("listen", address).unwrap_or_default();
    let connect_timeout = section.value("connect-timeout", duration).unwrap_or(CONNECT_TIMEOUT);
    if answer && !section.has("listen") {
        section.missing("listen", "add where calls are taken, as listen = \"0.0.0.0:540\"");
    }
    LineKind::Tcp { listen, connect_timeout }
}

fn read_pipe(section: &mut Section<'_>) -> Option<LineKind> {
    let program = section.list("program", |text| plain(text).map(str::to_owned));
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
