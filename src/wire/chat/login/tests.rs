use super::*;

fn said(prompt: &mut LoginPrompt) -> String {
    let mut out = Vec::new();
    prompt.poll_transmit(&mut out);
    String::from_utf8(out).unwrap()
}

fn enter(prompt: &mut LoginPrompt, now: Instant, name: &str, password: &str) {
    prompt.handle_input(now, format!("{name}\r").as_bytes());
    prompt.handle_input(now, format!("{password}\r").as_bytes());
}

#[test]
fn a_name_is_echoed_and_a_password_is_not() {
    let now = crate::clock::now();
    let mut prompt = LoginPrompt::new(LoginSettings::default(), now);
    assert_eq!(said(&mut prompt), "login: ");
    prompt.handle_input(now, b"\r");
    assert_eq!(said(&mut prompt), "\r\nlogin: ");
    prompt.handle_input(now, b"npx\x08olux\r\n");
    assert_eq!(said(&mut prompt), "npx\x08 \x08olux\r\nPassword:");
    prompt.handle_input(now, b"geh");
    assert!(!format!("{prompt:?}").contains("geh"));
    prompt.handle_input(now, b"eim\r");
    assert_eq!(said(&mut prompt), "\r\n");
    let Some(LoginEvent::Check { name, password }) = prompt.poll_event() else { panic!() };
    assert_eq!((name.as_str(), password.expose()), ("npolux", "geheim"));
    prompt.handle_input(now, b"\n\x10Spolux\0");
    prompt.verdict(now, true);
    assert_eq!(prompt.poll_event(), Some(LoginEvent::Accepted { name: "npolux".to_owned() }));
    assert_eq!(prompt.take_rest(), b"\x10Spolux\0");
    assert_eq!(prompt.poll_timeout(), None);
}

#[test]
fn wrong_logins_are_slowed_and_counted() {
    let now = crate::clock::now();
    let settings = LoginSettings { attempts: 2, ..LoginSettings::default() };
    let mut prompt = LoginPrompt::new(settings, now);
    enter(&mut prompt, now, "mallory", "x");
    assert!(matches!(prompt.poll_event(), Some(LoginEvent::Check { .. })));
    prompt.verdict(now, false);
    let later = prompt.poll_timeout().unwrap();
    assert_eq!(later, now + Duration::from_secs(2));
    said(&mut prompt);
    prompt.handle_timeout(later);
    assert_eq!(said(&mut prompt), "login: ");
    enter(&mut prompt, later, "mallory", "y");
    assert!(matches!(prompt.poll_event(), Some(LoginEvent::Check { .. })));
    prompt.verdict(later, false);
    let error = ChatError::LoginRefused { name: Some("mallory".to_owned()), attempts: 2 };
    assert_eq!(prompt.poll_event(), Some(LoginEvent::Failed(error)));
}

#[test]
fn the_whole_login_is_bounded_in_time_and_size() {
    let now = crate::clock::now();
    let mut prompt = LoginPrompt::new(LoginSettings::default(), now);
    prompt.handle_input(now, &[b'a'; 100_000]);
    assert!(prompt.entry.len() <= LONGEST && prompt.waiting.is_empty());
    prompt.handle_input(now, b"\rsecret\r");
    assert_eq!(prompt.poll_event(), None, "a name that was cut is not checked");
    let end = now + Duration::from_secs(60);
    prompt.handle_timeout(end);
    assert_eq!(prompt.poll_event(), Some(LoginEvent::Failed(ChatError::LoginTimedOut)));
}

#[test]
fn a_caller_with_the_default_chat_gets_in() {
    use super::super::{Chat, Event, Kind, Script, Settings, Values};
    let now = crate::clock::now();
    let script = Script::parse(r#""" \r\c ogin:-\r\c-ogin: \L word: \P"#, Kind::Login).unwrap();
    let values = Values {
        login: Some("nbarbe".to_owned()),
        password: Some(Secret::new("geheim".to_owned())),
        ..Values::default()
    };
    let mut caller = Chat::new(script, Settings::login(), values, now);
    let mut called = LoginPrompt::new(LoginSettings::default(), now);
    let mut accepted = None;
    for _ in 0..10 {
        let mut bytes = Vec::new();
        called.poll_transmit(&mut bytes);
        caller.handle_input(now, &bytes);
        bytes.clear();
        caller.poll_transmit(&mut bytes);
        called.handle_input(now, &bytes);
        match called.poll_event() {
            Some(LoginEvent::Check { name, password }) => {
                called.verdict(now, name == "nbarbe" && password.expose() == "geheim");
            }
            Some(event) => accepted = Some(event),
            None => {}
        }
    }
    assert_eq!(caller.poll_event(), Some(Event::Done));
    assert_eq!(accepted, Some(LoginEvent::Accepted { name: "nbarbe".to_owned() }));
}
