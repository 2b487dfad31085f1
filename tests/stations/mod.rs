//! Two stations with their spools, and a line between them: TCP, a program, a telephone exchange.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uugate::clock;
use uugate::job::{Command, Execute, Grade, Notify, SystemName, Work};
use uugate::observe::Secret;
use uugate::schedule::{Plan, Retry, SizeLimits};
use uugate::spool::{Content, NewJob, PastCall, Spool, Wish};
use uugate::wire::call::{Account, Dialogue, Node, System};
use uugate::wire::chat::{self, Script, Values};
use uugate::wire::exchange::{self, Exchange, ModemSpec};
use uugate::wire::line::{Flow, Port, SerialSettings};
use uugate::wire::modem::{Profile, Timeouts};
use uugate::wire::station::{self, CallEvents, LineKind, LineSettings, Settings, SystemSettings};

/// Longer than anything here takes; reaching it fails the test.
const LONG: Duration = Duration::from_secs(120);

async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    clock::within(LONG, work).await.unwrap_or_else(|| panic!("{what}: it takes far too long"))
}

fn name(text: &str) -> SystemName {
    text.parse().expect("a name")
}

/// A running station.
struct Site {
    spool: Spool,
    settings: watch::Sender<Arc<Settings>>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
    other: SystemName,
}

impl Site {
    fn start(ours: &str, other: &str, lines: Vec<LineSettings>, system: Option<SystemSettings>) -> Site {
        let mut node = Node::new(name(ours), "/nowhere".into());
        let argon =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).expect("cheap"));
        let password_hash =
            argon.hash_password_with_salt(b"geheim", b"saltsaltsalt").expect("a hash").to_string();
        let values = Values {
            login: Some(format!("n{ours}")),
            password: Some(Secret::new("geheim".to_owned())),
            ..Values::default()
        };
        let script = Script::parse("\"\" \\r\\c ogin: \\L word: \\P", chat::Kind::Login).expect("a script");
        let neighbour = System {
            chat: Some(Dialogue { script, settings: chat::Settings::login(), values }),
            login: Some(Account { name: format!("n{other}"), password_hash }),
            ..System::default()
        };
        node.systems.insert(name(other), neighbour);
        let mut settings = Settings::new(Arc::new(node));
        settings.lines = lines;
        settings.systems = system.into_iter().collect();
        let (sender, receiver) = watch::channel(Arc::new(settings));
        let (stop, stopping) = watch::channel(false);
        let spool = Spool::in_memory();
        let running = tokio::spawn(station::run(receiver, spool.clone(), CallEvents::default(), stopping));
        Site { spool, settings: sender, stop, running, other: name(other) }
    }

    async fn mail(&self, to: &str, bytes: &[u8]) {
        let command = Command::parse(&format!("rmail {to}")).expect("a command");
        let body = self.spool.body_new().await.expect("a body");
        self.spool.body_append(body, 0, bytes.to_vec()).await.expect("bytes");
        let execute = Execute { command, user: "jan".to_owned(), requestor: None, notify: Notify::OnError };
        let job = NewJob {
            system: self.other.clone(),
            grade: Grade::MAIL,
            work: Work::Execute(execute),
            content: Some(Content::body(body)),
            created: clock::wall(),
        };
        self.spool.submit_job(None, job).await.expect("a job");
    }

    async fn wish(&self) {
        let wish = Wish {
            system: self.other.clone(),
            grade: Grade::MAIL,
            why: "test".to_owned(),
            since: clock::wall(),
            at_once: false,
        };
        self.spool.want_call(wish).await.expect("a wish");
    }

    /// Waits until so many calls have ended; newest first.
    async fn calls(&self, count: usize) -> Vec<PastCall> {
        let waiting = async {
            loop {
                let calls = self.spool.calls(None, 100).await.expect("calls");
                let ended: Vec<_> = calls.into_iter().filter(|call| call.ended.is_some()).collect();
                if ended.len() >= count {
                    return ended;
                }
                clock::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("a call", waiting).await
    }

    /// Waits until so many calls went well. The first may fail: the other end has not set its modem up yet.
    async fn good_calls(&self, count: usize) -> Vec<PastCall> {
        let waiting = async {
            loop {
                let mut calls = self.calls(count).await;
                calls.retain(|call| call.record.failure.is_none());
                if calls.len() >= count {
                    return calls;
                }
                clock::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("a good call", waiting).await
    }

    /// How many executions have come in.
    async fn arrived(&self) -> usize {
        let lease = Duration::from_secs(600);
        self.spool.claim_executions(clock::wall(), 100, lease).await.expect("executions").len()
    }

    async fn stop(self) {
        self.stop.send(true).expect("it runs");
        soon("stopping", self.running).await.expect("it ends in order");
    }
}

fn good(calls: &[PastCall]) {
    for call in calls {
        assert_eq!(call.record.failure, None, "{call:?}");
    }
}

fn modem_line(name: &str, device: &Path, answer: bool) -> LineSettings {
    let serial = SerialSettings {
        device: device.to_owned(),
        flow: Flow::None,
        lock_dir: None,
        ..SerialSettings::default()
    };
    let timeouts = Timeouts { quiet: Duration::from_millis(50), ..Timeouts::default() };
    let profile = Box::new(Profile { timeouts, ..Profile::exchange() });
    let declared = Default::default();
    LineSettings {
        name: name.to_owned(),
        answer,
        hold_off: LineSettings::HOLD_OFF,
        declared,
        protocols: Default::default(),
        order: None,
        kind: LineKind::Modem { port: Port::Serial(serial), profile },
    }
}

fn phone(other: &str, number: &str) -> SystemSettings {
    SystemSettings {
        name: name(other),
        lines: vec!["modem".to_owned()],
        numbers: vec![number.to_owned()],
        address: None,
        certificate_name: None,
        sends: true,
        plan: Plan { retry: Retry { first: Duration::from_secs(1), ..Retry::default() }, ..Plan::default() },
        sizes: SizeLimits::default(),
    }
}

/// An exchange whose modems wait for nothing, in a folder.
fn exchange(folder: &Path, settings: exchange::Settings) -> Exchange {
    let modem = |path: &str, number: &str| ModemSpec {
        path: folder.join(path),
        number: number.to_owned(),
        digital: false,
    };
    let settings = exchange::Settings {
        latency: Duration::from_millis(1),
        dialling: Duration::from_millis(20),
        training: Duration::from_millis(20),
        ..settings
    };
    Exchange::start(settings, vec![modem("leaf", "5551"), modem("feed", "5552")]).expect("an exchange")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_brings_a_call_over_tcp_with_login_and_mail_goes_both_ways() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let line = |answer| LineSettings {
        name: "net".to_owned(),
        answer,
        hold_off: LineSettings::HOLD_OFF,
        declared: Default::default(),
        protocols: Default::default(),
        order: None,
        kind: LineKind::tcp(vec![address]),
    };
    let called = SystemSettings {
        lines: vec!["net".to_owned()],
        address: Some(("127.0.0.1".to_owned(), address.port())),
        ..phone("feed", "")
    };
    let feed = Site::start("feed", "leaf", vec![line(true)], None);
    // Until its listener is there; the station binds the port by itself.
    let there = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            clock::sleep(Duration::from_millis(10)).await;
        }
    };
    soon("the listener", there).await;
    let leaf = Site::start("leaf", "feed", vec![line(false)], Some(called));
    leaf.mail("nico", b"From jan\n\nhello\n").await;
    feed.mail("jan", b"From nico\n\nhello\n").await;
    leaf.wish().await;
    good(&leaf.calls(1).await);
    good(&feed.calls(1).await);
    assert_eq!((leaf.arrived().await, feed.arrived().await), (1, 1));
    assert_eq!(leaf.spool.wishes().await.expect("wishes").len(), 0, "it was taken");
    leaf.stop().await;
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stations_dial_each_other_over_the_exchange_in_turn_on_the_same_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let exchange = exchange(folder.path(), exchange::Settings::default());
    let line = |path: &str| modem_line("modem", &folder.path().join(path), true);
    let leaf = Site::start("leaf", "feed", vec![line("leaf")], Some(phone("feed", "5552")));
    let feed = Site::start("feed", "leaf", vec![line("feed")], Some(phone("leaf", "5551")));
    for (caller, calls) in [(&leaf, 1), (&feed, 2), (&leaf, 3)] {
        leaf.mail("nico", b"From jan\n\nhello\n").await;
        feed.mail("jan", b"From nico\n\nhello\n").await;
        caller.wish().await;
        leaf.good_calls(calls).await;
        feed.good_calls(calls).await;
    }
    let connect = leaf.good_calls(3).await.first().and_then(|call| call.record.connect.clone());
    assert!(connect.is_some_and(|connect| connect.contains("33600")), "what the modem said is kept");
    assert_eq!((leaf.arrived().await, feed.arrived().await), (3, 3));
    leaf.stop().await;
    feed.stop().await;
    exchange.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_carrier_ends_the_call_at_both_ends_and_the_next_one_brings_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = exchange::Settings { drop_carrier_after: Some(20_000), ..exchange::Settings::default() };
    let exchange = exchange(folder.path(), settings);
    let called = phone("feed", "5552");
    let feed =
        Site::start("feed", "leaf", vec![modem_line("modem", &folder.path().join("feed"), true)], None);
    let leaf = Site::start(
        "leaf",
        "feed",
        vec![modem_line("modem", &folder.path().join("leaf"), false)],
        Some(called),
    );
    leaf.mail("nico", &vec![b'x'; 40_000]).await;
    leaf.wish().await;
    let done = async {
        while !leaf.spool.jobs(None, None).await.expect("jobs").is_empty() {
            clock::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("all jobs", done).await;
    assert_eq!(feed.arrived().await, 1);
    let calls = leaf.calls(2).await;
    assert!(calls.iter().any(|call| call.record.failure.is_some()), "{calls:?}");
    leaf.stop().await;
    feed.stop().await;
    exchange.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_does_not_open_is_a_failed_call_in_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = modem_line("modem", &folder.path().join("none"), false);
    let leaf = Site::start("leaf", "feed", vec![line], Some(phone("feed", "5552")));
    leaf.wish().await;
    let calls = leaf.calls(1).await;
    let failure = calls.first().and_then(|call| call.record.failure.clone()).expect("it failed");
    assert!(failure.starts_with("port: ") && failure.contains("none"), "{failure}");
    leaf.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_without_work_stops_at_once_and_new_settings_are_seen() {
    let leaf = Site::start("leaf", "feed", Vec::new(), None);
    let mut settings = (**leaf.settings.borrow()).clone();
    settings.systems = vec![phone("feed", "5552")];
    leaf.settings.send_replace(Arc::new(settings));
    leaf.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_is_stopped_in_a_call_of_its_own_ends_in_bounded_time_and_frees_the_line() {
    stopped_in_a_call(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_is_stopped_in_a_call_that_it_took_ends_in_bounded_time_and_frees_the_line() {
    stopped_in_a_call(true).await;
}

async fn stopped_in_a_call(called: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut exchange = exchange(folder.path(), exchange::Settings { speed: Some(300), ..Default::default() });
    let line = |path: &str, answer| modem_line("modem", &folder.path().join(path), answer);
    let feed = Site::start("feed", "leaf", vec![line("feed", true)], None);
    let leaf = Site::start("leaf", "feed", vec![line("leaf", false)], Some(phone("feed", "5552")));
    // Twenty minutes of work at this speed.
    leaf.mail("nico", &vec![b'x'; 40_000]).await;
    leaf.wish().await;
    let connected =
        async { while !matches!(exchange.event().await, Some(exchange::Event::Connected { .. })) {} };
    soon("a connection", connected).await;
    let (stopped, other) = if called { (feed, leaf) } else { (leaf, feed) };
    let spool = stopped.spool.clone();
    let begun = async {
        while spool.calls(None, 1).await.expect("calls").is_empty() {
            clock::sleep(Duration::from_millis(20)).await;
        }
    };
    soon("the call", begun).await;
    stopped.stop().await;
    let calls = spool.calls(None, 1).await.expect("calls");
    let failure = calls.first().and_then(|call| call.record.failure.clone()).expect("it was cut off");
    assert!(failure.contains("stopped"), "{failure}");
    let freed =
        async { while !matches!(exchange.event().await, Some(exchange::Event::CarrierLost { .. })) {} };
    soon("the end of the call", freed).await;
    other.stop().await;
    exchange.shutdown().await;
}

/// An address of this machine that others can reach; none where there is no network.
fn open_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // This sends nothing; the kernel says from which address it would be sent.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_others_could_read_is_neither_asked_for_nor_given() {
    let Some(open) = open_address() else {
        return eprintln!("this machine has no network on which a password could be read");
    };
    let listener = tokio::net::TcpListener::bind((open, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let line = |answer, address| LineSettings {
        name: "net".to_owned(),
        answer,
        hold_off: LineSettings::HOLD_OFF,
        declared: Default::default(),
        protocols: Default::default(),
        order: None,
        kind: LineKind::tcp(vec![address]),
    };
    // Given: whoever listens here hears nothing.
    let called = SystemSettings {
        lines: vec!["net".to_owned()],
        address: Some((open.to_string(), address.port())),
        ..phone("feed", "")
    };
    let leaf = Site::start("leaf", "feed", vec![line(false, address)], Some(called));
    leaf.wish().await;
    let mut heard = Vec::new();
    let listening = async {
        let (mut stream, _) = listener.accept().await.expect("a call");
        stream.read_to_end(&mut heard).await.expect("the caller hangs up");
    };
    soon("the call", listening).await;
    assert!(heard.is_empty(), "{}", heard.escape_ascii());
    let failure = leaf.calls(1).await[0].record.failure.clone();
    assert!(failure.as_ref().is_some_and(|why| why.contains("others could read it")), "{failure:?}");
    leaf.stop().await;
    drop(listener);

    // Asked for: whoever calls here is told nothing.
    let feed = Site::start("feed", "leaf", vec![line(true, address)], None);
    let calling = async {
        loop {
            match tokio::net::TcpStream::connect(address).await {
                Ok(mut stream) => break stream.read_to_end(&mut heard).await,
                Err(_) => clock::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    // The connection may also be reset.
    let _ = soon("the answer", calling).await;
    assert!(heard.is_empty(), "{}", heard.escape_ascii());
    feed.stop().await;
}
