mod noise;

use super::super::Denial;
use super::*;
use proptest::prelude::*;

const TIME: Duration = Duration::from_secs(60);

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn start() -> Instant {
    Instant::now()
}

fn name(text: &str) -> SystemName {
    text.parse().unwrap()
}

fn leaf(protocols: &str) -> Admission {
    let (system, protocols) = (name("leaf"), protocols.to_owned());
    Admission { system, protocols, profile: &Profile::SHOWN, largest: 1 << 30, worst: None }
}

fn caller() -> Handshake {
    Handshake::caller(start(), name("leaf"), name("polux"), "ig", TIME)
}

/// What it says, without the seals.
fn said(handshake: &mut Handshake) -> String {
    let said = String::from_utf8(handshake.poll_transmit().unwrap_or_default()).unwrap();
    let messages = said.split_terminator('\0').map(|message| message.strip_prefix('\x10').unwrap());
    messages.map(|message| format!("<{}>", seal::open(message).unwrap())).collect()
}

fn failure(handshake: &mut Handshake) -> SessionError {
    match handshake.poll_event() {
        Some(Event::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn agreement(handshake: &mut Handshake) -> Agreement {
    match handshake.poll_event() {
        Some(Event::Agreed(agreement)) => agreement,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_that_was_not_accepted_is_seen_at_once() {
    let mut refused = caller();
    refused.handle_input(start(), b"\r\nLogin inc");
    assert!(refused.poll_event().is_none());
    refused.handle_input(start(), b"orrect\r\nlogin: ");
    assert_eq!(failure(&mut refused), SessionError::LoginRefused);
    // What a system says to its users is not read.
    let mut greeted = caller();
    greeted.handle_input(start(), b"\r\nLast login: Mon Nov 23\r\n\x10Shere=polux\0");
    assert_eq!(said(&mut greeted).chars().next(), Some('<'));
}

#[test]
fn a_protocol_that_the_other_end_is_sure_to_take_is_chosen_ahead() {
    let mut ahead = caller().choosing_ahead();
    // Nothing before all of the greeting.
    ahead.handle_input(start(), b"\x10Shere=pol");
    assert_eq!(said(&mut ahead), "");
    ahead.handle_input(start(), b"ux\0");
    let words = ahead.poll_transmit().unwrap();
    assert_eq!(words, b"\x10Sleaf -#881f -N02047 -ui\0");
    let begun = match ahead.poll_event() {
        Some(Event::Ahead(agreement)) => agreement,
        other => panic!("{other:?}"),
    };
    assert!(!begun.answered && begun.caller);
    // The called side has it in its reader while it looks the caller up.
    let mut called = Handshake::called(start(), name("polux"), TIME);
    called.poll_transmit();
    called.handle_input(start(), &[&words[..], b"\x07packet"].concat());
    assert!(matches!(called.poll_event(), Some(Event::Check(_))));
    called.admit(leaf("gi"));
    let begun_too = agreement(&mut called);
    assert_eq!((begun_too.protocol, &begun_too.rest[..]), ('i', &b"\x07packet"[..]));
    let answer = called.poll_transmit().unwrap();
    assert_eq!(answer, b"\x10ROKN02047 -#dc44\0");
    ahead.handle_input(start(), &[&answer, &b"\x07rest"[..]].concat());
    assert_eq!(said(&mut ahead), "");
    let agreed = Agreement { answered: true, rest: b"\x07rest".to_vec(), ..begun };
    assert_eq!(agreement(&mut ahead), agreed);
}

#[test]
fn who_cannot_do_what_it_could_in_the_last_call_is_not_called_ahead_again() {
    let mut lost = caller().choosing_ahead();
    lost.handle_input(start(), b"\x10Shere=polux\0\x10Pg\0");
    assert!(matches!(lost.poll_event(), Some(Event::Ahead(_))));
    assert!(matches!(failure(&mut lost), SessionError::NoProtocol { .. }));
    let mut another = caller().choosing_ahead();
    another.handle_input(start(), b"\x10Shere=polux\0");
    assert!(matches!(another.poll_event(), Some(Event::Ahead(_))));
    another.handle_input(start(), b"\x10ROKN047\0\x10Pig\0");
    assert!(matches!(failure(&mut another), SessionError::Handshake(_)));
    // At the other end.
    let mut called = Handshake::called(start(), name("polux"), TIME);
    said(&mut called);
    called.handle_input(start(), b"\x10Sleaf -R -N02047 -ui\0\x07packet");
    called.poll_event();
    called.admit(leaf("g"));
    assert_eq!(said(&mut called), "<Pg>");
    assert!(matches!(failure(&mut called), SessionError::NoProtocol { .. }));
}

#[test]
fn who_is_no_uugate_chooses_nothing_with_its_name() {
    let mut called = Handshake::called(start(), name("polux"), TIME);
    said(&mut called);
    called.handle_input(start(), b"\x10Sleaf -R -N047 -ui\0\x10Ug\0");
    called.poll_event();
    called.admit(leaf("ig"));
    assert_eq!(said(&mut called), "<ROKN047><Pig>");
    assert_eq!(agreement(&mut called).protocol, 'g');
}

#[test]
fn two_uugates_know_each_other() {
    let mut called = Handshake::called(start(), name("polux"), TIME);
    let mut caller = caller();
    let mut admitted = false;
    for _ in 0..4 {
        caller.handle_input(start(), &called.poll_transmit().unwrap_or_default());
        called.handle_input(start(), &caller.poll_transmit().unwrap_or_default());
        if !admitted {
            let Some(Event::Check(who)) = called.poll_event() else { continue };
            assert_eq!(who.name, "leaf");
            called.admit(leaf("gi"));
            admitted = true;
        }
    }
    let (ours, theirs) = (agreement(&mut caller), agreement(&mut called));
    assert_eq!((ours.protocol, theirs.protocol), ('i', 'i'));
    assert!(ours.caller && !theirs.caller);
    assert!(ours.features.has(Features::UUGATE));
    assert_eq!(ours.features, theirs.features);
    assert_eq!((ours.peer, theirs.peer), (name("polux"), name("leaf")));
}

#[test]
fn taylor_is_called_and_the_first_packet_bytes_are_kept() {
    let mut handshake = caller();
    handshake.handle_input(start(), b"Welcome\r\n\x10Shere=polux\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047>");
    handshake.handle_input(start(), b"\x10ROKN047\0\x10PiagGjfvy\0\x07rest");
    assert_eq!(said(&mut handshake), "<Ui>");
    let agreement = agreement(&mut handshake);
    assert_eq!(agreement.features.to_string(), "047");
    assert_eq!(agreement.rest, b"\x07rest");
}

#[test]
fn an_old_system_says_little_and_ends_lines_with_line_feeds() {
    let mut handshake = caller();
    handshake.handle_input(start(), b"\x10Shere\n\x10ROK\n\x10Pg\n");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047><Ug>");
    let agreement = agreement(&mut handshake);
    assert_eq!((agreement.features, agreement.protocol), (Features::default(), 'g'));

    let mut handshake = Handshake::called(start(), name("polux"), TIME);
    assert_eq!(said(&mut handshake), "<Shere=polux>");
    handshake.handle_input(start(), b"\x10Sleaf -Q0 -x3\n");
    assert!(matches!(handshake.poll_event(), Some(Event::Check(who)) if who.name == "leaf"));
    handshake.admit(leaf("ig"));
    assert_eq!(said(&mut handshake), "<ROK><Pig>");
    handshake.handle_input(start(), b"\x10Ug\n");
    assert_eq!(super::tests::agreement(&mut handshake).protocol, 'g');
}

#[test]
fn options_of_the_caller_are_obeyed() {
    for (options, answer, features) in [
        ("", "ROK", "00"),
        (" -N", "ROKN", "011"),
        (" -R", "ROK -R", "02"),
        (" -R -N047", "ROKN047", "047"),
        (" -N0147", "ROKN047", "047"),
        (" -N02047", "ROKN02047", "02047"),
        (" -N07", "ROKN047", "07"),
    ] {
        let mut handshake = Handshake::called(start(), name("polux"), TIME);
        said(&mut handshake);
        handshake.handle_input(start(), format!("\x10Sleaf{options} -vgrade=Z -U0x10\0\x10Ui\0").as_bytes());
        handshake.poll_event();
        handshake.admit(leaf("ig"));
        assert_eq!(said(&mut handshake), format!("<{answer}><Pig>"));
        let agreement = agreement(&mut handshake);
        assert_eq!(agreement.features.to_string(), features);
        assert_eq!((agreement.worst, agreement.limit), (Grade::new('Z'), Some(8192)));
    }
}

#[test]
fn a_call_that_is_counted_asks_for_its_number_when_it_is_about_to_be_said() {
    let mut counted = caller().counting();
    counted.handle_input(start(), b"\x10Shere=pol");
    assert!(counted.poll_event().is_none());
    // What comes too early waits.
    counted.handle_input(start(), b"ux\0\x10ROKN047\0");
    assert!(matches!(counted.poll_event(), Some(Event::Greeted)));
    assert_eq!(said(&mut counted), "");
    counted.introduce(Some(17));
    assert_eq!(said(&mut counted), "<Sleaf -Q17 -R -N02047>");
    counted.handle_input(start(), b"\x10Pg\0");
    assert_eq!(agreement(&mut counted).protocol, 'g');
    // At the other end.
    let mut called = Handshake::called(start(), name("polux"), TIME);
    called.handle_input(start(), b"\x10Sleaf -Q17 -R -N02047\0");
    assert!(matches!(called.poll_event(), Some(Event::Check(who)) if who.sequence == Some(17)));
}

#[test]
fn each_kind_of_peer_hears_what_it_knows() {
    let barberouge = || name("barberouge-on-sea");
    for (profile, asked, hello, welcome, features) in [
        ("taylor", "-R -N047", "barberouge-on-sea -Q7 -pC -vgrade=C -R -N047", "ROKN047", "047"),
        ("hdb", "-Q7 -x4", "barbero -Q7 -pC -vgrade=C", "ROK", "00"),
        (
            "svr4",
            "-Q7 -R -U0x200000",
            "barberouge-on- -Q7 -pC -vgrade=C -R -U0x200000",
            "ROK -R -U0x200000",
            "023",
        ),
        ("svr4", "-Q7", "barberouge-on- -Q7 -pC -vgrade=C -R -U0x200000", "ROK -U0x200000", "023"),
        ("bsd", "-Q7 -pC", "barberouge-on- -Q7 -pC -vgrade=C", "ROK", "00"),
        ("v7", "", "barbero -Q7", "ROK", "00"),
        ("uupc", "-R", "barberouge-on-sea -Q7 -pC -vgrade=C -R -N047", "ROK -R", "02"),
    ] {
        let known = Profile::named(profile).unwrap();
        let caller = Handshake::caller(start(), barberouge(), name("polux"), "ig", TIME);
        let mut caller = caller.to(known, 1 << 30).asking_for(Grade::new('C')).counting();
        caller.handle_input(start(), b"\x10Shere=polux\0");
        caller.poll_event();
        caller.introduce(Some(7));
        assert_eq!(said(&mut caller), format!("<S{hello}>"), "{profile}");
        caller.handle_input(start(), format!("\x10{welcome}\0\x10Pg\0").as_bytes());
        let ours = agreement(&mut caller);
        let mut called = Handshake::called(start(), barberouge(), TIME);
        said(&mut called);
        called.handle_input(start(), format!("\x10Sleaf {asked}\0\x10Ug\0").as_bytes());
        called.poll_event();
        called.admit(Admission { profile: known, ..leaf("g") });
        assert_eq!(said(&mut called), format!("<{welcome}><Pg>"), "{profile}");
        let theirs = agreement(&mut called);
        assert_eq!(
            (ours.features.to_string().as_str(), theirs.features),
            (features, ours.features),
            "{profile}"
        );
        assert_eq!((ours.knows_already, theirs.knows_already), (profile == "taylor", profile == "taylor"));
    }
}

#[test]
fn what_is_configured_of_grades_counts_before_what_the_caller_asks() {
    for (asked, configured, worst) in [
        ("", None, None),
        ("", Some('C'), Some('C')),
        (" -pA", None, Some('A')),
        (" -pA", Some('N'), Some('N')),
    ] {
        let mut called = Handshake::called(start(), name("polux"), TIME);
        called.handle_input(start(), format!("\x10Sleaf{asked}\0\x10Ug\0").as_bytes());
        called.poll_event();
        called.admit(Admission { worst: configured.and_then(Grade::new), ..leaf("g") });
        assert_eq!(agreement(&mut called).worst, worst.and_then(Grade::new));
    }
}

#[test]
fn every_refusal_is_told_apart() {
    for (answer, denial) in [
        ("RLCK", Denial::Locked),
        ("RCB", Denial::CallBack),
        ("RBADSEQ", Denial::BadSequence),
        ("RLOGIN", Denial::WrongLogin),
        ("RYou are unknown to me", Denial::Unknown),
        ("RGo away", Denial::Other("Go away".to_owned())),
    ] {
        let mut handshake = caller();
        handshake.handle_input(start(), format!("\x10Shere=polux\0\x10{answer}\0").as_bytes());
        assert_eq!(failure(&mut handshake), SessionError::Refused(denial.clone()));
        if matches!(denial, Denial::Other(_)) {
            continue;
        }
        let mut handshake = Handshake::called(start(), name("polux"), TIME);
        said(&mut handshake);
        handshake.handle_input(start(), b"\x10Sleaf\0");
        handshake.poll_event();
        handshake.deny(denial.clone());
        assert_eq!(said(&mut handshake), format!("<{answer}>"));
        assert_eq!(
            failure(&mut handshake),
            SessionError::RefusedCaller { caller: "leaf".to_owned(), why: denial }
        );
    }
}

#[test]
fn another_system_and_no_common_protocol_end_the_call() {
    let mut handshake = caller();
    handshake.handle_input(start(), b"\x10Shere=castor\0");
    assert!(matches!(failure(&mut handshake), SessionError::WrongSystem { .. }));
    let mut handshake = caller().also_known_as(vec![name("castor")]);
    handshake.handle_input(start(), b"\x10Shere=castor\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047>");
    let mut handshake = caller();
    handshake.handle_input(start(), b"\x10Shere\0\x10ROK\0\x10Pfte\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047><UN>");
    assert!(matches!(failure(&mut handshake), SessionError::NoProtocol { .. }));
    let mut handshake = Handshake::called(start(), name("polux"), TIME);
    handshake.handle_input(start(), b"\x10Sleaf\0");
    handshake.poll_event();
    handshake.admit(leaf("ig"));
    handshake.handle_input(start(), b"\x10UN\0");
    assert!(matches!(failure(&mut handshake), SessionError::NoProtocol { .. }));
}

#[test]
fn a_cut_name_is_known_by_its_beginning() {
    let mut handshake = caller().also_known_as(vec![name("barberouge")]);
    handshake.handle_input(start(), b"\x10Shere=barbero please wait\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047>");
    assert!(same_system("barberouge", "barbero"));
    assert!(!same_system("barberouge", "barb"));
    assert!(!same_system("barberouge", "barberousse"));
}

#[test]
fn silence_and_garbage_end_the_call_in_time() {
    let mut handshake = caller();
    let late = handshake.poll_timeout().unwrap();
    for _ in 0..10 * 256 {
        handshake.handle_input(start(), &[b'~'; 4096]);
    }
    handshake.handle_input(start(), b"\x10Shere=polux\0");
    assert_eq!(said(&mut handshake), "<Sleaf -R -N02047>");
    handshake.handle_timeout(late);
    assert!(matches!(failure(&mut handshake), SessionError::Handshake(_)));
    let mut handshake = Handshake::called(start(), name("polux"), TIME);
    for _ in 0..20 * 256 {
        handshake.handle_input(
            start(),
            b"\x10\x10\x10\x10 garbage of many kinds \0 and no handshake \n".repeat(90).as_slice(),
        );
    }
    assert!(matches!(failure(&mut handshake), SessionError::Handshake(_)));
}

#[test]
fn an_octal_number_that_overflows_is_refused() {
    let mut handshake = Handshake::called(start(), name("polux"), TIME);
    handshake.handle_input(start(), b"\x10Sleaf -N777777777777777777777777\0");
    assert!(matches!(failure(&mut handshake), SessionError::RefusedCaller { .. }));
}

proptest! {
    #[test]
    fn no_bytes_break_it(pieces in proptest::collection::vec(prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "\x10(Shere(=polux)?|S[a-z -N0-9]{0,20}|ROKN?[0-9]{0,14}|P[a-z]{0,5}|U[a-zN])( -#[0-9a-f]{4})?[\0\n]"
            .prop_map(String::into_bytes),
    ], 0..12), called: bool, ahead: bool, noisy: bool) {
        let handshake = match (called, ahead) {
            (true, _) => Handshake::called(start(), name("polux"), TIME),
            (false, true) => caller().choosing_ahead(),
            (false, false) => caller(),
        };
        let mut handshake = handshake.on_a_noisy_line(noisy);
        for piece in pieces {
            handshake.handle_input(start(), &piece);
            if let Some(Event::Check(_)) = handshake.poll_event() {
                handshake.admit(leaf("ig"));
            }
            handshake.poll_transmit();
        }
    }
}
