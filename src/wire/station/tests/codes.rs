//! Every failure has a word of its own, and docs/calls.md lists them all.

use crate::fault::Coded;
use crate::job::SystemName;
use crate::schedule::NotPaid;
use crate::spool::SpoolError;
use crate::tls::TlsError;
use crate::wire::call::CallError;
use crate::wire::chat::ChatError;
use crate::wire::line::{End, LineError};
use crate::wire::link::LinkError;
use crate::wire::modem::{ModemError, NumberError};
use crate::wire::session::{Denial, SessionError};
use crate::wire::station::StationError;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

/// What a call that nobody ended is known by; the spool says it by itself.
const OF_THE_SPOOL: [&str; 2] = ["spool-call-cut-off", "spool-call-left"];

fn lines() -> Vec<LineError> {
    let (line, limit, file) = (|| "modem".to_owned(), Duration::from_secs(1), || "file".into());
    let source = |kind: io::ErrorKind| io::Error::from(kind);
    let other = || source(io::ErrorKind::Other);
    vec![
        LineError::Open { line: line(), source: source(io::ErrorKind::PermissionDenied) },
        LineError::Open { line: line(), source: other() },
        LineError::OpenTooSlow { line: line(), limit },
        LineError::Held { line: line(), holder: None },
        LineError::NotATerminal { device: file() },
        LineError::Set { line: line(), what: "the speed", source: other() },
        LineError::LockFile { line: line(), file: file(), source: other() },
        LineError::Start { program: line(), source: other() },
        LineError::NoProgram,
        LineError::Connect { address: line(), source: other() },
        LineError::ConnectTooSlow { address: line(), limit },
        LineError::Tls(TlsError::Handshake { with: line(), source: other() }),
        LineError::Tls(TlsError::Certificate { file: file(), what: line() }),
        LineError::Tls(TlsError::NoCertificate),
        LineError::SerialServer { address: line(), source: other() },
    ]
}

fn modems() -> Vec<ModemError> {
    let text = || "text".to_owned();
    vec![
        ModemError::Silent { command: text(), seen: text() },
        ModemError::Refused { command: text(), reply: text() },
        NumberError::Character { number: text(), character: 'x', allowed: text() }.into(),
        NumberError::NoDigit { number: text() }.into(),
        NumberError::TooLong.into(),
        ModemError::Busy,
        ModemError::NoAnswer,
        ModemError::Voice,
        ModemError::NotDialled,
        ModemError::NoDialtone,
        ModemError::NoCarrier,
        ModemError::Barred { reply: text() },
        ModemError::NotConnected { seconds: 1 },
        ModemError::CarrierLost,
        ModemError::NotHungUp,
    ]
}

fn stations() -> Vec<StationError> {
    let text = || "text".to_owned();
    let mut all = vec![
        StationError::Ended { line: text(), end: End::DeviceGone },
        StationError::Stuck { line: text() },
        StationError::Stopped,
        StationError::NoNumber { system: text(), line: text() },
        StationError::Exposed { system: text() },
        StationError::NoSystem { line: text() },
        StationError::Log(io::Error::from(io::ErrorKind::Other)),
        StationError::NoAddress { system: text(), line: text() },
    ];
    all.extend(lines().into_iter().map(StationError::from));
    all.extend(modems().into_iter().map(StationError::from));
    all
}

fn denials() -> [Denial; 7] {
    let text = || "text".to_owned();
    [
        Denial::Locked,
        Denial::CallBack,
        Denial::BadSequence,
        Denial::WrongLogin,
        Denial::Unknown,
        Denial::NotNow(text()),
        Denial::Other(text()),
    ]
}

fn links() -> [LinkError; 9] {
    let protocol = 'g';
    [
        LinkError::NoStart { protocol },
        LinkError::Silent { protocol, retries: 1 },
        LinkError::Stalled { protocol },
        LinkError::Echo { protocol },
        LinkError::TooManyErrors { protocol, errors: 1 },
        LinkError::ClosedByPeer { protocol },
        LinkError::Damaged { protocol },
        LinkError::Shrunk { protocol },
        LinkError::Misbehaved { protocol, what: "text".to_owned() },
    ]
}

fn sessions() -> Vec<SessionError> {
    let text = || "text".to_owned();
    let mut all = vec![
        SessionError::WrongSystem { wanted: text(), found: text() },
        SessionError::NoProtocol { theirs: text(), ours: text() },
        SessionError::LoginRefused,
        SessionError::Handshake("text"),
        SessionError::Misbehaved(text()),
        SessionError::Lost(text()),
        SessionError::Idle(1),
        SessionError::TooLong(Duration::from_secs(60)),
        SessionError::Store(text()),
    ];
    all.extend(denials().into_iter().map(SessionError::Refused));
    all.extend(denials().into_iter().map(|why| SessionError::RefusedCaller { caller: text(), why }));
    all.extend(links().into_iter().map(SessionError::from));
    all
}

fn calls() -> Vec<CallError> {
    let text = || "text".to_owned();
    let system = || "polux".parse::<SystemName>().unwrap();
    let mut all = vec![
        CallError::InCall { system: system() },
        CallError::NotConfigured { system: system() },
        CallError::UnknownProtocol('x'),
        CallError::NotPaid { line: text(), why: NotPaid::Money },
        CallError::SpentUp { line: text() },
        CallError::CarrierLost { why: text() },
        ChatError::TimedOut { expected: text(), seen: text() }.into(),
        ChatError::FailString { string: text(), seen: text() }.into(),
        ChatError::NoEcho { seen: text() }.into(),
        ChatError::CarrierLost { seen: text() }.into(),
        ChatError::Missing { what: "text" }.into(),
        ChatError::LoginTimedOut.into(),
        ChatError::LoginRefused { name: Some(text()), attempts: 1 }.into(),
        SpoolError::Busy.into(),
        SpoolError::Full(text()).into(),
        SpoolError::Short(text()).into(),
        SpoolError::Device(text()).into(),
        SpoolError::Conflict(text()).into(),
        SpoolError::Corrupt(text()).into(),
        SpoolError::Missing(text()).into(),
        SpoolError::Misuse(text()).into(),
        SpoolError::Closed.into(),
    ];
    all.extend(sessions().into_iter().map(CallError::from));
    all
}

/// The words of the table in docs/calls.md.
fn documented() -> BTreeSet<&'static str> {
    let docs = include_str!("../../../../docs/calls.md");
    let (_, table) = docs.split_once("| word | what happened |").unwrap();
    let rows = table.lines().skip(2).take_while(|row| row.starts_with("| `"));
    rows.map(|row| row.split('`').nth(1).unwrap()).collect()
}

/// The words that stand in the code of an error.
fn written(source: &str) -> impl Iterator<Item = &str> {
    let (_, code) = source.split_once("impl Coded for").expect("an error with words");
    let (code, _) = code.split_once("\n    }\n").expect("the end of fn code");
    code.split('"').skip(1).step_by(2)
}

#[test]
fn each_failure_has_a_word_of_its_own_that_is_documented() {
    let coded = |error: &dyn Coded| (error.code(), error.fault().stage.name(), error.fault().message);
    let stations = stations();
    let calls = calls();
    let all = stations.iter().map(|error| coded(error)).chain(calls.iter().map(|error| coded(error)));
    let mut words: BTreeMap<&str, String> = BTreeMap::new();
    for (code, stage, message) in all {
        assert!(code.starts_with(&format!("{stage}-")), "{code} is of the stage {stage}");
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(code.chars().all(plain), "{code}");
        if let Some(other) = words.insert(code, message.clone()) {
            panic!("{code} is both {other:?} and {message:?}");
        }
    }
    let known: BTreeSet<&str> = words.into_keys().chain(OF_THE_SPOOL).collect();
    assert_eq!(known, documented());
    for source in [
        include_str!("../error.rs"),
        include_str!("../../call/error.rs"),
        include_str!("../../chat/mod.rs"),
        include_str!("../../line/error.rs"),
        include_str!("../../link/mod.rs"),
        include_str!("../../modem/mod.rs"),
        include_str!("../../session/error.rs"),
        include_str!("../../../spool/error.rs"),
    ] {
        assert!(written(source).count() > 5);
        for word in written(source) {
            assert!(known.contains(word), "{word} is tried by nobody");
        }
    }
}
