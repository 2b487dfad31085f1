//! A line between two programs that a test can end at a chosen byte: by cutting it, or by killing who is at one end.

use super::{PATIENCE, start, wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::{Child, Command, ExitStatus};

/// How a call is ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    KillCaller,
    KillCalled,
    Cut,
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    pub caller: ExitStatus,
    pub called: ExitStatus,
    /// Bytes that crossed the line, both ways together.
    pub carried: u64,
}

/// Joins two programs; once `after` bytes have crossed, the call is ended so.
pub fn join_until(caller: &mut Command, called: &mut Command, after: u64, end: End) -> Outcome {
    let mut line = Relay::start(caller, called);
    if line.carry(after) {
        match end {
            End::KillCaller => kill(Pid::from_child(&line.caller)),
            End::KillCalled => kill(Pid::from_child(&line.called)),
            End::Cut => {}
        }
    }
    line.end()
}

/// Joins two programs; once `after` bytes have crossed, something is done before the next.
pub fn join_and(caller: &mut Command, called: &mut Command, after: u64, act: impl FnOnce()) -> Outcome {
    let mut line = Relay::start(caller, called);
    if line.carry(after) {
        act();
        line.carry(u64::MAX);
    }
    line.end()
}

/// Two programs and the line between them.
struct Relay {
    caller: Child,
    called: Child,
    ways: [Way; 2],
    carried: u64,
}

impl Relay {
    fn start(caller: &mut Command, called: &mut Command) -> Relay {
        let (caller_input, to_caller) = std::io::pipe().expect("a pipe");
        let (called_input, to_called) = std::io::pipe().expect("a pipe");
        let (from_caller, caller_output) = std::io::pipe().expect("a pipe");
        let (from_called, called_output) = std::io::pipe().expect("a pipe");
        let caller = start(caller, caller_input.into(), caller_output.into());
        let called = start(called, called_input.into(), called_output.into());
        let ways = [Some((from_caller, to_called)), Some((from_called, to_caller))];
        Relay { caller, called, ways, carried: 0 }
    }

    /// Carries until so many bytes have crossed; false: both ways were closed before.
    fn carry(&mut self, until: u64) -> bool {
        while self.ways.iter().any(Option::is_some) {
            for way in &mut self.ways {
                carry(way, &mut self.carried, until);
            }
            if self.carried >= until {
                return true;
            }
            wait_for_bytes(&self.ways);
        }
        false
    }

    fn end(self) -> Outcome {
        let Relay { caller, called, ways, carried } = self;
        drop(ways);
        Outcome { caller: wait(caller), called: wait(called), carried }
    }
}

/// Joins two programs, and takes the options out of what the caller says first, so that each takes the other for an old
/// system that has none.
pub fn join_without_options(caller: &mut Command, called: &mut Command) -> (ExitStatus, ExitStatus) {
    let (to_caller, from_called) = std::io::pipe().expect("a pipe");
    let (mut from_caller, caller_output) = std::io::pipe().expect("a pipe");
    let (called_input, mut to_called) = std::io::pipe().expect("a pipe");
    let caller = start(caller, to_caller.into(), caller_output.into());
    let called = start(called, called_input.into(), from_called.into());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut hello = Vec::new();
            let mut byte = [0];
            while !hello.ends_with(b"\0") && from_caller.read(&mut byte).is_ok_and(|count| count > 0) {
                hello.push(byte[0]);
            }
            let end = hello.iter().position(|byte| *byte == b' ').unwrap_or(hello.len() - 1);
            hello.truncate(end);
            hello.push(0);
            let _ = to_called.write_all(&hello);
            let _ = std::io::copy(&mut from_caller, &mut to_called);
        });
        (wait(caller), wait(called))
    })
}

type Way = Option<(PipeReader, PipeWriter)>;

/// Moves what is there, up to the byte at which the line ends; a closed end closes the way.
fn carry(way: &mut Way, carried: &mut u64, until: u64) {
    let Some((from, to)) = way else { return };
    if !readable(from) || *carried >= until {
        return;
    }
    let mut buffer = [0; 4096];
    let limit = usize::try_from(until - *carried).unwrap_or(usize::MAX).min(buffer.len());
    let count = from.read(&mut buffer[..limit]).unwrap_or(0);
    if count == 0 || to.write_all(&buffer[..count]).is_err() {
        *way = None;
    }
    *carried += count as u64;
}

fn readable(from: &PipeReader) -> bool {
    let mut fds = [PollFd::new(from, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    retry_on_intr(|| poll(&mut fds, Some(&now))).expect("poll works") > 0
}

fn wait_for_bytes(ways: &[Way; 2]) {
    let mut fds: Vec<PollFd> =
        ways.iter().flatten().map(|(from, _)| PollFd::new(from, PollFlags::IN)).collect();
    let patience = Timespec::try_from(PATIENCE).expect("a short time");
    if !fds.is_empty() {
        assert!(
            retry_on_intr(|| poll(&mut fds, Some(&patience))).expect("poll works") > 0,
            "nothing moved for {PATIENCE:?}"
        );
    }
}

fn kill(process: Pid) {
    kill_process(process, Signal::KILL).expect("the program was still there");
}
