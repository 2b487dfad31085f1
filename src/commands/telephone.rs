//! How telephone lines behave: options that the exchange and the demo share.

use crate::wire::exchange::Settings;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct LineOptions {
    /// The fastest that the modems connect, in bit/s; without it what V.90 and V.34 allow. More than 56000 is no modem
    /// but a digital circuit of that rate both ways.
    #[arg(long, value_name = "BIT/S", value_parser = clap::value_parser!(u32).range(300..=2_048_000))]
    speed: Option<u32>,
    /// How long a bit travels from one modem to the other, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    latency: u64,
    /// Bit error rate of the line, such as 1e-5; error correction makes stalls of the errors.
    #[arg(long, value_name = "BER", default_value_t = 0.0, value_parser = probability)]
    noise: f64,
    /// The share of bytes that are lost, such as 1e-5.
    #[arg(long, value_name = "RATE", default_value_t = 0.0, value_parser = probability)]
    lost: f64,
    /// No error correction in the modems: noise reaches the data.
    #[arg(long)]
    uncorrected: bool,
    /// The carrier is lost once, after so many bytes.
    #[arg(long, value_name = "BYTES")]
    drop_carrier_after: Option<u64>,
    /// What decides every mishap.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl LineOptions {
    pub fn settings(&self) -> Settings {
        Settings {
            speed: self.speed,
            corrected: !self.uncorrected,
            latency: Duration::from_millis(self.latency),
            bit_errors: self.noise,
            lost: self.lost,
            drop_carrier_after: self.drop_carrier_after,
            seed: self.seed,
            ..Settings::default()
        }
    }
}

/// A probability of mishaps that a modem call may have.
fn probability(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "a number such as 1e-5".to_owned())?;
    if (0.0..=0.01).contains(&value) { Ok(value) } else { Err("from 0 to 0.01".to_owned()) }
}
