//! Several users of one machine: each has his own jobs, and nobody has the spool.

use super::{leaf, stderr, stdout};
use crate::support::node::Node;
use crate::support::{open_folder, output_with_input};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Two users of every Debian: games and nobody.
const GAMES: &str = "5";
const NOBODY: &str = "65534";

/// Our program where every user may run it.
fn program(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("uugate");
    std::fs::copy(env!("CARGO_BIN_EXE_uugate"), &path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

struct Site {
    folder: tempfile::TempDir,
    node: Node,
    program: PathBuf,
}

impl Site {
    fn new() -> Site {
        assert!(
            rustix::process::geteuid().is_root(),
            "only root can become other users: run tests/run as root"
        );
        let folder = open_folder();
        let (node, program) = (leaf(&folder), program(&folder));
        Site { folder, node, program }
    }

    fn run_as(&self, uid: &str, words: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", uid, "--regid", uid, "--clear-groups"]).arg(&self.program);
        command.args(words).env("UUGATE_CONFIG", self.node.path("uugate.toml"));
        output_with_input(&mut command, input)
    }
}

#[test]
fn what_was_heard_in_a_call_is_shown_to_those_alone_who_are_trusted() {
    let site = Site::new();
    let daemon = site.node.start();
    let failed = site.node.try_run("uucico", &["-r1", "-s", "feed"], b"a line of a letter\n");
    assert!(!failed.status.success());
    let heard = |output: Output| {
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let cause = report["calls"]["calls"][0]["record"]["cause"].clone();
        assert!(cause["code"].is_string(), "{report}");
        cause["last-bytes"].clone()
    };
    let shown = heard(site.node.run("uustat", &["-m", "--json"], b""));
    assert!(shown.as_str().is_some_and(|text| text.contains("a letter")), "{shown}");
    assert_eq!(heard(site.run_as(NOBODY, &["uustat", "-m", "--json"], b"")), Value::Null);
    assert!(daemon.stop().success());
}

#[test]
fn users_see_and_speak_for_themselves_alone() {
    let site = Site::new();
    let daemon = site.node.start();
    let mine = site.run_as(NOBODY, &["uux", "-", "-r", "feed!rmail", "of-nobody"], b"hello\n");
    assert!(mine.status.success(), "{}", stderr(&mine));
    let other = site.run_as(GAMES, &["uux", "-", "-r", "feed!rmail", "of-games"], b"hello\n");
    assert!(other.status.success(), "{}", stderr(&other));

    for (uid, sees, not) in [(NOBODY, "of-nobody", "of-games"), (GAMES, "of-games", "of-nobody")] {
        for words in
            [&["uustat"][..], &["uustat", "-a"], &["uustat", "-s", "feed"], &["uustat", "-u", "root"]]
        {
            let listed = stdout(&site.run_as(uid, words, b""));
            assert!(listed.contains(sees) && !listed.contains(not), "{uid} {words:?}: {listed}");
        }
    }
    assert_eq!(stdout(&site.node.run("uustat", &["-a"], b"")).lines().count(), 2);

    let forbidden: &[&[&str]] = &[
        &["uux", "-", "-r", "-a", "root", "feed!rmail", "x"],
        &["uux", "-", "-r", "-a", "nobody@bank.example", "feed!rmail", "x"],
        &["uux", "-", "-r", "-a", "MAILER-DAEMON", "feed!rmail", "x"],
        &["uux", "-", "-r", "leaf!rsmtp"],
        &["uux", "-", "-r", "feed!rsmtp"],
        &["uux", "-", "-r", "feed!/usr/bin/crsmtp"],
        &["sendmail", "-f", "root", "ann"],
        &["sendmail", "-f", "<>", "ann"],
        &["rsmtp"],
        &["uucico"],
        &["uucico", "-u", "feed"],
        &["uucico", "-r1", "-s", "feed"],
        &["export", "feed", "--to", "/tmp/x"],
        &["import", "/etc/passwd", "--from", "feed"],
    ];
    for words in forbidden {
        let output = site.run_as(NOBODY, words, b"Subject: x\n\nx\n");
        assert_eq!(output.status.code(), Some(77), "{words:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("nobody may not"), "{words:?}: {}", stderr(&output));
    }
    assert!(daemon.stop().success());
}

/// The texts of the files below a folder.
fn bodies_below(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.is_dir() {
        true => bodies_below(&path),
        false => vec![String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()],
    });
    texts.flatten().collect()
}

#[test]
fn mail_of_an_untrusted_user_is_from_that_user_whatever_it_claims() {
    let site = Site::new();
    let daemon = site.node.start();
    let claim = b"From root Sun Nov 22 10:00:00 2026\n>From ceo@bank.example date\nSubject: claim\n\nhello\n";
    assert!(site.run_as(NOBODY, &["rmail", "ann"], claim).status.success());
    assert!(site.run_as(NOBODY, &["uux", "-", "leaf!rmail", "ann"], claim).status.success());
    let own = ["uux", "-", "-r", "-a", "nobody", "feed!rmail", "ann"];
    assert!(site.run_as(NOBODY, &own, claim).status.success());
    assert!(site.run_as(NOBODY, &["sendmail", "ann"], b"Subject: plain\n\nhello\n").status.success());
    // The queue works when it is told to, or by itself.
    site.node.run("uuxqt", &[], b"");
    assert!(daemon.stop().success());
    site.node.run("uuxqt", &[], b"");
    let mailbox = std::fs::read_to_string(site.node.path("mail/ann")).unwrap();
    let senders: Vec<&str> = mailbox.lines().filter(|line| line.starts_with("From ")).collect();
    assert_eq!(senders.len(), 3, "{mailbox}");
    assert!(senders.iter().all(|line| line.starts_with("From nobody ")), "{mailbox}");
    assert!(!mailbox.contains("bank"), "{mailbox}");
    // What goes to the neighbour says the same.
    let mut dump = Command::new(env!("CARGO_BIN_EXE_uugate"));
    dump.args(["spool", "dump", "-I"]).arg(site.node.path("uugate.toml")).arg(site.node.path("dump"));
    assert!(dump.status().unwrap().success());
    let bodies = bodies_below(&site.node.path("dump"));
    let job = bodies.iter().find(|body| body.contains("remote from leaf")).unwrap();
    assert!(job.starts_with("From nobody ") && !job.contains("bank") && !job.contains("root"), "{job}");
}

#[test]
fn nobody_else_can_open_the_spool_even_without_a_daemon() {
    let site = Site::new();
    site.node.run("uux", &["-", "-r", "feed!rmail", "ann"], b"secret\n");
    let spool = site.node.path("spool");
    assert_eq!(std::fs::metadata(&spool).unwrap().permissions().mode() & 0o777, 0o700);
    let output = site.run_as(NOBODY, &["uux", "-", "-r", "feed!rmail", "x"], b"hello\n");
    assert_eq!(output.status.code(), Some(75), "{}", stderr(&output));
    let socket = site.node.path("control");
    assert!(stderr(&output).contains(socket.to_str().unwrap()), "{}", stderr(&output));
    for words in [&["spool", "verify"][..], &["spool", "dump", "out"], &["uustat", "-a"]] {
        let output = site.run_as(NOBODY, words, b"");
        assert!(!output.status.success() && !stdout(&output).contains("secret"), "{words:?}");
    }
    assert!(site.folder.path().exists());
}

#[test]
fn each_user_sees_and_handles_his_own_mail_alone() {
    let site = Site::new();
    let daemon = site.node.start();
    let sent = site.run_as(GAMES, &["sendmail", "-i", "feed!joe"], b"Subject: hello\n\nhello\n");
    assert!(sent.status.success(), "{}", stderr(&sent));
    site.node.await_jobs(1);
    let list = site.node.report("mailq", &[]);
    let message = list["queue"]["entries"][0]["message"].to_string();
    let of_others = site.run_as(NOBODY, &["mailq"], b"");
    assert_eq!(stdout(&of_others), "Mail queue is empty\n");
    for deed in ["hold", "release", "requeue", "delete", "bounce"] {
        let refused = site.run_as(NOBODY, &["queue", deed, &message], b"");
        assert_eq!(refused.status.code(), Some(75), "{deed}");
        assert!(stdout(&refused).contains("not here, or not yours"), "{deed}: {}", stdout(&refused));
    }
    let why = site.run_as(NOBODY, &["why", &message], b"");
    assert!(!why.status.success() && !stdout(&why).contains("joe"), "{}", stdout(&why));
    assert!(!site.run_as(NOBODY, &["queue", "--summary"], b"").status.success());
    let held = site.run_as(GAMES, &["queue", "hold", &message], b"");
    assert_eq!(stdout(&held), "1 recipient held\n", "{}", stderr(&held));
    let deleted = site.node.run("queue", &["delete", &message], b"");
    assert_eq!(stdout(&deleted), "1 recipient deleted\n", "who is trusted handles all");
    let gone = site.run_as(GAMES, &["why", &message], b"");
    assert!(stdout(&gone).contains("deleted to <feed!joe>"), "{}", stdout(&gone));
    assert!(daemon.stop().success());
}
