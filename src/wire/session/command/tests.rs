use super::*;
use proptest::prelude::*;

const TAYLOR: &[u8] = b"E D.0002 D.alphaN0002 uucp -C D.0002 0666 \"\" 0x800 rmail user1@example.net";

fn parse(text: &str) -> Request {
    Request::parse(text.as_bytes(), Features::OURS).unwrap()
}

#[test]
fn a_command_of_taylor_is_read_and_written_alike() {
    let request = Request::parse(TAYLOR, Features::OURS).unwrap();
    let Request::Execute { transfer, command } = &request else { panic!("{request:?}") };
    assert_eq!(command, "rmail user1@example.net");
    assert_eq!(transfer.size, Some(2048));
    assert_eq!(transfer.temp, "D.0002");
    assert_eq!(transfer.notify, None);
    assert_eq!(request.print(Features::OURS).as_deref(), Some(TAYLOR));
}

#[test]
fn old_packages_leave_fields_out_and_put_oddities_in() {
    let Request::Send(bare) = parse("S D.a D.b root - D.a 666") else { panic!() };
    assert_eq!((bare.size, bare.mode, bare.notify), (None, 0o666, None));
    let Request::Send(sized) = parse("S /etc/x ~/x jan -Cd D.1 0644 \"\" 0x1388") else { panic!() };
    assert_eq!(sized.size, Some(5000));
    let Request::Send(dummy) = parse("S /etc/x ~/x jan -C D.1 0644 jan dummy 5000") else { panic!() };
    assert_eq!((dummy.size, dummy.notify.as_deref()), (Some(5000), Some("jan")));
    let Request::Receive { from, limit, .. } = parse("R ~/a /b jan - (null) 666") else { panic!() };
    assert_eq!((from.as_str(), limit), ("~/a", None));
    let Request::Receive { limit, .. } = parse("R ~/a /b jan -d 0xffffffffffffffff") else { panic!() };
    assert_eq!(limit, Some(u64::MAX));
    assert_eq!(Answer::parse(b"SN"), Ok(Answer::Refuse { letter: Letter::Send, why: Refusal::Denied }));
    assert_eq!(
        Answer::parse(b"RY 0666M"),
        Ok(Answer::Give { mode: 0o666, size: None, wants_master: true, rest: None })
    );
    assert_eq!(Answer::parse(b"SN10"), Ok(Answer::Refuse { letter: Letter::Send, why: Refusal::TooLarge }));
}

#[test]
fn quoting_is_used_only_where_agreed_and_needed() {
    let request = parse("S /tmp/a\\040b ~/a\\\\b jan -Cq D.1 0644 \"\" 0x1");
    let Request::Send(transfer) = &request else { panic!() };
    assert_eq!((transfer.from.as_str(), transfer.to.as_str()), ("/tmp/a b", "~/a\\b"));
    assert_eq!(request.print(Features::OURS).unwrap(), b"S /tmp/a\\040b ~/a\\\\b jan -Cq D.1 0644 \"\" 0x1");
    assert_eq!(request.print(Features::UNNUMBERED), None);
}

#[test]
fn nonsense_is_refused_by_its_letter() {
    let unfit = |text: &[u8]| matches!(Request::parse(text, Features::OURS), Err(ParseError::Unfit(..)));
    assert!(unfit(b"S"));
    assert!(unfit(b"S a b"));
    assert!(unfit(b"S a b c C D.1 666"));
    assert!(unfit(b"S a b c -C D.1 999"));
    assert!(unfit(b"S a b c -C D.1 77777777777777"));
    assert!(unfit(b"S a b c -C D.1 666 \"\" 0x11111111111111111"));
    assert!(unfit(b"S a b c -C D.1 666 \"\" -5"));
    assert!(unfit(b"S a\xff b c -C D.1 666"));
    assert!(unfit(b"S a\\000 b c -Cq D.1 666"));
    assert!(unfit(b"E a b c -C D.1 666 x"));
    assert_eq!(Request::parse(b"X", Features::OURS), Err(ParseError::UnfitExpand));
    assert_eq!(Request::parse(b"", Features::OURS), Err(ParseError::Unknown));
    assert_eq!(Request::parse(b"Q", Features::OURS), Err(ParseError::Unknown));
}

fn name() -> impl Strategy<Value = String> {
    "[ -~äß\\\\\x01\n]{1,40}".prop_filter("told apart from nothing", |n| n != "\"\"" && n != "dummy")
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let names = (name(), name(), name());
    let rest = (
        "[CcdfmnNZR]{0,4}",
        "D\\.[a-zA-Z0-9]{1,12}",
        0_u32..0o1000,
        proptest::option::of(name()),
        any::<u64>(),
    );
    (names, rest).prop_map(|((from, to, user), (options, temp, mode, notify, size))| Transfer {
        from,
        to,
        user,
        options,
        temp,
        mode,
        notify,
        size: Some(size),
    })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        transfer().prop_map(Request::Send),
        (transfer(), "[!-~]{1,8}( [!-~]{1,30}){0,9}")
            .prop_map(|(transfer, command)| Request::Execute { transfer, command }),
        (name(), name(), name(), "[df]{0,2}", proptest::option::of(any::<u64>())).prop_map(
            |(from, to, user, options, limit)| Request::Receive {
                from,
                to,
                user,
                options,
                limit,
                rest: None
            }
        ),
        (name(), name(), name()).prop_map(|(from, to, user)| Request::Expand {
            from,
            to,
            user,
            options: String::new()
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(request in request(), decimal: bool, dummy: bool) {
        let mut features = Features::OURS;
        if decimal { features = features.with(Features::DECIMAL) }
        if dummy { features = features.with(Features::DUMMY) }
        let text = request.print(features).expect("with quoting everything can be told");
        prop_assert_eq!(Request::parse(&text, features), Ok(request));
    }

    #[test]
    fn no_bytes_break_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..200), letter in "[SREXHC][YN0-9 ]?") {
        let text = [letter.as_bytes(), &bytes].concat();
        let _ = Request::parse(&text, Features::OURS);
        let _ = Answer::parse(&text);
    }
}

#[test]
fn what_uugates_tell_each_other_of_a_file_is_read_by_uugates_alone() {
    let digest = "00112233445566778899aabbccddeeff";
    let rest = Some(Rest { digest: digest.parse().unwrap(), start: 4096 });
    let (from, to, user, options) = ("~/a".into(), "~/b".into(), "jan".into(), "d".into());
    let request = Request::Receive { from, to, user, options, limit: Some(9), rest };
    let text = request.print(Features::OURS).unwrap();
    assert_eq!(String::from_utf8(text.clone()).unwrap(), format!("R ~/a ~/b jan -d 0x9 {digest} 0x1000"));
    assert_eq!(Request::parse(&text, Features::OURS), Ok(request.clone()));
    let taylor = Features::OURS.without(Features::UUGATE);
    assert_eq!(request.print(taylor), Some(b"R ~/a ~/b jan -d 0x9".to_vec()));
    let Ok(Request::Receive { rest: None, .. }) = Request::parse(&text, taylor) else { panic!() };

    let answer = Answer::Give { mode: 0o644, size: Some(9), wants_master: false, rest };
    assert_eq!(answer.print(), format!("RY 0644 0x9 {digest} 0x1000").into_bytes());
    assert_eq!(Answer::parse(&answer.print()), Ok(answer));
    for cut in ["RY 0644 0x9", &format!("RY 0644 0x9 {digest}"), "RY 0644 0x9 0x1000 0x1000"] {
        let Ok(Answer::Give { rest: None, size: Some(9), .. }) = Answer::parse(cut.as_bytes()) else {
            panic!("{cut}")
        };
    }
    assert_eq!(Answer::parse(b"CN4"), Ok(Answer::Damaged));
    assert_eq!(Answer::Damaged.print(), b"CN4");
}
