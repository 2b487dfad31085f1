use super::pair::{Pair, file, modem};
use crate::wire::link::{Channel, Event, Expect, Link, LinkError, Parameters, Role, open};
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const LETTERS: [char; 4] = ['t', 'e', 'f', 'y'];

/// Runs a call in which the file of one end has to arrive.
fn whole(letter: char, from_caller: bool, line: &Settings, length: usize) -> Pair {
    let parameters = Parameters::default();
    let sent = file(length, length as u64);
    let files = if from_caller { [Some(sent.clone()), None] } else { [None, Some(sent.clone())] };
    let mut pair = Pair::new(letter, [&parameters; 2], [line.clone(), line.clone()], 1, files);
    pair.run(HOUR);
    assert_eq!(pair.caller.end, Some(Ok(())), "{letter} {}", pair.describe());
    assert_eq!(pair.called.end, Some(Ok(())), "{letter} {}", pair.describe());
    let taker = if from_caller { &pair.called } else { &pair.caller };
    assert_eq!(taker.command, b"S file");
    assert!(taker.received == sent, "{letter} {}", pair.describe());
    pair
}

#[test]
fn files_of_every_awkward_length_arrive() {
    for letter in LETTERS {
        for length in [0, 1, 2, 255, 256, 511, 512, 513, 1023, 1024, 1025, 2048, 70_000] {
            whole(letter, length % 2 == 0, &Settings::default(), length);
        }
    }
}

#[test]
fn a_clean_line_is_used_to_the_full() {
    for (letter, least) in [('t', 0.97), ('e', 0.98), ('y', 0.97), ('f', 0.55)] {
        let pair = whole(letter, true, &modem(), 1 << 18);
        let efficiency = pair.efficiency(&pair.called, 57600);
        assert!(efficiency >= least, "{letter}: {efficiency}");
    }
}

/// Two ends that have started.
fn started(letter: char) -> [Box<dyn Link>; 2] {
    let now = crate::clock::now();
    let mut ends =
        [Role::Called, Role::Caller].map(|role| open(letter, role, &Parameters::default()).unwrap());
    ends.iter_mut().for_each(|end| end.start(now));
    let said = ends.each_mut().map(|end| {
        let mut out = Vec::new();
        end.poll_transmit(now, usize::MAX, &mut out);
        out
    });
    for (end, bytes) in ends.iter_mut().zip(said.iter().rev()) {
        if !bytes.is_empty() {
            end.handle_input(now, bytes);
        }
        assert_eq!(end.poll_event(), Some(Event::Started));
    }
    ends
}

#[test]
fn what_comes_behind_a_command_waits_until_the_session_says_what_it_is() {
    for letter in LETTERS {
        let now = crate::clock::now();
        let [mut from, mut to] = started(letter);
        from.send_command(now, Channel::ONLY, b"RY 0644");
        from.begin_file(3);
        from.send_data(now, Channel::ONLY, 0, b"abc");
        from.send_data(now, Channel::ONLY, 3, b"");
        let mut bytes = Vec::new();
        from.poll_transmit(now, usize::MAX, &mut bytes);
        to.handle_input(now, &bytes);
        assert!(text(&mut *to).starts_with(b"RY 0644\0"));
        to.expect(Expect::File);
        assert_eq!((text(&mut *to), text(&mut *to)), (b"abc".to_vec(), b"".to_vec()));
        to.expect(Expect::Command);
        assert_eq!(to.poll_event(), None);
    }
}

fn text(link: &mut dyn Link) -> Vec<u8> {
    match link.poll_event() {
        Some(Event::Data { bytes, .. }) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_peer_that_says_farewell_has_ended_the_protocol() {
    for letter in LETTERS {
        let [_, mut link] = started(letter);
        link.handle_input(crate::clock::now(), b"\x10OOOOOO\0");
        assert_eq!(link.poll_event(), Some(Event::Failed(LinkError::ClosedByPeer { protocol: letter })));
        assert_eq!(link.take_rest(), b"\x10OOOOOO\0");
    }
}

#[test]
fn a_silent_peer_is_given_up_but_not_while_it_may_still_be_reading() {
    for letter in LETTERS {
        let [_, mut link] = started(letter);
        let now = crate::clock::now();
        link.handle_input(now, b"");
        let silent = link.poll_timeout().unwrap() - now;
        assert_eq!(silent, Duration::from_secs(if letter == 'y' { 60 } else { 120 }));
        link.begin_file(100_000);
        link.send_data(now, Channel::ONLY, 0, &[b'x'; 48_000]);
        link.poll_transmit(now, usize::MAX, &mut Vec::new());
        assert!(link.poll_timeout().unwrap() - now > silent + Duration::from_secs(300));
        let late = link.poll_timeout().unwrap();
        link.handle_timeout(late);
        assert!(matches!(link.poll_event(), Some(Event::Failed(LinkError::Silent { .. }))));
    }
}

#[test]
fn a_file_that_f_brings_damaged_comes_again() {
    let sent = file(20_000, 1);
    let mut again = 0;
    for seed in 0..40 {
        let line = Settings { bit_errors: 3e-6, ..modem() };
        let parameters = Parameters::default();
        let mut pair = Pair::new('f', [&parameters; 2], [line, modem()], seed, [Some(sent.clone()), None]);
        pair.run(HOUR);
        if pair.called.end == Some(Ok(())) {
            assert!(pair.called.received == sent, "{seed} {}", pair.describe());
            again += usize::from(pair.caller.line.spoiled().flipped > 0);
        }
    }
    assert!(again > 3, "{again}");
}

/// It holds the line no longer than its patience, and no memory.
#[test]
fn a_peer_that_sends_on_and_never_reads_is_let_go() {
    for letter in LETTERS {
        let mut now = crate::clock::now();
        let deadline = now + HOUR;
        let mut link = open(letter, Role::Caller, &Parameters::default()).unwrap();
        link.start(now);
        link.send_command(now, Channel::ONLY, b"H");
        link.close(now);
        while !matches!(link.poll_event(), Some(Event::Failed(LinkError::Silent { .. }))) {
            now += Duration::from_secs(1);
            assert!(now < deadline, "{letter}: it waits for ever");
            link.handle_input(now, &[b'x'; 16 * 1024]);
            if link.poll_timeout().is_some_and(|at| at <= now) {
                link.handle_timeout(now);
            }
        }
        assert!(link.take_rest().len() <= 64 * 1024, "{letter}");
    }
}
