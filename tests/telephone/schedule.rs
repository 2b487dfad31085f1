//! When it calls, what that costs, and what it says of both.

use super::pair;
use crate::support::node::Node;
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use uugate::wire::exchange::Settings;

/// A leaf whose line is paid by the second.
fn paying(folder: &std::path::Path, telephone: &Telephone, system: &str, tariff: &str) -> (Node, Node) {
    let (feed, leaf) = pair(folder, telephone, system);
    let config = std::fs::read_to_string(leaf.path("uugate.toml")).expect("its configuration");
    let config = config.replace("modem = \"exchange\"\n", &format!("modem = \"exchange\"\n{tariff}\n"));
    std::fs::write(leaf.path("uugate.toml"), config).expect("its configuration");
    (feed, leaf)
}

/// Where a key stands, as reports say it.
fn place(node: &Node, key: &str) -> String {
    let file = node.path("uugate.toml");
    let config = std::fs::read_to_string(&file).expect("its configuration");
    let line = config.lines().position(|line| line.starts_with(key)).expect("the key") + 1;
    format!("{}:{line} ", file.display())
}

fn text(node: &Node, command: &str, what: &str) -> String {
    String::from_utf8(node.run(command, &[what], b"").stdout).expect("text")
}

#[test]
fn the_cost_of_a_call_is_in_its_record_and_in_the_account() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    // 0.100 a second, and 0.050 for the connection.
    let tariff = "tariff = { per-minute = \"6\", connection = \"0.05\", budget = \"100\" }";
    let (feed, leaf) = paying(folder.path(), &telephone, "call-for = \"C\"", tariff);
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], b"Subject: up\n\nhello\n");
    feed.await_mail("ann", 1);
    telephone.until_hung_up();
    leaf.run("poll", &["feed", "--wait"], b"");
    telephone.until_hung_up();
    let calls = leaf.ended_calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    let charge = |key: &str| {
        calls.iter().map(|call| call["record"]["charge"][key].as_u64().expect("a number")).sum::<u64>()
    };
    assert_eq!(charge("thousandths"), 100 * charge("seconds") + 2 * 50);
    assert!(
        feed.ended_calls().iter().all(|call| call["record"]["charge"].is_null()),
        "to be called costs nothing"
    );

    let when = leaf.report("when", &["feed"])["when"]["systems"][0].take();
    let spent = &when["lines"][0]["spent"];
    assert_eq!(spent["calls"], 2);
    assert_eq!(spent["thousandths"].as_u64(), Some(charge("thousandths")));
    assert_eq!(spent["seconds"].as_u64(), Some(charge("seconds")));
    assert!(when["why"].is_null(), "there is no reason to call: {when}");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn what_there_is_no_money_for_is_not_called() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    // One call costs more than 0.10, and leaves less than the next could need.
    let tariff = "tariff = { per-minute = \"0.060\", connection = \"0.10\", budget = \"0.30\" }";
    let (feed, leaf) = paying(folder.path(), &telephone, "", tariff);
    let (feed_daemon, daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed", "--wait"], b"");
    telephone.until_hung_up();
    let refused = leaf.try_run("poll", &["feed"], b"");
    assert_eq!(refused.status.code(), Some(64));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("the money of this month is used up"), "{said}");
    leaf.run("uux", &["-", "feed!rmail", "ann"], b"Subject: waits\n\nfor the next month\n");
    let when = text(&leaf, "when", "feed");
    let rule = place(&leaf, "tariff");
    assert!(when.contains("feed: due since "), "{when}");
    assert!(
        when.contains(&format!(
            "not now, for the money of this month is used up ({rule}`tariff.budget`), until "
        )),
        "{when}"
    );
    assert!(daemon.stop().success() && feed_daemon.stop().success());
    assert_eq!(leaf.ended_calls().len(), 1, "what is due waits for the next month");
}

#[test]
fn what_the_reserve_is_for_is_said() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    // Ordinary work may spend what costs a little more than one call.
    let tariff = "tariff = { per-minute = \"0.060\", connection = \"0.10\", budget = \"3\", reserve = \"90 %\", \
                  urgent = \"C\" }";
    let (feed, leaf) = paying(folder.path(), &telephone, "call-for = \"C\"", tariff);
    let (feed_daemon, daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed", "--wait"], b"");
    assert!(daemon.stop().success() && feed_daemon.stop().success());
    leaf.run("uux", &["-", "-gN", "feed!rmail", "ann"], b"Subject: not urgent\n\ntext\n");
    let (when, rule) = (text(&leaf, "when", "feed"), place(&leaf, "tariff"));
    let kept = format!(
        "not now, for what is left of this month is kept for what is urgent ({rule}`tariff.reserve`)"
    );
    assert!(when.contains(&kept), "{when}");
    leaf.run("uux", &["-", "-r", "-gC", "feed!rmail", "ann"], b"Subject: urgent\n\ntext\n");
    let when = text(&leaf, "when", "feed");
    assert!(
        when.contains(&format!("min, for grade C and better, by the reserve ({rule}`tariff.reserve`)")),
        "{when}"
    );
}

#[test]
fn who_asks_is_told_when_it_calls_and_what_decides_it() {
    let folder = open_folder();
    let telephone = Telephone::new(folder.path(), Settings::default());
    let system = "poll-at = [\"06:00\", \"18:30\"]\ncall-for = \"C after 1 MiB\"\n\
                  times = \"Never\"\ncall-local-size = \"100 B\"";
    let (_, leaf) = pair(folder.path(), &telephone, system);
    let when = text(&leaf, "when", "feed");
    let (polls, times) = (place(&leaf, "poll-at"), place(&leaf, "times"));
    assert!(when.contains(&format!("it is called at this time of the day ({polls}`poll-at`)")), "{when}");
    assert!(when.contains("never called, as things are"), "{when}");
    assert!(when.contains(&format!("it may not be called at an earlier hour ({times}`times`)")), "{when}");

    leaf.run(
        "uux",
        &["-", "-r", "-gN", "feed!rmail", "ann"],
        &b"Subject: one\n\nwaits, and is far too long\n".repeat(9),
    );
    let job = leaf.report("uustat", &["-a"])["jobs"]["jobs"][0]["id"].as_str().expect("an id").to_owned();
    let why = text(&leaf, "why", &job);
    assert!(why.contains("it waits for a call with feed"), "{why}");
    let limit = place(&leaf, "call-local-size");
    assert!(why.contains(&format!("({limit}`call-local-size`)")), "{why}");
    assert!(why.contains(&format!("({times}`times`)")), "{why}");

    leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], b"Subject: up\n\nhello\n");
    let message = leaf.report("mailq", &[])["queue"]["entries"][0]["message"].as_u64().expect("a number");
    let why = text(&leaf, "why", &message.to_string());
    assert!(why.contains("ann@") && why.contains("it waits for a call with feed"), "{why}");
    let gone = leaf.try_run("why", &["feedC0000"], b"");
    assert_eq!(gone.status.code(), Some(64));
}
