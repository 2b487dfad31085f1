//! A line of seven data bits with even parity: what the other end says comes with the parity in the eighth bit, and of what is
//! said to it no eighth bit arrives.

use crate::support::messages::{assert_arrived, twenty};
use crate::support::node::Node;
use crate::support::taylor::{Settings, Taylor};
use crate::support::telephone::{LOGIN, PASSWORD};
use crate::support::{self, hashed, open_folder};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes on their way in one direction at most.
const UNDER_WAY: usize = 4096;

/// One end: a pseudo terminal.
struct End {
    device: PathBuf,
    master: OwnedFd,
    /// Keeps it alive between two openings.
    slave: OwnedFd,
}

impl End {
    fn new() -> End {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a pseudo terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other side");
        rustix::io::ioctl_fionbio(&master, true).expect("it need not block");
        let device =
            PathBuf::from(ptsname(&master, Vec::new()).expect("a name").into_string().expect("a path"));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&device, flags, Mode::empty()).expect("its other side");
        let mut settings = tcgetattr(&slave).expect("its settings");
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings).expect("its settings");
        End { device, master, slave }
    }
}

/// Two ends, and the wire between them.
struct Wire {
    ends: Arc<[End; 2]>,
    /// How many characters came to each end with the eighth bit set.
    marked: Arc<[AtomicU64; 2]>,
    _stop: std::io::PipeWriter,
}

impl Wire {
    /// The ports of these ends leave the parity of what comes in the eighth bit.
    fn new(leaves_parity: [bool; 2]) -> Wire {
        let ends = Arc::new([End::new(), End::new()]);
        let marked = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let (stopping, stop) = std::io::pipe().expect("a pipe");
        let (both, counts) = (ends.clone(), marked.clone());
        std::thread::spawn(move || carry(&both, leaves_parity, &counts, &stopping));
        Wire { ends, marked, _stop: stop }
    }

    fn device(&self, end: usize) -> &Path {
        &self.ends[end].device
    }

    fn marked(&self, end: usize) -> u64 {
        self.marked[end].load(Ordering::Relaxed)
    }
}

fn carry(ends: &[End; 2], parity: [bool; 2], marked: &[AtomicU64; 2], stopping: &std::io::PipeReader) {
    let mut under_way = [Vec::new(), Vec::new()];
    loop {
        let mut fds = vec![PollFd::new(stopping, PollFlags::IN)];
        for (at, end) in ends.iter().enumerate() {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, under_way[1 - at].is_empty());
            wanted.set(PollFlags::OUT, !under_way[at].is_empty());
            fds.push(PollFd::new(&end.master, wanted));
        }
        match poll(&mut fds, None) {
            Ok(_) if !fds[0].revents().is_empty() => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("the wire: {error}"),
        }
        for at in 0..2 {
            let mut bytes = [0; UNDER_WAY];
            if under_way[1 - at].is_empty()
                && let Ok(count) = rustix::io::read(&ends[at].master, &mut bytes)
            {
                under_way[1 - at].extend(bytes[..count].iter().map(|byte| arrives(*byte, parity[1 - at])));
                let high = under_way[1 - at].iter().filter(|byte| **byte >= 0x80).count();
                marked[1 - at].fetch_add(high as u64, Ordering::Relaxed);
            }
            if let Ok(count) = rustix::io::write(&ends[at].master, &under_way[at]) {
                under_way[at].drain(..count);
            }
        }
    }
}

/// What a port makes of a character of seven bits, with or without its even parity.
fn arrives(byte: u8, parity: bool) -> u8 {
    let character = byte & 0x7f;
    let odd = character.count_ones() % 2 == 1;
    if parity && odd { character | 0x80 } else { character }
}

/// A line without a modem.
fn cable(device: &Path, settings: &str) -> String {
    format!(
        "[[line]]\nname = \"cable\"\ntype = \"serial\"\ndevice = \"{}\"\nlock-directory = \".\"\nflow = \"none\"\n\
         format = \"7E1\"\n{settings}\n",
        device.display()
    )
}

fn called(name: &str) -> String {
    format!(
        "[routes]\nsmart-host = \"{name}\"\n[[system]]\nname = \"{name}\"\nline = \"cable\"\nlogin = \"{LOGIN}\"\n\
         password = \"{PASSWORD}\"\nchat = '\"\" \\r\\c ogin: \\L word: \\P'\n"
    )
}

/// All but the longest.
fn messages(direction: &str) -> Vec<Vec<u8>> {
    let mut all = twenty(direction);
    all.pop();
    all
}

fn protocol(node: &Node) -> String {
    let call = node.ended_calls().into_iter().next().expect("a call");
    assert!(call["record"]["failure"].is_null(), "{call}");
    call["record"]["protocol"].as_str().expect("a letter").to_owned()
}

#[test]
fn two_nodes_log_in_and_carry_every_byte_by_j() {
    let folder = open_folder();
    let wire = Wire::new([true, true]);
    let feed = format!(
        "[routes]\nsmart-host = \"leaf\"\n[[system]]\nname = \"leaf\"\ncalled-login = \"{LOGIN}\"\n\
         called-password-hash = \"{}\"\n{}",
        hashed(PASSWORD),
        cable(wire.device(0), "answer = true")
    );
    let feed = Node::new(folder.path(), "feed", &feed);
    let leaf = format!("{}{}", called("feed"), cable(wire.device(1), ""));
    let leaf = Node::new(folder.path(), "leaf", &leaf);
    let (up, down) = (messages("up"), messages("down"));
    up.iter().for_each(|message| leaf.mail("ann@leaf.uucp", &["ann@feed.uucp"], message));
    down.iter().for_each(|message| feed.mail("ann@feed.uucp", &["ann@leaf.uucp"], message));
    let (feed_daemon, leaf_daemon) = (feed.start(), leaf.start());
    leaf.run("poll", &["feed", "--wait"], b"");
    feed.await_mail("ann", up.len());
    leaf.await_mail("ann", down.len());
    assert_arrived(&up, feed.mailbox("ann"), true);
    assert_arrived(&down, leaf.mailbox("ann"), true);
    assert_eq!(protocol(&leaf), "j", "no other that was offered bears it");
    assert!(wire.marked(0) > 0 && wire.marked(1) > 0, "parity came in");
    assert!(leaf_daemon.stop().success() && feed_daemon.stop().success());
}

#[test]
fn taylor_is_called_whose_prompts_carry_parity() {
    let folder = open_folder();
    // Its own port sees to parity.
    let wire = Wire::new([true, false]);
    let leaf = format!("{}{}", called("polux"), cable(wire.device(0), ""));
    let leaf = Node::new(folder.path(), "leaf", &leaf);
    let settings = Settings {
        protocol: 'j',
        system: &format!("chat \"\"\ncalled-login {LOGIN}\n"),
        port: "type stdin\nseven-bit true\n",
        logins: &format!("{LOGIN} {PASSWORD}\n"),
        ..Settings::default()
    };
    let polux = Taylor::new(folder.path(), "polux", "leaf", &settings);
    let (there, back) = (messages("there"), messages("back"));
    there.iter().for_each(|message| leaf.mail("ann@leaf.uucp", &["jan@polux.uucp"], message));
    back.iter().for_each(|message| polux.mail("jan", &["ann"], message));
    let daemon = leaf.start();
    leaf.await_jobs(there.len());
    let port = || Stdio::from(wire.ends[1].slave.try_clone().expect("a copy"));
    let process = support::start(polux.called().arg("-l"), port(), port());
    leaf.run("poll", &["polux", "--wait"], b"");
    assert!(support::wait(process).success(), "{}", polux.log());
    leaf.await_mail("ann", back.len());
    assert_arrived(&back, leaf.mailbox("ann"), true);
    polux.execute();
    assert_arrived(&there, polux.inbox().iter().map(|delivered| delivered.message().to_vec()), false);
    assert_eq!(protocol(&leaf), "j");
    assert!(wire.marked(0) > 0, "parity came in");
    assert!(daemon.stop().success());
}
