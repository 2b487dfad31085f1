use super::super::script::{Kind, fail_string};
use super::*;
use proptest::prelude::*;

const LOGIN: &str = r#""" \r\c ogin:-\r\c-ogin: \L word: \P"#;

fn values() -> Values {
    Values {
        login: Some("nbarbe".to_owned()),
        password: Some(Secret::new("geheim".to_owned())),
        number: Some("5551".to_owned()),
        ..Values::default()
    }
}

fn chat(script: &str, kind: Kind, now: Instant) -> Chat {
    Chat::new(Script::parse(script, kind).unwrap(), Settings::login(), values(), now)
}

fn sent(chat: &mut Chat) -> Vec<u8> {
    let mut out = Vec::new();
    chat.poll_transmit(&mut out);
    out
}

/// Lets the next deadline pass.
fn pass(chat: &mut Chat) -> Instant {
    let at = chat.poll_timeout().expect("a deadline");
    chat.handle_timeout(at);
    at
}

#[test]
fn logging_in() {
    let now = crate::clock::now();
    let mut chat = chat(LOGIN, Kind::Login, now);
    assert_eq!(sent(&mut chat), b"\r");
    chat.handle_input(now, b"\r\npolux lo");
    chat.handle_input(now, b"gin: ");
    assert_eq!(sent(&mut chat), b"nbarbe\r");
    chat.handle_input(now, b"nbarbe\r\nPassword:");
    assert_eq!(sent(&mut chat), b"geheim\r");
    assert_eq!(chat.poll_event(), Some(Event::Done));
    assert_eq!(chat.poll_timeout(), None);
}

#[test]
fn what_follows_the_last_string_belongs_to_the_session() {
    let now = crate::clock::now();
    let mut chat = chat("ord:", Kind::Login, now);
    chat.handle_input(now, b"Password:\x10Shere=polux\0");
    assert_eq!(chat.poll_event(), Some(Event::Done));
    assert_eq!(chat.take_rest(), b"\x10Shere=polux\0");
}

#[test]
fn a_subsend_is_tried_when_nothing_comes_and_then_the_chat_fails() {
    let now = crate::clock::now();
    let mut chat = chat(LOGIN, Kind::Login, now);
    sent(&mut chat);
    chat.handle_input(now, b"welcome\r\n");
    let at = pass(&mut chat);
    assert_eq!(at, now + Duration::from_secs(10));
    assert_eq!(sent(&mut chat), b"\r");
    assert_eq!(chat.poll_event(), None);
    pass(&mut chat);
    let seen = "welcome\\r\\n".to_owned();
    let error = ChatError::TimedOut { expected: "ogin:".to_owned(), seen };
    assert_eq!(chat.poll_event(), Some(Event::Failed(error)));
    assert_eq!(chat.poll_timeout(), None);
}

#[test]
fn an_expect_string_may_have_its_own_timeout() {
    let now = crate::clock::now();
    let mut chat = chat(r"OK\W2", Kind::Plain, now);
    assert_eq!(pass(&mut chat), now + Duration::from_secs(2));
    assert!(matches!(chat.poll_event(), Some(Event::Failed(ChatError::TimedOut { .. }))));
}

#[test]
fn a_fail_string_ends_the_chat_at_once() {
    let now = crate::clock::now();
    let script = Script::parse(r#""" ATDT\D CONNECT"#, Kind::Dial).unwrap();
    let fail = vec![fail_string(r"NO\sCARRIER").unwrap(), fail_string("BUSY").unwrap()];
    let mut chat = Chat::new(script, Settings { fail, ..Settings::other() }, values(), now);
    assert_eq!(sent(&mut chat), b"ATDT5551\r");
    chat.handle_input(now, b"ATDT5551\r\r\nBUSY\r\n");
    let Some(Event::Failed(ChatError::FailString { string, .. })) = chat.poll_event() else { panic!() };
    assert_eq!(string, "BUSY");
}

#[test]
fn parity_bits_are_ignored_unless_told_otherwise() {
    let now = crate::clock::now();
    let parity: Vec<u8> = b"login:".iter().map(|b| b | 0x80).collect();
    let mut seven = chat("ogin:", Kind::Login, now);
    seven.handle_input(now, &parity);
    assert_eq!(seven.poll_event(), Some(Event::Done));
    let settings = Settings { seven_bit: false, ..Settings::login() };
    let mut eight = Chat::new(Script::parse("ogin:", Kind::Login).unwrap(), settings, values(), now);
    eight.handle_input(now, &parity);
    assert_eq!(eight.poll_event(), None);
}

#[test]
fn delays_hold_back_what_follows_and_breaks_come_in_their_place() {
    let now = crate::clock::now();
    let mut chat = chat(r#""" a\db\Kc\c"#, Kind::Plain, now);
    assert_eq!(sent(&mut chat), b"a");
    let at = pass(&mut chat);
    assert_eq!(at, now + Duration::from_secs(1));
    assert_eq!(sent(&mut chat), b"b");
    assert_eq!(chat.poll_event(), Some(Event::Break));
    assert_eq!(sent(&mut chat), b"");
    pass(&mut chat);
    assert_eq!(sent(&mut chat), b"c");
    assert_eq!(chat.poll_event(), Some(Event::Done));
}

#[test]
fn echo_checking_sends_byte_by_byte() {
    let now = crate::clock::now();
    let mut chat = chat(r#""" \Eab\c"#, Kind::Plain, now);
    assert_eq!(sent(&mut chat), b"a");
    chat.handle_input(now, b"a");
    assert_eq!(sent(&mut chat), b"b");
    pass(&mut chat);
    assert_eq!(chat.poll_event(), Some(Event::Failed(ChatError::NoEcho { seen: "a".to_owned() })));
}

#[test]
fn a_required_carrier_is_missed_only_where_it_can_be_seen() {
    let now = crate::clock::now();
    let mut unknown = chat(r#""" \m\c never"#, Kind::Plain, now);
    assert_eq!(unknown.poll_event(), None);
    unknown.handle_carrier(now, Some(true));
    assert_eq!(unknown.poll_event(), None);
    unknown.handle_carrier(now, Some(false));
    assert!(matches!(unknown.poll_event(), Some(Event::Failed(ChatError::CarrierLost { .. }))));
}

#[test]
fn the_password_is_in_no_error_and_no_debug_text() {
    let now = crate::clock::now();
    let mut chat = chat(r#""" \P never"#, Kind::Login, now);
    chat.handle_input(now, b"gehei");
    assert!(!format!("{chat:?}").contains("gehei"));
    assert!(!format!("{:?}", values()).contains("geheim"));
    chat.handle_input(now, b"m\r\nyou said geheim; geh");
    pass(&mut chat);
    let Some(Event::Failed(error)) = chat.poll_event() else { panic!() };
    assert_eq!(
        error.to_string(),
        r#"timed out waiting for "never"; last seen: "***\\r\\nyou said ***; ***""#
    );
}

#[test]
fn a_value_that_is_missing_is_said() {
    let now = crate::clock::now();
    let script = Script::parse(r#""" \P"#, Kind::Login).unwrap();
    let mut chat = Chat::new(script, Settings::login(), Values::default(), now);
    assert!(matches!(chat.poll_event(), Some(Event::Failed(ChatError::Missing { .. }))));
}

#[test]
fn a_flood_is_bounded_in_memory() {
    let now = crate::clock::now();
    let mut chat = chat(r#"never \d\d "" x"#, Kind::Plain, now);
    for _ in 0..100 {
        chat.handle_input(now, &[b'x'; 10_000]);
    }
    chat.handle_input(now, b"never");
    for _ in 0..100 {
        chat.handle_input(now, &[b'x'; 10_000]);
    }
    assert!(chat.seen.len() + chat.waiting.len() < 2 * WAITING);
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_the_chat_ends_the_same(
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        cut in 1usize..20,
    ) {
        let now = crate::clock::now();
        let mut input = noise.clone();
        input.extend_from_slice(b"login: ");
        let run = |piece: usize| {
            let mut chat = chat(r"ogin: \L word: \P", Kind::Login, now);
            for part in input.chunks(piece) {
                chat.handle_input(now, part);
            }
            (sent(&mut chat), chat.poll_event())
        };
        prop_assert_eq!(run(cut), run(input.len()));
    }
}
