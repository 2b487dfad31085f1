//! One message in is one message in, whatever stands in it and however it is cut.

use super::*;

/// What the standard says of the bytes behind DATA, found out in another way than the machine does: the message, or
/// `None` if it has a line end that is none, and what follows its end; `None` if it has no end.
fn by_the_book(bytes: &[u8]) -> Option<(Option<Vec<u8>>, &[u8])> {
    // The line end of DATA itself stands before.
    let led = [b"\r\n", bytes].concat();
    let end = led.windows(5).position(|five| five == b"\r\n.\r\n")?;
    let text = &led[2..(end + 2).max(2)];
    let whole = String::from_utf8_lossy(text).replace("\r\n", "");
    let lone = whole.contains(['\r', '\n']);
    let mut lines: Vec<u8> = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        lines.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    let message = String::from_utf8(lines).unwrap().replace("\r\n", "\n").into_bytes();
    Some(((!lone).then_some(message), &bytes[end + 3..]))
}

const ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\n.\r",
    b"\r\r\n.\n",
    b"\r\r\n.\r\r\n",
    b"\n\r.\n\r",
    b"\r\n.\n\r\n",
    b"\r\n..\r\n",
    b"\r\n. \r\n",
    b"\r\n.\r\0\n",
    b"\r\0\n.\r\n",
    b"\n.\n\r\n",
    b"\x85.\x85",
    b"\r\n.\x0b\n",
    b"\x0c.\x0c",
];

#[test]
fn no_other_end_of_data_ends_it() {
    for end in ENDS {
        let attack =
            [&b"text"[..], *end, b"MAIL FROM:<evil>\r\nRCPT TO:<victim>\r\nDATA\r\nbad\r\n.\r\n"].concat();
        let mut client = Conversation::greeted();
        client.send(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
        let codes = client.codes(&attack);
        assert_eq!(codes.len(), 1, "{end:?}");
        let is_text = !client.kept.is_empty();
        let lone = end.iter().zip(end.iter().skip(1)).any(|(one, next)| (*one == b'\r') != (*next == b'\n'))
            || end.first() == Some(&b'\n')
            || end.last() == Some(&b'\r');
        assert_eq!((codes[0] == "250", is_text), (!lone, !lone), "{end:?} {codes:?}");
        assert_eq!(client.kept.len(), usize::from(is_text));
        assert!(!client.log.contains(&"from <evil>".to_owned()), "{end:?}");
        assert_eq!(client.codes(b"MAIL FROM:<next>\r\n"), ["250"], "the conversation goes on");
    }
}

proptest! {
    #[test]
    fn a_message_ends_where_the_standard_says_and_nowhere_else(
        bytes in proptest::collection::vec(prop_oneof![
            4 => Just(b"\r\n".to_vec()), 2 => Just(b".".to_vec()), 1 => Just(b"\r".to_vec()), 1 => Just(b"\n".to_vec()),
            1 => Just(b"\0".to_vec()), 2 => Just(b"x".to_vec()), 1 => Just(b"\r\n.\r\n".to_vec()),
            1 => Just(b"RSET\r\n".to_vec())], 0..30),
        cuts in proptest::collection::vec(1usize..6, 1..10),
    ) {
        let mut bytes = bytes.concat();
        bytes.extend_from_slice(b"\r\n.\r\n");
        let (message, rest) = by_the_book(&bytes).expect("it has an end");
        let mut client = Conversation::new(Settings { errors_max: 1000, ..Settings::default() });
        client.send(b"EHLO leaf\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
        let (mut replies, mut left) = (String::new(), &bytes[..]);
        let mut cuts = cuts.into_iter().cycle();
        while !left.is_empty() {
            let (piece, after) = left.split_at(cuts.next().unwrap_or(1).min(left.len()));
            replies += &client.send(piece);
            left = after;
        }
        let kept: Vec<Vec<u8>> = message.clone().into_iter().collect();
        prop_assert_eq!(&client.kept, &kept);
        let wanted = if message.is_some() { "250 2.0.0" } else { "554 5.6.0" };
        prop_assert!(replies.starts_with(wanted), "{} {}", wanted, replies);
        // Each line that follows is a command, or none, and is answered.
        let lines = rest.iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(replies.lines().count(), 1 + lines);
    }
}
