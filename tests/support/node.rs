//! A node of uugate in a temporary folder: its configuration, its commands, its mailboxes, and its daemon.

use super::{PATIENCE, output_with_input, run_with_input, watch};
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub struct Node {
    pub name: String,
    root: PathBuf,
    /// What its programs have in their environment beside that of the tests.
    environment: Vec<(&'static str, OsString)>,
}

impl Node {
    /// Lays out a node. `config` is what follows `[node] name`; every node has the user `ann` and a postmaster, unless
    /// `config` has users of its own.
    pub fn new(parent: &Path, name: &str, config: &str) -> Node {
        let node = Node { name: name.into(), root: parent.join(name), environment: Vec::new() };
        fs::create_dir_all(node.path("mail")).expect("folder of the node");
        node.configure(config);
        node
    }

    /// The same node, with more in the environment of its programs.
    pub fn in_environment(self, more: impl IntoIterator<Item = (&'static str, OsString)>) -> Node {
        Node { environment: self.environment.into_iter().chain(more).collect(), ..self }
    }

    pub fn configure(&self, config: &str) {
        let users = if config.contains("[users]") {
            ""
        } else {
            "[users]\nann = \"mail/ann\"\nroot = \"mail/root\"\n[aliases]\npostmaster = \"root\"\n"
        };
        let text = format!("[node]\nname = \"{}\"\n{config}\n{users}", self.name);
        fs::write(self.path("uugate.toml"), text).expect("configuration of the node");
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// One of our programs on this node.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
        command.arg(program).arg("-I").arg(self.path("uugate.toml")).stdin(Stdio::null());
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs a program to its good end.
    pub fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Output {
        run_with_input(self.command(program).args(arguments), input)
    }

    /// Runs a program, however it ends.
    pub fn try_run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Output {
        output_with_input(self.command(program).args(arguments), input)
    }

    /// Looks at a recording.
    pub fn trace(&self, arguments: &[&str]) -> Output {
        output_with_input(Command::new(env!("CARGO_BIN_EXE_uugate")).arg("trace").args(arguments), b"")
    }

    /// Calls a peer on standard input and output.
    pub fn caller(&self, peer: &str) -> Command {
        let mut command = self.command("uucico");
        command.args(["-r1", "-s", peer]);
        command
    }

    /// Is called on standard input and output.
    pub fn called(&self) -> Command {
        self.command("uucico")
    }

    /// Hands in a message as a local user does.
    pub fn mail(&self, sender: &str, recipients: &[&str], message: &[u8]) {
        let mut arguments = vec!["-i", "-f", sender];
        arguments.extend(recipients);
        self.run("sendmail", &arguments, message);
    }

    /// The messages of a mailbox, quoting undone, each without its From_ line.
    pub fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let bytes = fs::read(self.path("mail").join(user)).unwrap_or_default();
        let mut messages: Vec<Vec<u8>> = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let unquoted = line.strip_prefix(b">").filter(|rest| {
                let at = rest.iter().position(|byte| *byte != b'>').unwrap_or(rest.len());
                rest[at..].starts_with(b"From ")
            });
            match (line.starts_with(b"From "), messages.last_mut()) {
                (true, _) => messages.push(Vec::new()),
                (false, Some(message)) => message.extend_from_slice(unquoted.unwrap_or(line)),
                (false, None) => panic!("the mailbox does not begin with a From_ line: {line:?}"),
            }
        }
        for message in &mut messages {
            assert_eq!(message.pop(), Some(b'\n'), "every message of a mailbox ends with an empty line");
        }
        messages
    }

    /// Starts the daemon and waits until it says that it is ready.
    pub fn start(&self) -> Daemon {
        let socket = self.path("notify");
        let _ = fs::remove_file(&socket);
        let ready = UnixDatagram::bind(&socket).expect("notification socket");
        ready.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("log");
        let child =
            self.command("run").env("NOTIFY_SOCKET", &socket).stderr(log).spawn().expect("the daemon starts");
        let daemon = Daemon { child: Some(child) };
        let mut message = [0; 4096];
        let count = loop {
            match ready.recv(&mut message) {
                Ok(count) => break count,
                // Other tests of this process have children, whose end is a signal to all of it.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{}: the daemon never was ready ({error}):\n{}", self.name, self.log()),
            }
        };
        assert!(String::from_utf8_lossy(&message[..count]).contains("READY=1"));
        daemon
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until a mailbox holds so many messages.
    #[track_caller]
    pub fn await_mail(&self, user: &str, count: usize) {
        let enough = || {
            let bytes = fs::read(self.path("mail").join(user)).unwrap_or_default();
            let starts = bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"From ")).count();
            starts >= count && bytes.ends_with(b"\n\n")
        };
        watch::until(&self.path("mail"), &format!("{count} messages for {user}"), enough);
    }

    /// Waits until so many jobs wait for a call.
    #[track_caller]
    pub fn await_jobs(&self, count: usize) {
        let jobs = || self.report("uustat", &["-a"])["jobs"]["jobs"].as_array().map_or(0, Vec::len);
        watch::until(&self.path("spool"), &format!("{count} jobs"), || jobs() >= count);
    }

    /// Where the daemon that was started last listens; `what` is how its log says it.
    #[track_caller]
    pub fn await_address(&self, what: &str) -> SocketAddr {
        let mut found = None;
        watch::until(&self.path(""), what, || {
            let log = self.log();
            let line = log.lines().rev().find(|line| line.contains(what));
            let word = line.and_then(|line| line.split("address=").nth(1)?.split_whitespace().next());
            found = word.and_then(|word| word.parse().ok());
            found.is_some()
        });
        found.expect("it was found")
    }

    /// Jobs that wait for a call, and messages that have not reached all their recipients.
    pub fn waiting(&self) -> (usize, usize) {
        let count = |list: serde_json::Value| list.as_array().expect("a list").len();
        let jobs = self.report("uustat", &["-a"])["jobs"]["jobs"].take();
        let entries = self.report("mailq", &[])["queue"]["entries"].take();
        (count(jobs), count(entries))
    }

    /// The calls that have ended, newest first.
    pub fn ended_calls(&self) -> Vec<serde_json::Value> {
        let mut calls = self.report("uustat", &["-m"])["calls"]["calls"].take();
        let calls = std::mem::take(calls.as_array_mut().expect("a list"));
        calls.into_iter().filter(|call| !call["ended"].is_null()).collect()
    }

    /// What a program reports as JSON.
    pub fn report(&self, program: &str, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(program, &[arguments, &["--json"]].concat(), b"").stdout;
        serde_json::from_slice(&output).expect("a report")
    }
}

/// The configuration of a node whose one neighbour is `peer`, met on standard input and output.
pub fn neighbour(peer: &str, settings: &str) -> String {
    format!(
        "[routes]\nsmart-host = \"{peer}\"\n[[system]]\nname = \"{peer}\"\nline = \"stdio\"\n{settings}\n\
         [[line]]\nname = \"stdio\"\ntype = \"stdin\"\n"
    )
}

/// A running `uugate run`; it is killed when this is dropped.
pub struct Daemon {
    child: Option<Child>,
}

impl Daemon {
    pub fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Asks it to stop, as a service manager does, and waits for the end.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let child = self.child.take().expect("it runs");
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("it can be told");
        super::wait(child)
    }

    /// Takes its life without a warning, as a power cut does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
