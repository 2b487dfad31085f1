//! The parts of the station, each with what it stands beside: a scripted modem on a PTY, a switch, past calls.

mod codes;

use super::phone::{Coming, HungUp, Phone};
use super::*;
use crate::fault::{Stage, ToFault};
use crate::guests::{Guests, Welcome};
use crate::job::Grade;
use crate::schedule::{Band, Money, Plan, SizeLimits, Tariff, Windows};
use crate::spool::{PastCall, Wish};
use crate::wire::call::{self, Connected, Login, Node, Protocols};
use crate::wire::line::{Declared, Flow, Port, SerialSettings};
use crate::wire::modem::{ModemError, Profile, Timeouts};
use crate::wire::session::Watch;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longer than anything here takes; reaching it fails the test.
const LONG: Duration = Duration::from_secs(30);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    clock::within(LONG, work).await.expect("it takes far too long")
}

/// A modem that answers each command by a script.
struct ScriptedModem {
    device: PathBuf,
    master: OwnedFd,
    /// Keeps the PTY alive between two openings of the line.
    _slave: OwnedFd,
    commands: mpsc::Receiver<String>,
}

impl ScriptedModem {
    fn start(script: fn(&str) -> &'static [u8]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let device = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
        let slave = rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let (said, commands) = mpsc::channel();
        let own = master.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut command = Vec::new();
            let mut byte = [0; 1];
            while let Ok(1) = rustix::io::read(&own, &mut byte) {
                if byte != *b"\r" {
                    command.push(byte[0]);
                    continue;
                }
                let text = String::from_utf8_lossy(&std::mem::take(&mut command)).into_owned();
                let answer = script(&text);
                if said.send(text).is_err() || rustix::io::write(&own, answer).is_err() {
                    return;
                }
            }
        });
        ScriptedModem { device, master, _slave: slave, commands }
    }

    fn says(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(&self.master, bytes).unwrap(), bytes.len());
    }

    fn serial(&self) -> Port {
        Port::Serial(SerialSettings {
            device: self.device.clone(),
            flow: Flow::None,
            lock_dir: None,
            ..SerialSettings::default()
        })
    }

    async fn open(&self) -> Phone {
        soon(Phone::open(&self.serial(), Some(&profile()))).await.unwrap()
    }

    fn commands(&self) -> Vec<String> {
        self.commands.try_iter().collect()
    }
}

fn profile() -> Profile {
    let timeouts = Timeouts {
        command: Duration::from_secs(2),
        quiet: Duration::from_millis(20),
        guard: Duration::from_millis(50),
        ..Timeouts::default()
    };
    Profile { timeouts, ..Profile::generic() }
}

/// Behind an escape it is in command state, as before one.
fn good_modem(command: &str) -> &'static [u8] {
    match command.trim_start_matches(['\x1c', '+']) {
        "ATDT5551" => b"\r\nCONNECT 33600/V34/LAPM\r\nShere=polux\0",
        "ATDT5552" => b"\r\nBUSY\r\n",
        "ATA" => b"\r\nCONNECT 53333\r\n",
        command if command.starts_with("AT") => b"\r\nOK\r\n",
        _ => b"",
    }
}

fn system(name: &str, lines: &[&str]) -> SystemSettings {
    SystemSettings {
        name: name.parse().unwrap(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        numbers: vec!["5551".to_owned()],
        address: None,
        certificate_name: None,
        sends: true,
        plan: Plan::default(),
        sizes: SizeLimits::default(),
    }
}

#[tokio::test]
async fn a_modem_is_set_up_and_dialled_and_its_no_carrier_ends_the_call() {
    let modem = ScriptedModem::start(good_modem);
    let mut phone = modem.open().await;
    let connection = soon(phone.dial(&system("polux", &[]))).await.unwrap();
    assert_eq!(connection.connect.as_deref(), Some("33600, V34, LAPM"));
    assert!(modem.commands().contains(&"ATDT5551".to_owned()));

    let mut stream = phone.online(connection);
    let mut heard = vec![0; 64];
    let mut first = Vec::new();
    while !first.ends_with(b"Shere=polux\0") {
        let count = soon(stream.read(&mut heard)).await.unwrap();
        assert!(count > 0, "the call ended too early");
        first.extend_from_slice(&heard[..count]);
    }
    soon(stream.write_all(b"Sbarberouge\0\r")).await.unwrap();
    modem.says(b"\r\nNO CARRIER\r\n");
    let end = loop {
        match soon(stream.read(&mut heard)).await {
            Ok(count) => assert!(count > 0, "it says why it ends"),
            Err(error) => break error,
        }
    };
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionAborted);
    drop(stream);
    assert_eq!(soon(phone.hang_up()).await, HungUp::Ready, "the PTY is still there, and the modem listens");
    assert_eq!(modem.commands().last().map(String::as_str), Some("\x1c\x1c\x1cATH"));
    soon(phone.set_up()).await.unwrap();
    assert_eq!(soon(phone.hang_up()).await, HungUp::Ready, "there was no call");
}

#[tokio::test]
async fn a_hang_up_that_was_not_seen_is_not_claimed() {
    let modem =
        ScriptedModem::start(|command| if command.ends_with("ATH") { b"" } else { good_modem(command) });
    let mut phone = modem.open().await;
    let connection = soon(phone.dial(&system("polux", &[]))).await.unwrap();
    drop(phone.online(connection));
    assert!(matches!(soon(phone.hang_up()).await, HungUp::InDoubt { .. }));
}

#[tokio::test]
async fn nor_where_the_modem_is_lost_in_mid_call() {
    let modem = ScriptedModem::start(good_modem);
    let mut phone = modem.open().await;
    let connection = soon(phone.dial(&system("polux", &[]))).await.unwrap();
    let mut stream = phone.online(connection);
    // It ends with the next line that it hears.
    drop(modem);
    soon(stream.write_all(b"\r")).await.unwrap();
    drop(stream);
    assert!(matches!(soon(phone.hang_up()).await, HungUp::InDoubt { .. }));
}

#[tokio::test]
async fn what_was_dialled_by_hand_is_hung_up() {
    let modem = ScriptedModem::start(good_modem);
    let line = line("modem", LineKind::Modem { port: modem.serial(), profile: Box::new(profile()) });
    let (mut console, mut hands) = tokio::io::duplex(1024);
    let typing = async {
        hands.write_all(b"ATDT5551\r").await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"Shere=polux\0") {
            seen.push(hands.read_u8().await.unwrap());
        }
        hands.write_all(b"\r~.").await.unwrap();
    };
    let talking = by_hand::talk(&line, None, Duration::MAX, &mut console, None);
    let (ended, ()) = soon(async { tokio::join!(talking, typing) }).await;
    assert_eq!(ended.unwrap(), by_hand::Ended::ByHand);
    assert!(modem.commands().last().is_some_and(|command| command.ends_with("ATH")));
}

#[tokio::test]
async fn data_that_would_be_an_escape_waits_for_the_guard_time() {
    let modem = ScriptedModem::start(good_modem);
    let mut phone = modem.open().await;
    let connection = soon(phone.dial(&system("polux", &[]))).await.unwrap();
    modem.commands();
    let before = clock::now();
    let mut stream = phone.online(connection);
    soon(stream.write_all(b"\x1c\x1c\x1cATH\r")).await.unwrap();
    assert!(clock::now() - before > profile().timeouts.guard);
    let heard = modem.commands.recv_timeout(LONG).unwrap();
    assert_eq!(heard, "\x1c\x1c\x1cATH", "all of it arrives");
}

#[tokio::test]
async fn a_busy_number_is_told_as_busy() {
    let modem = ScriptedModem::start(good_modem);
    let mut phone = modem.open().await;
    let polux = SystemSettings { numbers: vec!["5552".to_owned()], ..system("polux", &[]) };
    let error = soon(phone.dial(&polux)).await.expect_err("it is busy");
    assert!(matches!(error, StationError::Modem(ModemError::Busy)), "{error}");
    let nobody = SystemSettings { numbers: Vec::new(), ..system("polux", &[]) };
    let error = soon(phone.dial(&nobody)).await.expect_err("it has no number");
    assert_eq!(error.fault().stage, Stage::Dial);
}

fn line(name: &str, kind: LineKind) -> LineSettings {
    LineSettings {
        name: name.to_owned(),
        answer: false,
        declared: Declared::default(),
        protocols: Protocols::default(),
        order: None,
        hold_off: LineSettings::HOLD_OFF,
        kind,
    }
}

/// Runs a station that calls these systems on one line, which costs a unit a minute, while something is done.
async fn paying<T>(kind: LineKind, systems: Vec<SystemSettings>, work: impl AsyncFnOnce(Spool) -> T) -> T {
    let mut node = Node::new("leaf".parse().unwrap(), "/nowhere".into());
    for system in &systems {
        node.systems.insert(system.name.clone(), call::System::default());
    }
    let minute = Band { per_minute: Money(1000), hours: Windows::any() };
    node.tariffs.insert("line".to_owned(), Tariff { bands: vec![minute], ..Tariff::free() });
    let (lines, spool) = (vec![line("line", kind)], Spool::in_memory());
    for system in systems.iter().map(|system| system.name.clone()) {
        let (why, since, at_once) = ("a test".to_owned(), clock::wall(), false);
        spool.want_call(Wish { system, grade: Grade::MAIL, why, since, at_once }).await.unwrap();
    }
    let settings = Settings { lines, systems, ..Settings::new(Arc::new(node)) };
    let (_configure, configured) = watch::channel(Arc::new(settings));
    let (stop, stopping) = watch::channel(false);
    let running = run(configured, spool.clone(), CallEvents::default(), stopping);
    let working = async {
        let done = work(spool.clone()).await;
        stop.send(true).unwrap();
        done
    };
    soon(async { tokio::join!(running, working).1 }).await
}

/// The calls that have ended, once there are so many; the last first.
async fn ended(spool: &Spool, number: usize) -> Vec<PastCall> {
    loop {
        let mut calls = spool.calls(None, 10).await.unwrap();
        calls.retain(|past| past.ended.is_some());
        if calls.len() >= number {
            return calls;
        }
        spool.changed().await;
    }
}

#[tokio::test]
async fn a_call_that_may_have_been_answered_costs_something_though_no_modem_was_there() {
    for (number, costs) in [("5552", false), ("5553", true)] {
        let modem = ScriptedModem::start(|command| match command {
            "ATDT5553" => b"\r\nNO CARRIER\r\n",
            command => good_modem(command),
        });
        let kind = LineKind::Modem { port: modem.serial(), profile: Box::new(profile()) };
        let polux = SystemSettings { numbers: vec![number.to_owned()], ..system("polux", &["line"]) };
        let calls = paying(kind, vec![polux], async |spool: Spool| ended(&spool, 1).await).await;
        let PastCall { record, .. } = &calls[0];
        assert!(record.failure.is_some(), "{record:?}");
        let cost = record.charge.as_ref().map(|charge| charge.thousandths);
        assert_eq!(cost.is_some_and(|cost| cost > 0), costs, "{number}: {record:?}");
    }
}

#[tokio::test]
async fn a_network_that_costs_something_is_called_on_once_at_a_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Some(("127.0.0.1".to_owned(), port));
    let called = |name| SystemSettings { address: address.clone(), ..system(name, &["line"]) };
    let calls =
        paying(LineKind::tcp(Vec::new()), vec![called("polux"), called("castor")], async |spool: Spool| {
            let first = listener.accept().await.unwrap();
            let second = clock::within(Duration::from_secs(1), listener.accept()).await;
            assert!(second.is_none(), "nobody knows what both would cost together");
            drop(first);
            drop(listener.accept().await.unwrap());
            ended(&spool, 2).await
        })
        .await;
    for past in calls.iter().take(2) {
        assert!(past.record.charge.as_ref().is_some_and(|charge| charge.seconds >= 5), "{past:?}");
    }
}

#[tokio::test]
async fn a_line_that_has_changed_is_taken_up_anew_when_its_call_is_over() {
    let (before, after) = (ScriptedModem::start(good_modem), ScriptedModem::start(good_modem));
    let modem = |modem: &ScriptedModem| {
        let kind = LineKind::Modem { port: modem.serial(), profile: Box::new(profile()) };
        line("line", kind)
    };
    let mut node = Node::new("leaf".parse().unwrap(), "/nowhere".into());
    let systems = ["polux", "castor"].map(|name| system(name, &["line"])).to_vec();
    for system in &systems {
        node.systems.insert(system.name.clone(), call::System::default());
    }
    let node = Arc::new(node);
    let configured = |lines| {
        let systems = systems.clone();
        Arc::new(Settings { lines, systems, ..Settings::new(node.clone()) })
    };
    let (configure, settings) = watch::channel(configured(vec![modem(&before)]));
    let (stop, stopping) = watch::channel(false);
    let (spool, events) = (Spool::in_memory(), CallEvents::default());
    let mut told = events.watch();
    let mut connected = async |system: &str| loop {
        let event = told.recv().await.unwrap();
        if event.system.as_ref().is_some_and(|called| called.as_str() == system)
            && matches!(event.step, CallStep::Connected { .. })
        {
            return;
        }
    };
    let wish = async |system: &str| {
        let (system, why, since) = (system.parse().unwrap(), "a test".to_owned(), clock::wall());
        spool.want_call(Wish { system, grade: Grade::MAIL, why, since, at_once: false }).await.unwrap();
    };
    let work = async {
        wish("polux").await;
        connected("polux").await;
        configure.send(configured(vec![modem(&after)])).unwrap();
        wish("castor").await;
        before.says(b"\r\nNO CARRIER\r\n");
        connected("castor").await;
        after.says(b"\r\nNO CARRIER\r\n");
        let calls = ended(&spool, 2).await;
        configure.send(configured(Vec::new())).unwrap();
        stop.send(true).unwrap();
        calls
    };
    let running = run(settings, spool.clone(), events.clone(), stopping);
    let calls = soon(async { tokio::join!(running, work).1 }).await;
    let dialled =
        |modem: &ScriptedModem| modem.commands().iter().filter(|command| command.starts_with("ATDT")).count();
    assert_eq!((dialled(&before), dialled(&after)), (1, 1));
    let [castor, polux] = &calls[..] else { panic!("{calls:?}") };
    assert!(polux.ended.unwrap() <= castor.call.began, "the first kept the line that it began with");
}

#[tokio::test]
async fn a_ringing_modem_is_answered() {
    let modem = ScriptedModem::start(good_modem);
    let mut phone = modem.open().await;
    modem.says(b"\r\nRING\r\n\r\nNMBR = 5551\r\n");
    assert!(matches!(soon(phone.await_call()).await.unwrap(), Coming::Ringing));
    let connection = soon(phone.answer()).await.unwrap().expect("a call");
    assert_eq!((connection.connect.as_deref(), connection.caller.as_deref()), (Some("53333"), Some("5551")));
    assert_eq!(modem.commands().last().map(String::as_str), Some("ATA"));
}

#[tokio::test]
async fn who_calls_is_heeded_before_the_first_ring_too_and_who_withholds_it_is_nobody() {
    for (said, caller) in [
        (&b"\r\nNMBR = 5551\r\n\r\nRING\r\n"[..], Some("5551")),
        (b"\r\nNMBR = P\r\n\r\nRING\r\n", None),
        (b"\r\nRING\r\n\r\nNMBR = O\r\n", None),
        (b"\r\nRING\r\n", None),
    ] {
        let modem = ScriptedModem::start(good_modem);
        let mut phone = modem.open().await;
        modem.says(said);
        assert!(matches!(soon(phone.await_call()).await.unwrap(), Coming::Ringing));
        let connection = soon(phone.answer()).await.unwrap().expect("a call");
        assert_eq!(connection.caller.as_deref(), caller);
    }
}

#[tokio::test]
async fn a_modem_that_is_silent_is_told_as_such_in_bounded_time() {
    let modem = ScriptedModem::start(|_| b"");
    let mut deaf = profile();
    deaf.timeouts.command = Duration::from_millis(50);
    let opened = soon(Phone::open(&modem.serial(), Some(&deaf))).await;
    assert_eq!(opened.err().map(|error| error.fault().stage), Some(Stage::Modem));
}

/// A caller that gives two wrong passwords and hangs up before it is sent away.
async fn guesses_twice(node: &Node) -> Welcome {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let guessing = async move {
        for guess in ["Uleaf\rwrong\r", "Uleaf\rmore wrong\r"] {
            let mut heard = Vec::new();
            while !heard.ends_with(b"login: ") {
                heard.push(theirs.read_u8().await.unwrap());
            }
            theirs.write_all(guess.as_bytes()).await.unwrap();
        }
        let mut heard = Vec::new();
        while !heard.ends_with(b"incorrect") {
            heard.push(theirs.read_u8().await.unwrap());
        }
    };
    let (spool, watch) = (Spool::in_memory(), Watch::nobody());
    let answering = call::answer(ours, node, Login::Ask, Connected::default(), &spool, &watch);
    soon(async { tokio::join!(answering, guessing).0 }).await.welcome
}

#[tokio::test]
async fn who_hangs_up_before_the_last_guess_has_guessed_all_the_same() {
    let mut node = Node::new("polux".parse().unwrap(), "/nonexistent".into());
    node.prompt.penalty = Duration::ZERO;
    assert_eq!(node.prompt.attempts, 3, "two guesses are not the last");
    let mut guests = Guests::new(LONG);
    for _ in 0..2 {
        guests.called(clock::now(), "5551", guesses_twice(&node).await);
    }
    assert!(!guests.wait(clock::now(), "5551").is_zero());
}

#[test]
fn a_system_is_in_one_hand_at_a_time_and_comes_back_when_its_request_is_dropped() {
    let switch = Switch::default();
    let mut first = switch.add("first");
    let mut second = switch.add("second");
    let polux = system("polux", &["first", "second"]);
    let lines = || polux.lines.clone().into_iter();
    assert!(!switch.give(&polux, lines()), "no line is free yet");
    first.set_free(true);
    second.set_free(true);
    assert!(switch.give(&polux, lines()));
    assert!(switch.in_hand(&polux.name));
    // The first line answers a call instead.
    first.set_free(false);
    assert!(!switch.in_hand(&polux.name), "it came back");
    assert!(switch.give(&polux, lines()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = runtime.block_on(second.next());
    assert_eq!(request.system.name, polux.name);
    assert!(!switch.give(&system("castor", &["second"]), ["second".to_owned()].into_iter()), "it is taken");
    drop(request);
    assert!(!switch.in_hand(&polux.name));
}
