//! The agent of root: several users of one machine, whose mailboxes, files and programs it serves to a node.
//!
//! The tests are the node: they run as root, and the users are uids of no account, listed in a password file of the site's own.

mod files;
mod mailboxes;
mod programs;
mod refusals;

use crate::support::open_folder;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use uugate::agent::{Account, Agent, Kind, Passwd, Rules, Settings, Template};

/// The uids of the users `jan` and `piet`, of one below the minimum, and the group of the mailboxes.
const JAN: u32 = 61_001;
const PIET: u32 = 61_002;
const LOW: u32 = 500;
const MAIL: u32 = 61_100;

struct Site {
    folder: tempfile::TempDir,
    agent: Child,
    rules: Rules,
}

impl Site {
    /// A site whose agent obeys these lines of `[agent]`, and its rules as the node has them.
    fn new(more: &str, change: impl FnOnce(&mut Rules)) -> Site {
        assert!(
            rustix::process::geteuid().is_root(),
            "only root can become other users: run tests/run as root"
        );
        let folder = open_folder();
        let at = |name: &str| folder.path().join(name);
        let passwd: String = [("root", 0), ("low", LOW), ("jan", JAN), ("piet", PIET)]
            .map(|(name, uid)| format!("{name}:x:{uid}:{uid}::{}:/bin/sh\n", at("home").join(name).display()))
            .concat();
        write(&at("passwd"), passwd.as_bytes(), 0, 0o644);
        directory(&at("home"), 0, 0, 0o755);
        for (name, uid) in [("jan", JAN), ("piet", PIET), ("low", LOW)] {
            directory(&at("home").join(name), uid, uid, 0o700);
        }
        // As Debian has it: only the group may make files, and they get the group.
        directory(&at("mail"), 0, MAIL, 0o2775);
        directory(&at("run"), 0, 0, 0o755);
        let config = format!(
            "[node]\nname = \"polux\"\n[agent]\nsocket = \"run/agent\"\nnode-user = \"0\"\npasswd-users = true\n\
             passwd-file = \"passwd\"\nmailbox = \"mail/{{user}}\"\nmailbox-group = \"{MAIL}\"\n{more}\n"
        );
        write(&at("uugate.toml"), config.as_bytes(), 0, 0o644);
        let mut rules = Rules::new(50 << 20);
        rules.passwd = Some(Passwd { file: Some(at("passwd")), ..Passwd::default() });
        rules.mailbox = template(&format!("{}/{{user}}", at("mail").display()));
        change(&mut rules);
        let agent = start(folder.path());
        Site { folder, agent, rules }
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// The node's way to it.
    fn agent(&self) -> Agent {
        let settings = Settings { socket: Some(self.path("run/agent")), ..Settings::default() };
        Agent::new(Settings { rules: Arc::new(self.rules.clone()), ..settings })
    }

    /// The mailbox of a user.
    fn account(&self, name: &str, uid: u32) -> Account {
        let mailbox = self.path("mail").join(name);
        Account { user: name.to_owned(), uid, mailbox, kind: Kind::Mailbox }
    }

    /// The pid of the only child that the agent has now.
    fn child(&self) -> i32 {
        let children = format!("/proc/{0}/task/{0}/children", self.agent.id());
        let text = fs::read_to_string(children).expect("the agent runs");
        text.trim().parse().unwrap_or_else(|_| panic!("one child, not {text:?}"))
    }

    /// Kills the agent as a crash does, and starts another.
    fn crash(&mut self) {
        self.agent.kill().expect("it runs");
        self.agent.wait().expect("it is ours");
        self.agent = start(self.folder.path());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

/// Starts the agent of a site, and waits until it listens.
fn start(folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
    command.arg("agent").arg("-I").arg(folder.join("uugate.toml"));
    let mut agent = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("our program");
    let mut log = BufReader::new(agent.stderr.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("the agent is ready") {
        assert!(log.read_line(&mut said).expect("its log") > 0, "the agent ended: {said}");
    }
    // Whatever else it says must not stop it.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
    agent
}

/// Waits until a process that was killed is dead.
fn wait_for_death(pid: i32) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    // None: dead and gone already.
    if let Ok(process) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        let patience = Timespec::try_from(crate::support::PATIENCE).expect("a time");
        let ended =
            poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).expect("it can be waited for");
        assert_eq!(ended, 1, "{pid:?} still runs");
    }
}

fn template(text: &str) -> Template {
    Template::parse(text, &["user", "home", "sender", "recipient", "extension"]).expect("a template")
}

fn directory(path: &Path, uid: u32, gid: u32, mode: u32) {
    fs::create_dir(path).expect("a directory");
    chown(path, Some(uid), Some(gid)).expect("its owner");
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its mode");
}

fn write(path: &Path, bytes: &[u8], uid: u32, mode: u32) {
    fs::write(path, bytes).expect("a file");
    chown(path, Some(uid), Some(uid)).expect("its owner");
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its mode");
}
