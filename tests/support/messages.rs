//! Messages that have tripped mail programs before, and the means to tell which of them arrived.

/// Twenty messages; the subject of each is its mark. `direction` makes them differ between the two ends.
pub fn twenty(direction: &str) -> Vec<Vec<u8>> {
    let bodies: Vec<Vec<u8>> = vec![
        b"plain text\n".to_vec(),
        b"no final newline".to_vec(),
        b"".to_vec(),
        b".\n".to_vec(),
        b"a line\n.\nMAIL FROM:<evil@example>\n.\n".to_vec(),
        b"..two dots\n.one dot\n".to_vec(),
        b"From the start\nFrom me to you\n>From quoted\n>>From twice\n".to_vec(),
        b"\n\n\nempty lines\n\n\n".to_vec(),
        (0_u8..=255).cycle().take(4096).filter(|byte| *byte != b'\n').collect(),
        "Grüße, naïve café, \u{65e5}\u{672c}\u{8a9e}\n".as_bytes().to_vec(),
        b"carriage return\r\nand alone\rhere\n".to_vec(),
        [b"long line ".repeat(2000), b"\n".to_vec()].concat(),
        b"NO CARRIER\r\n\r\nNO CARRIER\r\n".to_vec(),
        b"+++ATH\r".to_vec(),
        b"\x10OOOOOO\0\x10Shere=evil\0".to_vec(),
        b"\x07\x08\x09\x10\x11\x13\x1a\x7f\xff".repeat(100),
        [b"tail of NUL ".to_vec(), vec![0; 200]].concat(),
        b"x\n".repeat(5000),
        pattern(60_000),
        pattern(1 << 20),
    ];
    bodies
        .into_iter()
        .enumerate()
        .map(|(number, body)| [format!("Subject: {direction} {number}\n\n").into_bytes(), body].concat())
        .collect()
}

/// Bytes without order that are the same every time.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// What a message is told by: its Subject line and all that follows, without the trace headers before it.
pub fn mark_and_body(message: &[u8]) -> &[u8] {
    let at = message.windows(9).position(|window| window == b"Subject: ").expect("a message with a subject");
    &message[at..]
}

/// Checks that just these messages arrived, in any order, each once and as it was sent.
#[track_caller]
pub fn assert_arrived(expected: &[Vec<u8>], arrived: impl IntoIterator<Item = Vec<u8>>, final_newline: bool) {
    let mut arrived: Vec<Vec<u8>> =
        arrived.into_iter().map(|message| mark_and_body(&message).to_vec()).collect();
    for message in expected {
        let mut wanted = mark_and_body(message).to_vec();
        if final_newline && !wanted.ends_with(b"\n") {
            wanted.push(b'\n');
        }
        let Some(at) = arrived.iter().position(|message| *message == wanted) else {
            let subject = String::from_utf8_lossy(&wanted).lines().next().unwrap_or_default().to_owned();
            let near: Vec<usize> =
                arrived.iter().filter(|m| m.starts_with(subject.as_bytes())).map(Vec::len).collect();
            panic!(
                "{subject:?} ({} bytes) did not arrive as it was sent; of that name: {near:?} bytes",
                wanted.len()
            );
        };
        arrived.swap_remove(at);
    }
    let more: Vec<String> = arrived
        .iter()
        .map(|m| String::from_utf8_lossy(m).lines().next().unwrap_or_default().to_owned())
        .collect();
    assert!(arrived.is_empty(), "arrived beside what was sent, or twice: {more:?}");
}
