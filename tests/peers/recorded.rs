//! Calls with Taylor UUCP, recorded: what the trace tells of them, and that Taylor's bytes, played again, come to the
//! same. The samples were made by the very calls below, with the packaged Taylor UUCP 1.07 (`tests/samples/taylor`); with a folder
//! in `UUGATE_RECORDINGS` the tests leave theirs there.

use super::taylor_session::{Site, call};
use crate::support::replay::Replay;
use crate::support::taylor::{Settings, Taylor};
use crate::support::{self, hashed};
use std::path::Path;
use uugate::spool::CallRecord;
use uugate::wire::call::{self, Account, Connected, Login};
use uugate::wire::line::Qualities;
use uugate::wire::record::Recording;
use uugate::wire::record::drive::{Place, RecordSettings};
use uugate::wire::session::Watch;
use uugate::wire::trace;

/// How the two meet.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// We call, over a pipe.
    Calling,
    /// Taylor calls over TCP, and logs in.
    LoggingIn,
}

const NAME: &str = "Upolux";
const PASSWORD: &str = "geheim";

pub(super) fn message(length: usize) -> Vec<u8> {
    let mut message = b"Subject: recorded\n\n".to_vec();
    message.extend((0..length).map(|at| (7 * at + at / 256) as u8));
    message
}

/// Our site `leaf`, with one mail for Taylor.
async fn leaf(folder: &Path, protocol: char, way: Way) -> Site {
    let mut us = Site::new(folder, "leaf", "polux", protocol);
    if way == Way::LoggingIn {
        let account = Account { name: NAME.to_owned(), password_hash: hashed(PASSWORD) };
        us.node.systems.values_mut().for_each(|system| system.login = Some(account.clone()));
    }
    us.mail("ann", &message(1500)).await;
    us
}

/// The recording of a call with Taylor, which has three mails for us.
async fn record(folder: &Path, protocol: char, way: Way) -> String {
    let settings = Settings { protocol, ..Settings::default() };
    let taylor = Taylor::new(folder, "polux", "leaf", &settings);
    for (number, length) in [(0, 10), (1, 5000), (2, 256)] {
        taylor.mail("bob", &[&format!("jan{number}")], &message(length));
    }
    let mut us = leaf(folder, protocol, way).await;
    let file = folder.join("recording");
    let place = Place::File(file.clone());
    us.node.record = Some(RecordSettings { place, largest: RecordSettings::LARGEST });
    let record = match way {
        Way::Calling => call(true, &us, &taylor, None).await,
        Way::LoggingIn => {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let port = format!("type tcp\nservice {}\n", address.port());
            let system = format!(
                "address 127.0.0.1\nchat ogin: \\L word: \\P\ncall-login {NAME}\ncall-password {PASSWORD}\n"
            );
            taylor.configure(&Settings { protocol, system: &system, port: &port, ..Settings::default() });
            let mut child = tokio::process::Command::from(taylor.caller()).spawn().expect("uucico starts");
            let (stream, _) = listener.accept().await.expect("a call");
            let record = answer(&us, stream).await;
            let ended = tokio::time::timeout(support::PATIENCE, child.wait()).await.expect("uucico ends");
            assert!(ended.expect("uucico ends").success(), "{}", taylor.log());
            record
        }
    };
    assert_eq!(record.failure, None, "{}", taylor.log());
    std::fs::read_to_string(file).expect("a recording")
}

/// Leaves a recording where somebody wants to have it.
pub(super) fn keep(name: &str, text: &str) {
    if let Some(folder) = std::env::var_os("UUGATE_RECORDINGS") {
        std::fs::write(Path::new(&folder).join(name).with_extension("uurec"), text).expect("a recording");
    }
}

async fn answer<S>(us: &Site, stream: S) -> CallRecord
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin,
{
    let watch = Watch::nobody();
    let connected =
        Connected { line: "net".to_owned(), qualities: Qualities::STREAM, ..Connected::default() };
    call::answer(stream, &us.node, Login::Ask, connected, &us.spool, &watch).await.record
}

/// Plays a recording to a site that is as it was then, and looks at what comes of it.
async fn replay(text: &str, protocol: char, way: Way) {
    let folder = support::open_folder();
    let recording = Recording::parse(text).expect("a recording");
    let us = leaf(folder.path(), protocol, way).await;
    let record = match way {
        Way::Calling => us.call(true, Replay::new(&recording, b"")).await,
        Way::LoggingIn => {
            let login = format!("{NAME}\r{PASSWORD}\r");
            answer(&us, Replay::new(&recording, login.as_bytes())).await
        }
    };
    played_again(&us, &record, protocol).await;
}

/// It came to the same.
pub(super) async fn played_again(us: &Site, record: &CallRecord, protocol: char) {
    assert_eq!(record.failure, None);
    assert_eq!((record.protocol, record.jobs_sent, record.jobs_received), (Some(protocol), 1, 3));
    let arrived = [("rmail jan0", 10), ("rmail jan1", 5000), ("rmail jan2", 256)];
    let arrived: Vec<_> = arrived.map(|(what, length)| (what.to_owned(), message(length))).into();
    assert_eq!(us.arrived().await, arrived);
    assert_eq!(us.waiting().await, 0);
}

/// Everything in it is understood, and nothing had to come twice.
pub(super) fn trace(text: &str, protocol: char) -> trace::Trace {
    let trace = trace::decode(&Recording::parse(text).expect("a recording"));
    assert_eq!((trace.protocol, trace.ended.as_str()), (Some(protocol), "in order"));
    for side in [&trace.us, &trace.them] {
        assert_eq!((side.again, side.damaged, side.noise), (0, 0, 0), "{trace}");
    }
    assert_eq!((trace.us.files, trace.them.files), (1, 3), "{trace}");
    let acknowledges = "ijgGv".contains(protocol);
    assert_eq!((trace.us.acknowledged > 0, trace.them.acknowledged > 0), (acknowledges, acknowledges));
    trace
}

/// The name of the sample of such a call.
fn name(protocol: char, way: Way) -> String {
    let protocol = if protocol == 'G' { "big-g".to_owned() } else { protocol.to_string() };
    format!("{protocol}-{}", if way == Way::Calling { "we-call" } else { "login" })
}

const CALLING: [char; 5] = ['i', 'j', 'g', 'G', 'v'];
const LOGGING_IN: [char; 5] = ['i', 't', 'e', 'y', 'f'];

#[tokio::test]
async fn a_call_of_ours_is_played_again() {
    for protocol in CALLING {
        let folder = support::open_folder();
        let text = record(folder.path(), protocol, Way::Calling).await;
        keep(&name(protocol, Way::Calling), &text);
        trace(&text, protocol);
        replay(&text, protocol, Way::Calling).await;
    }
}

#[tokio::test]
async fn a_login_over_tcp_is_played_again_and_not_written_down() {
    for protocol in LOGGING_IN {
        let folder = support::open_folder();
        let text = record(folder.path(), protocol, Way::LoggingIn).await;
        keep(&name(protocol, Way::LoggingIn), &text);
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(text.contains(&hex("ogin: ")) && !text.contains(&hex(PASSWORD)), "{text}");
        trace(&text, protocol);
        replay(&text, protocol, Way::LoggingIn).await;
    }
}

#[tokio::test]
async fn recorded_calls_come_to_the_same_as_then() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/taylor");
    let calling = CALLING.map(|protocol| (protocol, Way::Calling));
    for (protocol, way) in calling.into_iter().chain(LOGGING_IN.map(|protocol| (protocol, Way::LoggingIn))) {
        let file = samples.join(name(protocol, way)).with_extension("uurec");
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        trace(&text, protocol);
        replay(&text, protocol, way).await;
    }
}

#[test]
fn a_command_records_its_call_and_a_daemon_all_of_them() {
    let folder = support::open_folder();
    let pair = super::taylor_pipe::pair(folder.path(), 'i');
    let file = folder.path().join("call").display().to_string();
    let (uugate, taylor) = (&pair.uugate, &pair.taylor);
    taylor.mail("jan", &["ann"], &message(3000));
    let record = |caller: &mut std::process::Command| {
        caller.args(["--record", &file]);
        support::join(caller, &mut taylor.called())
    };
    let (caller, called) = record(&mut uugate.caller("leaf"));
    assert!(caller.success() && called.success(), "{caller} {called}\n{}", taylor.log());
    let trace = |arguments: &[&str]| {
        let output = uugate.trace(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let text = trace(&[&file]);
    assert!(text.starts_with("polux calls leaf on stdin") && text.contains("\nended: in order\n"), "{text}");
    assert!(text.contains("offers the input of `rmail ann` of 3070 bytes"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&trace(&[&file, "--json"])).expect("JSON");
    assert_eq!((&json["protocol"], &json["them"]["files"]), (&"i".into(), &1.into()));
    let broken = folder.path().join("broken").display().to_string();
    std::fs::write(&broken, "uugate recording 1\nrubbish\n").expect("a file");
    let refused = uugate.trace(&[&broken]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("line 2"), "{refused:?}");

    // A daemon has a folder for them, and writes nowhere else for anybody.
    let config = crate::support::node::neighbour("leaf", "protocols = \"i\"");
    uugate.configure(&format!("{config}[record]\ndirectory = \"recordings\"\n"));
    let daemon = uugate.start();
    let (caller, _) = record(&mut uugate.caller("leaf"));
    assert_eq!(caller.code(), Some(64));
    let (caller, called) = support::join(&mut uugate.caller("leaf"), &mut taylor.called());
    assert!(caller.success() && called.success(), "{caller} {called}\n{}", taylor.log());
    assert!(daemon.stop().success());
    let recordings: Vec<_> = std::fs::read_dir(uugate.path("recordings")).expect("recordings").collect();
    let [Ok(recording)] = &recordings[..] else { panic!("one recording: {recordings:?}") };
    assert!(trace(&[&recording.path().display().to_string()]).contains("\nended: in order\n"));
}
