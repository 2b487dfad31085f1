//! How much of a line's rate a whole call leaves to the file, in virtual time: with errors, at several seeds.

use super::pair::{Pair, file};
use crate::wire::link::Parameters;
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The file of every call, in bytes.
const FILE: usize = 200 << 10;

/// What stands between a program and the line takes so many bytes at once: a serial port, a pipe with a port behind it, a
/// large pipe.
const BUFFERS: [usize; 3] = [1024, 5120, 65_536];

fn line(bit_errors: f64, buffer: usize) -> Settings {
    Settings {
        rate: Some(57_600),
        delay: Duration::from_millis(100),
        bit_errors,
        buffer,
        ..Settings::default()
    }
}

fn sized(i: u16, g: u16) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.i.packet_size = i;
    (parameters.i.eager, parameters.i.seal) = (i > 1024, i > 1024);
    parameters.g.packet_size = g;
    parameters.g.seal = true;
    parameters
}

/// The share of the line that the file had in the call of each seed; nothing where it did not arrive.
fn shares(letter: char, parameters: &Parameters, line: &Settings, seeds: u64) -> Vec<Option<f64>> {
    let share = |seed| {
        let sent = file(FILE, seed);
        let lines = [line.clone(), line.clone()];
        let mut pair = Pair::new(letter, [parameters; 2], lines, seed, [Some(sent.clone()), None]);
        pair.run(HOUR);
        let time = pair.caller.over? - pair.begin;
        let whole = pair.caller.end == Some(Ok(())) && pair.called.received == sent;
        whole.then(|| FILE as f64 * 10.0 / 57_600.0 / time.as_secs_f64())
    };
    (1..=seeds).map(share).collect()
}

/// The least and the mean of those that arrived, and how many did not.
fn sum_up(shares: &[Option<f64>]) -> (f64, f64, usize) {
    let whole: Vec<f64> = shares.iter().copied().flatten().collect();
    let mean = whole.iter().sum::<f64>() / whole.len().max(1) as f64;
    (whole.iter().copied().fold(1.0, f64::min), mean, shares.len() - whole.len())
}

#[test]
#[ignore = "prints figures"]
fn what_noise_costs() {
    for (letter, i, g) in [('i', 1024, 64), ('i', 4095, 64), ('g', 1024, 64), ('g', 1024, 2048)] {
        for buffer in BUFFERS {
            for bit_errors in [0.0, 1e-6, 1e-5, 1e-4] {
                let seeds = if bit_errors == 0.0 { 1 } else { 20 };
                let shares = shares(letter, &sized(i, g), &line(bit_errors, buffer), seeds);
                let size = if letter == 'i' { i } else { g };
                let (least, mean, lost) = sum_up(&shares);
                println!(
                    "{letter}{size} buffer {buffer:5} errors {bit_errors:e}: least {least:.3} mean {mean:.3} lost {lost}"
                );
            }
        }
    }
}

#[test]
fn noise_costs_i_little_whatever_stands_before_the_line() {
    for buffer in BUFFERS {
        for (bit_errors, wanted) in [(0.0, 0.98), (1e-6, 0.96), (1e-5, 0.91), (1e-4, 0.68)] {
            // What is in a large pipe cannot be overtaken, and on a good line a whole window is in it.
            let wanted = if buffer > 60_000 { wanted - 0.06 } else { wanted };
            let (_, mean, lost) = sum_up(&shares('i', &sized(4095, 64), &line(bit_errors, buffer), 12));
            assert!(mean > wanted && lost == 0, "buffer {buffer} errors {bit_errors}: {mean} lost {lost}");
        }
    }
}

#[test]
fn noise_costs_g_a_round_trip_an_error_and_every_call_completes_intact() {
    for (size, bit_errors, wanted) in
        [(64, 1e-5, 0.3), (64, 1e-4, 0.22), (2048, 0.0, 0.96), (2048, 1e-5, 0.76), (2048, 1e-4, 0.35)]
    {
        let parameters = sized(1024, size);
        let (_, mean, lost) = sum_up(&shares('g', &parameters, &line(bit_errors, 5120), 8));
        assert!(mean > wanted && lost == 0, "{size} errors {bit_errors}: {mean} lost {lost}");
    }
}
