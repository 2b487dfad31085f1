//! Handshake, commands, sessions and their recordings.

use super::link::{opposite, pass};
use std::path::Component;
use std::path::Path;
use std::time::{Duration, Instant};
use uugate::job::{self, Execute, Fetch, Grade, Notify, Send, StableId, SystemName, Work};
use uugate::wire::link::{Channel, Link, Parameters, Role, open};
use uugate::wire::record::{Chunk, Content, End, From, Head, Recording};
use uugate::wire::session::command::{Answer, Request};
use uugate::wire::session::handshake::{self, Admission, Agreement, Handshake};
use uugate::wire::session::{
    Ask, Denial, Features, JobKey, Kind, Machine, OutgoingJob, Permissions, Profile, Refusal, Reply,
    SessionError, Step, Verdict, public_path, spool_name,
};
use uugate::wire::trace;

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

/// The handshake, in both roles, on a line that spoils nothing and on a noisy one, and in pieces of any length: it ends alike, and
/// says little.
pub fn handshake(bytes: &[u8]) {
    let (Some(length), Some(text)) = (bytes.first(), bytes.get(1..)) else { return };
    for side in [Side::Caller, Side::CallerAhead, Side::Called] {
        for noisy in [false, true] {
            let whole = shake(side, noisy, text, text.len().max(1));
            assert_eq!(whole, shake(side, noisy, text, usize::from(*length).max(1)));
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Caller,
    /// It chooses the protocol ahead.
    CallerAhead,
    Called,
}

/// How a handshake ended, and what was said in it.
fn shake(side: Side, noisy: bool, text: &[u8], piece: usize) -> (Option<String>, Vec<u8>) {
    let now = uugate::clock::now();
    let name = |text: &str| text.parse::<SystemName>().expect("a name");
    let minute = Duration::from_secs(60);
    let caller = || Handshake::caller(now, name("leaf"), name("polux"), "ig", minute);
    let handshake = match side {
        Side::Caller => caller(),
        Side::CallerAhead => caller().choosing_ahead(),
        Side::Called => Handshake::called(now, name("polux"), minute),
    };
    let mut handshake = handshake.on_a_noisy_line(noisy);
    let mut said = Vec::new();
    for piece in text.chunks(piece) {
        handshake.handle_input(now, piece);
        while let Some(event) = handshake.poll_event() {
            let ended = match event {
                handshake::Event::Greeted => panic!("calls are not counted here"),
                handshake::Event::Check(caller) => {
                    assert!(!caller.name.chars().any(char::is_control));
                    match caller.name.parse() {
                        Ok(system) => handshake.admit(Admission {
                            system,
                            protocols: "ig".to_owned(),
                            profile: &Profile::SHOWN,
                            largest: u64::MAX,
                            worst: None,
                        }),
                        Err(_) => handshake.deny(Denial::Unknown),
                    }
                    continue;
                }
                handshake::Event::Ahead(_) => continue,
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
        knows_already: first & 4 == 0,
        worst: None,
        limit: None,
        answered: first & 8 == 0,
        rest: Vec::new(),
    };
    let ours = "polux".parse().expect("a name");
    let mut machine = Machine::new(ours, &agreement, Permissions::default(), "/public".to_owned());
    let mut parameters = Parameters::default();
    if !agreement.answered || agreement.features.has(Features::UUGATE) {
        parameters.among_uugates();
    }
    let mut link = open(letter, role, &parameters).expect("a protocol");
    let mut peer = open(letter, opposite(role), &parameters).expect("a protocol");
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
                let job = OutgoingJob {
                    key,
                    stable,
                    grade: Grade::MAIL,
                    work,
                    size: 300,
                    largest: None,
                    begun: false,
                    digest: None,
                    rest: None,
                };
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
            Ask::Open { .. } => Reply::Opened { size: 300, mode: 0o644, digest: None },
            Ask::Expand(expansion) => {
                assert!(expansion.pattern.starts_with("~/") && !expansion.pattern.contains("/../"));
                Reply::Expanded(expansion.to.len() % 2 == 0)
            }
            Ask::Waiting { .. } => Reply::Waiting((self.jobs > 0).then_some(Grade::MAIL)),
            Ask::Settle { .. } | Ask::Rewind { .. } | Ask::Commit { .. } | Ask::Drop { .. } | Ask::Heard => {
                Reply::Done
            }
        }
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
