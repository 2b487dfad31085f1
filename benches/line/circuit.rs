//! Two programs on a line that exists in memory: one direction each way, in real time.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use uugate::clock;
use uugate::wire::noise::{Noise, Settings};

use crate::support::{start, wait};

/// What one call took.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// From the first byte that either program said to the last that either was told.
    pub time: Duration,
    /// Bytes that the caller and the called program sent.
    pub sent: [u64; 2],
    /// What the caller and the called program used of the processor.
    pub cpu: [Duration; 2],
    /// Whether both ended with success.
    pub good: bool,
}

/// Bytes that a program may write before it has to wait for the line: a page, the buffer of a serial port on Linux.
pub const SERIAL_PORT: usize = 4096;
/// The same for a pseudo terminal.
pub const PSEUDO_TERMINAL: usize = 65_536;

/// One direction: from a program's output, along the line, to the other's input.
struct Way {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    line: Noise,
    /// Arrived, but not yet taken by the program.
    arrived: Vec<u8>,
}

/// Both ends of a line: standard input and output of the caller and of the called program, and where each of them is heard and
/// told.
pub struct Joint {
    programs: [(Stdio, Stdio); 2],
    ends: [(OwnedFd, OwnedFd); 2],
    /// The caller opens its end by itself, and throws away what came before.
    opens: bool,
}

impl Joint {
    /// Each program on a pair of pipes that take so many bytes ahead of the line; by itself one would take a whole window.
    pub fn pipes(ahead: usize) -> Joint {
        let end = || {
            let (input, to) = std::io::pipe().expect("a pipe");
            let (from, output) = std::io::pipe().expect("a pipe");
            rustix::pipe::fcntl_setpipe_size(&from, ahead).expect("a pipe may have this size");
            ((input.into(), output.into()), (from.into(), to.into()))
        };
        let [(caller, one), (called, other)] = [end(), end()];
        Joint { programs: [caller, called], ends: [one, other], opens: false }
    }

    /// Each program on a serial port, which is the slave of a pseudo terminal. The caller opens its own by this name, or has it as
    /// its standard input, as the called program has.
    pub fn ports(callers: &Path, opens: bool) -> Joint {
        let [(one, callers_port), (other, calleds_port)] = [pseudo_terminal(), pseudo_terminal()];
        let name = rustix::pty::ptsname(&one, Vec::new()).expect("its name");
        let _ = std::fs::remove_file(callers);
        std::os::unix::fs::symlink(name.to_str().expect("a plain name"), callers).expect("a link to it");
        let both = |end: &OwnedFd| end.try_clone().expect("a second handle");
        let caller = match opens {
            true => (Stdio::null(), Stdio::null()),
            false => (both(&callers_port).into(), callers_port.into()),
        };
        let called = (both(&calleds_port).into(), calleds_port.into());
        Joint { programs: [caller, called], ends: [(both(&one), one), (both(&other), other)], opens }
    }
}

/// Runs a call over a line with these settings in both directions. `seed` decides where it is disturbed; the call is ended after
/// `limit`.
pub fn call(
    caller: &mut Command,
    called: &mut Command,
    joint: Joint,
    line: &Settings,
    seed: u64,
    limit: Duration,
) -> Call {
    let Joint { programs: [(caller_input, caller_output), (called_input, called_output)], ends, opens } =
        joint;
    let [(from_caller, to_caller), (from_called, to_called)] = ends;
    let began = clock::now();
    let mut ways = [
        Way::new(from_caller, to_called, line.clone(), seed * 2, began),
        // The carrier is lost for both when the first direction has carried so much.
        Way::new(
            from_called,
            to_caller,
            Settings { carrier_after: None, ..line.clone() },
            seed * 2 + 1,
            began,
        ),
    ];
    let caller = start(caller, caller_input, caller_output);
    while opens && clock::now() < began + limit && ways[0].is_closed() {
        pause();
    }
    let called = start(called, called_input, called_output);
    let (mut first, mut last) = (None, began);
    loop {
        let now = clock::now();
        for way in &mut ways {
            let (heard, told) = way.turn(now);
            if heard {
                first.get_or_insert(now);
            }
            if told {
                last = now;
            }
        }
        let over = ways.iter().all(|way| way.to.is_none());
        if over || !ways[0].line.carrier() || now > began + limit {
            break;
        }
        sleep_until_something(&ways, now);
    }
    let sent = ways.each_ref().map(|way| way.line.carried().0);
    drop(ways);
    let cpu = [used(&caller), used(&called)];
    let good = wait(caller).success() & wait(called).success();
    let time = last.saturating_duration_since(first.unwrap_or(last));
    Call { time, sent, cpu, good }
}

impl Way {
    fn new(from: OwnedFd, to: OwnedFd, line: Settings, seed: u64, now: Instant) -> Way {
        for end in [rustix::io::ioctl_fionbio(&from, true), rustix::io::ioctl_fionbio(&to, true)] {
            end.expect("an end need not block");
        }
        Way { from: Some(from), to: Some(to), line: Noise::new(line, seed, now), arrived: Vec::new() }
    }

    /// Whether no program has the terminal open that it comes from.
    fn is_closed(&self) -> bool {
        let Some(from) = &self.from else { return true };
        let mut end = [PollFd::new(from, PollFlags::empty())];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut end, Some(&at_once)).expect("poll works");
        end[0].revents().contains(PollFlags::HUP)
    }

    /// Moves what can move; tells whether the program said something, and whether the other was told something.
    fn turn(&mut self, now: Instant) -> (bool, bool) {
        let heard = self.listen(now);
        if self.arrived.is_empty() {
            self.arrived = self.line.poll_arrived(now);
        }
        let told = self.tell();
        // What was on the line when the program ended is still delivered.
        if self.from.is_none() && self.arrived.is_empty() && self.line.poll_timeout().is_none() {
            self.to = None;
        }
        (heard, told)
    }

    fn listen(&mut self, now: Instant) -> bool {
        let (Some(from), room) = (&self.from, self.line.room(now)) else { return false };
        let mut buffer = [0; 4096];
        let wanted = room.min(buffer.len());
        if wanted == 0 {
            return false;
        }
        match read(from, &mut buffer[..wanted]) {
            // A terminal that its program has closed gives EIO.
            Ok(0) | Err(Errno::IO) => {
                self.from = None;
                false
            }
            Ok(count) => {
                self.line.send(now, &buffer[..count]);
                true
            }
            Err(Errno::AGAIN) => false,
            Err(error) => panic!("reading what a program says: {error}"),
        }
    }

    fn tell(&mut self) -> bool {
        let (Some(to), false) = (&self.to, self.arrived.is_empty()) else { return false };
        match write(to, &self.arrived) {
            Ok(count) => {
                self.arrived.drain(..count);
                true
            }
            Err(Errno::AGAIN) => false,
            // It has ended, and needs nothing more.
            Err(_) => {
                (self.to, self.from) = (None, None);
                self.arrived.clear();
                false
            }
        }
    }

    /// When the line has something to do by itself.
    fn due(&self, now: Instant) -> Option<Instant> {
        let arrival = self.arrived.is_empty().then(|| self.line.poll_timeout()).flatten();
        let room = self.from.is_some().then(|| self.line.room_timeout(now, 64)).flatten();
        arrival.into_iter().chain(room).min()
    }
}

fn sleep_until_something(ways: &[Way; 2], now: Instant) {
    let mut ends = Vec::new();
    for way in ways {
        if let (Some(from), true) = (&way.from, way.line.room(now) >= 64) {
            ends.push(PollFd::new(from, PollFlags::IN));
        }
        if let (Some(to), false) = (&way.to, way.arrived.is_empty()) {
            ends.push(PollFd::new(to, PollFlags::OUT));
        }
    }
    let due = ways.iter().filter_map(|way| way.due(now)).min();
    let patience = due.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(now));
    let patience = Timespec::try_from(patience).expect("a short time");
    match poll(&mut ends, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => panic!("waiting for the line: {error}"),
    }
}

fn pause() {
    let time = Timespec::try_from(Duration::from_millis(2)).expect("a short time");
    poll(&mut [], Some(&time)).expect("poll works");
}

/// Runs a call without a line between the two. It is over for a program once it has closed its standard input or ended: Taylor's
/// uucico sleeps for two seconds after that. The call is ended after `limit`. `kept` is what has to be on disk at its end;
/// Taylor leaves that to the kernel.
pub fn direct(
    caller: &mut Command,
    called: &mut Command,
    ends: Ends,
    kept: Option<&Path>,
    limit: Duration,
) -> Call {
    let began = clock::now();
    let [(caller_input, caller_output), (called_input, called_output)] = ends;
    let mut caller = start(caller, caller_input.into(), caller_output.into());
    let mut called = start(called, called_input.into(), called_output.into());
    let inputs = [&caller, &called].map(|child| format!("/proc/{}/fd/0", child.id()));
    while inputs.iter().any(|input| std::fs::symlink_metadata(input).is_ok()) {
        pause();
        if clock::now() > began + limit {
            for child in [&mut caller, &mut called] {
                child.kill().expect("our own child");
            }
        }
    }
    if let Some(file) = kept.and_then(|path| File::open(path).ok()) {
        file.sync_all().expect("a sync");
    }
    let time = clock::now() - began;
    let cpu = [used(&caller), used(&called)];
    let good = wait(caller).success() & wait(called).success();
    Call { time, sent: [0, 0], cpu, good }
}

/// What a program has used of the processor when it has ended, all its threads (proc_pid_stat(5)).
fn used(child: &Child) -> Duration {
    /// A tick of the clock that is counted by, as every Linux has it (`getconf CLK_TCK`).
    const TICK: Duration = Duration::from_millis(10);
    waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        .expect("the child can be waited for");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("its state");
    // Behind its name, which ends with the last parenthesis: fields 14 and 15 of all.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).map(|ticks| TICK * ticks).sum()
}

/// Input and output of the caller, and of the called program.
pub type Ends = [(OwnedFd, OwnedFd); 2];

pub fn pipes() -> Ends {
    let (caller_input, to_caller) = std::io::pipe().expect("a pipe");
    let (called_input, to_called) = std::io::pipe().expect("a pipe");
    [(caller_input.into(), to_called.into()), (called_input.into(), to_caller.into())]
}

/// As from inetd: both programs have a connected socket for standard input and output.
pub fn sockets() -> Ends {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let caller = std::net::TcpStream::connect(address).expect("a connection");
    let (called, _) = listener.accept().expect("a connection");
    [caller, called].map(|end| (end.try_clone().expect("a second handle").into(), end.into()))
}

/// A pseudo terminal in raw mode as a null modem: the caller on its slave, the called program on its master.
pub fn terminal() -> Ends {
    let (master, slave) = pseudo_terminal();
    [slave, master].map(|end| (end.try_clone().expect("a second handle"), end))
}

/// Master and slave, in raw mode.
fn pseudo_terminal() -> (OwnedFd, OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("a pseudo terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its slave");
    let path = ptsname(&master, Vec::new()).expect("its name");
    let path = path.to_str().expect("a plain name");
    let slave: OwnedFd = File::options().read(true).write(true).open(path).expect("the slave opens").into();
    let mut settings = tcgetattr(&slave).expect("its settings");
    settings.make_raw();
    tcsetattr(&slave, OptionalActions::Now, &settings).expect("its settings");
    (master, slave)
}
