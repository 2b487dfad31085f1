//! How much of a line's rate a whole call leaves to the file, in virtual time.

use super::pair::{Pair, file};
use crate::wire::link::{GParameters, Parameters};
use crate::wire::noise::Settings;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// The file of every call, in bytes.
const FILE: usize = 200 << 10;

/// 57 600 bit/s, 100 ms each way, and what stands between the program and the line takes so many bytes at once.
fn line(bit_errors: f64, buffer: usize) -> Settings {
    Settings {
        rate: Some(57600),
        delay: Duration::from_millis(100),
        bit_errors,
        buffer,
        ..Settings::default()
    }
}

/// The share of the line that the file had in each call of a seed; nothing for a call that failed.
fn shares(letter: char, parameters: &Parameters, line: &Settings, seeds: u64) -> Vec<Option<f64>> {
    (std::env::var("FROM").map_or(1, |v| v.parse().unwrap())..=seeds)
        .map(|seed| {
            let sent = file(FILE, seed);
            let lines = [line.clone(), line.clone()];
            let mut pair = Pair::new(letter, [parameters; 2], lines, seed, [Some(sent.clone()), None]);
            pair.run(HOUR);
            if std::env::var("SAY").is_ok() {
                println!("{seed} {}", pair.describe());
            }
            let time = (pair.caller.over.unwrap() - pair.begin).as_secs_f64();
            let whole = pair.caller.end == Some(Ok(())) && pair.called.received == sent;
            whole.then(|| FILE as f64 * 10.0 / 57600.0 / time)
        })
        .collect()
}

fn said(shares: &[Option<f64>]) -> String {
    let mut good: Vec<f64> = shares.iter().copied().flatten().collect();
    good.sort_by(f64::total_cmp);
    let mean = good.iter().sum::<f64>() / good.len().max(1) as f64;
    let at = |part: usize| good.get((good.len().max(1) - 1) * part / 2).copied().unwrap_or_default();
    format!("{:.3} {:.3} {:.3} mean {mean:.3} ({} of {})", at(0), at(1), at(2), good.len(), shares.len())
}

#[test]
#[ignore = "prints figures"]
fn report() {
    for buffer in [1024, 4096, 65536] {
        for (letter, size) in [('i', 1024), ('i', 4095), ('g', 64), ('g', 1024), ('g', 2048), ('g', 4096)] {
            let mut parameters = Parameters::default();
            parameters.i.packet_size = size.min(4095);
            parameters.g.packet_size = size;
            for bit_errors in [0.0, 1e-6, 1e-5, 1e-4] {
                let seeds = if bit_errors == 0.0 { 1 } else { 20 };
                let shares = shares(letter, &parameters, &line(bit_errors, buffer), seeds);
                println!("{letter}{size} buffer {buffer} errors {bit_errors:e}: {}", said(&shares));
            }
        }
    }
}

#[test]
#[ignore = "prints figures"]
fn one() {
    let letter = std::env::var("P").unwrap_or("i".into()).chars().next().unwrap();
    let ber: f64 = std::env::var("E").unwrap_or("1e-4".into()).parse().unwrap();
    let buffer: usize = std::env::var("B").unwrap_or("5120".into()).parse().unwrap();
    let size: u16 = std::env::var("S").unwrap_or("1024".into()).parse().unwrap();
    let seeds: u64 = std::env::var("N").unwrap_or("20".into()).parse().unwrap();
    let mut parameters = Parameters::default();
    parameters.i.packet_size = size.min(4095);
    parameters.g.packet_size = size;
    println!("{}", said(&shares(letter, &parameters, &line(ber, buffer), seeds)));
}
