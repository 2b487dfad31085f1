//! A line that other programs use too: whoever has it is named, nobody is disturbed, and the call is put off, not given up.

use super::{call, pair};
use crate::support::modem_lines::{DCD, ModemLines};
use crate::support::node::Node;
use crate::support::taylor::{self, Taylor};
use crate::support::telephone::Telephone;
use crate::support::{open_folder, watch};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use uugate::wire::exchange::{Event, Settings};
use uugate::wire::line::{LineError, Port, SerialSettings};

const DIAL: &str = include_str!("../samples/taylor-exchange-dial");
const PORT: &str = include_str!("../samples/taylor-exchange-port");

/// Makes a lock file as programs of the UUCP family do, as soon as it is free, and keeps it until its input ends.
const LOCK_FILE: &str = r#"
import os, sys, time
while True:
    try:
        lock = open(sys.argv[1], "x")
        break
    except FileExistsError:
        time.sleep(0.01)
with lock:
    lock.write("%10d\n" % os.getpid())
print("held", flush=True)
sys.stdin.read()
os.remove(sys.argv[1])
"#;

/// Locks the device itself, as programs do that know no lock files.
const FLOCK: &str = r#"
import fcntl, os, sys
device = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(device, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"#;

/// Another program that has the line, until [`Holder::leave`].
pub(super) struct Holder(Child);

impl Holder {
    pub(super) fn with_lock_file(file: &Path) -> Holder {
        Holder::start(LOCK_FILE, file)
    }

    fn start(script: &str, path: &Path) -> Holder {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", script]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("text");
        assert_eq!(said, "held\n", "somebody else had it");
        Holder(child)
    }

    fn words(&self) -> String {
        format!("process {} (python3", self.0.id())
    }

    fn leave(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_line_is_free_between_calls_and_a_call_is_put_off_while_another_program_has_it() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    let lock = leaf.path("LCK..leaf");
    for _ in 0..2 {
        // The daemon runs and does not answer on the line: it has no lock there.
        let other = Holder::with_lock_file(&lock);
        let failure = call(&leaf, "feed");
        assert!(failure.starts_with("port: ") && failure.contains(&other.words()), "{failure}");
        other.leave();
        assert_eq!(call(&leaf, "feed"), "", "the line is free again");
        // The record is written before the line is hung up.
        watch::until(&leaf.path(""), "the end of the lock", || !lock.exists());
    }
    // Who is killed leaves a lock file that means nothing.
    drop(Holder::with_lock_file(&lock));
    assert!(lock.exists());
    assert_eq!(call(&leaf, "feed"), "", "that lock was stale");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    assert!(!lock.exists(), "the line is left free");
}

#[test]
fn a_line_whose_call_was_not_seen_to_end_is_another_programs_that_takes_it() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let lines = ModemLines::new(folder.path());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let leaf = leaf.in_environment(lines.environment());
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    let lock = leaf.path("LCK..leaf");
    leaf.run("poll", &["feed"], b"");
    telephone.until("the connection", |event| matches!(event, Event::Connected { .. }));
    // It stands from now on, whatever becomes of the call.
    lines.raise(DCD);
    watch::until(&leaf.path(""), "the line out of order", || leaf.log().contains("out of order"));
    let other = Holder::with_lock_file(&lock);
    let failure = call(&leaf, "feed");
    assert!(failure.starts_with("port: ") && failure.contains(&other.words()), "{failure}");
    other.leave();
    lines.lower(DCD);
    leaf.run("poll", &["feed"], b"");
    telephone.until("the end of the call", |event| {
        lines.follow(event);
        matches!(event, Event::Ended { .. })
    });
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn a_modem_that_taylors_uucico_dials_with_is_left_to_it() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let settings = taylor::Settings {
        system: "phone 5554\nchat \"\"\n",
        port: &PORT.replace("DEVICE", &telephone.device("leaf").display().to_string()),
        dial: DIAL,
        ..taylor::Settings::default()
    };
    let taylor = Taylor::new(folder.path(), "taylor", "polux", &settings);
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let config = std::fs::read_to_string(leaf.path("uugate.toml")).expect("a configuration");
    let shared = format!("lock-directory = \"{}\"", taylor.path("lock").display());
    assert!(config.contains("lock-directory = \".\""));
    let config = config.replace("lock-directory = \".\"", &shared);
    std::fs::write(leaf.path("uugate.toml"), config).expect("a configuration");
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());

    let mut uucico = taylor.caller().spawn().expect("uucico");
    telephone.until("ringing", |event| matches!(event, Event::Ringing { .. }));
    let failure = call(&leaf, "feed");
    let holder = format!("process {} (uucico)", uucico.id());
    assert!(failure.starts_with("port: ") && failure.contains(&holder), "{failure}");
    uucico.kill().expect("it runs");
    uucico.wait().expect("it ends");
    telephone.until("the end of that", |event| matches!(event, Event::Refused { .. }));
    assert_eq!(call(&leaf, "feed"), "", "the line is free again");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn a_program_that_locks_the_device_itself_is_named_with_its_process() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a PTY");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other side");
    let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("text");
    let device = PathBuf::from(name);
    let other = Holder::start(FLOCK, &device);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let settings = SerialSettings { device, lock_dir: None, ..SerialSettings::default() };
    let port = Port::Serial(settings);
    let refused = runtime.block_on(port.open()).expect_err("somebody has it");
    assert!(matches!(&refused, LineError::Held { .. }), "{refused}");
    assert!(refused.to_string().contains(&other.words()), "{refused}");
    other.leave();
    runtime.block_on(async { port.open().await.map(drop) }).expect("it is free again");
}

#[test]
fn a_stale_lock_is_taken_away_when_that_is_asked_for_and_a_live_one_never() {
    let folder = open_folder();
    let line = "[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"tty\"\nlock-directory = \".\"\n";
    let leaf = Node::new(folder.path(), "leaf", line);
    let unlock = |arguments: &[&str]| leaf.try_run("line", arguments, b"");
    let lock = leaf.path("LCK..tty");
    assert_eq!(unlock(&["unlock", "modem"]).status.code(), Some(64));
    let other = Holder::with_lock_file(&lock);
    let refused = unlock(&["unlock", "--stale", "modem"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(75) && said.contains(&other.words()), "{said}");
    // Killed, it leaves its lock.
    drop(other);
    assert!(lock.exists());
    let done = unlock(&["unlock", "--stale", "modem"]);
    assert!(done.status.success() && !lock.exists());
    assert!(String::from_utf8_lossy(&done.stdout).contains("LCK..tty"));
    let nothing = unlock(&["unlock", "--stale", "modem"]);
    assert!(String::from_utf8_lossy(&nothing.stdout).contains("no stale lock"));
}

#[test]
fn a_getty_that_has_the_line_without_a_lock_is_named_in_the_log() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let (feed, leaf) = pair(folder.path(), &telephone, "");
    let device = std::fs::canonicalize(telephone.device("leaf")).expect("the device");
    let mut getty = Command::new("sh");
    getty.arg0("/sbin/agetty").args(["-c", "read nothing"]).arg(&device).stdin(Stdio::piped());
    let getty = Holder(getty.spawn().expect("a shell"));
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    assert_eq!(call(&leaf, "feed"), "");
    let named = format!("process {}", getty.0.id());
    let log = leaf.log();
    let warned = log.lines().any(|line| line.contains(&named) && line.contains("has not locked it"));
    assert!(warned, "{log}");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}
