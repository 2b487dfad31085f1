//! With a daemon: commands go through its control socket.

use super::{leaf, stderr, stdout};
use crate::support::node::Node;
use crate::support::{PATIENCE, join, open_folder, run_with_input};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Asks until the answer is there, or far too much time has passed.
#[expect(clippy::disallowed_methods, reason = "a test has its own patience")]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came about");
        std::thread::yield_now();
    }
}

#[test]
fn fifty_commands_at_once_are_all_served() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let daemon = leaf.start();
    let children: Vec<_> = (0..50)
        .map(|number| {
            let mut command = leaf.command("uux");
            command.args(["-", "-r", "feed!rmail", "ann"]).stdin(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let text = format!("Subject: {number}\n\nhello\n");
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            child
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(stdout(&leaf.run("uustat", &["-a"], b"")).lines().count(), 50);
    assert!(daemon.stop().success());
}

#[test]
fn a_command_that_dies_in_the_middle_of_its_input_leaves_nothing() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let daemon = leaf.start();
    let mut child =
        leaf.command("uux").args(["-", "-r", "feed!rmail", "ann"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![b'x'; 300_000]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(stdin);
    until("the refusal", || leaf.log().contains("the input broke off"));
    assert_eq!(stdout(&leaf.run("uustat", &["-a"], b"")), "");
    assert!(daemon.stop().success());
}

#[test]
fn a_large_input_does_not_stay_in_memory() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let daemon = leaf.start();
    let body = vec![b'x'; 48 << 20];
    leaf.run("uux", &["-", "-r", "feed!rmail", "ann"], &body);
    let status = format!("/proc/{}/status", daemon.process().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 40 << 10, "the daemon used {kilobytes} kB");
    assert!(stdout(&leaf.run("uustat", &["-a"], b"")).contains("50331648 bytes"));
    assert!(daemon.stop().success());
}

#[test]
fn uucico_on_standard_input_talks_for_the_daemon_on_both_sides() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let feed = Node::new(folder.path(), "feed", "[[system]]\nname = \"leaf\"\n");
    let (leaf_daemon, feed_daemon) = (leaf.start(), feed.start());
    let body = vec![b'y'; 300_000];
    leaf.run("uux", &["-", "feed!rmail", "ann"], &[b"Subject: long\n\n", &body[..], b"\n"].concat());
    feed.run("sendmail", &["-i", "leaf!ann"], b"Subject: back\n\nhello\n");
    until("the mail becomes a job", || !feed.run("uustat", &["-a"], b"").stdout.is_empty());
    let (caller, called) = join(&mut leaf.caller("feed"), &mut feed.called());
    assert!(caller.success() && called.success(), "{}{}", leaf.log(), feed.log());
    until("the mail at feed", || feed.mailbox("ann").len() == 1);
    until("the mail at leaf", || leaf.mailbox("ann").len() == 1);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn uucico_asks_the_caller_for_name_and_password() {
    let folder = open_folder();
    let mut password = Command::new(env!("CARGO_BIN_EXE_uugate"));
    let hash = stdout(&run_with_input(password.arg("password"), b"mackerel\n"));
    let account = format!("called-login = \"Uleaf\"\ncalled-password-hash = \"{}\"\n", hash.trim());
    let feed = Node::new(folder.path(), "feed", &format!("[[system]]\nname = \"leaf\"\n{account}"));
    let with = |password: &str| {
        format!("[[system]]\nname = \"feed\"\nlogin = \"Uleaf\"\npassword = \"{password}\"\n")
    };
    let leaf = Node::new(folder.path(), "leaf", &with("mackerel"));
    let call = || join(&mut leaf.caller("feed"), feed.called().arg("-l"));
    leaf.run("sendmail", &["-i", "feed!ann"], b"Subject: alone\n\nhello\n");
    let (caller, called) = call();
    assert!(caller.success() && called.success());
    assert_eq!(feed.mailbox("ann").len(), 1);

    let daemons = [leaf.start(), feed.start()];
    leaf.run("uux", &["-", "feed!rmail", "ann"], b"Subject: by daemon\n\nhello\n");
    let (caller, called) = call();
    assert!(caller.success() && called.success(), "{}{}", leaf.log(), feed.log());
    until("the mail at feed", || feed.mailbox("ann").len() == 2);
    daemons.into_iter().for_each(|daemon| assert!(daemon.stop().success()));

    // Who has not logged in is not the one that has to.
    leaf.configure("[[system]]\nname = \"feed\"\n");
    let (caller, called) = join(&mut leaf.caller("feed"), &mut feed.called());
    assert!(!caller.success() && !called.success());
}

/// A debug build maps far more code.
#[test]
#[cfg_attr(debug_assertions, ignore = "holds for release builds")]
fn an_idle_daemon_is_small() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    leaf.configure("[smtp]\nlisten = \"127.0.0.1:0\"\n[[system]]\nname = \"feed\"\n");
    let daemon = leaf.start();
    let status = format!("/proc/{}/status", daemon.process().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 20 << 10, "the daemon uses {kilobytes} kB");
    assert!(daemon.stop().success());
}

#[test]
fn a_poll_over_tcp_with_a_login_brings_mail_both_ways() {
    let folder = open_folder();
    let mut password = Command::new(env!("CARGO_BIN_EXE_uugate"));
    let hash = stdout(&run_with_input(password.arg("password"), b"mackerel\n"));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let feed = Node::new(
        folder.path(),
        "feed",
        &format!(
            "[[system]]\nname = \"leaf\"\ncalled-login = \"Uleaf\"\ncalled-password-hash = \"{}\"\n\
             [[line]]\nname = \"net\"\ntype = \"tcp\"\nanswer = true\nlisten = \"{address}\"\n",
            hash.trim()
        ),
    );
    let leaf = Node::new(
        folder.path(),
        "leaf",
        &format!(
            "[[system]]\nname = \"feed\"\nline = \"net\"\naddress = \"{address}\"\nlogin = \"Uleaf\"\n\
             password = \"mackerel\"\n[[line]]\nname = \"net\"\ntype = \"tcp\"\n"
        ),
    );
    let (leaf_daemon, feed_daemon) = (leaf.start(), feed.start());
    leaf.run("sendmail", &["-i", "feed!ann"], b"Subject: there\n\nhello\n");
    feed.run("sendmail", &["-i", "leaf!ann"], b"Subject: back\n\nhello\n");
    for node in [&leaf, &feed] {
        until("the mail becomes a job", || !node.run("uustat", &["-a"], b"").stdout.is_empty());
    }
    let polled = leaf.run("poll", &["feed", "--wait"], b"");
    assert!(stdout(&polled).contains("Conversation complete"), "{}", stdout(&polled));
    until("the mail at feed", || feed.mailbox("ann").len() == 1);
    until("the mail at leaf", || leaf.mailbox("ann").len() == 1);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn a_configuration_is_read_again_on_sighup_and_a_wrong_one_changes_nothing() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let daemon = leaf.start();
    let hang_up = || rustix::process::kill_process(daemon.process(), rustix::process::Signal::HUP).unwrap();
    leaf.configure("[[system]]\nname = \"feed\"\n[[system]]\nname = \"moria\"\n");
    hang_up();
    until("the new name", || stdout(&leaf.run("uuname", &[], b"")) == "feed\nmoria\n");
    leaf.configure("[[system]]\nname = 5\n");
    hang_up();
    until("the complaint", || leaf.log().contains("the configuration stays as it was"));
    assert!(leaf.log().contains("uugate.toml:4:8"), "{}", leaf.log());
    assert_eq!(stdout(&leaf.run("uuname", &[], b"")), "feed\nmoria\n");
    leaf.configure(
        "[[system]]\nname = \"feed\"\n[[line]]\nname = \"net\"\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n",
    );
    hang_up();
    until("the new line", || leaf.log().contains("waiting for calls"));
    assert!(daemon.stop().success());
}

#[test]
fn a_second_daemon_is_turned_away_and_a_killed_one_can_be_followed() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let daemon = leaf.start();
    let second = leaf.try_run("run", &[], b"");
    assert_eq!(second.status.code(), Some(75), "{}", stderr(&second));
    assert_eq!(stdout(&leaf.run("uuname", &["-l"], b"")), "leaf\n");
    daemon.kill();
    let daemon = leaf.start();
    assert_eq!(stdout(&leaf.run("uuname", &["-l"], b"")), "leaf\n");
    assert!(daemon.stop().success());
}
