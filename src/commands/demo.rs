//! `uugate demo`: two sites and a telephone exchange, to watch.

use super::Failure;
use crate::exit;
use crate::node::demo::{self, Settings};
use crate::wire::exchange::Settings as ExchangeSettings;
use clap::Args;
use std::io::Write;
use std::time::Duration;

/// How the line of the demo is.
#[derive(Debug, Args)]
pub struct Options {
    /// The fastest that the modems connect, in bit/s; without it what V.90 allows.
    #[arg(long, value_name = "BIT/S", value_parser = clap::value_parser!(u32).range(300..=56_000))]
    speed: Option<u32>,
    /// How long a bit travels from one modem to the other, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    latency: u64,
    /// Bit error rate of the line, such as 1e-5; error correction makes stalls of them.
    #[arg(long, value_name = "BER", default_value_t = 0.0, value_parser = probability)]
    noise: f64,
    /// No error correction in the modems: noise reaches the data.
    #[arg(long)]
    uncorrected: bool,
    /// What decides every mishap.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The carrier is lost once, after so many bytes.
    #[arg(long, value_name = "BYTES")]
    drop_carrier_after: Option<u64>,
    /// Print the summary alone, as JSON.
    #[arg(long)]
    json: bool,
    /// Keep the sites running afterwards, to talk to them with any mail program.
    #[arg(long)]
    stay: bool,
}

pub fn run(options: Options) -> Result<u8, Failure> {
    let exchange = ExchangeSettings {
        speed: options.speed,
        corrected: !options.uncorrected,
        latency: Duration::from_millis(options.latency),
        bit_errors: options.noise,
        drop_carrier_after: options.drop_carrier_after,
        seed: options.seed,
        ..ExchangeSettings::default()
    };
    let settings = Settings { exchange, json: options.json, stay: options.stay };
    let summary = demo::run(settings)?;
    let text = if options.json {
        serde_json::to_string_pretty(&summary)
            .map_err(|error| Failure::new(exit::SOFTWARE, error.to_string()))?
    } else {
        format!("\n{summary}")
    };
    // Somebody who stops reading has seen enough; the exit code tells.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(if summary.sound() { exit::OK } else { exit::SOFTWARE })
}

fn probability(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "a number such as 1e-5".to_owned())?;
    if (0.0..=0.01).contains(&value) { Ok(value) } else { Err("from 0 to 0.01".to_owned()) }
}
