//! What becomes of numbers at which no modem answers, and what is remembered of those at which one did.

use super::{call, pair};
use crate::support::node::Node;
use crate::support::telephone::{Telephone, caller, dialled};
use crate::support::{open_folder, watch};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uugate::wire::exchange::{Event, Settings};

fn when(node: &Node, system: &str) -> Value {
    node.report("when", &[system])["when"]["systems"][0].take()
}

/// The number that was dialled next.
fn next_dialled(telephone: &mut Telephone) -> String {
    let event = telephone.until("a dial", |event| matches!(event, Event::Dialled { .. }));
    let Event::Dialled { number, .. } = event else { panic!("{event:?}") };
    number
}

#[test]
fn a_person_who_answers_is_left_in_peace_and_the_line_goes_on() {
    let folder = open_folder();
    let settings = Settings { people: vec!["5555".to_owned()], ..Settings::default() };
    let mut telephone = Telephone::new(folder.path(), settings);
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let feed = Node::new(folder.path(), "feed", &feed);
    let leaf = Node::new(
        folder.path(),
        "leaf",
        &[
            dialled("feed", "5552", ""),
            dialled("wrong", "5555", "redial = { person-attempts = 2 }"),
            telephone.line("leaf", ""),
        ]
        .concat(),
    );
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    let work = || leaf.run("uux", &["-", "wrong!rmail", "ann"], b"Subject: up\n\nhello\n");
    work();
    watch::until(&leaf.path("spool"), "the end of the call", || !leaf.ended_calls().is_empty());
    let record = leaf.ended_calls()[0]["record"].take();
    assert_eq!((&record["kind"], &record["number"]), (&Value::from("voice"), &Value::from("5555")));
    assert!(record["failure"].as_str().expect("text").starts_with("dial: a person answered"), "{record}");

    // New work changes nothing about it; other systems are called on that line.
    work();
    assert_eq!(call(&leaf, "feed"), "");
    telephone.until_hung_up();
    let ahead = when(&leaf, "wrong");
    let time = |value: &Value| value.as_str().expect("a time").parse::<Timestamp>().expect("a time");
    let wait = time(&ahead["due"]).duration_since(time(&ahead["now"]));
    assert!(wait > SignedDuration::from_mins(5 * 60 + 50), "{ahead}");
    assert_eq!(ahead["numbers"][0]["number"], "5555");
    assert!(ahead["held"]["text"].as_str().expect("text").contains("a person answers there"), "{ahead}");

    // Who asks by hand is obeyed; then the number is given up, also after a restart.
    assert!(call(&leaf, "wrong").starts_with("dial: a person answered"));
    assert!(leaf_daemon.stop().success());
    let leaf_daemon = leaf.start();
    work();
    assert_eq!(call(&leaf, "feed"), "");
    let job = leaf.report("uustat", &["-a"])["jobs"]["jobs"][0]["id"].as_str().expect("an id").to_owned();
    let why = String::from_utf8(leaf.run("why", &[&job], b"").stdout).expect("text");
    assert!(why.contains("never called, as things are"), "{why}");
    assert!(why.contains("once somebody asks by hand"), "{why}");
    assert!(why.contains("`redial.person-attempts`)"), "the rule that decides it: {why}");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    let called = leaf.ended_calls().iter().filter(|call| call["system"] == "wrong").count();
    assert_eq!(called, 2);
}

#[test]
fn the_number_that_connected_is_dialled_first_also_after_a_restart() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let feed = Node::new(folder.path(), "feed", &feed);
    let numbers = "number = [\"5554\", \"5552\"]";
    let leaf = dialled("feed", "5554", "").replace("number = \"5554\"", numbers);
    // The modem waits so many seconds for an answer.
    let leaf =
        Node::new(folder.path(), "leaf", &format!("{leaf}{}", telephone.line("leaf", "init = \"S7=2\"")));
    let feed_daemon = feed.start();
    for (number, said) in [("5554", "dial: the number does not answer"), ("5552", ""), ("5552", "")] {
        let leaf_daemon = leaf.start();
        assert!(call(&leaf, "feed").starts_with(said), "{number}");
        assert_eq!(next_dialled(&mut telephone), number);
        assert!(leaf_daemon.stop().success());
    }
    assert!(feed_daemon.stop().success());
}

#[test]
fn a_line_that_is_declared_reliable_is_not_without_error_correction() {
    for (corrected, protocol) in [(true, "t"), (false, "i")] {
        let folder = open_folder();
        let settings = Settings { corrected, ..Settings::default() };
        let mut telephone = Telephone::new(folder.path(), settings);
        let (feed, leaf) = pair(folder.path(), &telephone, "protocols = \"ti\"");
        for node in [&feed, &leaf] {
            let file = node.path("uugate.toml");
            let config = std::fs::read_to_string(&file).expect("its configuration");
            let modem = "modem = \"exchange\"\n";
            std::fs::write(file, config.replace(modem, &format!("{modem}reliable = true\n"))).expect("it");
        }
        let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
        assert_eq!(call(&leaf, "feed"), "");
        telephone.until_hung_up();
        let record = leaf.ended_calls()[0]["record"].take();
        assert_eq!(record["protocol"], protocol);
        assert_eq!(record["pace"]["corrected"], corrected);
        assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    }
}

#[test]
fn a_line_that_is_out_of_order_is_passed_over_and_is_no_failure_of_the_system() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let feed = format!("{}{}", caller("leaf", ""), telephone.line("feed", "answer = true"));
    let feed = Node::new(folder.path(), "feed", &feed);
    let broken = telephone.line("nowhere", "").replace("name = \"modem\"", "name = \"broken\"");
    let system = dialled("feed", "5552", "poll = \"1 h\"")
        .replace("line = \"modem\"", "line = [\"broken\", \"modem\"]");
    let leaf = Node::new(folder.path(), "leaf", &[system, broken, telephone.line("leaf", "")].concat());
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    telephone.until_hung_up();
    watch::until(&leaf.path("spool"), "the record of both", || leaf.ended_calls().len() == 2);
    let calls = leaf.ended_calls();
    let told = |call: &Value| (call["line"].clone(), call["record"]["kind"].clone());
    assert_eq!(told(&calls[1]), (Value::from("broken"), Value::from("own-side")));
    assert_eq!(told(&calls[0]), (Value::from("modem"), Value::Null));
    let ahead = when(&leaf, "feed");
    assert_eq!(ahead["failures"], 0);
    let lines = &ahead["lines"];
    assert!(lines[0]["held"]["text"].as_str().expect("text").contains("failed on our side"), "{ahead}");
    assert!(lines[1]["held"].is_null(), "{ahead}");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}
