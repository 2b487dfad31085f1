//! Three polls a day and a feed that answers, through the night in which summer time ends: two daemons, their clock on the wall
//! set from here.

use super::pair;
use crate::support::messages::assert_arrived;
use crate::support::node::{Daemon, Node};
use crate::support::open_folder;
use crate::support::telephone::Telephone;
use crate::support::wall_clock::WallClock;
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Signal, kill_process};
use uugate::wire::exchange::Settings;

/// When it is polled, and nothing in between: at the second half past two of the 25th it is not.
const POLLS: [&str; 6] = [
    "2026-10-24T02:30[Europe/Berlin]",
    "2026-10-24T12:00[Europe/Berlin]",
    "2026-10-24T19:30[Europe/Berlin]",
    "2026-10-25T02:30+02:00[Europe/Berlin]",
    "2026-10-25T12:00[Europe/Berlin]",
    "2026-10-25T19:30[Europe/Berlin]",
];
const SECOND_HALF_PAST_TWO: &str = "2026-10-25T02:30+01:00[Europe/Berlin]";

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Zoned>().expect("a time").timestamp()
}

/// Has the scheduler look at the clock.
fn wake(daemon: &Daemon) {
    kill_process(daemon.process(), Signal::HUP).expect("it can be told");
}

fn due(leaf: &Node) -> Timestamp {
    let when = leaf.report("when", &["feed"])["when"]["systems"][0].take();
    when["due"]
        .as_str()
        .and_then(|due| due.parse().ok())
        .unwrap_or_else(|| panic!("it is never called: {when}"))
}

#[test]
fn three_polls_a_day_carry_mail_both_ways_once_also_when_summer_time_ends() {
    let folder = open_folder();
    let mut telephone = Telephone::new(folder.path(), Settings::default());
    let clock = WallClock::new(folder.path(), at("2026-10-24T01:00[Europe/Berlin]"));
    let (feed, leaf) = pair(folder.path(), &telephone, "poll-at = [\"02:30\", \"12:00\", \"19:30\"]");
    let config = std::fs::read_to_string(leaf.path("uugate.toml")).expect("its configuration");
    let config = config.replace("[node]\n", "[node]\ntime-zone = \"Europe/Berlin\"\n");
    std::fs::write(leaf.path("uugate.toml"), config).expect("its configuration");
    let (feed, leaf) = (feed.in_environment(clock.environment()), leaf.in_environment(clock.environment()));
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    // A system that was never called is called at once.
    telephone.until_hung_up();
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for poll in POLLS.map(at) {
        clock.set(poll - SignedDuration::from_mins(40));
        up.push(format!("Subject: up {poll}\n\nhello\n").into_bytes());
        down.push(format!("Subject: down {poll}\n\nhello\n").into_bytes());
        leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], up.last().expect("one"));
        feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], down.last().expect("one"));
        leaf.await_jobs(1);
        feed.await_jobs(1);
        assert_eq!(due(&leaf), poll);
        clock.set(poll + SignedDuration::from_secs(1));
        wake(&leaf_daemon);
        telephone.until_hung_up();
        feed.await_mail("ann", up.len());
        leaf.await_mail("ann", down.len());
        if poll == at(POLLS[3]) {
            clock.set(at(SECOND_HALF_PAST_TWO) + SignedDuration::from_secs(1));
            wake(&leaf_daemon);
            assert_eq!(due(&leaf), at(POLLS[4]));
        }
    }
    assert_arrived(&up, feed.mailbox("ann"), true);
    assert_arrived(&down, leaf.mailbox("ann"), true);
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
    for node in [&leaf, &feed] {
        let mut calls = node.ended_calls();
        calls.reverse();
        assert_eq!(calls.len(), 1 + POLLS.len(), "{calls:?}");
        for (call, poll) in calls[1..].iter().zip(POLLS.map(at)) {
            assert!(call["record"]["failure"].is_null(), "{call}");
            let began: Timestamp = call["began"].as_str().expect("a time").parse().expect("a time");
            assert!(began >= poll && began < poll + SignedDuration::from_mins(30), "{call} for {poll}");
        }
    }
}
