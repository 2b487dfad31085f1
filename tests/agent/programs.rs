//! Programs that get mail as a user.

use super::mailboxes::{accept, due};
use super::{JAN, Site, template, wait_for_death, write};
use std::collections::HashMap;
use std::fs;
use uugate::fault::{Fault, Retry};
use uugate::post::delivery::pipe::Pipe;
use uugate::post::delivery::users::Users;
use uugate::spool::Spool;

/// A site whose local mail goes to this script.
fn site(script: &str, more: &str) -> Site {
    let site = Site::new(&format!("lda = [\"/bin/sh\", \"LDA\", \"{{user}}\"]\n{more}"), |rules| {
        rules.lda = ["/bin/sh", "LDA", "{user}"].map(template).to_vec();
    });
    // The path of the script is known only now.
    let path = site.path("lda");
    write(&path, script.as_bytes(), 0, 0o755);
    let config = fs::read_to_string(site.path("uugate.toml")).unwrap();
    fs::write(site.path("uugate.toml"), config.replace("LDA", &path.display().to_string())).unwrap();
    let mut site = site;
    site.crash();
    site
}

/// Gives a message for jan to the program; what became of it.
async fn give(site: &Site, line: Option<&str>) -> Result<(), Fault> {
    let (agent, spool) = (site.agent(), Spool::in_memory());
    let pipe = Pipe::new(spool.clone(), agent.clone(), Users::new(HashMap::new(), agent));
    let (transport, to) = line.map_or(("local", "jan"), |line| ("pipe", line));
    accept(&spool, transport, to, "jan", "Subject: one\n\nhello\n").await;
    let deliveries = due(&spool).await;
    let failed = match line {
        None => pipe.local("jan", deliveries).await.unwrap(),
        Some(line) => pipe.command(line, deliveries).await.unwrap(),
    };
    match failed.into_iter().next() {
        Some(failed) => Err(failed.fault),
        None => {
            assert!(spool.queue(None).await.unwrap().is_empty(), "what was taken is settled");
            Ok(())
        }
    }
}

#[tokio::test]
async fn a_program_runs_as_the_user_and_as_nobody_else_ever_again() {
    let script = "cat > got; id -u > who; id -G >> who; pwd >> who; umask >> who\n\
        grep -E '^(CapPrm|CapEff|NoNewPrivs)' /proc/self/status > rights\n\
        ls /proc/self/fd > open; env > environment; setpriv --reuid 0 id > root 2>&1; exit 0\n";
    let site = site(script, "");
    give(&site, None).await.unwrap();
    let read = |name: &str| fs::read_to_string(site.path("home/jan").join(name)).unwrap();
    let got = read("got");
    let mut lines = got.lines();
    assert!(lines.next().unwrap().starts_with("From joe@leaf "), "{got}");
    assert_eq!(lines.next(), Some("Return-Path: <joe@leaf>"));
    assert_eq!(lines.next(), Some("Delivered-To: jan@polux"));
    assert!(got.ends_with("\nSubject: one\n\nhello\n"));
    let home = site.path("home/jan").display().to_string();
    assert_eq!(read("who"), format!("{JAN}\n{JAN}\n{home}\n0077\n"));
    let rights = read("rights");
    assert_eq!(rights.matches("0000000000000000").count(), 2, "{rights}");
    assert!(rights.contains("NoNewPrivs:\t1"), "{rights}");
    assert_eq!(read("open"), "0\n1\n2\n3\n");
    assert!(!read("root").contains("uid=0"));
    let environment = read("environment");
    for line in ["SENDER=joe@leaf", "RECIPIENT=jan@polux", "USER=jan", "LOGNAME=jan", "EXTENSION="] {
        assert!(environment.lines().any(|found| found == line), "{line} in {environment}");
    }
    assert!(!environment.contains("CARGO") && !environment.contains("UUGATE"));
}

#[tokio::test]
async fn the_exit_status_decides_and_its_words_are_told() {
    let site = site("cat >/dev/null; cat \"$HOME/say\"; exit $(cat \"$HOME/status\")\n", "");
    let say = |status: u32, words: &str| {
        fs::write(site.path("home/jan/status"), status.to_string()).unwrap();
        fs::write(site.path("home/jan/say"), words).unwrap();
        for name in ["status", "say"] {
            std::os::unix::fs::chown(site.path("home/jan").join(name), Some(JAN), None).unwrap();
        }
    };
    say(0, "fine\n");
    give(&site, None).await.unwrap();
    for status in [71, 74, 75] {
        say(status, "later\n");
        assert_eq!(give(&site, None).await.unwrap_err().retry, Retry::Later, "{status}");
    }
    for status in [1, 64, 65, 66, 67, 68, 69, 70, 73, 77, 78] {
        say(status, "\u{1b}[31mno\r\n");
        let fault = give(&site, None).await.unwrap_err();
        assert_eq!(fault.retry, Retry::Never, "{status}");
        assert!(fault.message.contains(&format!("status {status}")), "{fault}");
        assert!(fault.message.contains(r"\x1b[31mno"), "{fault}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_forks_and_floods_is_stopped_and_its_mail_waits() {
    let script = "sleep 600 &\necho $! > began\nyes &\nwait\n";
    let site = site(script, "program-time = \"1 s\"");
    let fault = give(&site, None).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Later);
    assert!(fault.message.contains("took too long"), "{fault}");
    assert!(fault.message.len() < 8000);
    let began = fs::read_to_string(site.path("home/jan/began")).unwrap();
    wait_for_death(began.trim().parse().unwrap());
}

#[tokio::test]
async fn an_address_runs_listed_programs_alone() {
    let site =
        Site::new("[directors]\nprograms = [\"/bin/cp\"]", |rules| rules.programs = vec!["/bin/cp".into()]);
    let copy = site.path("home/jan/copy");
    give(&site, Some(&format!("cp /dev/stdin {}", copy.display()))).await.unwrap();
    assert!(fs::read_to_string(&copy).unwrap().contains("\n\nhello\n"));
    for line in ["sh -c id", "/bin/sh -c id", "cp a;id b", "/tmp/cp a b", "cp $(id) b"] {
        let fault = give(&site, Some(line)).await.unwrap_err();
        assert_eq!(fault.retry, Retry::Never, "{line}: {fault}");
    }
    // The node may believe what it likes: the agent has read its own list.
    let mut deceived = site;
    deceived.rules.programs.push("/bin/sh".into());
    let fault = give(&deceived, Some("sh -c id")).await.unwrap_err();
    assert_eq!(fault.retry, Retry::Never, "{fault}");
}
