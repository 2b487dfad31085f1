use super::pair::{Pair, file, modem};
use crate::wire::link::{IParameters, Parameters};
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn sized(window: u8, packet_size: u16) -> Parameters {
    Parameters { i: IParameters { window, packet_size, ..IParameters::default() }, ..Parameters::default() }
}

/// Runs a call that has to succeed both ways.
fn whole(parameters: [&Parameters; 2], lines: [Settings; 2], seed: u64, length: usize) -> Pair {
    let files = [file(length, seed), file(length * 3 / 4, seed + 1)];
    let mut pair = Pair::new('i', parameters, lines, seed, files.clone().map(Some));
    pair.run(HOUR);
    assert_eq!(pair.caller.end, Some(Ok(())), "{}", pair.describe());
    assert_eq!(pair.called.end, Some(Ok(())), "{}", pair.describe());
    assert_eq!(pair.called.command, b"S file");
    assert!(pair.called.received == files[0] && pair.caller.received == files[1], "{}", pair.describe());
    pair
}

#[test]
fn files_cross_a_clean_line_both_ways_at_once() {
    let parameters = Parameters::default();
    let pair = whole([&parameters; 2], [modem(), modem()], 1, 300_000);
    for end in [&pair.caller, &pair.called] {
        assert_eq!(end.link.counters().packets_resent, 0, "{}", pair.describe());
        assert_eq!(end.link.counters().bad_headers + end.link.counters().bad_checksums, 0);
    }
    assert!(pair.efficiency(&pair.called, 57600) > 0.96, "{}", pair.efficiency(&pair.called, 57600));
}

#[test]
fn a_clean_line_is_used_to_the_full() {
    for (size, least) in [(1024, 0.97), (4095, 0.98)] {
        let parameters = sized(16, size);
        let mut pair =
            Pair::new('i', [&parameters; 2], [modem(), modem()], 1, [Some(file(1 << 20, 1)), None]);
        pair.run(HOUR);
        let efficiency = pair.efficiency(&pair.called, 57600);
        assert!(efficiency >= least, "{size}: {efficiency} {}", pair.describe());
    }
}

#[test]
fn noise_costs_what_it_must() {
    for (bit_errors, least) in [(1e-6, 0.96), (1e-5, 0.9), (1e-4, 0.6)] {
        for seed in 0..3 {
            let line = Settings { bit_errors, ..modem() };
            let parameters = Parameters::default();
            let sent = file(512 * 1024, 1);
            let mut pair =
                Pair::new('i', [&parameters; 2], [line.clone(), line], seed, [Some(sent.clone()), None]);
            pair.run(HOUR);
            assert!(pair.called.received == sent, "{}", pair.describe());
            let efficiency = pair.efficiency(&pair.called, 57600);
            assert!(efficiency >= least, "{bit_errors}: {efficiency} {}", pair.describe());
        }
    }
}

#[test]
fn a_slow_line_with_a_long_delay_is_not_flooded_with_repeats() {
    let line = Settings { rate: Some(2400), delay: Duration::from_secs(1), ..modem() };
    let parameters = Parameters::default();
    let pair = whole([&parameters; 2], [line.clone(), line], 1, 60_000);
    assert!(
        pair.efficiency(&pair.called, 2400) > 0.93,
        "{} {}",
        pair.efficiency(&pair.called, 2400),
        pair.describe()
    );
}

#[test]
fn every_window_works() {
    for window in 1..=16 {
        whole([&sized(window, 200), &sized(17 - window, 333)], [modem(), modem()], u64::from(window), 20_000);
    }
}

#[test]
fn every_packet_size_works() {
    for size in [1, 2, 3, 5, 63, 64, 255, 256, 1023, 2048, 4094, 4095] {
        let length = 300 * usize::from(size).min(100);
        whole([&sized(16, size), &sized(16, size)], [modem(), modem()], u64::from(size), length);
    }
}
