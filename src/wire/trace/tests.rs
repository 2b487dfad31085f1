//! Calls of Taylor UUCP with itself (`tests/samples/taylor`), as if we had recorded them.

use super::*;
use crate::wire::record::{Chunk, Content, End, From, Head, Recording};
use std::time::Duration;

const I: [&[u8]; 2] = [
    include_bytes!("../../../tests/samples/taylor/i-caller"),
    include_bytes!("../../../tests/samples/taylor/i-called"),
];
const G: [&[u8]; 2] = [
    include_bytes!("../../../tests/samples/taylor/g-caller"),
    include_bytes!("../../../tests/samples/taylor/g-called"),
];

/// A call that we placed, both sides by turns in pieces of `cut`, a millisecond apart.
fn recording([caller, called]: [&[u8]; 2], cut: usize) -> Recording {
    let mut pieces = (caller.chunks(cut), called.chunks(cut));
    let mut chunks = Vec::new();
    loop {
        let turn = [(From::Them, pieces.1.next()), (From::Us, pieces.0.next())];
        if turn.iter().all(|(_, piece)| piece.is_none()) {
            break;
        }
        for (from, piece) in turn {
            let at = Duration::from_millis(chunks.len() as u64);
            let content = piece.map(|piece| Content::Bytes(piece.to_vec()));
            chunks.extend(content.map(|content| Chunk { at, from, content }));
        }
    }
    let head = Head { node: "alpha".to_owned(), called: Some("beta".to_owned()), ..Head::default() };
    let at = Duration::from_secs(1);
    Recording { head, chunks, end: End::Call { at, how: "in order".to_owned() } }
}

/// Texts and files of one side, in order.
fn said(trace: &Trace, who: Who) -> Vec<String> {
    let mut said = Vec::new();
    for item in trace.items.iter().filter(|item| item.from == who) {
        match &item.what {
            What::Handshake { text } => said.push(text.clone()),
            What::Message { meaning, .. } => said.push(meaning.clone()),
            What::FileEnd { bytes, .. } => said.push(format!("file of {bytes}")),
            _ => {}
        }
    }
    said
}

#[test]
fn every_packet_of_a_call_is_understood_however_it_is_cut() {
    for (letter, call) in [('i', I), ('g', G)] {
        for cut in [1, 2, 7, 64, 5000] {
            let trace = decode(&recording(call, cut));
            assert_eq!(trace.protocol, Some(letter));
            for side in [&trace.us, &trace.them] {
                assert_eq!((side.damaged, side.noise), (0, 0), "{letter}, {cut}: {trace}");
            }
            assert_eq!((trace.us.bytes, trace.them.bytes), (call[0].len() as u64, call[1].len() as u64));
            assert_eq!((trace.us.files, trace.us.file_bytes), (2, 3200), "{letter}, {cut}: {trace}");
            assert_eq!((trace.them.files, trace.them.file_bytes), (1, 2500), "{letter}, {cut}: {trace}");
            let (ours, theirs) = (said(&trace, Who::Us), said(&trace, Who::Them));
            assert!(
                ours[0].starts_with("Salpha") && theirs[0].starts_with("Shere=beta"),
                "{ours:?} {theirs:?}"
            );
            for word in ["offers a file of 3000 bytes", "file of 3000", "file of 200"] {
                assert!(ours.iter().any(|said| said == word), "{word}: {ours:?}");
            }
            assert!(
                theirs.iter().any(|said| said == "takes it") && theirs.contains(&"file of 2500".to_owned())
            );
            assert_eq!(ours.last().map(|last| &last[..6]), Some("OOOOOO"), "{ours:?}");
            assert_eq!(theirs.last().map(|last| &last[..6]), Some("OOOOOO"), "{theirs:?}");
        }
    }
}

/// The same call as between two that know each other: the protocol is chosen with the name, and no list of them is said.
fn chosen_ahead([caller, called]: [&[u8]; 2]) -> [Vec<u8>; 2] {
    let behind = |side: &[u8], last: &[u8]| {
        let at = side.windows(last.len()).position(|window| window == last).unwrap() + last.len();
        side[at..].to_vec()
    };
    let list = called.windows(2).position(|window| window == b"\x10P").unwrap();
    let length = called[list..].iter().position(|byte| *byte == 0).unwrap();
    [
        [&b"\x10Salpha -#0000 -N02047 -ui\0"[..], &behind(caller, b"\x10Ui\0")].concat(),
        [&b"\x10Shere=beta\0\x10ROKN02047 -#0000\0"[..], &called[list + length + 1..]].concat(),
    ]
}

#[test]
fn packets_are_understood_behind_a_protocol_that_was_chosen_ahead() {
    let [caller, called] = chosen_ahead(I);
    for cut in [1, 7] {
        let trace = decode(&recording([&caller, &called], cut));
        assert_eq!(trace.protocol, Some('i'));
        for side in [&trace.us, &trace.them] {
            assert_eq!((side.damaged, side.noise), (0, 0), "{cut}: {trace}");
        }
        assert_eq!((trace.us.file_bytes, trace.them.file_bytes), (3200, 2500), "{cut}: {trace}");
    }
}

#[test]
fn what_is_sent_again_and_what_is_spoiled_is_told() {
    let mut again = recording(I, 5000);
    // The packets of the caller, twice: they are its third chunk from the handshake on.
    let Content::Bytes(bytes) = &again.chunks[1].content else { panic!("bytes") };
    let at = bytes.windows(5).position(|window| window == b"\x10Ui\0\x07").unwrap() + 4;
    let mut twice = bytes.clone();
    // One packet with its data: SYNC is first, six bytes and four of data and of sum; then the first DATA.
    let data = at + 14;
    let length = usize::from(bytes[data + 3] & 15) << 8 | usize::from(bytes[data + 4]);
    let packet = bytes[data..data + 6 + length + 4].to_vec();
    twice.splice(data..data, packet.clone());
    again.chunks[1].content = Content::Bytes(twice.clone());
    let trace = decode(&again);
    assert_eq!(trace.us.again, 1, "{trace}");
    assert!(trace.to_string().contains(", again\n"), "{trace}");
    // The second of the two spoiled.
    twice[data + packet.len() + 8] ^= 1;
    again.chunks[1].content = Content::Bytes(twice);
    let trace = decode(&again);
    assert_eq!((trace.us.again, trace.us.damaged), (0, 1), "{trace}");
}

#[test]
fn a_login_and_a_protocol_that_is_not_known_are_told_as_far_as_they_go() {
    let chunk =
        |from, bytes: &[u8]| Chunk { at: Duration::ZERO, from, content: Content::Bytes(bytes.to_vec()) };
    let blank = Chunk { at: Duration::from_secs(3), from: From::Us, content: Content::Blank(7) };
    let chunks = vec![
        chunk(From::Them, b"\r\nlogin: "),
        blank,
        chunk(From::Them, b"\x10Shere=beta\0\x10ROK\0\x10Pta\0"),
        chunk(From::Us, b"\x10Salpha\0\x10Ua\0H\r"),
        chunk(From::Them, b"HY\r\x10OO"),
        chunk(From::Them, b"OOOO\0"),
    ];
    let trace = decode(&Recording {
        head: Head { called: Some("beta".to_owned()), ..Head::default() },
        chunks,
        end: End::Missing,
    });
    let text = trace.to_string();
    for line in [
        "< text \\r\\nlogin: ",
        "> 7 bytes that are not shown",
        "< says Pta",
        "> 2 bytes",
        "< 3 bytes",
        "< says OOOOOO",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("longest silence: 3.000000 s"), "{text}");
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["items"][1]["what"], "blank");
    assert_eq!(json["items"][1]["at_us"], 3_000_000);
}
