//! A modem that is switched off, has lost its settings, or hangs: what the record says, when the system is called again, and that
//! the line is free.

use super::call;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::dialled;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    echo: bool,
    verbose: bool,
    quiet: bool,
}

/// Of two kinds.
const TALKATIVE: Settings = Settings { echo: true, verbose: false, quiet: false };
const QUIET: Settings = Settings { quiet: true, ..TALKATIVE };

#[derive(Debug)]
struct Modem {
    is_on: bool,
    /// Says nothing to a dial.
    hangs: bool,
    settings: Settings,
    /// What a reset brings back.
    stored: Settings,
    said: Vec<String>,
}

impl Modem {
    fn obey(&mut self, command: &str) -> Vec<u8> {
        if !self.is_on {
            return Vec::new();
        }
        self.said.push(command.to_owned());
        let mut out = Vec::new();
        if self.settings.echo {
            out.extend(format!("{command}\r").bytes());
        }
        if command.contains("ATZ") {
            self.settings = self.stored;
        }
        for (set, change) in [
            ("E0", (|settings| settings.echo = false) as fn(&mut Settings)),
            ("V1", |settings| settings.verbose = true),
            ("Q0", |settings| settings.quiet = false),
        ] {
            if command.contains(set) {
                change(&mut self.settings);
            }
        }
        let dials = command.contains("ATD");
        if self.settings.quiet || !command.contains("AT") || dials && self.hangs {
            return out;
        }
        let (code, words) = if dials { (7, "BUSY") } else { (0, "OK") };
        match self.settings.verbose {
            true => out.extend(format!("\r\n{words}\r\n").bytes()),
            false => out.extend(format!("{code}\r").bytes()),
        }
        out
    }
}

/// A modem on a pseudo terminal. It has no telephone line: every number is busy.
struct Faulty {
    device: PathBuf,
    modem: Arc<Mutex<Modem>>,
    /// Keeps the pseudo terminal alive between two openings.
    _slave: OwnedFd,
}

impl Faulty {
    fn new() -> Faulty {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a pseudo terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other side");
        let name = ptsname(&master, Vec::new()).expect("a name");
        let device = PathBuf::from(name.into_string().expect("a path"));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&device, flags, Mode::empty()).expect("its other side");
        let modem = Modem { is_on: true, hangs: false, settings: QUIET, stored: QUIET, said: Vec::new() };
        let modem = Arc::new(Mutex::new(modem));
        let own = modem.clone();
        std::thread::spawn(move || {
            let (mut command, mut byte) = (String::new(), [0]);
            while let Ok(1) = rustix::io::read(&master, &mut byte) {
                if byte[0] != b'\r' {
                    command.push(char::from(byte[0]));
                    continue;
                }
                let answer =
                    own.lock().unwrap_or_else(PoisonError::into_inner).obey(&std::mem::take(&mut command));
                if rustix::io::write(&master, &answer).is_err() {
                    return;
                }
            }
        });
        Faulty { device, modem, _slave: slave }
    }

    fn set(&self, change: impl FnOnce(&mut Modem)) {
        change(&mut self.modem.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn said(&self) -> Vec<String> {
        self.modem.lock().unwrap_or_else(PoisonError::into_inner).said.clone()
    }
}

/// How many calls have failed in a row, and whether a next one is planned for later, or the line waits.
fn failures(leaf: &Node) -> (u64, bool) {
    let when = leaf.report("when", &["feed"])["when"]["systems"][0].take();
    let until = when["due"].as_str().max(when["lines"][0]["until"].as_str());
    (when["failures"].as_u64().expect("a number"), until > when["now"].as_str())
}

#[test]
fn what_is_wrong_with_a_modem_is_recorded_and_leaves_the_line_free() {
    let folder = open_folder();
    let faulty = Faulty::new();
    let line = format!(
        "[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"{}\"\nmodem = \"exchange\"\nlock-directory = \".\"\n\
         flow = \"none\"\ndial-timeout = \"1 s\"\n",
        faulty.device.display()
    );
    let leaf = Node::new(folder.path(), "leaf", &[dialled("feed", "5552", ""), line].concat());
    let daemon = leaf.start();

    // It echoes, answers in numbers, and keeps even those to itself: as from the first word on, so after a reset.
    assert!(call(&leaf, "feed").starts_with("dial: the number is busy"));
    assert!(faulty.said().contains(&"ATE0V1Q0X4&C1&D2".to_owned()), "{:?}", faulty.said());
    assert_eq!(failures(&leaf), (1, true));
    // It was switched off and on between two calls.
    faulty.set(|modem| (modem.settings, modem.stored) = (TALKATIVE, TALKATIVE));
    assert!(call(&leaf, "feed").starts_with("dial: the number is busy"));
    assert_eq!(failures(&leaf), (2, true));
    // It is off.
    faulty.set(|modem| modem.is_on = false);
    let failure = call(&leaf, "feed");
    assert!(failure.starts_with("modem: the modem does not answer \"AT\""), "{failure}");
    assert_eq!(failures(&leaf), (2, true), "that is no fault of the system's");
    // It says nothing to a dial, and is hung up like a call.
    faulty.set(|modem| (modem.is_on, modem.hangs) = (true, true));
    let failure = call(&leaf, "feed");
    assert!(failure.starts_with("dial: the modem did not connect within 1 s"), "{failure}");
    faulty.set(|modem| modem.hangs = false);
    assert!(call(&leaf, "feed").starts_with("dial: the number is busy"), "the line is free");
    assert!(faulty.said().contains(&"\x1c\x1c\x1cATH".to_owned()), "{:?}", faulty.said());
    assert_eq!(failures(&leaf), (4, true));
    assert!(daemon.stop().success());
}
