use super::pair::{Pair, file, modem};
use crate::wire::link::{Event, Expect, Link, LinkError, Parameters, Role, open};
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const LETTERS: [char; 2] = ['t', 'e'];

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
    for (letter, least) in [('t', 0.96), ('e', 0.97)] {
        let pair = whole(letter, true, &modem(), 1 << 18);
        let efficiency = pair.efficiency(&pair.called, 57600);
        assert!(efficiency >= least, "{letter}: {efficiency}");
    }
}

#[test]
fn what_comes_behind_a_command_waits_until_the_session_says_what_it_is() {
    for letter in LETTERS {
        let now = crate::clock::now();
        let [mut from, mut to] =
            [Role::Called, Role::Caller].map(|role| open(letter, role, &Parameters::default()).unwrap());
        from.start(now);
        to.start(now);
        from.send_command(now, super::super::Channel::ONLY, b"RY 0644");
        from.begin_file(3);
        from.send_data(now, super::super::Channel::ONLY, 0, b"abc");
        from.send_data(now, super::super::Channel::ONLY, 3, b"");
        let mut bytes = Vec::new();
        from.poll_transmit(now, usize::MAX, &mut bytes);
        to.handle_input(now, &bytes);
        assert_eq!(to.poll_event(), Some(Event::Started));
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
        let now = crate::clock::now();
        let mut link = open(letter, Role::Called, &Parameters::default()).unwrap();
        link.start(now);
        assert_eq!(link.poll_event(), Some(Event::Started));
        link.handle_input(now, b"\x10OOOOOO\0");
        assert_eq!(link.poll_event(), Some(Event::Failed(LinkError::ClosedByPeer { protocol: letter })));
        assert_eq!(link.take_rest(), b"\x10OOOOOO\0");
    }
}

#[test]
fn a_silent_peer_is_given_up_but_not_while_it_may_still_be_reading() {
    for letter in LETTERS {
        let now = crate::clock::now();
        let mut link = open(letter, Role::Caller, &Parameters::default()).unwrap();
        link.start(now);
        while link.poll_event().is_some() {}
        let silent = link.poll_timeout().unwrap() - now;
        assert_eq!(silent, Duration::from_secs(120));
        link.begin_file(100_000);
        link.send_data(now, super::super::Channel::ONLY, 0, &[0; 48_000]);
        link.poll_transmit(now, usize::MAX, &mut Vec::new());
        assert!(link.poll_timeout().unwrap() - now > silent + Duration::from_secs(300));
        let late = link.poll_timeout().unwrap();
        link.handle_timeout(late);
        assert!(matches!(link.poll_event(), Some(Event::Failed(LinkError::Silent { .. }))));
    }
}
