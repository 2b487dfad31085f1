//! `uugate demo`: what a newcomer runs first.

use crate::support::{self, open_folder};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn demo(folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uugate"));
    command.arg("demo").args(options).env("TMPDIR", folder).stdin(Stdio::null());
    command
}

/// Runs it and sees that everything arrived; gives its report.
fn verified(options: &[&str]) -> Value {
    let folder = open_folder();
    let output = support::run_with_input(demo(folder.path(), &["--json"]).args(options), b"");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    for direction in ["to-leaf", "to-feed"] {
        let direction = &report[direction];
        assert!(
            direction["sent"].as_u64() > Some(0) && direction["sent"] == direction["verified"],
            "{report}"
        );
    }
    report
}

#[test]
fn a_demo_brings_everything() {
    let report = verified(&["--seed", "5"]);
    assert_eq!((report["calls"].as_u64(), report["spoiled"].as_u64()), (Some(1), Some(0)));
}

#[test]
fn a_demo_goes_on_after_a_lost_carrier() {
    assert_eq!(verified(&["--drop-carrier-after", "12000"])["calls"], 2);
}

#[test]
fn a_demo_brings_everything_over_a_noisy_line_without_error_correction() {
    assert!(verified(&["--uncorrected", "--noise", "1e-5", "--seed", "7"])["spoiled"].as_u64() > Some(0));
}

/// Starts a demo that stays, and waits until it does; with its nodes.
fn staying(folder: &Path) -> (Child, Vec<OwnedFd>) {
    let mut demo = demo(folder, &["--stay"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = BufReader::new(demo.stdout.take().expect("piped"));
    let stays = output.lines().map_while(Result::ok).any(|line| line.starts_with("The sites go on running"));
    assert!(stays);
    let nodes = children(demo.id());
    assert_eq!(nodes.len(), 2);
    (demo, nodes)
}

/// The processes that another one has started.
fn children(parent: u32) -> Vec<OwnedFd> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let child_of = |pid: i32| -> Option<OwnedFd> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Behind the name, which may hold anything: state, parent.
        let its_parent: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (its_parent == parent).then(|| pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()).flatten()
    };
    processes.filter_map(|entry| child_of(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Waits until they have ended.
fn gone(nodes: &[OwnedFd]) {
    for node in nodes {
        let patience = Timespec::try_from(support::PATIENCE).expect("a short time");
        let ended =
            retry_on_intr(|| poll(&mut [PollFd::new(node, PollFlags::IN)], Some(&patience))).expect("poll");
        assert_eq!(ended, 1, "a node goes on running");
    }
}

#[test]
fn a_demo_that_stays_ends_with_its_nodes_however_it_is_ended() {
    let folder = open_folder();
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let (demo, nodes) = staying(folder.path());
        kill_process(Pid::from_child(&demo), signal).expect("it runs");
        let ended = support::wait(demo);
        assert_eq!(ended.success(), signal != Signal::KILL, "{ended}");
        gone(&nodes);
    }
}
