//! One function for each parser of foreign bytes. Shared by the fuzz targets and by the replay of their corpora.

use jiff::{Timestamp, tz::TimeZone};
use std::path::{Component, Path};
use std::time::{Duration, Instant};
use uugate::job::{self, Execute, Fetch, Grade, Notify, Send, StableId, SystemName, Work, XFile};
use uugate::mailbox::mbox::{self, IdScan};
use uugate::node::config::Config;
use uugate::node::control::frame;
use uugate::post::address::{Address, Precedence};
use uugate::post::batch::{self, Reader};
use uugate::post::mail::command::Command;
use uugate::post::mail::dots::{Ends, Unstuffer};
use uugate::post::mail::{parsed, read_from_lines};
use uugate::post::smtp;
use uugate::schedule::Windows;
use uugate::wire::chat::{Chat, Kind as ChatKind, LoginPrompt, LoginSettings, Script, Settings, Values};
use uugate::wire::exchange::{Line, ModemSpec, Switch};
use uugate::wire::line::telnet::comport::{ComFlow, ComParity, ComSettings};
use uugate::wire::line::telnet::{Role as TelnetRole, Telnet};
use uugate::wire::link::{self, Channel, Link, Parameters, Role, open};
use uugate::wire::modem::{Modem, Number, Profile, reply};
use uugate::wire::record::{Chunk, Content, End, From, Head, Recording};
use uugate::wire::session::command::{Answer, Request};
use uugate::wire::session::handshake::{self, Agreement, Handshake};
use uugate::wire::session::{
    Ask, Denial, Features, JobKey, Kind, Machine, OutgoingJob, Permissions, Refusal, Reply, SessionError,
    Step, Verdict, public_path, spool_name,
};
use uugate::wire::trace;

/// A target and the name of its folder below `corpus`.
pub type Entry = (&'static str, fn(&[u8]));

pub const ALL: &[Entry] = &[
    ("address", address),
    ("at_command", at_command),
    ("at_reply", at_reply),
    ("batch", batch),
    ("chat", chat),
    ("config", config),
    ("control_frame", control_frame),
    ("dots", dots),
    ("from_line", from_line),
    ("handshake", handshake),
    ("header", header),
    ("link_g", link_g),
    ("link_i", link_i),
    ("login", login),
    ("mbox", mbox),
    ("modem_spec", modem_spec),
    ("printable", printable),
    ("public_name", public_name),
    ("recording", recording),
    ("session", session),
    ("session_command", session_command),
    ("smtp_command", smtp_command),
    ("smtp_server", smtp_server),
    ("telnet", telnet),
    ("time_string", time_string),
    ("x_file", x_file),
];

/// Mail addresses: what parses, prints and parses to the same.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(address) = Address::parse(text) else { return };
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

/// The text of a configuration file: whatever is found wrong in it can be shown, and shows no secret.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    // Files that it names are looked for in a folder that is not there.
    let (config, findings) = Config::read(Path::new("/nonexistent/uugate.toml"), text);
    assert_eq!(config.is_some(), findings.errors() == 0);
    for finding in findings.sorted() {
        findings.place(finding.span.start);
    }
    let _ = findings.render(false);
}

/// Frames of the control socket.
pub fn control_frame(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some((header, content)) = rest.split_first_chunk() {
        let Ok((kind, length)) = frame::parse_header(*header) else { return };
        assert!(length <= frame::LONGEST_MESSAGE);
        assert_eq!(frame::header(kind, length), *header);
        let Some((content, behind)) = content.split_at_checked(length) else { return };
        if kind == frame::Kind::Message {
            let _ = serde_json::from_slice::<uugate::node::verbs::Request>(content);
        }
        rest = behind;
    }
}

/// The handshake, in both roles and in pieces of any length: it ends alike, and says little.
pub fn handshake(bytes: &[u8]) {
    let (Some(length), Some(text)) = (bytes.first(), bytes.get(1..)) else { return };
    for caller in [true, false] {
        let whole = shake(caller, text, text.len().max(1));
        assert_eq!(whole, shake(caller, text, usize::from(*length).max(1)));
    }
}

/// How a handshake ended, and what was said in it.
fn shake(caller: bool, text: &[u8], piece: usize) -> (Option<String>, Vec<u8>) {
    let now = uugate::clock::now();
    let name = |text: &str| text.parse::<SystemName>().expect("a name");
    let minute = Duration::from_secs(60);
    let mut handshake = match caller {
        true => Handshake::caller(now, name("leaf"), name("polux"), "ig", minute),
        false => Handshake::called(now, name("polux"), minute),
    };
    let mut said = Vec::new();
    for piece in text.chunks(piece) {
        handshake.handle_input(piece);
        while let Some(event) = handshake.poll_event() {
            let ended = match event {
                handshake::Event::Check(caller) => {
                    assert!(!caller.chars().any(char::is_control));
                    match caller.parse() {
                        Ok(caller) => handshake.admit(caller, "ig"),
                        Err(_) => handshake.deny(Denial::Unknown),
                    }
                    continue;
                }
                handshake::Event::Agreed(mut agreed) => {
                    agreed.rest.clear();
                    format!("{agreed:?}")
                }
                handshake::Event::Failed(error) => {
                    let error = error.to_string();
                    assert!(!error.chars().any(char::is_control));
                    error
                }
            };
            said.extend(handshake.poll_transmit().unwrap_or_default());
            assert!(said.len() < 1024);
            return (Some(ended), said);
        }
    }
    said.extend(handshake.poll_transmit().unwrap_or_default());
    handshake.handle_timeout(now + minute);
    assert!(matches!(handshake.poll_event(), Some(handshake::Event::Failed(_))));
    (None, said)
}

/// The `g` protocol under any input at any time.
pub fn link_g(bytes: &[u8]) {
    endure('g', bytes);
}

/// The `i` protocol under any input at any time.
pub fn link_i(bytes: &[u8]) {
    endure('i', bytes);
}

/// More than any link may want to send without being acknowledged, in one go.
const MOST_OUT: usize = 128 * 1024;

/// Plays a link what the bytes say: the first is role and whether the protocol is up; then each begins a piece of
/// input, a pause, or a wish of the session.
fn endure(letter: char, bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let role = if first & 1 == 0 { Role::Caller } else { Role::Called };
    let mut now = uugate::clock::now();
    let mut link = open(letter, role, &Parameters::default()).expect("a protocol");
    let mut peer = open(letter, opposite(role), &Parameters::default()).expect("a protocol");
    link.start(now);
    if first & 2 != 0 {
        peer.start(now);
        for _ in 0..8 {
            pass(now, peer.as_mut(), link.as_mut());
            pass(now, link.as_mut(), peer.as_mut());
        }
    }
    let mut steps: u64 = 16;
    let mut ended = settle(link.as_mut(), now);
    while let Some((step, behind)) = rest.split_first() {
        rest = behind;
        steps += 1;
        match step {
            0..0x80 => {
                let (input, behind) = rest.split_at(rest.len().min(usize::from(*step)));
                rest = behind;
                steps += input.len() as u64;
                link.handle_input(now, input);
            }
            // A sound packet of the other end, whatever this one makes of it.
            0x80..0x90 => {
                peer.send_command(now, Channel::Ours(step & 7), b"S");
                let mut out = Vec::new();
                peer.poll_transmit(now, 4096, &mut out);
                link.handle_input(now, &out);
                steps += out.len() as u64;
            }
            0x90..0xd0 => {
                now += Duration::from_millis(300) * u32::from(step & 0x3f);
                if link.poll_timeout().is_some_and(|at| at <= now) {
                    link.handle_timeout(now);
                }
            }
            0xd0..0xe0 => link.send_command(now, Channel::Ours(step & 7), b"H"),
            0xe0..0xf8 => {
                let room = link.room();
                link.send_data(now, Channel::Ours(1), 0, &vec![0x55; room]);
            }
            _ => link.close(now),
        }
        ended |= settle(link.as_mut(), now);
    }
    let patience = now + Duration::from_secs(2 * 3600);
    while let Some(at) = link.poll_timeout().filter(|_| !ended) {
        assert!(at < patience, "it waits for ever");
        now = now.max(at);
        link.handle_timeout(now);
        steps += 1;
        ended |= settle(link.as_mut(), now);
    }
    // What is sent again is bounded by what was asked, and by the patience of one call.
    assert!(link.counters().bytes_sent < (steps + 64) * MOST_OUT as u64 / 4);
}

fn opposite(role: Role) -> Role {
    match role {
        Role::Caller => Role::Called,
        Role::Called => Role::Caller,
    }
}

fn pass(now: Instant, from: &mut dyn Link, to: &mut dyn Link) {
    let mut out = Vec::new();
    from.poll_transmit(now, 4096, &mut out);
    to.handle_input(now, &out);
}

/// Takes out all that a link has; whether it has ended.
fn settle(link: &mut dyn Link, now: Instant) -> bool {
    let mut out = Vec::new();
    link.poll_transmit(now, MOST_OUT, &mut out);
    assert!(out.len() <= MOST_OUT, "{} bytes at once", out.len());
    let mut ended = false;
    while let Some(event) = link.poll_event() {
        ended |= matches!(event, link::Event::Closed | link::Event::Failed(_));
    }
    ended
}

/// The scan of an mbox for delivery ids, whole and in pieces.
pub fn mbox(bytes: &[u8]) {
    let scan = |piece: usize| {
        let mut scan = IdScan::default();
        bytes.chunks(piece).for_each(|piece| scan.feed(piece, |_| true));
        scan.finish()
    };
    let whole = scan(bytes.len().max(1));
    assert_eq!(whole, scan(1));
    // Nothing inside of a message is taken for an id.
    let mut file = Vec::new();
    mbox::put_message(&mut file, &String::from_utf8_lossy(bytes), Timestamp::UNIX_EPOCH, "", b"\n");
    mbox::put_message(&mut file, "a", Timestamp::UNIX_EPOCH, &mbox::delivery_line("1.a"), bytes);
    mbox::put_message(&mut file, "a", Timestamp::UNIX_EPOCH, &mbox::delivery_line("1.b"), b"\n");
    let mut scan = IdScan::default();
    scan.feed(&file, |_| true);
    assert_eq!(scan.finish(), ["1.a", "1.b"]);
}

/// The modems of an exchange, as they stand on a command line.
pub fn modem_spec(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(spec) = text.parse::<ModemSpec>() {
        assert!((1..=20).contains(&spec.number.len()) && !spec.path.as_os_str().is_empty());
    }
}

/// Foreign bytes, shown.
pub fn printable(bytes: &[u8]) {
    let shown = uugate::observe::printable(bytes, 100);
    assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(shown.len() <= 100 * 4 + 40);
}

/// Names of peers for files: what is permitted lies beneath the public directory, or has no path in it.
pub fn public_name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (name, from) = text.split_once('\n').unwrap_or((&text, ""));
    for from in [None, Some(from)] {
        if let Some(path) = public_path(name, from, "/var/spool/uucppublic") {
            let below = path.strip_prefix("~/").expect("a path below the public directory");
            let parts = Path::new(below).components();
            assert!(parts.clone().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
            assert_eq!(parts.as_path().to_str(), Some(below));
            assert!(!below.is_empty() && !path.chars().any(char::is_control));
        }
    }
    if spool_name(name).is_some() {
        let mut parts = Path::new(name).components();
        assert!(
            matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
        );
        assert!(!name.contains(['\0', ' ']) && name.len() > 2);
    }
}

/// A whole session with a peer that follows its protocol and says anything by it.
///
/// The first byte chooses protocol and features; then each byte begins a text, a piece of a file, a pause or garbage.
pub fn session(bytes: &[u8]) {
    let (Some((first, mut rest)), peer_name) = (bytes.split_first(), "leaf".parse::<SystemName>()) else {
        return;
    };
    let letter = if first & 1 == 0 { 'i' } else { 'g' };
    let role = if first & 2 == 0 { Role::Caller } else { Role::Called };
    let mut now = uugate::clock::now();
    let agreement = Agreement {
        peer: peer_name.expect("a name"),
        caller: role == Role::Caller,
        features: if first & 4 == 0 { Features::OURS } else { Features::UNNUMBERED },
        protocol: letter,
        worst: None,
        limit: None,
        rest: Vec::new(),
    };
    let ours = "polux".parse().expect("a name");
    let mut machine = Machine::new(ours, &agreement, Permissions::default(), "/public".to_owned());
    let mut link = open(letter, role, &Parameters::default()).expect("a protocol");
    let mut peer = open(letter, opposite(role), &Parameters::default()).expect("a protocol");
    link.start(now);
    peer.start(now);
    let mut store = Pretended { jobs: first >> 5, written: 0 };
    loop {
        for _ in 0..16 {
            pass(now, peer.as_mut(), link.as_mut());
            if run(&mut machine, link.as_mut(), &mut store, now) {
                return;
            }
            pass(now, link.as_mut(), peer.as_mut());
            while peer.poll_event().is_some() {}
        }
        let Some((step, behind)) = rest.split_first() else { break };
        let length = behind.iter().position(|byte| *byte == b'\n').unwrap_or(behind.len());
        let (text, behind) = behind.split_at(length);
        rest = behind.get(1..).unwrap_or_default();
        let number = step & 7;
        let channel = if step & 8 == 0 { Channel::Ours(number) } else { Channel::Theirs(number) };
        match step >> 4 {
            0..=9 => peer.send_command(now, channel, text),
            10..=12 => peer.send_data(now, channel, u64::from(number), text),
            13 => {
                now += Duration::from_secs(2);
                for link in [&mut link, &mut peer] {
                    if link.poll_timeout().is_some_and(|at| at <= now) {
                        link.handle_timeout(now);
                    }
                }
            }
            14 => link.handle_input(now, text),
            _ => peer.close(now),
        }
    }
    // No more is written than came; a command where a file is due counts, with the padding of its packet.
    assert!(store.written <= 64 * (bytes.len() as u64 + 1));
}

/// A store that has some jobs and takes every file.
struct Pretended {
    jobs: u8,
    written: u64,
}

/// Runs a session until it waits; whether it is over.
fn run(machine: &mut Machine, link: &mut dyn Link, store: &mut Pretended, now: Instant) -> bool {
    let mut asked = 0;
    loop {
        match machine.step(now, link) {
            Step::Ask(ask) => {
                asked += 1;
                assert!(asked < 1000, "{ask:?}");
                machine.reply(now, link, store.answer(ask));
            }
            Step::Over(result) => {
                if let Err(error) = result {
                    assert!(!error.to_string().chars().any(char::is_control));
                    assert!(!matches!(error, SessionError::Store(_)), "{error}");
                }
                return true;
            }
            Step::Wait | Step::WaitForRoom => match link.poll_event() {
                Some(event) => machine.handle_event(now, link, event),
                None => break,
            },
        }
        while machine.poll_progress().is_some() {}
    }
    false
}

impl Pretended {
    fn answer(&mut self, ask: Ask) -> Reply {
        match ask {
            Ask::NextJob { .. } => {
                let Some(left) = self.jobs.checked_sub(1) else { return Reply::Job(None) };
                self.jobs = left;
                let (user, make_directories) = ("jan".to_owned(), true);
                let work = match left % 3 {
                    0 => {
                        let command = job::Command::parse("rmail ida").expect("a command");
                        Work::Execute(Execute { command, user, requestor: None, notify: Notify::Never })
                    }
                    1 => {
                        let (from, to) = ("a".to_owned(), "~/a".to_owned());
                        Work::Fetch(Fetch { from, to, user, make_directories })
                    }
                    _ => {
                        let (from, to) = ("a".to_owned(), "~/a".to_owned());
                        Work::Send(Send { from, to, user, make_directories, mode: 0o644, notify: None })
                    }
                };
                let stable = StableId { spool: 7, number: left.into() };
                let key = JobKey(left.into());
                let job = OutgoingJob { key, stable, grade: Grade::MAIL, work, size: 300 };
                Reply::Job(Some(Box::new(job)))
            }
            Ask::Read { offset, limit, .. } | Ask::ReadOpened { offset, limit, .. } => {
                let rest = 300_u64.saturating_sub(offset);
                Reply::Bytes(vec![b'x'; usize::try_from(rest).unwrap_or(limit).min(limit)])
            }
            Ask::Offer { slot, offer } => {
                if let Kind::File { to, .. } = &offer.kind {
                    assert!(to.starts_with("~/") && !to.contains("/../"));
                }
                Reply::Verdict(match slot.0 % 5 {
                    4 => Verdict::Already,
                    3 => Verdict::Refuse(Refusal::NoFile),
                    _ => Verdict::Take { offset: 0 },
                })
            }
            Ask::Write { bytes, .. } => {
                self.written += bytes.len() as u64;
                Reply::Done
            }
            Ask::Commit { slot } if slot.0 % 7 == 6 => Reply::Unkept,
            Ask::Open { slot, .. } if slot.0 % 4 == 3 => Reply::Verdict(Verdict::Refuse(Refusal::Denied)),
            Ask::Open { .. } => Reply::Opened { size: 300, mode: 0o644 },
            Ask::Settle { .. } | Ask::Rewind { .. } | Ask::Commit { .. } | Ask::Drop { .. } | Ask::Heard => {
                Reply::Done
            }
        }
    }
}

/// An SMTP client that says anything, in pieces of any length: the same is answered and kept, and no more than a reply a
/// line.
pub fn smtp_server(bytes: &[u8]) {
    let (Some(length), Some(text)) = (bytes.first(), bytes.get(1..)) else { return };
    // A client that sends three times what a message may have is hung up on, sooner or later.
    if text.len() > 8192 {
        return;
    }
    let whole = converse(text, text.len().max(1));
    assert_eq!(whole, converse(text, usize::from(*length).max(1)));
}

/// What was answered, and the messages that came.
fn converse(text: &[u8], piece: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let now = uugate::clock::now();
    let settings = smtp::Settings { message_max: 4096, recipients_max: 4, ..Default::default() };
    let mut server = smtp::Server::new(settings, now);
    let (mut said, mut kept, mut message) = (Vec::new(), Vec::new(), Vec::new());
    for piece in text.chunks(piece) {
        server.handle_input(now, piece);
        while let Some(event) = server.poll_event() {
            match event {
                smtp::Event::Recipient(address) if address.as_str().contains("no") => {
                    server.refuse(now, smtp::Refusal::later(address.as_str()));
                }
                smtp::Event::Sender(_) | smtp::Event::Recipient(_) | smtp::Event::Begin => server.accept(now),
                smtp::Event::Data(data) => message.extend(data),
                smtp::Event::End => {
                    kept.push(std::mem::take(&mut message));
                    server.kept(now, "1");
                }
                // What came of a message that is dropped depends on the pieces.
                smtp::Event::Abandoned => message.clear(),
            }
        }
        said.extend(server.poll_transmit().unwrap_or_default());
        if server.is_closed() {
            break;
        }
    }
    if !server.is_closed() {
        server.handle_gone();
        while let Some(event) = server.poll_event() {
            assert!(!matches!(event, smtp::Event::End | smtp::Event::Data(_)));
        }
    }
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    assert!(said.len() <= (lines + 2) * 600 && kept.concat().len() <= text.len());
    for line in String::from_utf8_lossy(&said).split_terminator("\r\n") {
        assert!(line.len() <= 510 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
        assert!(line.as_bytes().first_chunk::<3>().is_some_and(|code| code.iter().all(u8::is_ascii_digit)));
    }
    (said, kept)
}

/// Time strings; their windows open and close.
pub fn time_string(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Windows>() {
        Ok(windows) => {
            let from = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            match windows.next_open(&from) {
                Some(open) => assert!(windows.open_at(&open) && open >= from),
                None => assert!(!windows.open_at(&from)),
            }
        }
        Err(error) => assert!(text.get(error.at..).is_some()),
    }
}

/// Execution files: what parses, prints and parses to the same.
pub fn x_file(bytes: &[u8]) {
    let Ok(file) = XFile::parse(bytes) else { return };
    let again = XFile::parse(file.print().as_bytes());
    assert_eq!(again.as_ref(), Ok(&file));
    assert!(file.input.is_none_or(|name| !name.contains(['/', '\0'])));
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

/// A recording as a file, and a call as bytes of both sides: each may be anything, and is told of.
pub fn recording(bytes: &[u8]) {
    if let Ok(recording) = Recording::parse(&String::from_utf8_lossy(bytes)) {
        let _ = trace::decode(&recording).to_string();
    }
    let shown = |piece: usize| {
        let mut from = From::Us;
        let mut chunks = Vec::new();
        // A 0xff changes sides.
        for side in bytes.split(|byte| *byte == 255) {
            from = if from == From::Us { From::Them } else { From::Us };
            let content = |piece: &[u8]| Content::Bytes(piece.to_vec());
            let chunk = |piece| Chunk { at: Duration::ZERO, from, content: content(piece) };
            chunks.extend(side.chunks(piece).map(chunk));
        }
        let head = Head { called: Some("polux".to_owned()), ..Head::default() };
        trace::decode(&Recording { head, chunks, end: End::Missing })
    };
    let (whole, pieces) = (shown(bytes.len().max(1)), shown(1));
    assert_eq!((&whole.us.bytes, &whole.us.packets), (&pieces.us.bytes, &pieces.us.packets));
    assert_eq!((whole.them.files, whole.protocol), (pieces.them.files, pieces.protocol));
}
