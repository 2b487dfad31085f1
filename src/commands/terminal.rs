//! `uugate terminal`: a modem, or a system behind it, by hand.

use super::site::runtime;
use super::{Common, Failure};
use crate::exit;
use crate::node::config::Config;
use crate::wire::line::Port;
use crate::wire::station::by_hand::{self, Ended};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Options {
    /// A line, to talk to its modem; or a system, to call it first.
    name: String,
    /// Write what comes into this file as well.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

pub fn run(common: &Common, options: &Options) -> Result<u8, Failure> {
    let config = common.site.config()?;
    let mut log = match &options.log {
        Some(file) => Some(
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)
                .map_err(|error| Failure::new(exit::CANTCREAT, format!("{}: {error}", file.display())))?,
        ),
        None => None,
    };
    let log = log.as_mut().map(|log| log as &mut (dyn Write + Send));
    let ended = runtime()?.block_on(talk(&config, &options.name, log))?;
    common.say(match ended {
        Ended::ByHand => "ended\n",
        Ended::ThereAlone => "ended by the other end\n",
    })?;
    Ok(exit::OK)
}

async fn talk(config: &Config, name: &str, log: Option<&mut (dyn Write + Send)>) -> Result<Ended, Failure> {
    let settings = config.station();
    let system = settings.systems.iter().find(|system| system.name.as_str() == name);
    let line = system.and_then(|system| system.lines.first()).map_or(name, String::as_str);
    let line = settings.lines.iter().find(|known| known.name == line);
    let line =
        line.ok_or_else(|| Failure::usage(format!("{name:?} is no line, and no system that we call")))?;
    if system.is_some() && settings.node.tariffs.contains_key(&line.name) {
        let why = format!("calls on {} cost money, and what is called by hand is not counted", line.name);
        return Err(Failure::usage(format!("{why}; use `uugate poll`")));
    }
    let mut console = Port::Stdio.open().await?;
    Ok(by_hand::talk(line, system, &mut console, log).await?)
}
