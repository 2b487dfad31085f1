//! One function for each parser of foreign bytes. Shared by the fuzz targets and by the replay of their corpora.

use uugate::post::address::{Address, Precedence};
use uugate::post::batch::{self, Reader};
use uugate::post::mail::command::Command;
use uugate::post::mail::dots::{Ends, Unstuffer};
use uugate::post::mail::{parsed, read_from_lines};
use uugate::wire::chat::{Chat, Kind, LoginPrompt, LoginSettings, Script, Settings, Values};
use uugate::wire::exchange::{Line, Switch};
use uugate::wire::modem::{Modem, Number, Profile, reply};
use uugate::wire::session::command::{Answer, Request};
use uugate::wire::session::features::Features;

/// A target and the name of its folder below `corpus`.
pub type Entry = (&'static str, fn(&[u8]));

pub const ALL: &[Entry] = &[
    ("address", address),
    ("at_command", at_command),
    ("at_reply", at_reply),
    ("batch", batch),
    ("chat", chat),
    ("dots", dots),
    ("from_line", from_line),
    ("header", header),
    ("login", login),
    ("session_command", session_command),
    ("smtp_command", smtp_command),
];

/// Mail addresses: what parses, prints and parses to the same.
pub fn address(bytes: &[u8]) {
    let Ok(address) = Address::from_bytes(bytes) else { return };
    assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(&address));
    address.target(Precedence::default());
    let _ = address.through("polux");
}

/// A terminal that types anything at a modem of the exchange.
pub fn at_command(bytes: &[u8]) {
    let now = uugate::clock::now();
    let line = |number: &str| Line { number: number.to_owned(), digital: false };
    let mut switch = Switch::new(Default::default(), vec![line("1"), line("2")]);
    switch.handle_dtr(now, 0, true);
    for piece in bytes.chunks(64) {
        let count = switch.room(0).min(piece.len());
        switch.handle_input(now, 0, piece.get(..count).unwrap_or_default());
        let mut out = Vec::new();
        switch.poll_transmit(0, usize::MAX, &mut out);
        // The echo, and what `AT&V` and the like say.
        assert!(out.len() < 64 * 1024);
        while switch.poll_event().is_some() {}
    }
}

/// A modem that says anything, in every part of the dialogue.
pub fn at_reply(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\r') {
        reply::parse(line);
    }
    let now = uugate::clock::now();
    let profile = Profile::generic();
    let number = Number::parse("5551", &profile.number_characters);
    for part in 0..4 {
        let mut modem = Modem::new(profile.clone(), part % 2 == 0);
        match (part, &number) {
            (0, _) => modem.set_up(now),
            (1, Ok(number)) => modem.dial(now, number),
            (2, _) => modem.wait_for_call(now),
            _ => modem.hang_up(now),
        }
        modem.handle_input(now, bytes);
        // Whatever was said, the machine comes to an end.
        let mut steps = 0;
        while let Some(at) = modem.poll_timeout() {
            modem.handle_timeout(at);
            steps += 1;
            assert!(steps < 1000);
        }
    }
}

/// Batched SMTP, whole and in pieces: both say the same.
pub fn batch(bytes: &[u8]) {
    let read = |piece: usize| {
        let mut reader = Reader::new(batch::Settings::default());
        let mut text = Vec::new();
        let mut messages = 0;
        for piece in bytes.chunks(piece) {
            if reader.push(piece).is_err() {
                return None;
            }
            while let Some(event) = reader.poll_event() {
                match event {
                    batch::Event::Data(data) => text.extend(data),
                    batch::Event::MessageEnd => messages += 1,
                    batch::Event::Message { .. } => {}
                }
            }
        }
        assert!(text.len() <= bytes.len());
        reader.finish().ok().map(|count| (count, messages, text))
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1));
    if let Some((count, messages, _)) = whole {
        assert_eq!(count, messages);
    }
}

/// A chat script (the first line) run against whatever follows.
pub fn chat(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let script = match Script::parse(&text, Kind::Login) {
        Ok(script) => script,
        Err(error) => {
            assert!(text.get(error.span).is_some());
            return;
        }
    };
    let now = uugate::clock::now();
    let mut chat = Chat::new(script, Settings::login(), Values::default(), now);
    chat.handle_input(now, parts.next().unwrap_or_default());
    let mut steps = 0;
    while let Some(at) = chat.poll_timeout() {
        chat.handle_timeout(at);
        steps += 1;
        assert!(steps < 10_000);
    }
}

/// The end of DATA, in both line-end modes.
pub fn dots(bytes: &[u8]) {
    for ends in [Ends::Lf, Ends::Crlf] {
        let mut out = Vec::new();
        let progress = Unstuffer::new(ends).push(bytes, &mut out);
        assert!(out.len() <= progress.consumed && progress.consumed <= bytes.len());
    }
}

/// From_ lines at the start of a message.
pub fn from_line(bytes: &[u8]) {
    for peer in [None, Some("polux")] {
        assert!(read_from_lines(bytes, peer).length <= bytes.len());
    }
}

/// The header fields that are understood.
pub fn header(bytes: &[u8]) {
    if let Ok(found) = parsed::recipients(bytes) {
        assert!(found.len() <= parsed::RECIPIENTS_MAX);
    }
    assert!(parsed::without_bcc(bytes).len() <= bytes.len());
}

/// Anything at the login prompt.
pub fn login(bytes: &[u8]) {
    let now = uugate::clock::now();
    let mut prompt = LoginPrompt::new(LoginSettings::default(), now);
    for piece in bytes.chunks(100) {
        prompt.handle_input(now, piece);
        while let Some(event) = prompt.poll_event() {
            assert!(!format!("{event:?}").contains("password: \""));
            prompt.verdict(now, false);
        }
    }
    let mut steps = 0;
    while let Some(at) = prompt.poll_timeout() {
        prompt.handle_timeout(at);
        steps += 1;
        assert!(steps < 1000);
    }
}

/// S, R, X, E, H and their answers: what parses, prints and parses to the same.
pub fn session_command(bytes: &[u8]) {
    for features in [Features::UNNUMBERED, Features::OURS] {
        if let Ok(request) = Request::parse(bytes, features)
            && let Some(printed) = request.print(features)
        {
            assert_eq!(Request::parse(&printed, features).as_ref(), Ok(&request));
        }
    }
    if let Ok(answer) = Answer::parse(bytes) {
        assert_eq!(Answer::parse(&answer.print()).as_ref(), Ok(&answer));
    }
}

/// SMTP command lines.
pub fn smtp_command(bytes: &[u8]) {
    let _ = Command::parse(bytes);
}
