mod costs;
mod files;
mod kinds;
mod lines;
mod meeting;
mod numbers;
mod player;

use super::*;
use crate::job::{Command, Digest, Execute, Fetch, Grade, Notify, Send, StableId, Work};
use crate::observe::Secret;
use crate::schedule::{SizeLimits, Sizes, Windows};
use crate::spool::{Arrival, ArrivalKind, Blocks, CHUNK, Content, Identity, NewJob, Task};
use crate::wire::chat::{self, Script, Values};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

fn name(text: &str) -> SystemName {
    text.parse().unwrap()
}

/// One end: a node with a spool that knows the other.
struct Site {
    node: Node,
    spool: Spool,
}

impl Site {
    fn new(ours: &str, other: &str) -> Site {
        let mut node = Node::new(name(ours), "/var/spool/uucppublic".into());
        node.systems.insert(name(other), System::default());
        Site { node, spool: Spool::in_memory() }
    }

    fn neighbour(&mut self) -> &mut System {
        self.node.systems.values_mut().next().unwrap()
    }

    fn other(&self) -> SystemName {
        self.node.systems.keys().next().unwrap().clone()
    }

    async fn submit(&self, work: Work, bytes: &[u8]) -> StableId {
        self.submit_at(Grade::MAIL, work, bytes).await
    }

    async fn submit_at(&self, grade: Grade, work: Work, bytes: &[u8]) -> StableId {
        let body = self.spool.body_new().await.unwrap();
        let mut offset = 0;
        for piece in bytes.chunks(CHUNK) {
            self.spool.body_append(body, offset, piece.to_vec()).await.unwrap();
            offset += piece.len() as u64;
        }
        let job = NewJob {
            system: self.other(),
            grade,
            work,
            content: Some(Content::body(body)),
            created: clock::wall(),
        };
        self.spool.submit_job(None, job).await.unwrap()
    }

    async fn mail(&self, to: &str, bytes: &[u8]) {
        let command = Command::parse(&format!("rmail {to}")).unwrap();
        let execute = Execute { command, user: "jan".to_owned(), requestor: None, notify: Notify::OnError };
        self.submit(Work::Execute(execute), bytes).await;
    }

    /// What arrived: the command or place, and the bytes.
    async fn arrived(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let lease = Duration::from_secs(60);
        for execution in self.spool.claim_executions(clock::wall(), 1000, lease).await.unwrap() {
            let mut bytes = Vec::new();
            if let Some(body) = execution.body {
                while (bytes.len() as u64) < body.size {
                    bytes.extend(self.spool.body_read(body.id, bytes.len() as u64, CHUNK).await.unwrap());
                }
            }
            let what = match execution.task {
                Task::Run(execute) => execute.command.to_string(),
                Task::Place { to, .. } => to,
            };
            found.push((what, bytes));
        }
        found.sort();
        found
    }

    async fn waiting(&self) -> usize {
        self.spool.jobs(None, None).await.unwrap().len()
    }
}

fn sites() -> (Site, Site) {
    (Site::new("leaf", "polux"), Site::new("polux", "leaf"))
}

/// A call from `leaf`, whatever its name, to `polux` over these streams.
async fn call<A, B>(leaf: &Site, polux: &Site, login: Login, a: A, b: B) -> (CallRecord, Answered)
where
    A: AsyncRead + AsyncWrite + Beside + std::marker::Send + Unpin,
    B: AsyncRead + AsyncWrite + std::marker::Send + Unpin,
{
    let watch = Watch::nobody();
    let system = leaf.other();
    let lease = begin(&leaf.spool, &leaf.node, &system, "test").await.unwrap();
    let connected =
        || Connected { line: "test".to_owned(), qualities: Qualities::STREAM, ..Connected::default() };
    let placing =
        async { place(a, &leaf.node, &system, lease, connected(), &leaf.spool, &watch).await.record };
    let answering = answer(b, &polux.node, login, connected(), &polux.spool, &watch);
    tokio::join!(placing, answering)
}

fn text(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn a_damaged_job_is_set_aside_and_the_call_goes_on_with_the_rest() {
    use std::os::unix::fs::FileExt;
    let (mut leaf, polux) = sites();
    let folder = tempfile::tempdir().unwrap();
    leaf.spool = Spool::open(folder.path(), clock::wall()).await.unwrap();
    for number in 0..3 {
        leaf.mail(&format!("a{number}@polux"), &text(number, 200_000)).await;
    }
    let mut files: Vec<_> =
        std::fs::read_dir(folder.path().join("bodies")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 3);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&files[0]).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 199_999).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 199_999).unwrap();

    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!((placed.failure, answered.record.failure), (None, None));
    assert_eq!((placed.jobs_sent, answered.record.jobs_received), (2, 2));
    let expected: Vec<_> = (1..3).map(|n| (format!("rmail a{n}@polux"), text(n, 200_000))).collect();
    assert_eq!(polux.arrived().await, expected);
    let jobs = leaf.spool.jobs(None, None).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].state, crate::spool::JobState::Quarantined);
    assert!(jobs[0].note.contains("is not what was written"), "{}", jobs[0].note);
    assert_eq!(leaf.spool.quarantined(None).await.unwrap().len(), 1);
    let notices = leaf.spool.claim_notices(clock::wall(), 9, Duration::from_secs(60)).await.unwrap();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].notice.to, "postmaster");
    let events = leaf.spool.events(crate::spool::EventFilter::default()).await.unwrap();
    assert!(events.iter().any(|(_, event)| event.what == "spoiled"), "{events:?}");
}

#[tokio::test]
async fn a_protocol_is_chosen_ahead_for_a_uugate_whose_last_call_went_well() {
    let (leaf, polux) = sites();
    let system = name("polux");
    let sure = async |protocol| is_sure_to_take(&leaf.spool, &system, Some(protocol)).await.unwrap();
    assert!(!sure('i').await);
    for _ in 0..2 {
        leaf.mail("a@polux", b"hello").await;
        let (a, b) = duplex(4096);
        let (record, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
        assert_eq!((record.failure, record.uugate, record.jobs_sent), (None, true, 1));
        assert!(sure(record.protocol.unwrap()).await && !sure('x').await);
    }
    let lease = begin(&leaf.spool, &leaf.node, &system, "test").await.unwrap();
    assert!(sure('i').await, "the call that is being placed does not count");
    let error = CallError::InCall { system: system.clone() };
    not_connected(&leaf.spool, lease, &error, Tried::default()).await;
    assert!(!sure('i').await);
}

/// A file of a user's, for this place.
fn plan(to: &str) -> Work {
    Work::Send(Send {
        from: "/home/jan/plan".to_owned(),
        to: to.to_owned(),
        user: "jan".to_owned(),
        mode: 0o644,
        make_directories: true,
        notify: None,
    })
}

#[tokio::test]
async fn one_call_takes_the_work_of_both_ends() {
    let (leaf, polux) = sites();
    for number in 0..5 {
        leaf.mail(&format!("a{number}@polux"), &text(number, 3000 * usize::from(number))).await;
        polux.mail(&format!("b{number}@leaf"), &text(number, 100_000)).await;
    }
    leaf.submit(plan("~/in/"), b"the plan").await;
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!((placed.failure, answered.record.failure), (None, None));
    assert_eq!(answered.system, Some(name("leaf")));
    assert_eq!((placed.jobs_sent, placed.jobs_received), (6, 5));
    assert_eq!((answered.record.jobs_sent, answered.record.jobs_received), (5, 6));
    assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0));
    let mut expected: Vec<_> =
        (0..5).map(|n| (format!("rmail a{n}@polux"), text(n, 3000 * usize::from(n)))).collect();
    expected.push(("~/in/plan".to_owned(), b"the plan".to_vec()));
    assert_eq!(polux.arrived().await, expected);
    let expected: Vec<_> = (0..5).map(|n| (format!("rmail b{n}@leaf"), text(n, 100_000))).collect();
    assert_eq!(leaf.arrived().await, expected);
}

#[tokio::test]
async fn a_caller_logs_in_and_only_as_itself() {
    let (mut leaf, mut polux) = sites();
    let right = hashed("geheim");
    polux.neighbour().login = Some(Account { name: "Uleaf".to_owned(), password_hash: right.clone() });
    let castor = System {
        login: Some(Account { name: "Ucastor".to_owned(), password_hash: right }),
        ..System::default()
    };
    polux.node.systems.insert(name("castor"), castor);
    polux.node.prompt.penalty = Duration::ZERO;
    polux.node.prompt.attempts = 1;
    leaf.mail("ida", b"text").await;
    for (login, password, failure) in [
        ("Uleaf", "falsch", Some("login")),
        ("Ucastor", "geheim", Some("RLOGIN")),
        ("Unobody", "geheim", Some("login")),
        ("Uleaf", "geheim", None),
    ] {
        leaf.neighbour().chat = Some(Dialogue {
            script: Script::parse("ogin: \\L word: \\P", chat::Kind::Login).unwrap(),
            settings: chat::Settings { fail: vec![b"ogin: ".to_vec()], ..chat::Settings::login() },
            values: Values {
                login: Some(login.to_owned()),
                password: Some(Secret::new(password.to_owned())),
                ..Values::default()
            },
        });
        let (a, b) = duplex(4096);
        let (placed, answered) = call(&leaf, &polux, Login::Ask, a, b).await;
        match failure {
            None => assert_eq!((placed.failure, answered.record.failure), (None, None)),
            Some(word) => {
                assert!(placed.failure.is_some(), "{login}");
                assert!(answered.record.failure.is_some_and(|why| why.contains(word)), "{login}");
                assert_eq!(polux.arrived().await, []);
            }
        }
    }
    assert_eq!(polux.arrived().await.len(), 1);
}

/// A cheap hash; the real cost is no concern of these tests.
fn hashed(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
    argon.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap().to_string()
}

#[tokio::test]
async fn a_call_whose_task_is_cut_off_is_over_and_the_next_one_takes_its_work() {
    let (leaf, polux) = sites();
    leaf.mail("ann", &text(1, 2_000_000)).await;
    let under_way = async {
        let in_hand = async |site: &Site| {
            let calls = site.spool.calls(None, 1).await.unwrap();
            calls.first().is_some_and(|call| call.ended.is_none())
        };
        while !in_hand(&leaf).await || !in_hand(&polux).await {
            tokio::task::yield_now().await;
        }
        while leaf.spool.jobs(None, None).await.unwrap().iter().all(|job| job.attempts == 0) {
            tokio::task::yield_now().await;
        }
    };
    let (a, b) = duplex(512);
    tokio::select! {
        () = under_way => {}
        ended = call(&leaf, &polux, Login::Trusted, a, b) => panic!("too early: {ended:?}"),
    }
    for site in [&leaf, &polux] {
        let calls = site.spool.calls(None, 1).await.unwrap();
        assert!(calls[0].ended.is_some());
        assert!(calls[0].record.failure.as_ref().is_some_and(|failure| failure.contains("cut off")));
    }
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!((placed.failure, answered.record.failure), (None, None));
    assert_eq!((placed.jobs_sent, leaf.waiting().await), (1, 0));
}

#[tokio::test]
async fn strangers_and_second_calls_are_refused() {
    let (leaf, mut polux) = sites();
    let lease = begin(&polux.spool, &polux.node, &name("leaf"), "other line").await.unwrap();
    assert!(matches!(
        begin(&polux.spool, &polux.node, &name("leaf"), "third line").await,
        Err(CallError::InCall { .. })
    ));
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert!(placed.failure.is_some_and(|why| why.contains("RLCK")));
    assert!(answered.record.failure.is_some());
    not_connected(&polux.spool, lease, &CallError::UnknownProtocol('x'), Tried::default()).await;
    polux.node.systems.clear();
    let (a, b) = duplex(4096);
    let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert!(placed.failure.is_some_and(|why| why.contains("unknown")));
    assert_eq!(answered.system, None);
}

/// Passes bytes both ways until so many have gone, then cuts the line.
async fn cut_after(mut a: DuplexStream, mut b: DuplexStream, bytes: u64) -> bool {
    let mut left = bytes;
    let (mut from_a, mut from_b) = (vec![0; 512], vec![0; 512]);
    loop {
        let limit = usize::try_from(left).unwrap_or(512).min(512);
        if limit == 0 {
            return true;
        }
        tokio::select! {
            read = a.read(&mut from_a[..limit]) => match read {
                Ok(count) if count > 0 && b.write_all(&from_a[..count]).await.is_ok() => left -= count as u64,
                _ => return false,
            },
            read = b.read(&mut from_b[..limit]) => match read {
                Ok(count) if count > 0 && a.write_all(&from_b[..count]).await.is_ok() => left -= count as u64,
                _ => return false,
            },
        }
    }
}

/// Cuts the line of call after call, `step` bytes later each time, until nothing waits any more.
async fn everything_arrives_once(protocol: char, first: u64, step: u64) {
    let (mut leaf, mut polux) = sites();
    leaf.neighbour().protocols.letters = vec![protocol];
    polux.neighbour().protocols.letters = vec![protocol];
    for number in 0..3_u8 {
        leaf.mail(&format!("a{number}"), &text(number, 700 * usize::from(number))).await;
        polux.mail(&format!("b{number}"), &text(number, 900)).await;
    }
    let mut budget = first;
    for _ in 0..200 {
        let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
        let (_, cut) = tokio::join!(call(&leaf, &polux, Login::Trusted, a, b), cut_after(near, far, budget));
        budget += step;
        if !cut && leaf.waiting().await == 0 && polux.waiting().await == 0 {
            break;
        }
    }
    let expected = |who: &str, size: &dyn Fn(usize) -> usize| -> Vec<_> {
        (0..3_u8).map(|n| (format!("rmail {who}{n}"), text(n, size(usize::from(n))))).collect()
    };
    assert_eq!(polux.arrived().await, expected("a", &|n| 700 * n), "{protocol} {first} {step}");
    assert_eq!(leaf.arrived().await, expected("b", &|_| 900), "{protocol} {first} {step}");
}

#[tokio::test]
async fn calls_that_are_cut_again_and_again_lose_nothing_and_repeat_nothing() {
    for first in 0..20 {
        everything_arrives_once('i', first * 7, 211 + first).await;
        everything_arrives_once('g', first * 7, 301 + first).await;
    }
}

#[tokio::test]
async fn so_do_calls_over_the_other_protocols() {
    for protocol in "tefyjGv".chars() {
        for first in 0..3 {
            everything_arrives_once(protocol, first * 7, 401 + first).await;
        }
    }
}

/// What noise does to a handshake, if no seal shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spoiled {
    Nothing,
    /// The caller's options are lost: each takes the other for a package of 1985.
    Options,
    /// One digit of the caller's features: each takes the other for Taylor UUCP.
    CallersBit,
    /// One digit of the features of the called side: only the caller does.
    CalledBit,
    /// The caller takes the called side for a package that knows neither E nor sizes.
    CalledFeatures,
}

impl Spoiled {
    /// Behind the handshake there may be packets already.
    fn spoil(self, bytes: &[u8]) -> Vec<u8> {
        let (told, heard): (&[u8], &[u8]) = match self {
            Spoiled::Nothing => return bytes.to_vec(),
            Spoiled::Options => (b" -R -N02047", b""),
            Spoiled::CallersBit => (b"-N02047", b"-N00047"),
            Spoiled::CalledBit => (b"ROKN02047", b"ROKN00047"),
            Spoiled::CalledFeatures => (b"ROKN02047", b"ROKN"),
        };
        match bytes.windows(told.len()).position(|window| window == told) {
            // With what follows in its message, the seal.
            Some(at) => {
                let (before, rest) = bytes.split_at(at);
                let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
                [before, heard, &rest[end..]].concat()
            }
            None => bytes.to_vec(),
        }
    }
}

/// A line that spoils the first message each way (behind the greeting), and is cut after so many bytes.
async fn spoiling(mut near: DuplexStream, mut far: DuplexStream, spoiled: Spoiled, bytes: u64) -> bool {
    let (mut hello, mut greeted, mut answer) = (Vec::new(), false, Vec::new());
    let (mut from_near, mut from_far) = (vec![0; 512], vec![0; 512]);
    // Messages go whole, so that what is to be spoiled in them is found.
    while answer.iter().filter(|b| **b == 0).count() < 2 {
        tokio::select! {
            read = near.read(&mut from_near) => match read {
                Ok(count) if count > 0 => {
                    hello.extend_from_slice(&from_near[..count]);
                    // Packets may follow at once, whatever they end with.
                    greeted |= hello.contains(&0);
                    if greeted && far.write_all(&spoiled.spoil(&std::mem::take(&mut hello))).await.is_err() {
                        return true;
                    }
                }
                _ => return true,
            },
            read = far.read(&mut from_far) => match read {
                Ok(count) if count > 0 => {
                    answer.extend_from_slice(&from_far[..count]);
                    if near.write_all(&spoiled.spoil(&from_far[..count])).await.is_err() {
                        return true;
                    }
                }
                _ => return true,
            },
        }
    }
    cut_after(near, far, bytes).await
}

/// A call is cut anywhere, so that jobs are in doubt, and the next one goes through; noise makes the two ends take each
/// other for this and that.
async fn once_although(first: Spoiled, second: Spoiled) {
    for bytes in (0..).step_by(29) {
        let (leaf, polux) = sites();
        leaf.mail("a", b"to polux").await;
        polux.mail("b", b"to leaf").await;
        let mut through = false;
        for (spoiled, budget) in [(first, bytes), (second, u64::MAX), (second, u64::MAX)] {
            let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
            let (_, cut) =
                tokio::join!(call(&leaf, &polux, Login::Trusted, a, b), spoiling(near, far, spoiled, budget));
            through |= budget == bytes && !cut;
        }
        let case = format!("{first:?}, {second:?}, cut after {bytes}");
        assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0), "{case}");
        assert_eq!(polux.arrived().await, [("rmail a".to_owned(), b"to polux".to_vec())], "{case}");
        assert_eq!(leaf.arrived().await, [("rmail b".to_owned(), b"to leaf".to_vec())], "{case}");
        if through {
            return;
        }
    }
}

#[tokio::test]
async fn nothing_comes_twice_because_a_handshake_was_spoiled() {
    use Spoiled::{CalledBit, CalledFeatures, CallersBit, Nothing, Options};
    let all = [Nothing, Options, CallersBit, CalledBit, CalledFeatures];
    for (first, second) in all.into_iter().flat_map(|first| all.map(|second| (first, second))) {
        once_although(first, second).await;
    }
}

/// Cuts a call after every single byte of it, and calls once more.
async fn cut_at_every_byte(protocol: char) {
    for bytes in 0.. {
        let (mut leaf, mut polux) = sites();
        leaf.neighbour().protocols.letters = vec![protocol];
        polux.neighbour().protocols.letters = vec![protocol];
        leaf.mail("a", b"to polux").await;
        polux.mail("b", b"to leaf").await;
        let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
        let (_, cut) = tokio::join!(call(&leaf, &polux, Login::Trusted, a, b), cut_after(near, far, bytes));
        let (a, b) = duplex(4096);
        let (placed, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
        assert_eq!(placed.failure, None, "{protocol} {bytes}");
        assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0), "{protocol} {bytes}");
        assert_eq!(
            polux.arrived().await,
            [("rmail a".to_owned(), b"to polux".to_vec())],
            "{protocol} {bytes}"
        );
        assert_eq!(leaf.arrived().await, [("rmail b".to_owned(), b"to leaf".to_vec())], "{protocol} {bytes}");
        if !cut {
            return;
        }
    }
}

#[tokio::test]
async fn a_call_over_i_may_be_cut_at_every_byte() {
    cut_at_every_byte('i').await;
}

#[tokio::test]
async fn a_call_over_g_may_be_cut_at_every_byte() {
    cut_at_every_byte('g').await;
}

#[tokio::test]
async fn a_call_over_e_f_or_y_may_be_cut_at_every_byte() {
    for protocol in ['e', 'f', 'y'] {
        cut_at_every_byte(protocol).await;
    }
}

#[test]
fn a_certificate_lets_its_own_system_in_and_no_other() {
    let mut node = Node::new(name("polux"), "/var/spool/uucppublic".into());
    let certified = |name: &str| System { certificate: Some(name.to_owned()), ..System::default() };
    let account = || Some(Account { name: "Uboth".to_owned(), password_hash: String::new() });
    node.systems.insert(name("leaf"), certified("leaf.example"));
    node.systems.insert(name("both"), System { login: account(), ..certified("both.example") });
    node.systems.insert(name("plain"), System::default());
    let who = |login: Option<&str>, shown: &[&str], caller: &str| {
        let shown: Vec<String> = shown.iter().map(|name| (*name).to_owned()).collect();
        door::admit(&node, login, &shown, caller).map(|(name, _)| name.as_str().to_owned()).ok()
    };
    assert_eq!(who(None, &["leaf.example"], "leaf").as_deref(), Some("leaf"));
    assert_eq!(who(None, &[], "leaf"), None, "without its certificate nobody is leaf");
    assert_eq!(who(Some("Uboth"), &[], "leaf"), None);
    assert_eq!(who(None, &["leaf.example"], "plain"), None, "a certificate is for its own system alone");
    assert_eq!(who(None, &["leaf.example"], "both"), None);
    assert_eq!(who(None, &["both.example"], "both"), None, "both is to log in as well");
    assert_eq!(who(Some("Uboth"), &["both.example"], "both").as_deref(), Some("both"));
    assert_eq!(who(Some("Uboth"), &["leaf.example"], "both"), None);
    assert_eq!(who(None, &["stranger.example"], "plain").as_deref(), Some("plain"));

    let prompted = |shown: &str| !is_known_by_certificate(&node, &[shown.to_owned()]);
    assert!(!prompted("leaf.example") && prompted("both.example") && prompted("stranger.example"));
    assert!(!is_known_by_certificate(&node, &[]));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended_in_order_and_the_next_goes_on() {
    for protocol in ['i', 'g'] {
        let (mut leaf, mut polux) = sites();
        leaf.neighbour().protocols.letters = vec![protocol];
        leaf.mail("a", b"to polux").await;
        polux.neighbour().max_time = Duration::ZERO;
        let (a, b) = duplex(4096);
        let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
        let (told, why) = (placed.failure.unwrap(), answered.record.failure.unwrap());
        assert!(why.contains("max-time"), "{why}");
        assert!(told.contains("closed"), "the peer is told and does not have to find out: {told}");
        assert_eq!(leaf.waiting().await, 1);
        polux.neighbour().max_time = System::default().max_time;
        let (a, b) = duplex(4096);
        let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
        assert_eq!((placed.failure, answered.record.failure), (None, None));
        assert_eq!(polux.arrived().await, [("rmail a".to_owned(), b"to polux".to_vec())]);
    }
}

#[tokio::test]
async fn a_silent_call_is_ended_when_its_time_is_over_whatever_its_patience() {
    let (_, mut polux) = sites();
    polux.node.idle_timeout = Duration::from_secs(3600);
    polux.neighbour().max_time = Duration::from_millis(20);
    polux.neighbour().protocols.letters = vec!['g'];
    let (mut a, b) = duplex(4096);
    let watch = Watch::nobody();
    let silent = async {
        // The handshake, and nothing behind it.
        a.write_all(b"\x10Sleaf\0\x10Ug\0").await.unwrap();
        a.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let answering = answer(b, &polux.node, Login::Trusted, Connected::default(), &polux.spool, &watch);
    let (_, answered) = tokio::join!(silent, answering);
    let why = answered.record.failure.unwrap();
    assert!(why.contains("max-time"), "{why}");
}

#[tokio::test]
async fn a_call_in_which_nothing_comes_any_more_is_ended_as_idle() {
    let (_, mut polux) = sites();
    polux.node.idle_timeout = Duration::from_millis(20);
    polux.neighbour().protocols.letters = vec!['t'];
    let (mut a, b) = duplex(4096);
    let watch = Watch::nobody();
    let silent = async {
        a.write_all(b"\x10Sleaf\0\x10Ut\0").await.unwrap();
        a.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let connected = Connected { qualities: Qualities::STREAM, ..Connected::default() };
    let answering = answer(b, &polux.node, Login::Trusted, connected, &polux.spool, &watch);
    let (_, answered) = tokio::join!(silent, answering);
    let why = answered.record.failure.unwrap();
    assert!(why.starts_with("carrier: nothing was heard"), "{why}");
}

/// At most so many bytes at this hour, and any number on other days.
fn today(most: u64) -> SizeLimits {
    let now = clock::wall().to_zoned(TimeZone::UTC);
    // The day may end under the test.
    let days = [now.weekday(), now.weekday().next()];
    let days: String =
        days.iter().map(|day| format!("{day:?}").chars().take(2).collect::<String>()).collect();
    SizeLimits::new(vec![(most, days.parse().unwrap())])
}

fn always(most: u64) -> SizeLimits {
    SizeLimits::new(vec![(most, Windows::any())])
}

#[tokio::test]
async fn what_is_too_large_for_the_hour_waits_and_keeps_up_nothing() {
    for protocol in ['i', 'g'] {
        let (mut leaf, mut polux) = sites();
        for site in [&mut leaf, &mut polux] {
            site.node.zone = TimeZone::UTC;
            site.neighbour().protocols.letters = vec![protocol];
        }
        // What leaf asks for in its own calls, and what polux lets it ask for; nothing of it is for calls of polux.
        leaf.neighbour().sizes =
            Sizes { call_local: today(1000), called_local: always(1), ..Sizes::default() };
        polux.neighbour().sizes =
            Sizes { called_remote: today(500), call_remote: always(1), ..Sizes::default() };
        for (number, size) in [(0, 2000), (1, 800), (2, 300)] {
            leaf.mail(&format!("a{number}"), &text(number, size)).await;
            polux.mail(&format!("b{number}"), &text(number, size)).await;
        }
        let (a, b) = duplex(4096);
        let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
        assert_eq!((placed.failure, answered.record.failure), (None, None));
        assert_eq!(polux.arrived().await, [("rmail a2".to_owned(), text(2, 300))]);
        assert_eq!(leaf.arrived().await.len(), 3, "the other way there is no limit");
        let left = leaf.spool.jobs(None, None).await.unwrap();
        let told: Vec<_> = left.iter().map(|job| (job.size, job.attempts, job.note.clone())).collect();
        assert_eq!(told[0], (2000, 0, String::new()), "it was not even tried");
        assert_eq!(told[1], (800, 1, "too large for now".to_owned()));
        assert_eq!(left.len(), 2);
    }
}

#[tokio::test]
async fn what_is_too_large_for_every_hour_is_refused_and_said() {
    let (mut leaf, mut polux) = sites();
    leaf.neighbour().sizes =
        Sizes { call_local: always(1000), called_local: today(1000), ..Sizes::default() };
    leaf.mail("large", &text(0, 2000)).await;
    leaf.mail("small", &text(1, 1000)).await;
    let (a, b) = duplex(4096);
    let (placed, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!(placed.failure, None);
    assert_eq!(polux.arrived().await.len(), 1);
    assert_eq!(leaf.waiting().await, 1, "polux may call for it tomorrow");

    leaf.neighbour().sizes.called_local = always(1000);
    polux.neighbour().sizes = Sizes { called_remote: always(10), call_remote: always(9), ..Sizes::default() };
    leaf.mail("medium", &text(2, 11)).await;
    let (a, b) = duplex(4096);
    let (placed, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!(placed.failure, None);
    let jobs = leaf.spool.jobs(None, None).await.unwrap();
    let notes: Vec<_> = jobs.iter().map(|job| job.note.as_str()).collect();
    assert_eq!(notes, ["no call at any hour carries a file as large", "polux refused it: too large"]);
    assert!(jobs.iter().all(|job| job.state == crate::spool::JobState::Quarantined));
    assert_eq!(leaf.spool.claim_notices(clock::wall(), 9, Duration::from_secs(60)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_call_takes_the_smallest_first_where_its_line_or_system_says_so() {
    for order in [Order::Age, Order::Size] {
        let (mut leaf, polux) = sites();
        leaf.neighbour().order = Some(order);
        leaf.neighbour().protocols.letters = vec!['g'];
        for (number, size) in [(0, 9000), (1, 100)] {
            leaf.mail(&format!("a{number}"), &text(number, size)).await;
        }
        let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
        let cut = cut_after(near, far, 5000);
        let ((_, _), cut) = tokio::join!(call(&leaf, &polux, Login::Trusted, a, b), cut);
        assert!(cut);
        assert_eq!(polux.arrived().await.len(), usize::from(order == Order::Size));
    }
}

/// Two sites over `t`, the called one with a public directory.
fn sites_with_files() -> (Site, Site, tempfile::TempDir) {
    let (mut leaf, mut polux) = sites();
    let folder = tempfile::tempdir().unwrap();
    polux.node.public = folder.path().to_owned();
    for site in [&mut leaf, &mut polux] {
        site.neighbour().protocols.letters = vec!['t'];
    }
    (leaf, polux, folder)
}

fn publish(folder: &tempfile::TempDir, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.path().join("plan");
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
}

async fn fetch(site: &Site) -> StableId {
    let (from, to) = ("~/plan".to_owned(), "~/got".to_owned());
    let work = Work::Fetch(Fetch { from, to, user: "jan".to_owned(), make_directories: true });
    let (system, created) = (site.other(), clock::wall());
    let job = NewJob { system, grade: Grade::DEFAULT, work, content: None, created };
    site.spool.submit_job(None, job).await.unwrap()
}

/// A call that is cut after so many bytes, and one that is not; gives what the second one sent, both ways together.
async fn cut_and_called_again(leaf: &Site, polux: &Site, bytes: u64) -> u64 {
    let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
    let calling = Box::pin(call(leaf, polux, Login::Trusted, a, b));
    let (_, cut) = tokio::join!(calling, cut_after(near, far, bytes));
    assert!(cut);
    let (a, b) = duplex(4096);
    let (placed, answered) = Box::pin(call(leaf, polux, Login::Trusted, a, b)).await;
    assert_eq!((placed.failure, answered.record.failure), (None, None));
    placed.bytes_sent + placed.bytes_received
}

const LONG: usize = 300_000;
/// What a call that goes on may send: the rest of it, and a little more.
const REST: u64 = 110_000;

#[tokio::test]
async fn what_was_cut_is_gone_on_with_whoever_asked_for_it_and_in_whatever_form() {
    // E.
    let (leaf, polux, folder) = sites_with_files();
    leaf.mail("a", &text(1, LONG)).await;
    assert!(cut_and_called_again(&leaf, &polux, 200_000).await < REST);
    assert!(polux.arrived().await == [("rmail a".to_owned(), text(1, LONG))]);
    // S.
    leaf.submit(plan("~/in/"), &text(2, LONG)).await;
    assert!(cut_and_called_again(&leaf, &polux, 200_000).await < REST);
    assert!(polux.arrived().await == [("~/in/plan".to_owned(), text(2, LONG))]);
    // R.
    publish(&folder, &text(3, LONG));
    fetch(&leaf).await;
    assert!(cut_and_called_again(&leaf, &polux, 200_000).await < REST);
    assert!(leaf.arrived().await == [("~/got".to_owned(), text(3, LONG))]);
    assert_eq!((leaf.waiting().await, polux.waiting().await), (0, 0));
}

#[tokio::test]
async fn a_file_that_became_another_while_it_was_fetched_comes_whole() {
    let (leaf, polux, folder) = sites_with_files();
    publish(&folder, &text(1, LONG));
    fetch(&leaf).await;
    let ((a, near), (far, b)) = (duplex(4096), duplex(4096));
    let (_, cut) = tokio::join!(call(&leaf, &polux, Login::Trusted, a, b), cut_after(near, far, 200_000));
    assert!(cut);
    publish(&folder, &text(2, LONG));
    let (a, b) = duplex(4096);
    let (placed, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!(placed.failure, None);
    assert!(leaf.arrived().await == [("~/got".to_owned(), text(2, LONG))]);
    assert_eq!(leaf.waiting().await, 0);
}

/// TEMP of a job: its number to the base 36.
fn temp_of(stable: StableId) -> String {
    let (mut rest, mut digits) = (stable.number, String::new());
    while rest > 0 && digits.len() < 12 {
        let digit = u32::try_from(rest % 36).unwrap();
        digits.insert(0, char::from_digit(digit, 36).unwrap());
        rest /= 36;
    }
    format!("D.{digits:0>4}")
}

/// What the receiver has of a file is other than what the sender has, which no checksum of a packet can tell.
#[tokio::test]
async fn a_beginning_that_does_not_fit_the_rest_is_dropped_and_all_of_it_comes_again() {
    let whole = |bytes: &[u8]| {
        let mut blocks = Blocks::default();
        blocks.push(bytes);
        Some(Digest::of(blocks.whole()))
    };
    let begun = async |site: &Site, identity| {
        let body = site.spool.body_new().await.unwrap();
        for offset in (0..100_000).step_by(50_000) {
            site.spool.body_append(body, offset, vec![b'?'; 50_000]).await.unwrap();
        }
        site.spool.keep_partial(identity, body, clock::wall()).await.unwrap();
    };
    for protocol in ['t', 'i', 'g'] {
        let (mut leaf, mut polux, folder) = sites_with_files();
        for site in [&mut leaf, &mut polux] {
            site.neighbour().protocols.letters = vec![protocol];
        }
        leaf.mail("a", &text(1, LONG)).await;
        leaf.mail("b", &text(2, 100)).await;
        let stable = leaf.spool.jobs(None, None).await.unwrap()[0].stable;
        let told = Identity {
            peer: name("leaf"),
            temp: temp_of(stable),
            size: Some(LONG as u64),
            user: "jan".to_owned(),
            command: "rmail a".to_owned(),
            digest: whole(&text(1, LONG)),
        };
        begun(&polux, told.clone()).await;
        publish(&folder, &text(3, LONG));
        let job = fetch(&leaf).await;
        let fetched = Identity {
            peer: name("polux"),
            temp: format!("R.{:x}", job.number),
            command: "~/got".to_owned(),
            digest: whole(&text(3, LONG)),
            ..told
        };
        begun(&leaf, fetched).await;
        let mut calls = 0;
        while leaf.waiting().await > 0 {
            calls += 1;
            // With `i` the proposal to hang up may have gone ahead of what is to come again: then that is wished.
            assert!(calls <= if protocol == 'i' { 2 } else { 1 }, "{protocol}");
            let (a, b) = duplex(4096);
            let (placed, answered) = call(&leaf, &polux, Login::Trusted, a, b).await;
            assert_eq!((placed.failure, answered.record.failure), (None, None), "{protocol}");
            assert!(leaf.waiting().await == 0 || leaf.spool.wishes().await.unwrap().len() == 1, "{protocol}");
        }
        let expected = [("rmail a".to_owned(), text(1, LONG)), ("rmail b".to_owned(), text(2, 100))];
        assert!(polux.arrived().await == expected, "{protocol}");
        assert!(leaf.arrived().await == [("~/got".to_owned(), text(3, LONG))], "{protocol}");
    }
}

/// Between what is kept and the end of its job, we may die: it is fetched once more, and in vain.
#[tokio::test]
async fn a_file_that_was_kept_but_whose_job_was_not_ended_is_placed_once() {
    let (leaf, polux, folder) = sites_with_files();
    publish(&folder, b"the plan");
    let job = fetch(&leaf).await;
    let body = leaf.spool.body_new().await.unwrap();
    leaf.spool.body_append(body, 0, b"the plan".to_vec()).await.unwrap();
    let identity = Identity {
        peer: name("polux"),
        temp: format!("R.{:x}", job.number),
        size: Some(8),
        user: "jan".to_owned(),
        command: "~/got".to_owned(),
        digest: None,
    };
    let kind =
        ArrivalKind::File { to: "~/got".to_owned(), mode: 0o644, make_directories: true, notify: None };
    let arrival = Arrival { identity, stable: Some(job), kind, body, received: clock::wall() };
    leaf.spool.receive(arrival).await.unwrap();
    let (a, b) = duplex(4096);
    let (placed, _) = call(&leaf, &polux, Login::Trusted, a, b).await;
    assert_eq!((placed.failure, leaf.waiting().await), (None, 0));
    assert_eq!(leaf.arrived().await, [("~/got".to_owned(), b"the plan".to_vec())]);
}
