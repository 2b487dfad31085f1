use super::*;
use proptest::prelude::*;

const AGREED: Agreed = Agreed { transmit: 33_600, receive: 53_333, modulation: "V90", corrected: true };

/// A modem with its terminal switched on.
struct Bench {
    modem: Firmware,
    now: Instant,
}

impl Bench {
    fn new() -> Bench {
        let now = crate::clock::now();
        let mut modem = Firmware::new(true);
        modem.handle_dtr(now, true);
        Bench { modem, now }
    }

    fn said(&mut self) -> String {
        let mut out = Vec::new();
        self.modem.poll_transmit(usize::MAX, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn ask(&mut self, line: &str) -> String {
        self.modem.handle_input(self.now, line.as_bytes());
        self.modem.handle_input(self.now, b"\r");
        self.said()
    }

    fn after(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.modem.handle_timeout(self.now);
    }

    fn connect(&mut self) -> String {
        self.ask("ATE0");
        self.ask("ATDT5551");
        assert!(matches!(self.modem.poll_request(), Some(Request::Dial { .. })));
        self.modem.connected(self.now, AGREED);
        self.said()
    }
}

#[test]
fn echo_and_the_form_of_result_codes() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask("AT"), "AT\r\r\nOK\r\n");
    assert_eq!(bench.ask("ATE0"), "ATE0\r\r\nOK\r\n");
    assert_eq!(bench.ask("ATV0"), "0\r");
    assert_eq!(bench.ask("AT nonsense!"), "4\r");
    assert_eq!(bench.ask("atv1"), "\r\nOK\r\n");
    assert_eq!(bench.ask("ATQ1"), "");
    assert_eq!(bench.ask("ATQ0"), "\r\nOK\r\n");
    assert_eq!(bench.ask("hello"), "", "a line without AT is none");
    assert_eq!(bench.ask("\x7fgarbageAT"), "\r\nOK\r\n");
    assert_eq!(bench.ask("ATX\x08V1"), "\r\nOK\r\n");
}

#[test]
fn a_line_break_after_a_command_is_no_key_that_breaks_off_the_dial() {
    let mut bench = Bench::new();
    bench.ask("ATE0");
    bench.modem.handle_input(bench.now, b"ATD5551\r\n");
    assert_eq!(bench.said(), "");
    bench.modem.handle_input(bench.now, b"x");
    assert_eq!(bench.said(), "\r\nNO CARRIER\r\n");
}

#[test]
fn registers_are_set_read_and_reset() {
    let mut bench = Bench::new();
    bench.ask("ATE0");
    assert_eq!(bench.ask("ATS7=45S7?"), "\r\n045\r\n\r\nOK\r\n");
    assert_eq!(bench.ask("ATS7=256"), "\r\nERROR\r\n");
    assert_eq!(bench.ask("ATS77=1"), "\r\nERROR\r\n");
    assert_eq!(bench.ask("ATZE0"), "\r\nOK\r\n");
    assert_eq!(bench.ask("ATS7?"), "\r\n060\r\n\r\nOK\r\n");
    assert!(bench.ask("AT&V").contains("&C1 &D2"));
    assert!(bench.ask("ATI").contains("uugate"));
    assert_eq!(bench.ask("AT+MR=1;+MR?"), "\r\n+MR: 1\r\n\r\nOK\r\n");
    assert_eq!(bench.ask("AT+MS=V34,1"), "\r\nOK\r\n");
    assert_eq!(bench.ask("AT+NONSENSE=1"), "\r\nERROR\r\n");
}

#[test]
fn init_strings_of_the_field_are_accepted() {
    let mut bench = Bench::new();
    bench.ask("ATE0");
    for line in [
        "ATZ",
        "AT&FE0V1Q0X4&C1&D2S0=0",
        "ATL1M1W2&K3\\N3%C0",
        "ATE0&C1&D2S7=60",
        "AT&F&D2&C1X4L0M0",
        "ATS10=255S12=50S25=5",
    ] {
        let answer = bench.ask(line);
        assert!(answer.ends_with("\r\nOK\r\n"), "{line}: {answer:?}");
    }
}

#[test]
fn the_dial_string_is_read_and_commas_pause() {
    let mut bench = Bench::new();
    bench.ask("ATE0");
    bench.ask("ATDT0,(030) 55-51@");
    let pause = Duration::from_secs(2);
    assert_eq!(bench.modem.poll_request(), Some(Request::Dial { number: "00305551".to_owned(), pause }));
    bench.modem.refused(Refusal::Busy);
    assert_eq!(bench.said(), "\r\nBUSY\r\n");
    assert_eq!(bench.ask("ATDT;H"), "\r\nERROR\r\n");
    bench.ask("ATX0DT5551");
    bench.modem.refused(Refusal::Busy);
    assert_eq!(bench.said(), "\r\nNO CARRIER\r\n", "X0 hears no busy tone");
}

#[test]
fn a_call_that_nobody_takes_ends_by_s7() {
    let mut bench = Bench::new();
    bench.ask("ATE0S7=5DT5551");
    assert_eq!(bench.modem.poll_timeout(), Some(bench.now + Duration::from_secs(5)));
    bench.after(5000);
    assert_eq!(bench.said(), "\r\nNO ANSWER\r\n");
    bench.modem.poll_request();
    assert_eq!(bench.modem.poll_request(), Some(Request::HangUp));
}

#[test]
fn connect_says_what_was_agreed() {
    let mut bench = Bench::new();
    assert_eq!(bench.connect(), "\r\nCONNECT 53333/V90/LAPM/33600:TX/53333:RX\r\n");
    let mut bench = Bench::new();
    bench.ask("AT+MR=1;+ER=1;+DR=1");
    let said = bench.connect();
    assert!(said.starts_with("\r\n+MCR: V90\r\n\r\n+MRR: 33600,53333\r\n\r\n+ER: LAPM\r\n\r\n+DR: NONE\r\n"));
    let mut bench = Bench::new();
    bench.ask("ATX0");
    assert_eq!(bench.connect(), "\r\nCONNECT\r\n");
}

#[test]
fn data_goes_through_and_is_held_back_when_too_much() {
    let mut bench = Bench::new();
    bench.connect();
    let all: Vec<u8> = (0..=255).collect();
    bench.modem.handle_input(bench.now, &all);
    assert_eq!(bench.modem.poll_data(usize::MAX), all);
    bench.modem.handle_input(bench.now, &[0; DATA]);
    assert_eq!(bench.modem.room(), 0);
    bench.modem.deliver(b"\x00\xff");
    let mut out = Vec::new();
    bench.modem.poll_transmit(10, &mut out);
    assert_eq!(out, b"\x00\xff");
}

#[test]
fn the_escape_needs_its_guard_times() {
    let mut bench = Bench::new();
    bench.connect();
    bench.modem.handle_input(bench.now, b"data+++");
    bench.after(2000);
    assert_eq!(bench.said(), "", "no silence before");
    bench.modem.handle_input(bench.now, b"+++");
    bench.after(500);
    bench.modem.handle_input(bench.now, b"ATH\r");
    bench.after(2000);
    assert_eq!(bench.said(), "", "no silence behind");
    bench.modem.handle_input(bench.now, b"+++");
    bench.after(999);
    assert_eq!(bench.said(), "");
    bench.after(1);
    assert_eq!(bench.said(), "\r\nOK\r\n");
    assert!(!bench.modem.accepts(), "the line waits");
    assert_eq!(bench.ask("ATDT1"), "\r\nERROR\r\n", "the line is taken");
    assert!(bench.ask("ATO").contains("CONNECT"));
    assert!(bench.modem.accepts());
    bench.after(1000);
    bench.modem.handle_input(bench.now, b"+++");
    bench.after(1000);
    assert_eq!(bench.said(), "\r\nOK\r\n");
    assert_eq!(bench.ask("ATH"), "\r\nOK\r\n");
    assert_eq!(bench.modem.poll_request(), Some(Request::HangUp));
    assert_eq!(bench.ask("ATO"), "\r\nNO CARRIER\r\n");
}

#[test]
fn without_a_guard_time_a_command_in_the_data_is_obeyed() {
    let mut bench = Bench::new();
    bench.ask("ATS12=0");
    bench.connect();
    bench.modem.handle_input(bench.now, b"data+++ATE0\r");
    assert_eq!(bench.said(), "\r\nOK\r\n\r\nOK\r\n");
}

#[test]
fn the_escape_character_can_be_switched_off() {
    let mut bench = Bench::new();
    bench.ask("ATS2=255");
    bench.connect();
    bench.after(2000);
    bench.modem.handle_input(bench.now, b"+++");
    bench.after(2000);
    assert_eq!(bench.said(), "");
}

#[test]
fn rings_are_answered_by_command_or_by_s0() {
    let mut bench = Bench::new();
    bench.ask("ATE0+VCID=1");
    bench.modem.ring(bench.now, "5550");
    assert_eq!(bench.said(), "\r\nRING\r\n\r\nNMBR = 5550\r\n");
    bench.after(5000);
    bench.modem.ring(bench.now, "5550");
    assert_eq!(bench.said(), "\r\nRING\r\n");
    assert_eq!(bench.ask("ATS1?"), "\r\n002\r\n\r\nOK\r\n");
    assert_eq!(bench.modem.poll_request(), None);
    bench.ask("ATA");
    assert_eq!(bench.modem.poll_request(), Some(Request::Answer));

    let mut bench = Bench::new();
    bench.ask("ATS0=2");
    bench.modem.ring(bench.now, "5550");
    assert_eq!(bench.modem.poll_request(), None);
    bench.after(5000);
    bench.modem.ring(bench.now, "5550");
    assert_eq!(bench.modem.poll_request(), Some(Request::Answer));

    let mut bench = Bench::new();
    bench.ask("ATS0=1");
    bench.modem.handle_dtr(bench.now, false);
    bench.after(100);
    bench.modem.ring(bench.now, "5550");
    assert_eq!(bench.modem.poll_request(), None, "no terminal, no answer");
}

#[test]
fn dtr_hangs_up_unless_told_otherwise() {
    let mut bench = Bench::new();
    bench.connect();
    bench.modem.handle_dtr(bench.now, false);
    bench.after(20);
    bench.modem.handle_dtr(bench.now, true);
    assert_eq!(bench.modem.poll_request(), None, "shorter than S25");
    bench.modem.handle_dtr(bench.now, false);
    bench.after(50);
    assert_eq!(bench.modem.poll_request(), Some(Request::HangUp));

    for (command, request) in [("AT&D0", None), ("AT&D1", None), ("AT&D3", Some(Request::HangUp))] {
        let mut bench = Bench::new();
        bench.ask(command);
        bench.connect();
        bench.modem.terminal_gone();
        assert_eq!(bench.modem.poll_request(), request, "{command}");
    }
}

proptest! {
    #[test]
    fn any_bytes_from_the_terminal_are_borne(
        pieces in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..200), 0u64..3000), 0..20),
        online: bool,
    ) {
        let mut bench = Bench::new();
        if online {
            bench.connect();
        }
        for (piece, pause) in pieces {
            let count = piece.len().min(bench.modem.room());
            bench.modem.handle_input(bench.now, &piece[..count]);
            bench.after(pause);
            let mut out = Vec::new();
            bench.modem.poll_transmit(usize::MAX, &mut out);
            prop_assert!(bench.modem.line.len() <= obey::LONGEST_LINE + 1);
            bench.modem.poll_data(usize::MAX);
        }
    }

    #[test]
    fn every_command_line_gets_exactly_one_answer(line in "[A-CE-GI-NP-Z0-9&=?+;]{0,20}") {
        let mut bench = Bench::new();
        bench.ask("ATE0");
        let said = bench.ask(&format!("AT{line}"));
        let silent = line.contains('Q') || matches!(bench.modem.state, State::ExpectConnection { .. });
        let ends = ["OK", "ERROR", "0", "4"].map(|end| said.trim_end().ends_with(end));
        prop_assert!(silent || ends.contains(&true), "{line}: {said:?}");
    }
}
