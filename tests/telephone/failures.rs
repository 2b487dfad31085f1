//! Every way in which no connection comes about has its own words, and leaves the line free.

use super::call;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::{PASSWORD, Telephone, Terminal, caller, dialled};
use serde_json::Value;
use uugate::wire::exchange::{Event, Settings};

/// The modem of somebody else, as the exchange counts them.
const OTHER: usize = 2;

/// Somebody else who dials, and is not answered; until this is dropped.
fn occupy(telephone: &mut Telephone, number: &str) -> Terminal {
    let mut other = Terminal::open(&telephone.device("other"));
    other.say(&format!("ATS7=255DT{number}\r"));
    telephone.until("ringing", |event| matches!(event, Event::Ringing { from: OTHER, .. }));
    other
}

fn release(telephone: &mut Telephone, other: Terminal) {
    drop(other);
    let gave_up =
        |event: &Event| matches!(event, Event::Refused { port: OTHER, reason: "the caller gave up" });
    telephone.until("the end of that", gave_up);
}

/// What a node has recorded, oldest first, as `uugate trace` shows it.
fn recorded(node: &Node) -> Vec<String> {
    let folder = std::fs::read_dir(node.path("recordings")).expect("recordings");
    let mut files: Vec<_> = folder.map(|file| file.expect("a recording").path()).collect();
    files.sort();
    let shown = |file: &std::path::PathBuf| node.trace(&[&file.display().to_string()]).stdout;
    files.iter().map(|file| String::from_utf8(shown(file)).expect("text")).collect()
}

const RECORD: &str = "[record]\ndirectory = \"recordings\"\n";

#[test]
fn each_failure_is_told_apart_and_the_line_works_afterwards() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!(
        "{}{}{RECORD}",
        caller("leaf", ""),
        telephone.line("feed", "answer = true\ncaller-id = true")
    );
    let feed = Node::new(folder.path(), "feed", &feed);
    let leaf = Node::new(
        folder.path(),
        "leaf",
        &[
            dialled("feed", "5552", ""),
            dialled("busy", "5553", ""),
            dialled("mute", "5554", ""),
            dialled("nowhere", "5559", ""),
            dialled("wrong", "5552", "").replace(PASSWORD, "falsch"),
            // The modem waits so many seconds for an answer.
            telephone.line("leaf", "init = \"S7=4\""),
            RECORD.to_owned(),
        ]
        .concat(),
    );
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());

    let other = occupy(&mut telephone, "5554");
    assert!(call(&leaf, "busy").starts_with("dial: the number is busy"));
    release(&mut telephone, other);
    assert!(call(&leaf, "mute").starts_with("dial: the number does not answer"));
    assert!(call(&leaf, "nowhere").starts_with("dial: there is no carrier at the other end"));
    let other = occupy(&mut telephone, "5551");
    assert!(call(&leaf, "feed").starts_with("dial: there is no dial tone"));
    release(&mut telephone, other);
    let refused = call(&leaf, "wrong");
    assert!(
        refused.starts_with("login: the other end did not accept our login name or password"),
        "{refused}"
    );
    assert!(!refused.contains("falsch"), "a secret is never told");

    assert_eq!(call(&leaf, "feed"), "", "the line is free again");
    let listed = String::from_utf8(leaf.run("uustat", &["-m"], b"").stdout).expect("text");
    for said in
        ["busy", "does not answer", "no carrier", "no dial tone", "login name or password", "complete"]
    {
        assert!(listed.contains(said), "{said:?} is missing:\n{listed}");
    }
    let causes: Vec<Value> = leaf.ended_calls().iter().map(|call| call["record"]["cause"].clone()).collect();
    let of = |code: &str| causes.iter().find(|cause| cause["code"] == code).unwrap_or(&Value::Null);
    for (code, stage, said) in [
        ("dial-busy", "dial", "BUSY"),
        ("dial-no-answer", "dial", "NO ANSWER"),
        ("dial-no-carrier", "dial", "NO CARRIER"),
        ("dial-no-dialtone", "dial", "NO DIALTONE"),
        ("login-refused", "login", "CONNECT"),
    ] {
        let cause = of(code);
        assert_eq!(cause["stage"], stage, "{code}: {causes:?}");
        let modem_said = cause["modem-said"].as_str().unwrap_or_default();
        assert!(modem_said.starts_with(said), "{cause}");
        let heard = cause["last-bytes"].as_str().expect("something came");
        assert!(
            !heard.contains("falsch") && !cause["advice"].as_str().expect("advice").is_empty(),
            "{cause}"
        );
    }
    assert!(
        of("login-refused")["last-bytes"].as_str().is_some_and(|heard| heard.contains("ogin")),
        "{causes:?}"
    );
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());

    // A call is recorded from the dial or the ring on, whatever comes of it.
    let (dialled, rung) = (recorded(&leaf), recorded(&feed));
    assert_eq!((dialled.len(), rung.len()), (6, 2));
    for said in ["> text ATDT5553\\r", "BUSY", "ended: dial: the number is busy"] {
        assert!(dialled[0].contains(said), "{said}: {}", dialled[0]);
    }
    for said in ["RING", "> text ATA\\r", "CONNECT", "< connected", "ended: in order"] {
        assert!(rung[1].contains(said), "{said}: {}", rung[1]);
    }
    let named = feed.log();
    assert!(named.contains("names the caller") && named.contains("5551"), "{named}");
    assert!(!dialled[4].contains("falsch") && !rung[0].contains("falsch"), "a secret is never told");
}
