use super::pair::{Pair, file, modem};
use crate::wire::link::{GParameters, Parameters};
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn sized(window: u8, packet_size: u16) -> Parameters {
    Parameters { g: GParameters { window, packet_size, ..GParameters::default() }, ..Parameters::default() }
}

/// Runs a call in which the caller's file has to arrive.
fn whole(parameters: [&Parameters; 2], lines: [Settings; 2], seed: u64, length: usize) -> Pair {
    let sent = file(length, seed);
    let mut pair = Pair::new('g', parameters, lines, seed, [Some(sent.clone()), None]);
    pair.run(HOUR);
    assert_eq!(pair.caller.end, Some(Ok(())), "{}", pair.describe());
    assert_eq!(pair.called.end, Some(Ok(())), "{}", pair.describe());
    assert_eq!(pair.called.command, b"S file");
    assert!(pair.called.received == sent, "{}", pair.describe());
    pair
}

#[test]
fn a_clean_line_is_used_to_the_full() {
    let pair = whole([&sized(7, 64), &sized(7, 2048)], [modem(), modem()], 1, 1 << 20);
    let efficiency = pair.efficiency(&pair.called, 57600);
    assert!(efficiency >= 0.95, "{efficiency} {}", pair.describe());
    assert_eq!(pair.caller.link.counters().packets_resent, 0, "{}", pair.describe());
}

#[test]
fn every_window_and_packet_size_works() {
    for window in 1..=7 {
        whole([&sized(8 - window, 64), &sized(window, 128)], [modem(), modem()], u64::from(window), 10_000);
    }
    for size in (5..13).map(|n| 1 << n) {
        whole(
            [&sized(7, 64), &sized(7, size)],
            [modem(), modem()],
            u64::from(size),
            20_000 + usize::from(size),
        );
    }
}

#[test]
fn files_of_every_awkward_length_arrive() {
    for (short_packets, seal) in [(true, false), (true, true), (false, false)] {
        let mut parameters = sized(7, 128);
        parameters.g.short_packets = short_packets;
        parameters.g.seal = seal;
        for length in [0, 1, 31, 32, 33, 63, 64, 65, 96, 97, 127, 128, 129, 255, 256, 257] {
            whole([&parameters; 2], [Settings::default(), Settings::default()], 1, length);
        }
    }
}

#[test]
fn a_slow_line_with_a_long_delay_is_not_flooded_with_repeats() {
    let line = Settings { rate: Some(2400), delay: Duration::from_secs(1), ..modem() };
    let pair = whole([&sized(7, 512), &sized(7, 512)], [line.clone(), line], 1, 60_000);
    assert!(
        pair.efficiency(&pair.called, 2400) > 0.9,
        "{} {}",
        pair.efficiency(&pair.called, 2400),
        pair.describe()
    );
}
