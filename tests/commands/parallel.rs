//! Many programs at once beside a daemon that has its hands full.

use crate::support::node::{Node, neighbour};
use crate::support::{PATIENCE, open_folder};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use uugate::clock;

const AT_ONCE: usize = 50;

/// None of them fails, all their jobs are there, and the daemon goes on to execute and deliver meanwhile.
#[test]
fn fifty_uux_at_once_beside_a_busy_daemon() {
    let folder = open_folder();
    let node = Node::new(folder.path(), "polux", &neighbour("leaf", ""));
    let daemon = node.start();
    let (done, handed_in) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begin = Barrier::new(AT_ONCE);
    let mut times: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        // Work for the daemon: executions of rmail that end in a mailbox.
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let arguments = ["-", "-r", "polux!rmail", "ann"];
                    node.run(
                        "uux",
                        &arguments,
                        b"From root Mon Nov 23 12:00:00 2026\nSubject: busy\n\nwork\n",
                    );
                    handed_in.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        node.await_mail("ann", 1);
        let all: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let (node, begin) = (&node, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let started = clock::now();
                    let recipient = format!("(jan{number})");
                    node.run("uux", &["-", "-r", "-gC", "leaf!rmail", &recipient], b"Subject: one\n\ntext\n");
                    clock::now() - started
                })
            })
            .collect();
        times.extend(all.into_iter().map(|thread| thread.join().expect("a uux that works")));
        done.store(true, Ordering::Relaxed);
    });
    times.sort();
    println!(
        "uux beside a busy daemon, {AT_ONCE} at once: p50 {:?}, p99 {:?}",
        times[AT_ONCE / 2],
        times[AT_ONCE - 1]
    );
    assert!(times[AT_ONCE - 1] < PATIENCE);
    let report = node.report("uustat", &["-a"]);
    let mut work: Vec<&str> = report["jobs"]["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .filter_map(|job| job["work"].as_str())
        .collect();
    work.sort_unstable();
    work.dedup();
    assert_eq!(work.len(), AT_ONCE, "{work:?}");
    let busy = handed_in.into_inner();
    node.await_mail("ann", busy);
    assert!(daemon.stop().success(), "{}", node.log());
    assert_eq!(node.mailbox("ann").len(), busy);
}
