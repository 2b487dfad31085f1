//! `uugate demo`: two sites and a telephone exchange, to watch.

use super::Failure;
use super::telephone::LineOptions;
use crate::exit;
use crate::node::demo::{self, Settings};
use clap::Args;
use std::io::Write;

/// The line of the demo, and what is shown.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    line: LineOptions,
    /// Print the summary alone, as JSON.
    #[arg(long)]
    json: bool,
    /// Keep the sites running afterwards, to talk to them with any mail program.
    #[arg(long)]
    stay: bool,
}

pub fn run(options: Options) -> Result<u8, Failure> {
    let settings = Settings { exchange: options.line.settings(), json: options.json, stay: options.stay };
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
