//! A call that dials Taylor UUCP, recorded from the dial on: what was said to the modem, the login, the session. Played again,
//! each of them comes to the same as then.

use super::recorded::{self, keep, message, played_again};
use super::taylor_session::Site;
use super::taylor_telephone::{dial_and_answer, fast, taylor_host};
use crate::support::open_folder;
use crate::support::replay::Replay;
use crate::support::telephone::{LOGIN, PASSWORD, Telephone};
use std::path::Path;
use uugate::clock;
use uugate::observe::Secret;
use uugate::wire::call::Dialogue;
use uugate::wire::chat::{self, Script, Values};
use uugate::wire::modem::{Event, Modem, Number, Profile};
use uugate::wire::record::{Chunk, Content, From, Recording};
use uugate::wire::trace;

const NUMBER: &str = "5552";

/// Dials Taylor; what the daemon has recorded.
fn record(folder: &Path) -> String {
    let mut telephone = Telephone::new(folder, fast());
    let recorded = "[record]\ndirectory = \"recordings\"\n";
    let (leaf, polux) = taylor_host(folder, &telephone, 'i', recorded);
    let from = b"From jan Mon Nov 23 12:00:00 2026 remote from leaf\n";
    leaf.run("uux", &["-r", "-", "polux!rmail", "ann"], &[from, message(1500).as_slice()].concat());
    for (number, length) in [(0, 10), (1, 5000), (2, 256)] {
        polux.mail("bob", &[&format!("jan{number}")], &message(length));
    }
    let daemon = leaf.start();
    let device = telephone.device("feed");
    dial_and_answer(&mut telephone, &device, &leaf, &polux);
    assert!(daemon.stop().success());
    let mut files = std::fs::read_dir(leaf.path("recordings")).expect("recordings");
    let file = files.next().expect("a recording").expect("a recording").path();
    assert!(files.next().is_none(), "one call, one recording");
    std::fs::read_to_string(file).expect("a recording")
}

/// The modem is told the same as then, and what it said connects the call.
fn dial(modem_said: &[Chunk]) {
    let profile = Profile::exchange();
    let number = Number::parse(NUMBER, &profile.number_characters).expect("a number");
    let mut modem = Modem::new(profile, false);
    let now = clock::now();
    modem.dial(now, &number);
    for Chunk { at, from, content } in modem_said {
        let Content::Bytes(bytes) = content else { panic!("nothing of it is secret") };
        match from {
            From::Us => {
                let mut told = Vec::new();
                modem.poll_transmit(&mut told);
                assert_eq!(told.escape_ascii().to_string(), bytes.escape_ascii().to_string());
            }
            From::Them => modem.handle_input(now + *at, bytes),
        }
    }
    let connected =
        std::iter::from_fn(|| modem.poll_event()).any(|event| matches!(event, Event::Connected(_)));
    assert!(connected, "{modem_said:?}");
}

/// The whole call, from the dial on.
async fn replay(text: &str) {
    let recording = Recording::parse(text).expect("a recording");
    dial(recording.parts().0);
    let folder = open_folder();
    let mut us = Site::new(folder.path(), "leaf", "polux", 'i');
    let script = Script::parse(r"ogin:-\r\c-ogin: \L word: \P", chat::Kind::Login).expect("a script");
    let password = Some(Secret::new(PASSWORD));
    let values = Values { login: Some(LOGIN.to_owned()), password, ..Values::default() };
    let dialogue = Dialogue { script, settings: chat::Settings::login(), values };
    us.node.systems.values_mut().for_each(|system| system.chat = Some(dialogue.clone()));
    us.mail("ann", &message(1500)).await;
    let record = us.call(true, Replay::new(&recording, b"")).await;
    played_again(&us, &record, 'i').await;
}

/// The modem's words are in it, and what was typed at the login is not.
fn everything_is_told_but_the_password(text: &str) {
    let shown = trace::decode(&Recording::parse(text).expect("a recording")).to_string();
    for told in ["> text ATDT5552\\r", "CONNECT", "< connected", "ogin: ", "says Shere=polux"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!text.contains(&hex(LOGIN)) && !text.contains(&hex(PASSWORD)), "{text}");
}

#[test]
fn a_call_by_telephone_is_recorded_from_the_dial_on() {
    let folder = open_folder();
    let text = record(folder.path());
    keep("i-we-dial", &text);
    everything_is_told_but_the_password(&text);
    dial(Recording::parse(&text).expect("a recording").parts().0);
}

#[tokio::test]
async fn a_recorded_call_by_telephone_comes_to_the_same_as_then() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/taylor/i-we-dial.uurec");
    let text = &std::fs::read_to_string(file).expect("a sample");
    recorded::trace(text, 'i');
    everything_is_told_but_the_password(text);
    replay(text).await;
}
