use super::*;
use crate::wire::modem::{self, Modem, ModemError, Number, Profile};

/// An exchange with terminals switched on at every port, and what each has read.
struct Bench {
    switch: Switch,
    now: Instant,
    read: Vec<Vec<u8>>,
    events: Vec<Event>,
}

impl Bench {
    fn new(settings: Settings, lines: &[(&str, bool)]) -> Bench {
        let now = crate::clock::now();
        let lines: Vec<Line> = lines
            .iter()
            .map(|(number, digital)| Line { number: (*number).to_owned(), digital: *digital })
            .collect();
        let mut bench = Bench {
            read: vec![Vec::new(); lines.len()],
            switch: Switch::new(settings, lines),
            now,
            events: Vec::new(),
        };
        for port in 0..bench.read.len() {
            bench.switch.handle_dtr(now, port, true);
        }
        bench
    }

    fn collect(&mut self) {
        for (port, read) in self.read.iter_mut().enumerate() {
            self.switch.poll_transmit(port, usize::MAX, read);
        }
        self.switch.handle_timeout(self.now);
        self.events.extend(std::iter::from_fn(|| self.switch.poll_event()));
    }

    /// Lets time pass from event to event.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.collect();
        while let Some(next) = self.switch.poll_timeout(self.now).filter(|next| *next <= end) {
            self.now = next.max(self.now + Duration::from_nanos(1));
            self.switch.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
        self.switch.handle_timeout(end);
        self.collect();
    }

    fn send(&mut self, port: usize, bytes: &[u8]) {
        let mut left = bytes;
        for _ in 0..100_000 {
            let count = self.switch.room(port).min(left.len());
            self.switch.handle_input(self.now, port, &left[..count]);
            left = &left[count..];
            if left.is_empty() {
                return;
            }
            self.pass(Duration::from_millis(20));
        }
        panic!("the line takes nothing more");
    }

    fn said(&mut self, port: usize) -> String {
        self.collect();
        String::from_utf8_lossy(&std::mem::take(&mut self.read[port])).into_owned()
    }

    /// Port 0 calls port 1, which answers by itself.
    fn connect(&mut self) {
        self.send(1, b"ATE0S0=1\r");
        self.send(0, b"ATE0DT2\r");
        self.pass(Duration::from_secs(3));
        assert!(self.said(0).contains("CONNECT"));
        assert!(self.said(1).contains("CONNECT"));
    }
}

fn analogue() -> Bench {
    Bench::new(Settings::default(), &[("1", false), ("2", false), ("3", false)])
}

#[test]
fn a_line_that_is_off_hook_is_busy_until_it_is_hung_up() {
    for on_hook in [&b"ATH\r"[..], b"ATZ\r"] {
        let mut bench = analogue();
        bench.send(1, b"ATH1\r");
        bench.send(0, b"ATDT2\r");
        bench.pass(Duration::from_secs(1));
        assert!(bench.read[0].ends_with(b"BUSY\r\n"));
        bench.send(1, on_hook);
        bench.send(0, b"ATDT2\r");
        bench.pass(Duration::from_secs(1));
        assert!(bench.events.contains(&Event::Ringing { from: 0, to: 1 }));
    }
}

#[test]
fn a_person_takes_the_call_after_the_first_ring_and_the_line_is_free_again() {
    let settings = Settings { people: vec!["5553".to_owned()], ..Settings::default() };
    let ring = settings.ring_every;
    let mut bench = Bench::new(settings, &[("5551", false), ("5552", false)]);
    let dial = |bench: &mut Bench, command: &str, said: &str| {
        bench.read.iter_mut().for_each(Vec::clear);
        bench.send(0, command.as_bytes());
        bench.pass(ring);
        assert!(!bench.read[0].ends_with(b"\r\n"), "it still rings");
        bench.pass(ring);
        assert!(bench.read[0].ends_with(format!("\r\n{said}\r\n").as_bytes()), "{said}");
    };
    dial(&mut bench, "ATDT5553\r", "VOICE");
    dial(&mut bench, "ATX3DT5553\r", "NO CARRIER");
    assert!(bench.events.contains(&Event::Refused { port: 0, reason: "a person speaks" }));
    // Who is calling a person is busy, until he hangs up.
    bench.send(0, b"ATX4DT5553\r");
    bench.pass(Duration::from_secs(1));
    bench.send(1, b"ATDT5551\r");
    bench.pass(Duration::from_secs(1));
    assert!(bench.read[1].ends_with(b"BUSY\r\n"));
    bench.send(0, b"X");
    bench.pass(Duration::from_secs(1));
    bench.send(1, b"ATDT5551\r");
    bench.pass(Duration::from_secs(1));
    assert!(bench.events.contains(&Event::Ringing { from: 1, to: 0 }));
}

#[test]
fn v90_is_only_had_between_a_digital_and_an_analogue_end() {
    for (from, to, up, down, modulation) in [
        (false, true, 33_600, 53_333, "V90"),
        (true, false, 53_333, 33_600, "V90"),
        (false, false, 33_600, 33_600, "V34"),
        (true, true, 33_600, 33_600, "V34"),
    ] {
        let mut bench = Bench::new(Settings::default(), &[("1", from), ("2", to)]);
        bench.connect();
        let wanted = Event::Connected { from: 0, to: 1, up, down, modulation, corrected: true };
        assert!(bench.events.contains(&wanted), "{:?}", bench.events);
    }
}

#[test]
fn a_speed_that_no_modem_reaches_is_a_digital_circuit() {
    let settings = Settings { speed: Some(2_048_000), ..Settings::default() };
    let mut bench = Bench::new(settings, &[("1", false), ("2", true)]);
    bench.connect();
    let (up, down) = (2_048_000, 2_048_000);
    let wanted = Event::Connected { from: 0, to: 1, up, down, modulation: "V120", corrected: true };
    assert!(bench.events.contains(&wanted), "{:?}", bench.events);
}

#[test]
fn data_flows_both_ways_at_the_rate_of_the_line() {
    let mut bench =
        Bench::new(Settings { latency: Duration::ZERO, ..Settings::default() }, &[("1", false), ("2", true)]);
    bench.connect();
    let all: Vec<u8> = (0..40_000u32).map(|n| (n % 251) as u8).collect();
    let begin = bench.now;
    bench.send(1, &all);
    bench.send(0, &all[..2000]);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.read[0], all);
    assert_eq!(bench.read[1], all[..2000]);
    let time = (bench.now - begin).as_secs_f64();
    // 53333 bit/s, 0.95 of it for data.
    let ideal = 40_000.0 * 8.0 / (53_333.0 * 0.95);
    assert!((ideal - 0.5..ideal + 3.0).contains(&time), "{time}");
}

#[test]
fn what_a_dial_may_come_to() {
    let mut bench = analogue();
    bench.send(0, b"ATE0\r");
    bench.said(0);
    for (dial, said) in [("ATDT9\r", "NO CARRIER"), ("ATDT1\r", "BUSY")] {
        bench.send(0, dial.as_bytes());
        bench.pass(Duration::from_secs(1));
        assert_eq!(bench.said(0), format!("\r\n{said}\r\n"), "{dial}");
    }
    bench.send(0, b"ATS7=12DT2\r");
    bench.pass(Duration::from_secs(13));
    assert_eq!(bench.said(0), "\r\nNO ANSWER\r\n");
    assert_eq!(bench.said(1), "\r\nRING\r\n".repeat(3), "one RING every five seconds");
    bench.pass(Duration::from_secs(20));
    assert_eq!(bench.said(1), "", "it rings no more");
    bench.connect();
    bench.send(2, b"ATE0DT2\r");
    bench.pass(Duration::from_secs(1));
    assert!(bench.said(2).ends_with("\r\nBUSY\r\n"));
}

#[test]
fn a_second_call_gets_no_dial_tone() {
    let mut bench = analogue();
    bench.send(1, b"ATE0\r");
    bench.send(0, b"ATE0DT2\r");
    bench.pass(Duration::from_secs(1));
    bench.said(1);
    bench.send(1, b"ATDT3\r");
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.said(1), "\r\nNO DIALTONE\r\n", "somebody is ringing");
}

#[test]
fn a_hang_up_is_told_to_the_other_end_behind_the_last_byte() {
    let mut bench = analogue();
    bench.connect();
    bench.send(0, &[b'x'; 3000]);
    bench.switch.terminal_gone(bench.now, 0);
    bench.pass(Duration::from_secs(2));
    let said = bench.said(1);
    assert_eq!(said, format!("{}\r\nNO CARRIER\r\n", "x".repeat(3000)));
    assert!(bench.events.contains(&Event::CarrierLost { port: 1, orderly: true }));
    assert!(
        bench.events.iter().any(|event| matches!(event, Event::Ended { sent: 3000, dropped: false, .. }))
    );
    // Both can call again.
    bench.switch.handle_dtr(bench.now, 0, true);
    bench.connect();
}

#[test]
fn a_lost_carrier_ends_the_call_at_both_ends_at_once() {
    let settings = Settings { drop_carrier_after: Some(1000), ..Settings::default() };
    let mut bench = Bench::new(settings, &[("1", false), ("2", false)]);
    bench.connect();
    bench.send(0, &[b'x'; 1500]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.said(1), format!("{}\r\nNO CARRIER\r\n", "x".repeat(1000)));
    assert_eq!(bench.said(0), "\r\nNO CARRIER\r\n");
    for port in [0, 1] {
        assert!(bench.events.contains(&Event::CarrierLost { port, orderly: false }));
    }
    // Only once: the next call is sound.
    bench.connect();
    bench.send(0, &[b'y'; 1500]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.said(1), "y".repeat(1500));
}

#[test]
fn error_correction_turns_noise_into_stalls() {
    let noisy = |corrected| Settings { bit_errors: 1e-3, corrected, ..Settings::default() };
    let all = vec![0x55; 5000];
    let mut bench = Bench::new(noisy(true), &[("1", false), ("2", false)]);
    bench.connect();
    bench.send(0, &all);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.read[1], all);
    let mut bench = Bench::new(noisy(false), &[("1", false), ("2", false)]);
    bench.connect();
    bench.send(0, &all);
    bench.pass(Duration::from_secs(60));
    assert_ne!(bench.read[1], all);
    assert_eq!(bench.read[1].len(), all.len());
}

/// Our own dialogue at one port of the exchange.
fn drive(bench: &mut Bench, modem: &mut Modem, port: usize) -> modem::Event {
    for _ in 0..10_000 {
        let mut out = Vec::new();
        modem.poll_transmit(&mut out);
        bench.send(port, &out);
        bench.collect();
        let read = std::mem::take(&mut bench.read[port]);
        modem.handle_input(bench.now, &read);
        match modem.poll_event() {
            Some(modem::Event::Ring { .. }) | None => {}
            Some(event) => return event,
        }
        bench.pass(Duration::from_millis(20));
        modem.handle_timeout(bench.now);
    }
    panic!("the modem says nothing: {modem:?}");
}

#[test]
fn our_dialogue_sets_up_dials_and_hangs_up_on_it() {
    let profile = Profile::exchange();
    let number = |text| Number::parse(text, &profile.number_characters).unwrap();
    let mut bench = Bench::new(Settings::default(), &[("1", false), ("2", true)]);
    bench.send(1, b"ATE0S0=1\r");
    let mut modem = Modem::new(profile.clone(), false);
    modem.set_up(bench.now);
    assert_eq!(drive(&mut bench, &mut modem, 0), modem::Event::Ready);
    modem.dial(bench.now, &number("9"));
    assert_eq!(drive(&mut bench, &mut modem, 0), modem::Event::Failed(ModemError::NoCarrier));
    modem.dial(bench.now, &number("2"));
    let modem::Event::Connected(connect) = drive(&mut bench, &mut modem, 0) else { panic!() };
    assert_eq!((connect.transmit, connect.receive), (Some(33_600), Some(53_333)));
    assert_eq!(connect.modulation.as_deref(), Some("V90"));
    assert_eq!(connect.error_correction.as_deref(), Some("LAPM"));
    modem.hang_up(bench.now);
    assert_eq!(drive(&mut bench, &mut modem, 0), modem::Event::HungUp);
    assert!(bench.said(1).ends_with("NO CARRIER\r\n"));
    // A modem left in a call by a program that died is found, and set up.
    modem.dial(bench.now, &number("2"));
    drive(&mut bench, &mut modem, 0);
    let mut heir = Modem::new(profile, false);
    heir.set_up(bench.now);
    assert_eq!(drive(&mut bench, &mut heir, 0), modem::Event::Ready);
}

#[test]
fn the_same_seed_gives_the_same_mishaps() {
    let run = |seed| {
        let settings = Settings { bit_errors: 1e-3, corrected: false, seed, ..Settings::default() };
        let mut bench = Bench::new(settings, &[("1", false), ("2", false)]);
        bench.connect();
        bench.send(0, &[0; 3000]);
        bench.pass(Duration::from_secs(5));
        std::mem::take(&mut bench.read[1])
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
