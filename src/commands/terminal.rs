//! `uugate terminal`: a modem, or a system behind it, by hand.

use super::site::{Site, owns, runtime};
use super::{Common, Failure};
use crate::exit;
use crate::node::config::Places;
use crate::node::control::{Client, ControlError};
use crate::node::report::Report;
use crate::node::verbs::{Request, Who};
use crate::schedule::Money;
use crate::spool::Charge;
use crate::wire::line::Port;
use crate::wire::station::by_hand::{self, Ended};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Options {
    /// A line, to talk to its modem; or a system, to call it first.
    name: String,
    /// Write what comes into this file as well.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

pub fn run(common: &Common, options: &Options) -> Result<u8, Failure> {
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
    let (ended, charge) = runtime()?.block_on(talk(&common.site, &options.name, log))?;
    common.say(match ended {
        Ended::ByHand => "ended\n",
        Ended::ThereAlone => "ended by the other end\n",
        Ended::TooLong => "ended, for there is no money for more\n",
    })?;
    if let Some(Charge { thousandths, seconds, .. }) = charge {
        common.say(&format!("cost {} for {seconds} s\n", Money(thousandths)))?;
    }
    Ok(exit::OK)
}

async fn talk(
    site: &Site,
    name: &str,
    log: Option<&mut (dyn Write + Send)>,
) -> Result<(Ended, Option<Charge>), Failure> {
    let config = site.config()?;
    let settings = config.station();
    let system = settings.systems.iter().find(|system| system.name.as_str() == name);
    let line = system.and_then(|system| system.lines.first()).map_or(name, String::as_str);
    let line = settings.lines.iter().find(|known| known.name == line);
    let line =
        line.ok_or_else(|| Failure::usage(format!("{name:?} is no line, and no system that we call")))?;
    let talk = async |longest: Duration| -> Result<Ended, Failure> {
        let mut console = Port::Stdio.open().await?;
        Ok(by_hand::talk(line, system, longest, &mut console, log).await?)
    };
    if system.is_none() || !settings.node.tariffs.contains_key(&line.name) {
        return Ok((talk(Duration::MAX).await?, None));
    }
    let places = Places::find(&site.file);
    match Client::connect(&places.socket) {
        Ok(client) => {
            let counting = client.count(&Request::Terminal { system: name.to_owned() })?;
            let ended = talk(counting.longest).await;
            let charge = match counting.end()? {
                Report::Call(record) => record.charge,
                _ => None,
            };
            Ok((ended?, charge))
        }
        Err(ControlError::NoDaemon { .. }) if owns(&places.spool) => {
            let own = site.open(&places).await?;
            let by_hand = own.call_by_hand(&Who::myself(&own.config), name).await?;
            let (longest, mut ended) = (by_hand.longest, None);
            let talking = async { ended = Some(talk(longest).await) };
            let counted = own.count_by_hand(by_hand, talking).await;
            own.spool.close().await;
            let charge = counted?.charge;
            Ok((ended.unwrap_or(Ok(Ended::ByHand))?, charge))
        }
        Err(error) => Err(error.into()),
    }
}
