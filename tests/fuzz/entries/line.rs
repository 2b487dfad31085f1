//! What stands on a line before a session: modems, telnet, chats and logins.

use uugate::wire::chat::{Chat, Kind as ChatKind, LoginPrompt, LoginSettings, Script, Settings, Values};
use uugate::wire::exchange::{Line, ModemSpec, Switch};
use uugate::wire::line::telnet::comport::{ComFlow, ComParity, ComSettings};
use uugate::wire::line::telnet::{Role as TelnetRole, Telnet};
use uugate::wire::modem::{CallReport, CarrierWatch, Modem, Number, Profile, reply};

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
    let profiles = Profile::all();
    for line in bytes.split(|byte| *byte == b'\r') {
        reply::parse(line);
        profiles.iter().for_each(|profile| _ = reply::parse_with(line, profile.codes));
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

/// What a modem tells about a call that is over: what is kept of it is short and can be printed.
pub fn modem_report(bytes: &[u8]) {
    let told = CallReport::read(bytes).to_string();
    assert!(told.len() < 1000);
    assert!(told.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
}

/// What comes in over a modem without a carrier signal, whole and in pieces: the end of the call is seen in both, or in neither.
pub fn carrier_watch(bytes: &[u8]) {
    let now = uugate::clock::now();
    let ends = |piece: usize| {
        let mut watch = CarrierWatch::new();
        bytes.chunks(piece).for_each(|piece| watch.handle_input(now, piece));
        watch.poll_timeout().is_some_and(|at| watch.handle_timeout(at))
    };
    assert_eq!(ends(bytes.len().max(1)), ends(1));
}

/// A chat script (the first line) run against whatever follows.
pub fn chat(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let script = match Script::parse(&text, ChatKind::Login) {
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

/// The modems of an exchange, as they stand on a command line.
pub fn modem_spec(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = text.parse::<ModemSpec>() {
        assert!((1..=20).contains(&spec.number.len()) && !spec.path.as_os_str().is_empty());
    }
}

/// The other side of a telnet connection, whole and in pieces: both say the same, and neither is answered at length.
pub fn telnet(bytes: &[u8]) {
    let port = ComSettings { speed: 57_600, data_bits: 8, parity: ComParity::None, flow: ComFlow::RtsCts };
    for (role, port) in
        [(TelnetRole::Client, Some(port)), (TelnetRole::Client, None), (TelnetRole::Server, None)]
    {
        let hear = |piece: usize| {
            let mut telnet = Telnet::new(role, port);
            let (mut data, mut answer) = (Vec::new(), Vec::new());
            for piece in bytes.chunks(piece) {
                telnet.handle_input(piece, &mut data);
            }
            telnet.poll_transmit(&mut answer);
            let state = (telnet.settled(), telnet.is_binary(), telnet.port().and_then(|port| port.lines()));
            (data, answer, state)
        };
        let whole = hear(bytes.len().max(1));
        assert_eq!(whole, hear(1));
        assert!(whole.0.len() <= bytes.len() && whole.1.len() <= 100 + 40 * bytes.len());
    }
}
