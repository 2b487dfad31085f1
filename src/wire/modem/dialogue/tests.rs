use super::*;
use crate::wire::modem::Timeouts;
use proptest::prelude::*;

fn start() -> Instant {
    crate::clock::now()
}

/// A modem that was set up before.
fn modem(signals: bool) -> Modem {
    Modem { met: true, ..Modem::new(Profile::generic(), signals) }
}

fn sent(modem: &mut Modem) -> String {
    let mut out = Vec::new();
    modem.poll_transmit(&mut out);
    String::from_utf8(out).unwrap()
}

fn pass(modem: &mut Modem) -> Instant {
    let at = modem.poll_timeout().expect("a deadline");
    modem.handle_timeout(at);
    at
}

fn number() -> Number {
    Number::parse("5551", &Profile::generic().number_characters).unwrap()
}

#[test]
fn setting_up_an_echoing_modem_with_stray_bytes() {
    let now = start();
    let mut modem = modem(false);
    modem.handle_input(now, b"garb\xffage");
    modem.set_up(now);
    assert_eq!(sent(&mut modem), "AT\r");
    modem.handle_input(now, b"AT\r\r\nOK\r\n\r\nOK\r\n");
    assert_eq!(sent(&mut modem), "", "the modem may have more to say");
    let now = pass(&mut modem);
    for command in ["ATZ", "ATE0V1Q0X4", "AT&C1&D2", "ATS0=0", "ATS12=50", "ATS2=28", "ATS2?"] {
        assert_eq!(sent(&mut modem), format!("{command}\r"));
        modem.handle_input(now, format!("{command}\r\r\nOK\r\n").as_bytes());
    }
    assert_eq!(modem.poll_event(), Some(Event::Ready));
    assert_eq!(modem.poll_timeout(), None);
    assert_eq!(modem.escape(), Some(28));
}

/// A modem that says OK to all but these; what it was told.
fn obey(modem: &mut Modem, now: Instant, refused: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let said = sent(modem);
        for command in said.split_terminator('\r') {
            let answer = if command == refused { "ERROR" } else { "OK" };
            told.push(command.to_owned());
            modem.handle_input(now, format!("\r\n{answer}\r\n").as_bytes());
        }
        if said.is_empty() {
            return told;
        }
    }
}

/// Sets it up; what it was told after the first `OK`.
fn set_up(modem: &mut Modem, now: Instant, refused: &str) -> Vec<String> {
    modem.set_up(now);
    assert_eq!(obey(modem, now, ""), ["AT"]);
    let now = pass(modem);
    let told = obey(modem, now, refused);
    assert_eq!(modem.poll_event(), Some(Event::Ready));
    assert_eq!(told.last().map(String::as_str), Some("ATS2?"));
    told
}

#[test]
fn where_a_call_was_seen_to_end_by_dtr_the_escape_is_switched_off() {
    let now = start();
    let mut modem = modem(true);
    assert_eq!(set_up(&mut modem, now, "")[5], "ATS2=28");
    modem.carrier_fell_with_dtr(now);
    assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("AT\r", None), "it is asked the first time");
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(modem.poll_event(), Some(Event::HungUp));
    assert_eq!(set_up(&mut modem, now, "")[5], "ATS2=255");
    assert_eq!(modem.escape(), None);
    // The next time it is known.
    modem.carrier_fell_with_dtr(now);
    assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("", Some(Event::HungUp)));
}

#[test]
fn a_carrier_that_falls_with_dtr_alone_has_ended_no_call() {
    let now = start();
    let mut modem = modem(true);
    set_up(&mut modem, now, "");
    modem.carrier_fell_with_dtr(now);
    while sent(&mut modem) == "AT\r" {
        pass(&mut modem);
    }
    let now = pass(&mut modem);
    assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("\x1c\x1c\x1c", None));
    modem.handle_input(now, b"\r\nOK\r\n");
    let now = pass(&mut modem);
    assert_eq!(sent(&mut modem), "ATH\r");
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(modem.poll_event(), Some(Event::HungUp));
    assert_eq!(set_up(&mut modem, now, "")[5], "ATS2=28", "DTR proved nothing");
}

#[test]
fn a_carrier_signal_that_is_high_without_a_call_is_none() {
    let now = start();
    let mut modem = modem(true);
    set_up(&mut modem, now, "");
    // A plug that joins it to DTR.
    modem.handle_idle_carrier(true);
    assert!(!modem.shows_carrier());
    modem.hang_up(now);
    assert_eq!(modem.poll_event(), None, "DTR is not tried");
    let now = pass(&mut modem);
    assert_eq!(sent(&mut modem), "\x1c\x1c\x1c");
    modem.handle_input(now, b"\r\nOK\r\n");
    let now = pass(&mut modem);
    modem.handle_carrier(now, true);
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(modem.poll_event(), Some(Event::HungUp), "it says nothing of the call");
}

#[test]
fn where_dtr_is_not_heeded_the_escape_is_moved_if_the_modem_takes_that() {
    for (refused, escape) in [("", 28), ("ATS2=28", b'+')] {
        let mut modem = modem(true);
        assert_eq!(set_up(&mut modem, start(), refused)[5], "ATS2=28");
        assert_eq!(modem.escape(), Some(escape));
    }
}

#[test]
fn the_escape_is_what_the_modem_says_that_it_is() {
    for (answer, escape) in [("255", None), ("127", Some(127)), ("28", Some(28)), ("nothing", None)] {
        let now = start();
        let mut modem = Modem { dtr_heeded: true, ..modem(true) };
        modem.set_up(now);
        obey(&mut modem, now, "");
        modem.handle_timeout(now + Duration::from_secs(1));
        loop {
            let said = sent(&mut modem);
            match said.as_str() {
                "ATS2?\r" => modem.handle_input(now, format!("\r\n{answer}\r\n\r\nOK\r\n").as_bytes()),
                "" => break,
                _ => modem.handle_input(now, b"\r\nOK\r\n"),
            }
        }
        assert_eq!((modem.poll_event(), modem.escape()), (Some(Event::Ready), escape), "{answer}");
    }
}

#[test]
fn one_that_does_not_say_what_its_escape_is_is_not_waited_for() {
    let now = start();
    for silent in [false, true] {
        let mut modem = modem(false);
        modem.set_up(now);
        obey(&mut modem, now, "");
        let now = pass(&mut modem);
        loop {
            let said = sent(&mut modem);
            match said.as_str() {
                "ATS2?\r" if silent => drop(pass(&mut modem)),
                "ATS12=50\r" | "ATS2?\r" => modem.handle_input(now, b"\r\nERROR\r\n"),
                "" => break,
                _ => modem.handle_input(now, b"\r\nOK\r\n"),
            }
        }
        assert_eq!((modem.poll_event(), modem.escape()), (Some(Event::Ready), Some(28)));
    }
}

#[test]
fn a_modem_left_in_a_call_is_escaped_from() {
    let now = start();
    let mut modem = modem(false);
    modem.set_up(now);
    sent(&mut modem);
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "ATQ0V1\r", "it may keep quiet");
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "", "guard time");
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "+++");
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "\x1c\x1c\x1c", "it may have been moved");
    let now = pass(&mut modem);
    assert_eq!(sent(&mut modem), "ATH\r");
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(sent(&mut modem), "ATQ0V1\r");
}

#[test]
fn at_first_a_call_is_left_whatever_is_said_meanwhile() {
    let begin = start();
    let now = begin;
    let guard = Profile::generic().timeouts.guard;
    let mut modem = Modem::new(Profile::generic(), false);
    modem.set_up(now);
    for escape in ["+++", "\x1c\x1c\x1c"] {
        // The other end plays the modem.
        modem.handle_input(now, b"\r\nOK\r\n\r\nNO CARRIER\r\n");
        assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("", None));
        pass(&mut modem);
        assert_eq!(sent(&mut modem), escape);
    }
    modem.handle_input(now, b"\r\nOK\r\n\r\nCONNECT\r\n");
    assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("", None));
    let now = pass(&mut modem);
    assert_eq!((sent(&mut modem).as_str(), now), ("ATH\r", begin + guard * 3));
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(obey(&mut modem, now, ""), ["ATQ0V1"]);
    let now = pass(&mut modem);
    obey(&mut modem, now, "");
    assert_eq!(modem.poll_event(), Some(Event::Ready));
    modem.set_up(now);
    assert_eq!(sent(&mut modem), "AT\r", "only once");
}

#[test]
fn at_first_dtr_is_dropped_and_the_escape_said_all_the_same() {
    let now = start();
    let mut modem = Modem::new(Profile::generic(), true);
    modem.set_up(now);
    modem.handle_carrier(now, true);
    assert_eq!(modem.poll_event(), Some(Event::Dtr(false)));
    modem.handle_carrier(now, false);
    assert_eq!(pass(&mut modem), now + Timeouts::default().dtr_low);
    assert_eq!((modem.poll_event(), sent(&mut modem).as_str()), (Some(Event::Dtr(true)), ""));
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "+++");
}

#[test]
fn a_dead_modem_is_given_up() {
    let now = start();
    let mut modem = modem(false);
    modem.set_up(now);
    let mut last = now;
    while modem.poll_timeout().is_some() {
        last = pass(&mut modem);
    }
    assert!(last - now < Duration::from_secs(30));
    let error = ModemError::Silent { command: "AT".to_owned(), seen: String::new() };
    assert_eq!(modem.poll_event(), Some(Event::Failed(error)));
}

#[test]
fn a_refused_init_string_is_named() {
    let now = start();
    let mut modem = modem(false);
    modem.set_up(now);
    modem.handle_input(now, b"OK\r\n");
    let now = pass(&mut modem);
    modem.handle_input(now, b"\r\nOK\r\n");
    modem.handle_input(now, b"\r\nERROR\r\n");
    let error = ModemError::Refused { command: "ATE0V1Q0X4".to_owned(), reply: "ERROR".to_owned() };
    assert_eq!(modem.poll_event(), Some(Event::Failed(error)));
}

#[test]
fn dialling_gathers_what_was_agreed_and_leaves_the_rest_to_the_session() {
    let now = start();
    let mut modem = modem(false);
    modem.dial(now, &number());
    assert_eq!(sent(&mut modem), "ATDT5551\r");
    modem.handle_input(now, b"\r\n+MCR: V90\r\n\r\n+MRR: 33600,53333\r\n\r\nCONNECT 115200\r\nlogin: OK\r\n");
    let Some(Event::Connected(connect)) = modem.poll_event() else { panic!() };
    assert_eq!((connect.transmit, connect.receive), (Some(33600), Some(53333)));
    assert_eq!(connect.modulation.as_deref(), Some("V90"));
    assert_eq!(modem.take_rest(), b"\nlogin: OK\r\n");
    assert_eq!(modem.poll_timeout(), None);
}

#[test]
fn each_way_a_dial_fails_has_its_error() {
    for (said, error) in [
        ("BUSY", ModemError::Busy),
        ("NO ANSWER", ModemError::NoAnswer),
        ("NO DIALTONE", ModemError::NoDialtone),
        ("NO CARRIER", ModemError::NoCarrier),
        ("7", ModemError::Busy),
        ("VOICE", ModemError::Voice),
        ("ERROR", ModemError::NotDialled),
        ("BLACKLISTED", ModemError::Barred { reply: "BLACKLISTED".to_owned() }),
    ] {
        let now = start();
        let mut modem = modem(false);
        modem.dial(now, &number());
        modem.handle_input(now, format!("\r\n{said}\r\n").as_bytes());
        assert_eq!(modem.poll_event(), Some(Event::Failed(error)));
    }
    let now = start();
    let mut modem = modem(false);
    modem.dial(now, &number());
    sent(&mut modem);
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "\r", "the dial is broken off");
    assert_eq!(modem.poll_event(), Some(Event::Failed(ModemError::NotConnected { seconds: 90 })));
}

#[test]
fn calls_are_answered_after_the_wanted_rings() {
    let now = start();
    let mut modem = Modem::new(Profile { rings: 2, ..Profile::generic() }, false);
    modem.wait_for_call(now);
    modem.handle_input(now, b"\r\nRING\r\n\r\nNMBR = 5550\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Ring { count: 1 }));
    assert_eq!(modem.poll_event(), Some(Event::Caller { number: "5550".to_owned() }));
    // The first caller gave up; another rings much later.
    let now = now + Duration::from_secs(60);
    modem.handle_input(now, b"\r\nRING\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Ring { count: 1 }));
    assert_eq!(sent(&mut modem), "");
    modem.handle_input(now + Duration::from_secs(6), b"\r\nRING\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Ring { count: 2 }));
    assert_eq!(sent(&mut modem), "ATA\r");
    modem.handle_input(now, b"\r\nCONNECT 33600/V34/LAPM\r\n");
    assert!(matches!(modem.poll_event(), Some(Event::Connected(_))));
}

#[test]
fn a_modem_that_answers_by_itself_only_reports_the_call() {
    let now = start();
    let mut modem = Modem::new(Profile { auto_answer: 1, ..Profile::generic() }, false);
    modem.wait_for_call(now);
    modem.handle_input(now, b"\r\nRING\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Ring { count: 1 }));
    assert_eq!(sent(&mut modem), "");
    modem.handle_input(now, b"\r\nCONNECT\r\n");
    assert!(matches!(modem.poll_event(), Some(Event::Connected(_))));
}

#[test]
fn the_command_that_was_refused_is_named() {
    let now = start();
    let mut modem = modem(false);
    modem.answer(now);
    modem.handle_input(now, b"\r\nERROR\r\n");
    let error = ModemError::Refused { command: "ATA".to_owned(), reply: "ERROR".to_owned() };
    assert_eq!(modem.poll_event(), Some(Event::Failed(error)));
    modem.dial(now, &number());
    modem.handle_input(now, b"\r\nERROR\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Failed(ModemError::NotDialled)));
}

#[test]
fn one_that_was_reset_behind_our_back_is_told_to_answer() {
    let now = start();
    let mut modem = Modem::new(Profile { auto_answer: 2, ..Profile::generic() }, false);
    modem.wait_for_call(now);
    modem.handle_input(now, b"\r\nRING\r\n\r\nRING\r\n\r\nRING\r\n");
    assert_eq!(sent(&mut modem), "", "it may pick up yet");
    modem.handle_input(now, b"\r\nRING\r\n");
    assert_eq!(sent(&mut modem), "ATA\r");
}

#[test]
fn hanging_up_by_dtr_is_done_when_the_carrier_fell() {
    let now = start();
    let mut modem = modem(true);
    modem.handle_carrier(now, true);
    modem.hang_up(now);
    assert_eq!(modem.poll_event(), Some(Event::Dtr(false)));
    modem.handle_carrier(now + Duration::from_millis(100), false);
    assert_eq!(modem.poll_event(), None, "DTR stays low long enough");
    let at = pass(&mut modem);
    assert_eq!(at, now + Timeouts::default().dtr_low);
    assert_eq!(modem.poll_event(), Some(Event::Dtr(true)));
    modem.handle_input(at, b"\r\nOK\r\n");
    assert_eq!(modem.poll_event(), Some(Event::HungUp));
}

#[test]
fn a_modem_that_ignores_dtr_is_told_by_command() {
    let now = start();
    let mut modem = modem(true);
    modem.handle_carrier(now, true);
    modem.hang_up(now);
    pass(&mut modem);
    assert_eq!(modem.poll_event(), Some(Event::Dtr(false)));
    assert_eq!(modem.poll_event(), Some(Event::Dtr(true)));
    pass(&mut modem);
    assert_eq!(sent(&mut modem), "+++");
}

#[test]
fn without_signals_a_hang_up_goes_by_escape_and_must_be_seen() {
    let now = start();
    let mut modem = modem(false);
    modem.hang_up(now);
    assert_eq!(sent(&mut modem), "");
    let now = pass(&mut modem);
    assert_eq!(sent(&mut modem), "+++");
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(sent(&mut modem), "", "the guard time behind it may be the other end's");
    let now = pass(&mut modem);
    assert_eq!(sent(&mut modem), "ATH\r");
    assert_eq!(modem.poll_event(), None);
    modem.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(modem.poll_event(), Some(Event::HungUp));

    modem.hang_up(now);
    while modem.poll_timeout().is_some() {
        pass(&mut modem);
    }
    assert_eq!(modem.poll_event(), Some(Event::Failed(ModemError::NotHungUp)));
}

#[test]
fn a_modem_is_asked_what_became_of_the_call() {
    let now = start();
    let mut modem = Modem::new(Profile::named("usr-courier").unwrap(), false);
    modem.ask_report(now);
    assert_eq!(sent(&mut modem), "ATI6\r");
    modem.handle_input(now, b"ATI6\r\r\nUSRobotics Link Diagnostics...\r\nBlocks resent 12\r\n");
    assert_eq!(modem.poll_event(), None);
    modem.handle_input(now, b"Retrains Requested  1\r\n\r\nOK\r\n");
    let Some(Event::Report(report)) = modem.poll_event() else { panic!() };
    assert_eq!((report.blocks_resent, report.retrains_asked), (Some(12), Some(1)));
    // One that falls silent is not waited for for ever, and one that gives no report is not asked.
    modem.ask_report(now);
    modem.handle_input(now, b"Blocks resent 12\r\n");
    pass(&mut modem);
    assert!(matches!(modem.poll_event(), Some(Event::Report(report)) if report.blocks_resent == Some(12)));
    let mut plain = self::modem(false);
    plain.ask_report(now);
    assert_eq!(sent(&mut plain), "");
    assert!(matches!(plain.poll_event(), Some(Event::Report(report)) if report.is_empty()));
}

#[test]
fn a_report_in_pages_is_read_to_its_end() {
    let now = start();
    // The question with and without a line end; the eighth bit is parity.
    for question in
        [&b"Press any key to continue; ESC to quit.\r\n"[..], b"Press \xe1ny Key to continue; ESC to quit."]
    {
        let mut modem = Modem::new(Profile::named("lucent").unwrap(), false);
        modem.ask_report(now);
        assert_eq!(sent(&mut modem), "ATI11\r");
        modem.handle_input(now, b"1     Last Connection                     V.34\r\n");
        for piece in question.chunks(20) {
            modem.handle_input(now, piece);
        }
        assert_eq!(sent(&mut modem), "\r");
        modem.handle_input(now, b"\r\n18    Retrain by Local  Modem             2\r\n\r\nOK\r\n");
        let Some(Event::Report(report)) = modem.poll_event() else { panic!() };
        assert_eq!((report.modulation.as_deref(), report.retrains_asked), (Some("V.34"), Some(2)));
    }
    // One that asks for ever.
    let mut modem = Modem::new(Profile::named("lucent").unwrap(), false);
    modem.ask_report(now);
    sent(&mut modem);
    for _ in 0..10 {
        modem.handle_input(now, b"Press any key\r\n");
    }
    assert_eq!(sent(&mut modem), "\r\r\r\r");
    pass(&mut modem);
    assert!(matches!(modem.poll_event(), Some(Event::Report(_))));
}

#[test]
fn the_other_end_cannot_say_that_the_modem_has_hung_up() {
    let now = start();
    let mut modem = modem(false);
    modem.hang_up(now);
    modem.handle_input(now, b"\r\nNO CARRIER\r\n\r\nOK\r\n");
    let now = pass(&mut modem);
    assert_eq!(
        (sent(&mut modem).as_str(), modem.poll_event()),
        ("+++", None),
        "the escape is said all the same"
    );
    modem.handle_input(now, b"\r\nNO CARRIER\r\n");
    assert_eq!((sent(&mut modem).as_str(), modem.poll_event()), ("", None));
    assert_eq!(pass(&mut modem), now + Profile::generic().timeouts.guard);
    assert_eq!(sent(&mut modem), "ATH\r", "and the modem told");
    // Where there is a carrier signal, words are not believed against it.
    let mut seen = Modem { met: true, ..Modem::new(Profile::generic(), true) };
    seen.handle_carrier(now, true);
    seen.tell_to_hang_up(now);
    let now = pass(&mut seen);
    seen.handle_input(now, b"\r\nOK\r\n");
    let now = pass(&mut seen);
    seen.handle_input(now, b"\r\nOK\r\n");
    assert_eq!(seen.poll_event(), None);
    let mut falls = seen;
    falls.handle_carrier(now, false);
    assert_eq!(falls.poll_event(), Some(Event::HungUp));
}

#[test]
fn a_caller_who_gives_up_is_noticed() {
    let now = start();
    let mut modem = Modem::new(Profile { rings: 3, ..Profile::generic() }, false);
    modem.wait_for_call(now);
    assert_eq!(modem.poll_timeout(), None);
    modem.handle_input(now, b"\r\nRING\r\n");
    assert_eq!(modem.poll_event(), Some(Event::Ring { count: 1 }));
    assert_eq!(pass(&mut modem), now + Profile::generic().timeouts.ring_gap);
    assert_eq!(modem.poll_event(), Some(Event::RungOff));
    assert_eq!(modem.poll_timeout(), None);
}

proptest! {
    #[test]
    fn a_mad_modem_neither_breaks_nor_holds_us(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        verb in 0..4,
    ) {
        let mut now = start();
        let mut modem = Modem::new(Profile::generic(), verb % 2 == 0);
        match verb {
            0 => modem.set_up(now),
            1 => modem.dial(now, &number()),
            2 => modem.hang_up(now),
            _ => modem.answer(now),
        }
        for piece in pieces {
            modem.handle_input(now, &piece);
            prop_assert!(modem.lines.partial().len() <= LONGEST_LINE || modem.state == State::Online);
        }
        let begin = now;
        while let Some(at) = modem.poll_timeout() {
            now = at.max(now);
            modem.handle_timeout(now);
            prop_assert!(now - begin < Duration::from_secs(200));
        }
    }
}

#[test]
fn a_modem_that_is_taken_out_is_busy_and_is_on_hook_again_before_its_next_use() {
    let now = start();
    let profile = Profile { auto_answer: 1, busy_out: Some("ATH1".to_owned()), ..Profile::generic() };
    let mut modem = Modem::new(profile, false);
    let obeys = |modem: &mut Modem, until: Event| {
        let mut said = Vec::new();
        loop {
            let command = sent(modem);
            if !command.is_empty() {
                said.push(command.trim_end().to_owned());
                modem.handle_input(now, b"\r\nOK\r\n");
            } else if let Some(event) = modem.poll_event() {
                assert_eq!(event, until);
                return said;
            } else {
                pass(modem);
            }
        }
    };
    modem.set_up(now);
    let said = obeys(&mut modem, Event::Ready);
    assert_eq!(said[..3], ["+++", "\x1c\x1c\x1c", "ATH"], "a program that ended may have left it so");
    modem.take_out(now, true);
    assert_eq!(obeys(&mut modem, Event::Ready), ["ATS0=0", "ATH1"]);
    modem.set_up(now);
    assert_eq!(obeys(&mut modem, Event::Ready)[..3], ["AT", "ATH", "ATZ"]);
    modem.set_up(now);
    assert_eq!(obeys(&mut modem, Event::Ready)[..2], ["AT", "ATZ"], "it was on hook");
    modem.take_out(now, false);
    assert_eq!(obeys(&mut modem, Event::Ready), ["ATS0=0"], "nobody is answered any more");
}

#[test]
fn a_modem_is_asked_who_calls_in_the_words_that_it_takes() {
    let now = start();
    for (refused, said) in [
        (&[][..], &["AT+VCID=1"][..]),
        (&["AT+VCID=1"], &["AT+VCID=1", "AT#CID=1"]),
        // Calls are answered all the same.
        (&["AT+VCID=1", "AT#CID=1"], &["AT+VCID=1", "AT#CID=1"]),
    ] {
        let mut modem = Modem::new(Profile { asks_caller: true, ..Profile::generic() }, false);
        modem.set_up(now);
        let mut asked = Vec::new();
        while modem.poll_event() != Some(Event::Ready) {
            let command = sent(&mut modem).trim_end().to_owned();
            match command.as_str() {
                "" => drop(pass(&mut modem)),
                command if refused.contains(&command) => modem.handle_input(now, b"\r\nERROR\r\n"),
                _ => modem.handle_input(now, b"\r\nOK\r\n"),
            }
            if command.contains("CID") {
                asked.push(command);
            }
        }
        assert_eq!(asked, said);
    }
}
