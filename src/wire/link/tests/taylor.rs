//! What our machines make of recorded sessions of Taylor UUCP 1.07 (`tests/samples/taylor`).

use crate::wire::link::{Channel, Event, LinkError, Parameters, Role, open};

const I_CALLER: &[u8] = include_bytes!("../../../../tests/samples/taylor/i-caller");
const I_CALLED: &[u8] = include_bytes!("../../../../tests/samples/taylor/i-called");
const G_CALLER: &[u8] = include_bytes!("../../../../tests/samples/taylor/g-caller");
const G_CALLED: &[u8] = include_bytes!("../../../../tests/samples/taylor/g-called");

/// What came out: texts up to their NUL, and file data, by channel in the order in which each began.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(Channel, String),
    File(Channel, Vec<u8>),
}

/// Plays one direction of a session to the machine of the other side. The last handshake text before the packets ends
/// with `from`.
fn play(letter: char, role: Role, bytes: &[u8], from: &[u8], cut: usize) -> (Vec<Event>, Vec<u8>) {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap() + from.len();
    let mut link = open(letter, role, &Parameters::default()).unwrap();
    let now = crate::clock::now();
    let mut events = Vec::new();
    link.start(now);
    for piece in bytes[at..].chunks(cut) {
        link.handle_input(now, piece);
        link.poll_transmit(now, usize::MAX, &mut Vec::new());
        if let Some(event) = link.poll_event() {
            events.push(event);
        }
    }
    while let Some(event) = link.poll_event() {
        events.push(event);
    }
    let counters = link.counters();
    assert_eq!((counters.bad_headers, counters.bad_checksums), (0, 0));
    (events, link.take_rest())
}

/// Tells commands and files apart: file data follow what begins with `S ` or `E ` on the same channel.
fn pieces(events: &[Event]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open: Vec<Channel> = Vec::new();
    for event in events {
        let Event::Data { channel, bytes, .. } = event else { continue };
        if open.contains(channel) {
            let file = pieces.iter_mut().rev().find_map(|piece| match piece {
                Piece::File(of, data) if of == channel => Some(data),
                _ => None,
            });
            file.unwrap().extend(bytes);
            if bytes.is_empty() {
                open.retain(|of| of != channel);
            }
            continue;
        }
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
        if text.starts_with("S ") || text.starts_with("E ") {
            open.push(*channel);
            pieces.push(Piece::Text(*channel, text));
            pieces.push(Piece::File(*channel, Vec::new()));
        } else {
            pieces.push(Piece::Text(*channel, text));
        }
    }
    pieces
}

fn pattern(length: usize, add: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 256 + add) as u8).collect()
}

fn text(channel: Channel, text: &str) -> Piece {
    Piece::Text(channel, text.to_owned())
}

#[test]
fn the_caller_of_a_session_by_i_is_understood() {
    for cut in [1, 100, usize::MAX] {
        let (events, rest) = play('i', Role::Called, I_CALLER, b"\x10Ui\0", cut);
        assert_eq!(events.first(), Some(&Event::Started));
        assert_eq!(events.last(), Some(&Event::Failed(LinkError::ClosedByPeer { protocol: 'i' })));
        assert_eq!(rest, b"\x10OOOOOO\0\x10OOOOOO\0");
        let (one, two) = (Channel::Theirs(1), Channel::Theirs(2));
        assert_eq!(
            pieces(&events),
            [
                text(one, "S /tmp/record/i/one ~/one uucp -Cd D.0001 0644 \"\" 0xbb8"),
                Piece::File(one, pattern(3000, 1)),
                text(two, "E D.0002 D.alphaN0002 uucp -C D.0002 0666 \"\" 0xc8 rmail user@there"),
                Piece::File(two, pattern(200, 5)),
                text(Channel::Ours(1), "SY 0x9c4"),
                text(Channel::Ours(1), "CY"),
                text(Channel::ONLY, "H"),
                text(Channel::ONLY, "HY"),
                text(Channel::ONLY, "HY"),
            ]
        );
        let positions: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Data { channel: Channel::Theirs(1), position, bytes } if bytes.len() > 100 => {
                    *position
                }
                _ => None,
            })
            .collect();
        assert_eq!(positions, [0, 1024, 2048]);
    }
}

#[test]
fn the_called_side_of_a_session_by_i_is_understood() {
    let (events, rest) = play('i', Role::Caller, I_CALLED, b"\x10Pi\0", 100);
    assert_eq!(rest, b"\x10OOOOOOO\0\x10OOOOOOO\0");
    assert_eq!(pieces(&events)[1], Piece::File(Channel::Theirs(1), pattern(2500, 2)));
    assert_eq!(pieces(&events).last(), Some(&text(Channel::ONLY, "HY")));
}

#[test]
fn the_caller_of_a_session_by_g_is_understood() {
    for cut in [1, 100] {
        let (events, rest) = play('g', Role::Called, G_CALLER, b"\x10Ug\0", cut);
        assert_eq!(events.first(), Some(&Event::Started));
        assert_eq!(events.last(), Some(&Event::Failed(LinkError::ClosedByPeer { protocol: 'g' })));
        assert!(rest.ends_with(b"\x10OOOOOO\0\x10OOOOOO\0"));
        let only = Channel::ONLY;
        assert_eq!(
            pieces(&events),
            [
                text(only, "S /tmp/record/g1024/one ~/one uucp -Cd D.0001 0644 \"\" 0xbb8"),
                Piece::File(only, pattern(3000, 1)),
                text(only, "E D.0002 D.alphaN0002 uucp -C D.0002 0666 \"\" 0xc8 rmail user@there"),
                Piece::File(only, pattern(200, 5)),
                text(only, "H"),
                text(only, "SY"),
                text(only, "CY"),
                text(only, "HY"),
                text(only, "HY"),
            ]
        );
    }
}

#[test]
fn the_called_side_of_a_session_by_g_is_understood() {
    let (events, _) = play('g', Role::Caller, G_CALLED, b"\x10Pg\0", 1);
    let pieces = pieces(&events);
    assert_eq!(pieces.iter().filter(|piece| matches!(piece, Piece::Text(..))).count(), 8);
    assert!(pieces.contains(&Piece::File(Channel::ONLY, pattern(2500, 2))));
}
