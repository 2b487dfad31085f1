use super::*;
use proptest::prelude::*;

fn bytes(text: &[u8]) -> Vec<Piece> {
    vec![Piece::Bytes(text.to_vec())]
}

#[test]
fn the_default_login_script_of_the_manual() {
    let script = Script::parse(r#""" \r\c ogin:-BREAK-ogin:-BREAK-ogin: \L word: \P"#, Kind::Login).unwrap();
    assert_eq!(script.steps.len(), 3);
    assert_eq!(script.steps[0].expect, Expect::default());
    assert_eq!(script.steps[0].send, bytes(b"\r"));
    let ogin = Expect { pattern: b"ogin:".to_vec(), timeout: None };
    assert_eq!(script.steps[1].expect, ogin);
    assert_eq!(script.steps[1].instead, [(vec![Piece::Break], ogin.clone()), (vec![Piece::Break], ogin)]);
    assert_eq!(script.steps[1].send, [Piece::Login, Piece::Bytes(b"\r".to_vec())]);
    assert_eq!(script.steps[2].send, [Piece::Password, Piece::Bytes(b"\r".to_vec())]);
}

#[test]
fn escapes_of_expect_strings() {
    let script = Script::parse(r"a\b\n\N\r\s\t\\\0551\x41\W5 x", Kind::Plain).unwrap();
    let expect = &script.steps[0].expect;
    assert_eq!(expect.pattern, b"a\x08\n\0\r \t\\-1A");
    assert_eq!(expect.timeout, Some(Duration::from_secs(5)));
}

#[test]
fn escapes_of_send_strings() {
    let script = Script::parse(r#""" \Ea\e\p\d\K\mATDT\T\M\c "" EOT "" BREAK "" """#, Kind::Dial).unwrap();
    assert_eq!(
        script.steps[0].send,
        [
            Piece::EchoCheck(true),
            Piece::Bytes(b"a".to_vec()),
            Piece::EchoCheck(false),
            Piece::Wait(PAUSE),
            Piece::Wait(DELAY),
            Piece::Break,
            Piece::RequireCarrier(true),
            Piece::Bytes(b"ATDT".to_vec()),
            Piece::TranslatedNumber,
            Piece::RequireCarrier(false),
        ]
    );
    assert_eq!(script.steps[1].send, bytes(&[4]));
    assert_eq!(script.steps[2].send, [Piece::Break]);
    assert_eq!(script.steps[3].send, []);
}

#[test]
fn an_empty_subsend_is_a_return() {
    let script = Script::parse("ogin:--ogin: uucp", Kind::Login).unwrap();
    assert_eq!(script.steps[0].instead[0].0, bytes(b"\r"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases = [
        (r#""" \q"#, Kind::Login, 3..5, "in a send string"),
        (r#""" AT\P"#, Kind::Dial, 5..7, "of a modem's chat"),
        (r#""" \D"#, Kind::Login, 3..5, "of a login chat"),
        (r"og\Pin: x", Kind::Login, 2..4, "in an expect string"),
        (r"ok\W5x y", Kind::Login, 2..6, "at the end"),
        (r"ogin:-BREAK x", Kind::Login, 6..11, "needs a subexpect"),
        (r#""" \777"#, Kind::Login, 3..5, "in a send string"),
        (r#""" \x1ff"#, Kind::Login, 3..5, "in a send string"),
    ];
    for (text, kind, span, what) in cases {
        let error = Script::parse(text, kind).unwrap_err();
        assert_eq!(error.span, span, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
}

#[test]
fn fail_strings_have_the_escapes_of_expect_strings() {
    assert_eq!(fail_string(r"NO\sCARRIER").unwrap(), b"NO CARRIER");
    assert!(fail_string("").is_err());
    assert!(fail_string(r"x\W5").is_err());
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused_within_itself(text in r#"[ -~\\é"-]{0,60}"#) {
        for kind in [Kind::Login, Kind::Dial, Kind::Plain] {
            if let Err(error) = Script::parse(&text, kind) {
                prop_assert!(error.span.end <= text.len() && text.get(error.span).is_some());
            }
        }
    }

    #[test]
    fn any_bytes_can_be_written_as_octal(pattern in proptest::collection::vec(any::<u8>(), 1..20)) {
        let text: String = pattern.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let script = Script::parse(&text, Kind::Plain).unwrap();
        prop_assert_eq!(&script.steps[0].expect.pattern, &pattern);
    }
}
