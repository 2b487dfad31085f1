//! Without a daemon: each command opens the spool itself, one after the other.

use super::{leaf, stderr, stdout};
use crate::support::node::Node;
use crate::support::{join, open_folder};
use jiff::Timestamp;

#[test]
fn a_site_without_a_daemon_works_as_separate_programs() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let feed = Node::new(folder.path(), "feed", "[[system]]\nname = \"leaf\"\n");
    leaf.run("uux", &["-", "-r", "-gC", "feed!rmail", "(ann)"], b"Subject: by uux\n\nhello\n");
    leaf.run("sendmail", &["-i", "feed!ann"], b"Subject: by sendmail\n\n.\nhello\n");
    feed.run("rmail", &["leaf!ann"], b"From x Sun Nov 22 10:00:00 2026\nSubject: back\n\nhello");
    let file = folder.path().join("report");
    std::fs::write(&file, vec![0xff; 200_000]).unwrap();
    let file = file.to_str().unwrap();
    leaf.run("uucp", &["-r", file, "feed!~/in/report"], b"");

    let listed = stdout(&leaf.run("uustat", &["-a"], b""));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("Executing rmail ann (sending 23 bytes)"), "{listed}");
    assert!(listed.contains("to ~/in/report (sending 200000 bytes)"), "{listed}");

    let (caller, called) = join(&mut leaf.caller("feed"), &mut feed.called());
    assert!(caller.success() && called.success());
    assert_eq!(stdout(&leaf.run("uustat", &["-a"], b"")), "");
    assert_eq!(feed.mailbox("ann").len(), 2);
    assert_eq!(leaf.mailbox("ann").len(), 1);
    assert_eq!(std::fs::read(feed.path("public/in/report")).unwrap(), vec![0xff; 200_000]);
    let calls = stdout(&feed.run("uustat", &["-m"], b""));
    assert!(calls.contains("leaf") && calls.contains("Conversation complete"), "{calls}");
}

#[test]
fn a_job_for_ourselves_is_carried_out_at_once() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    leaf.run("uux", &["-", "!rmail", "ann"], b"Subject: own\n\nhello\n");
    assert_eq!(leaf.mailbox("ann").len(), 1);
}

#[test]
fn a_batch_handed_in_for_nobody_is_kept() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    leaf.run("rsmtp", &[], b"MAIL FROM:<>\nRCPT TO:<nobody>\nDATA\nSubject: lost\n\nx\n.\n");
    let dump = folder.path().join("dump");
    let config = leaf.path("uugate.toml");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_uugate"));
    let dumped = command.args(["spool", "dump", "-I"]).arg(config).arg(&dump).status().unwrap();
    assert!(dumped.success());
    let grep = std::process::Command::new("grep").args(["-rl", "Subject: lost"]).arg(&dump).output().unwrap();
    assert!(stdout(&grep).contains("quarantine"), "{}", stdout(&grep));
}

#[test]
fn exit_codes_and_messages_are_those_of_mail_programs() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let table: &[(&str, &[&str], i32, &str)] = &[
        ("uux", &["-r", "moria!rmail", "x"], 68, "uux: route: system \"moria\" is not known here"),
        ("uux", &["-Q", "feed!rmail"], 64, "uux: unknown option -Q"),
        ("uux", &["-r", "feed!rmail", "moria!x"], 64, "parentheses"),
        ("uux", &["-r", "feed!rmail", "x", "<!/does/not/exist"], 66, "/does/not/exist"),
        ("uucp", &["/does/not/exist", "feed!~/x"], 66, "/does/not/exist"),
        ("uucp", &["-W", "/etc/passwd", "feed!X.leafC0001"], 64, "a name of the spool"),
        ("uucico", &["-r1", "-s", "moria"], 68, "moria"),
        ("sendmail", &["-i"], 64, "for whom"),
        ("uustat", &["surplus"], 64, "surplus"),
        ("poll", &["feed"], 64, "no line to call it on"),
    ];
    for (program, arguments, code, text) in table {
        let output = leaf.try_run(program, arguments, b"");
        assert_eq!(output.status.code(), Some(*code), "{program} {arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(text), "{program} {arguments:?}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn check_says_everything_and_its_exit_code_says_whether_the_node_can_run() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let sound = leaf.run("check", &[], b"");
    assert!(stdout(&sound).contains("nothing is wrong"));
    leaf.configure(
        "nam = \"x\"\n[smtp]\nlisten = \"here\"\n[[system]]\nname = \"feed\"\npasword = \"mackerel\"\n",
    );
    let wrong = leaf.try_run("check", &[], b"");
    assert_eq!(wrong.status.code(), Some(78));
    let text = stdout(&wrong);
    for part in ["uugate.toml:3:1", "did you mean `name`?", "127.0.0.1:2525", "did you mean `password`?"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("mackerel"), "{text}");
    let run = leaf.try_run("run", &[], b"");
    assert_eq!(run.status.code(), Some(78));
    assert!(stderr(&run).contains("has 3 errors; see `uugate check`"), "{}", stderr(&run));
}

#[test]
fn times_are_told_in_the_zone_of_the_node() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    leaf.run("uux", &["-r", "-", "feed!rmail", "x"], b"text\n");
    let created: Timestamp = leaf.report("uustat", &["-a"])["jobs"]["jobs"][0]["created"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        leaf.configure(&format!("time-zone = \"{zone}\"\n[[system]]\nname = \"feed\"\n"));
        let told = created.in_tz(zone).expect("a zone").strftime("%m-%d %H:%M").to_string();
        let listed = stdout(&leaf.run("uustat", &["-a"], b""));
        assert!(listed.contains(&told), "{told}: {listed}");
    }
}

#[test]
fn a_reader_that_had_enough_is_no_failure() {
    let folder = open_folder();
    let leaf = leaf(&folder);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = leaf.command("uuname");
    let status = command.stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}
