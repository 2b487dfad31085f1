//! A throw-away site of the packaged Taylor UUCP 1.07.
//!
//! The programs run with a configuration of their own (`-I`), as the user `uucp` when the tests run as root, for
//! Taylor must own its spool. Mail that reaches the site goes through `taylor_rmail.py`, which keeps what it was
//! given and passes on what is addressed further.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a site of Taylor UUCP is set up with.
pub struct Settings<'a> {
    /// The one protocol that it speaks, and `protocol-parameter` lines for it.
    pub protocol: char,
    pub parameters: &'a [&'a str],
    /// Lines for the `sys` entry beside the usual ones (chat, login).
    pub system: &'a str,
    /// The port entry, after `port line`.
    pub port: &'a str,
    /// Lines of a `dial` file.
    pub dial: &'a str,
    /// Lines of a `passwd` file: who may log in.
    pub logins: &'a str,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            protocol: 'i',
            parameters: &[],
            system: "chat \"\"\n",
            port: "type stdin\n",
            dial: "",
            logins: "",
        }
    }
}

/// A message that the site's rmail was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The arguments of rmail, blank between them.
    pub recipients: String,
    /// The whole input, From_ line included.
    pub bytes: Vec<u8>,
}

impl Delivered {
    /// The message without its From_ line.
    pub fn message(&self) -> &[u8] {
        let end = self.bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
        if self.bytes.starts_with(b"From ") { &self.bytes[end..] } else { &self.bytes }
    }
}

pub struct Taylor {
    pub name: String,
    pub peer: String,
    root: PathBuf,
}

impl Taylor {
    /// Lays the site out below `parent`, which every user must be able to enter.
    pub fn new(parent: &Path, name: &str, peer: &str, settings: &Settings) -> Taylor {
        let root = parent.join(name);
        let site = Taylor { name: name.into(), peer: peer.into(), root };
        for folder in ["spool", "pub", "lock", "bin", "inbox"] {
            fs::create_dir_all(site.path(folder)).expect("folders of the site");
        }
        site.configure(settings);
        site.install_rmail();
        fs::set_permissions(site.path("pub"), fs::Permissions::from_mode(0o777)).expect("public directory");
        if is_root() {
            let done = Command::new("chown").args(["-R", "uucp:uucp"]).arg(&site.root).status();
            assert!(done.expect("chown runs").success());
        }
        site
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// (Re)writes the configuration; the spool stays.
    pub fn configure(&self, settings: &Settings) {
        let at = |inside: &str| self.path(inside).display().to_string();
        let config = format!(
            "nodename {}\nspool {}\npubdir {}\nlockdir {}\nlogfile {}\nstatfile {}\ndebugfile {}\nsysfile {}\n\
             portfile {}\ndialfile {}\npasswdfile {}\nrun-uuxqt never\n",
            self.name,
            at("spool"),
            at("pub"),
            at("lock"),
            at("Log"),
            at("Stats"),
            at("Debug"),
            at("sys"),
            at("port"),
            at("dial"),
            at("passwd")
        );
        let parameters: String =
            settings.parameters.iter().map(|line| format!("protocol-parameter {line}\n")).collect();
        let system = format!(
            "system {}\ntime any\nport line\n{}local-send /\nremote-send {pub}\nlocal-receive /\nremote-receive {pub}\n\
             commands rmail rsmtp\ncommand-path {}\nprotocol {}\n{parameters}",
            self.peer, settings.system, at("bin"), settings.protocol, pub = at("pub")
        );
        let port = format!("port line\n{}", settings.port);
        for (file, text) in [
            ("config", &config),
            ("sys", &system),
            ("port", &port),
            ("dial", &settings.dial.into()),
            ("passwd", &settings.logins.into()),
        ] {
            fs::write(self.path(file), text).expect("configuration of the site");
        }
    }

    fn install_rmail(&self) {
        // A copy inside the site, which its user can read wherever the sources lie.
        let script = self.path("bin/mailer.py");
        fs::write(&script, include_str!("taylor_rmail.py")).expect("rmail of the site");
        for program in ["rmail", "rsmtp"] {
            let text = format!(
                "#!/bin/sh\nexec /usr/bin/python3 {} {} {} {} {program} \"$@\"\n",
                script.display(),
                self.path("inbox").display(),
                self.path("config").display(),
                self.name
            );
            let path = self.path("bin").join(program);
            fs::write(&path, text).expect("rmail of the site");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rmail of the site");
        }
    }

    /// One of Taylor's programs on this site, as the site's user.
    pub fn command(&self, program: &str) -> Command {
        let folder = if matches!(program, "uucico" | "uuxqt") { "/usr/sbin" } else { "/usr/bin" };
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                "uucp",
                "--regid",
                "uucp",
                "--clear-groups",
                &format!("{folder}/{program}"),
            ]);
            command
        } else {
            Command::new(format!("{folder}/{program}"))
        };
        command.arg("-I").arg(self.path("config")).current_dir("/").stdin(Stdio::null());
        command
    }

    /// Calls the peer, in the foreground.
    pub fn caller(&self) -> Command {
        let mut command = self.command("uucico");
        command.args(["-r1", "-f", "-D", "-q", "-s", &self.peer]);
        command
    }

    /// Is called, on standard input and output.
    pub fn called(&self) -> Command {
        let mut command = self.command("uucico");
        command.args(["-r0", "-D", "-q"]);
        command
    }

    /// Queues a message for users at the peer.
    pub fn mail(&self, sender: &str, recipients: &[&str], message: &[u8]) {
        let mut input =
            format!("From {sender} Mon Nov 23 12:00:00 2026 remote from {}\n", self.name).into_bytes();
        input.extend_from_slice(message);
        let mut command = self.command("uux");
        command.args(["-r", "-gC", "-a", sender, "-"]).arg(format!("{}!rmail", self.peer));
        command.args(recipients.iter().map(|recipient| format!("({recipient})")));
        super::run_with_input(&mut command, &input);
    }

    /// Runs what has arrived.
    pub fn execute(&self) {
        super::run_with_input(&mut self.command("uuxqt"), b"");
    }

    /// What the site's rmail was given, in the order of arrival.
    pub fn inbox(&self) -> Vec<Delivered> {
        let mut names: Vec<PathBuf> = fs::read_dir(self.path("inbox"))
            .expect("inbox")
            .map(|entry| entry.expect("inbox").path())
            .collect();
        names.retain(|path| path.extension().is_some_and(|extension| extension == "msg"));
        names.sort();
        let read = |path: &PathBuf| Delivered {
            recipients: fs::read_to_string(path.with_extension("to")).expect("recipients"),
            bytes: fs::read(path).expect("message"),
        };
        names.iter().map(read).collect()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("Log")).unwrap_or_default()
    }

    /// Jobs that wait for the peer.
    pub fn jobs_waiting(&self) -> usize {
        let folder = self.path("spool").join(&self.peer).join("C.");
        fs::read_dir(folder).map_or(0, |entries| entries.count())
    }
}

/// Whether the tests run as root, who can become other users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
