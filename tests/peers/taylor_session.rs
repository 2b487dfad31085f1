//! Sessions with the packaged Taylor UUCP over a pipe, each side calling, without a daemon around: what is queued at
//! one end arrives at the other, once and unharmed.

use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, run_with_input};
use jiff::Timestamp;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use uugate::job::{Command, Execute, Fetch, Grade, Notify, Send, SystemName, Work};
use uugate::spool::{CHUNK, CallRecord, Content, NewJob, Spool, Task};
use uugate::wire::call::{self, Connected, Login, Node, Protocols, System};
use uugate::wire::line::Beside;
use uugate::wire::session::Watch;

/// A uugate that exists in this process alone.
pub struct Site {
    pub node: Node,
    pub spool: Spool,
}

impl Site {
    pub fn new(folder: &Path, name: &str, peer: &str, protocol: char) -> Site {
        let public = folder.join(format!("{name}-public"));
        std::fs::create_dir_all(&public).expect("a public directory");
        let mut node = Node::new(name.parse().expect("a name"), public);
        let protocols = Protocols { letters: vec![protocol], ..Protocols::default() };
        let system = System { protocols, ..System::default() };
        node.systems.insert(peer.parse().expect("a name"), system);
        Site { node, spool: Spool::in_memory() }
    }

    pub fn peer(&self) -> SystemName {
        self.node.systems.keys().next().expect("a peer").clone()
    }

    pub async fn submit(&self, work: Work, bytes: Option<&[u8]>) {
        self.submit_at(Grade::MAIL, work, bytes).await;
    }

    async fn submit_at(&self, grade: Grade, work: Work, bytes: Option<&[u8]>) {
        let mut content = None;
        if let Some(bytes) = bytes {
            let body = self.spool.body_new().await.expect("a body");
            for (number, piece) in bytes.chunks(CHUNK).enumerate() {
                let offset = (number * CHUNK) as u64;
                self.spool.body_append(body, offset, piece.to_vec()).await.expect("bytes");
            }
            content = Some(Content::body(body));
        }
        let created = Timestamp::UNIX_EPOCH;
        let job = NewJob { system: self.peer(), grade, work, content, created };
        self.spool.submit_job(None, job).await.expect("a job");
    }

    pub async fn mail(&self, to: &str, message: &[u8]) {
        self.mail_at(Grade::MAIL, to, message).await;
    }

    pub async fn mail_at(&self, grade: Grade, to: &str, message: &[u8]) {
        let mut bytes = b"From jan Mon Nov 23 12:00:00 2026 remote from leaf\n".to_vec();
        bytes.extend_from_slice(message);
        let command = Command::parse(&format!("rmail {to}")).expect("a command");
        let execute = Execute { command, user: "jan".into(), requestor: None, notify: Notify::OnError };
        self.submit_at(grade, Work::Execute(execute), Some(&bytes)).await;
    }

    /// What arrived: the command or place, and the bytes behind the From_ line.
    pub async fn arrived(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let far = Timestamp::MAX - jiff::SignedDuration::from_hours(24);
        for execution in
            self.spool.claim_executions(far, 1000, Duration::from_secs(60)).await.expect("executions")
        {
            let mut bytes = Vec::new();
            while let Some(body) = execution.body.filter(|body| (bytes.len() as u64) < body.size) {
                bytes.extend(self.spool.body_read(body.id, bytes.len() as u64, CHUNK).await.expect("bytes"));
            }
            let end = bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
            found.push(match execution.task {
                Task::Run(execute) => (execute.command.to_string(), bytes.split_off(end)),
                Task::Place { to, .. } => (to, bytes),
            });
        }
        found.sort();
        found
    }

    pub async fn waiting(&self) -> usize {
        self.spool.jobs(None, None).await.expect("jobs").len()
    }

    /// A call over this stream, placed by us or not.
    pub async fn call<S>(&self, we_call: bool, stream: S) -> CallRecord
    where
        S: AsyncRead + AsyncWrite + Beside + std::marker::Send + Unpin,
    {
        let (watch, connected) = (Watch::nobody(), Connected::default());
        if !we_call {
            let answered =
                call::answer(stream, &self.node, Login::Trusted, connected, &self.spool, &watch).await;
            return answered.record;
        }
        let system = self.peer();
        let lease = call::begin(&self.spool, &self.node, &system, "pipe").await.expect("no other call");
        call::place(stream, &self.node, &system, lease, connected, &self.spool, &watch).await.record
    }
}

/// One call between us and Taylor; the line is cut after so many bytes, if that is said.
pub async fn call(we_call: bool, us: &Site, taylor: &Taylor, cut: Option<u64>) -> CallRecord {
    let command = if we_call { taylor.called() } else { taylor.caller() };
    let mut child = tokio::process::Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("uucico starts");
    let mut far = tokio::io::join(child.stdout.take().expect("piped"), child.stdin.take().expect("piped"));
    let (ours, mut near) = duplex(4096);
    let carry = async {
        match cut {
            None => drop(tokio::io::copy_bidirectional(&mut near, &mut far).await),
            Some(bytes) => cut_after(&mut near, &mut far, bytes).await,
        }
        drop((near, far));
    };
    let (record, ()) = tokio::join!(us.call(we_call, ours), carry);
    let ended = tokio::time::timeout(support::PATIENCE, child.wait()).await.expect("uucico ends");
    ended.expect("uucico can be waited for");
    record
}

async fn cut_after<A, B>(a: &mut A, b: &mut B, mut left: u64)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_a, mut from_b) = (vec![0; 512], vec![0; 512]);
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(512).min(512);
        let count = tokio::select! {
            read = a.read(&mut from_a[..limit]) => {
                let count = read.unwrap_or(0);
                if b.write_all(&from_a[..count]).await.is_err() { return }
                count
            }
            read = b.read(&mut from_b[..limit]) => {
                let count = read.unwrap_or(0);
                if a.write_all(&from_b[..count]).await.is_err() { return }
                count
            }
        };
        if count == 0 {
            return;
        }
        left -= count as u64;
    }
}

/// Messages that have gone wrong somewhere before: 8-bit, dots, From_ lines, no newline at the end, none at all, a large
/// one.
fn messages() -> Vec<Vec<u8>> {
    let mut large = vec![0; 1 << 20];
    let mut state = 1_u32;
    for byte in &mut large {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
    let mut messages: Vec<Vec<u8>> =
        (0..12).map(|n| format!("Subject: {n}\n\ntext {n}\n").into_bytes()).collect();
    messages.push(b"Subject: dots\n\n.\n..\n.x\n".to_vec());
    messages.push(b"Subject: from\n\nFrom here on\nFrom there\n".to_vec());
    messages.push(b"Subject: no newline\n\nend".to_vec());
    messages.push((0..=255).collect());
    messages.push(b"\n".to_vec());
    messages.push(vec![b'x'; 1024]);
    messages.push(vec![0x10; 4096]);
    messages.push(large);
    messages
}

pub fn sites(folder: &Path, protocol: char, parameters: &[&str]) -> (Site, Taylor) {
    let settings = Settings { protocol, parameters, ..Settings::default() };
    let taylor = Taylor::new(folder, "polux", "leaf", &settings);
    (Site::new(folder, "leaf", "polux", protocol), taylor)
}

/// Twenty messages each way, in one call.
async fn mail_both_ways(we_call: bool, protocol: char, parameters: &[&str]) {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), protocol, parameters);
    let messages = messages();
    for (number, message) in messages.iter().enumerate() {
        us.mail(&format!("ann{number:02}"), message).await;
        taylor.mail("bob", &[&format!("jan{number:02}")], message);
    }
    let record = call(we_call, &us, &taylor, None).await;
    assert_eq!(record.failure, None, "{}", taylor.log());
    assert_eq!((record.jobs_sent, record.jobs_received), (20, 20));
    assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{}", taylor.log());
    taylor.execute();
    let mut inbox = taylor.inbox();
    inbox.sort_by(|a, b| a.recipients.cmp(&b.recipients));
    assert_eq!(inbox.len(), 20, "{}", taylor.log());
    let arrived = us.arrived().await;
    assert_eq!(arrived.len(), 20);
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(inbox[number].recipients, format!("ann{number:02}"));
        assert!(inbox[number].message() == message.as_slice(), "message {number} to Taylor");
        assert_eq!(arrived[number].0, format!("rmail jan{number:02}"));
        assert!(arrived[number].1 == *message, "message {number} from Taylor");
    }
}

#[tokio::test]
async fn mail_goes_both_ways_when_we_call_over_i() {
    mail_both_ways(true, 'i', &[]).await;
}

#[tokio::test]
async fn mail_goes_both_ways_when_taylor_calls_over_i() {
    mail_both_ways(false, 'i', &[]).await;
}

#[tokio::test]
async fn mail_goes_both_ways_when_we_call_over_g() {
    mail_both_ways(true, 'g', &[]).await;
}

#[tokio::test]
async fn mail_goes_both_ways_when_taylor_calls_over_g() {
    mail_both_ways(false, 'g', &["g packet-size 1024", "g window 7"]).await;
}

/// Files to and from the public directories, pairs of D. and X. files, and refusals between them.
async fn files_and_refusals(we_call: bool, protocol: char) {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), protocol, &[]);
    let work = folder.path().join("work");
    std::fs::create_dir(&work).expect("a folder");
    run_with_input(std::process::Command::new("chmod").arg("0777").arg(&work), b"");
    let text = vec![b'f'; 5000];
    std::fs::write(work.join("plan"), &text).expect("a file");
    std::fs::write(us.node.public.join("there"), b"fetched").expect("a file");
    std::fs::write(us.node.public.join("hidden"), b"hidden").expect("a file");
    run_with_input(std::process::Command::new("chmod").arg("0600").arg(us.node.public.join("hidden")), b"");
    std::fs::write(taylor.path("pub/theirs"), b"theirs").expect("a file");
    run_with_input(std::process::Command::new("chmod").arg("0666").arg(taylor.path("pub/theirs")), b"");
    let plan = work.join("plan").display().to_string();
    let back = |name: &str| work.join(name).display().to_string();
    let uucp = |arguments: &[&str]| {
        run_with_input(taylor.command("uucp").arg("-r").args(arguments), b"");
    };
    for round in 0..3 {
        uucp(&[&plan, &format!("leaf!~/in/plan{round}")]);
        uucp(&[&plan, &format!("leaf!/etc/forbidden{round}")]);
        uucp(&["-C", &plan, "leaf!~/"]);
        uucp(&["leaf!~/there", &back(&format!("there{round}"))]);
        uucp(&["leaf!~/hidden", &back("hidden")]);
        uucp(&["leaf!/etc/passwd", &back("passwd")]);
        uucp(&["leaf!~/none", &back("none")]);
        taylor.mail("bob", &[&format!("jan{round}")], b"a message between\n");
        let send = |to: &str| {
            let (from, to, user) = ("/home/jan/plan".into(), to.into(), "jan".into());
            Work::Send(Send { from, to, user, mode: 0o644, make_directories: true, notify: None })
        };
        us.submit(send(&format!("~/ours{round}")), Some(b"ours")).await;
        us.submit(send("/etc/forbidden"), Some(b"forbidden")).await;
        let fetch = |from: &str, to: String| {
            Work::Fetch(Fetch { from: from.into(), to, user: "jan".into(), make_directories: true })
        };
        us.submit(fetch("~/theirs", format!("~/theirs{round}")), None).await;
        us.submit(fetch("~/none", "~/none".into()), None).await;
        us.mail(&format!("ann{round}"), b"a message between\n").await;
    }
    // A command with a file of its own cannot be an E command: D. and X. files are sent.
    let mut uux = taylor.command("uux");
    uux.args(["-r", "-", "leaf!rmail", "pair"]).arg(format!("!{plan}"));
    run_with_input(&mut uux, b"From bob Mon Nov 23 12:00:00 2026\ntext");

    let record = call(we_call, &us, &taylor, None).await;
    assert_eq!(record.failure, None, "{}", taylor.log());
    assert_eq!(taylor.jobs_waiting(), 0, "{}", taylor.log());
    for round in 0..3 {
        assert_eq!(std::fs::read(work.join(format!("there{round}"))).expect("a fetched file"), b"fetched");
        assert_eq!(std::fs::read(taylor.path(&format!("pub/ours{round}"))).expect("a sent file"), b"ours");
    }
    assert!(["hidden", "passwd", "none"].iter().all(|name| !work.join(name).exists()));
    let arrived = us.arrived().await;
    let names: Vec<&str> = arrived.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected = Vec::new();
    for round in 0..3 {
        expected.extend([format!("~/in/plan{round}"), format!("~/theirs{round}"), "~/plan".to_owned()]);
        expected.push(format!("rmail jan{round}"));
    }
    expected.sort();
    assert_eq!(names, expected, "{}", taylor.log());
    assert!(arrived.iter().filter(|(name, _)| name.contains("plan")).all(|(_, bytes)| *bytes == text));
    // The refused ones are out of the queue and told of; the X. file that wants files is in quarantine.
    let jobs = us.spool.jobs(None, None).await.expect("jobs");
    assert!(jobs.iter().all(|job| job.state == uugate::spool::JobState::Quarantined), "{jobs:?}");
    assert_eq!(jobs.len(), 6);
    assert_eq!(
        us.spool
            .quarantined(None)
            .await
            .expect("quarantine")
            .iter()
            .filter(|q| q.from.starts_with("X."))
            .count(),
        1
    );
    taylor.execute();
    assert_eq!(taylor.inbox().len(), 3, "{}", taylor.log());
}

#[tokio::test]
async fn files_and_refusals_over_i_when_we_call() {
    files_and_refusals(true, 'i').await;
}

#[tokio::test]
async fn files_and_refusals_over_i_when_taylor_calls() {
    files_and_refusals(false, 'i').await;
}

#[tokio::test]
async fn files_and_refusals_over_g_when_we_call() {
    files_and_refusals(true, 'g').await;
}

#[tokio::test]
async fn files_and_refusals_over_g_when_taylor_calls() {
    files_and_refusals(false, 'g').await;
}

/// Cuts the line of call after call, until one goes through: every message arrives once, and what was across is not
/// sent again.
async fn cuts(we_call: bool, protocol: char, bytes: &[u64]) {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), protocol, &[]);
    let large = vec![b'l'; 150_000];
    us.mail("ann0", b"small\n").await;
    us.mail("ann1", &large).await;
    taylor.mail("bob", &["jan0"], b"small\n");
    taylor.mail("bob", &["jan1"], &large);
    let mut carried = 0;
    for cut in bytes {
        let record = call(we_call, &us, &taylor, Some(*cut)).await;
        assert!(record.failure.is_some());
        carried += cut;
    }
    let record = call(we_call, &us, &taylor, None).await;
    assert_eq!(record.failure, None, "{}", taylor.log());
    carried += record.bytes_sent + record.bytes_received;
    assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{}", taylor.log());
    let arrived: Vec<_> = us.arrived().await.into_iter().map(|(name, bytes)| (name, bytes.len())).collect();
    assert_eq!(arrived, [("rmail jan0".to_owned(), 6), ("rmail jan1".to_owned(), 150_000)]);
    taylor.execute();
    let mut inbox: Vec<_> =
        taylor.inbox().iter().map(|m| (m.recipients.clone(), m.message().len())).collect();
    inbox.sort();
    assert_eq!(inbox, [("ann0".to_owned(), 6), ("ann1".to_owned(), 150_000)], "{}", taylor.log());
    // Each file of 64 KiB and more goes on where it stopped; a window and what had not reached the disk is lost.
    assert!(carried < 300_000 * 5 / 3, "{carried} bytes for 300 000");
}

#[tokio::test]
async fn cut_lines_over_i_when_we_call() {
    cuts(true, 'i', &[300, 60_000, 150_000, 700]).await;
}

#[tokio::test]
async fn cut_lines_over_i_when_taylor_calls() {
    cuts(false, 'i', &[100, 70_000, 140_000, 5_000]).await;
}

#[tokio::test]
async fn cut_lines_over_g_when_we_call() {
    cuts(true, 'g', &[300, 90_000, 100_000, 700]).await;
}

#[tokio::test]
async fn cut_lines_over_g_when_taylor_calls() {
    cuts(false, 'g', &[400, 50_000, 130_000, 60_000]).await;
}

/// One message each way; the line is cut after so many bytes, and then called again.
async fn cut_once(we_call: bool, protocol: char, cut: u64) -> u64 {
    let folder = support::open_folder();
    let (us, taylor) = sites(folder.path(), protocol, &[]);
    us.mail("ann", b"to Taylor\n").await;
    taylor.mail("bob", &["jan"], b"from Taylor\n");
    let first = call(we_call, &us, &taylor, Some(cut)).await;
    let record = call(we_call, &us, &taylor, None).await;
    assert_eq!(record.failure, None, "{protocol} {cut}: {}", taylor.log());
    assert_eq!((us.waiting().await, taylor.jobs_waiting()), (0, 0), "{protocol} {cut}: {}", taylor.log());
    assert_eq!(us.arrived().await, [("rmail jan".to_owned(), b"from Taylor\n".to_vec())], "{protocol} {cut}");
    taylor.execute();
    let inbox: Vec<_> = taylor.inbox().iter().map(|m| (m.recipients.clone(), m.message().to_vec())).collect();
    assert_eq!(inbox, [("ann".to_owned(), b"to Taylor\n".to_vec())], "{protocol} {cut}: {}", taylor.log());
    first.bytes_sent + first.bytes_received
}

/// The line is cut about everywhere in the second half of a call, where files, their CY and the hanging up are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_is_lost_doubles_nothing() {
    let mut calls = tokio::task::JoinSet::new();
    for (we_call, protocol) in [(true, 'i'), (false, 'i'), (true, 'g'), (false, 'g')] {
        let whole = cut_once(we_call, protocol, 100_000).await;
        for step in 0..10 {
            calls.spawn(cut_once(we_call, protocol, whole / 3 + step * whole / 15));
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended.expect("once, whatever was cut");
    }
}
