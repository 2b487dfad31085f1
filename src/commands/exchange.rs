//! `uugate exchange`: a telephone exchange of virtual modems, by itself.

use super::telephone::LineOptions;
use super::{Failure, common};
use crate::exit;
use crate::wire::exchange::{Event, Exchange, ModemSpec, Settings, number_of};
use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Modems, and the lines between them.
#[derive(Debug, Args)]
pub struct Options {
    /// A modem: the path where it is published, its number, and `,digital` if it is connected digitally, as a provider's
    /// are. May be repeated.
    #[arg(long = "modem", value_name = "PATH=NUMBER[,digital]", required = true)]
    modems: Vec<ModemSpec>,
    /// A number at which a person answers. May be repeated.
    #[arg(long = "person", value_name = "NUMBER", value_parser = number_of)]
    people: Vec<String>,
    #[command(flatten)]
    line: LineOptions,
    /// Only say NO CARRIER when a call ends, for programs that keep the device open.
    #[arg(long)]
    keep_open: bool,
    /// Everybody may open the modems, not only who runs the exchange.
    #[arg(long)]
    open_to_all: bool,
    /// Report as JSON, an event a line.
    #[arg(long)]
    json: bool,
}

/// Permission bits of a modem that everybody may open.
const OPEN_TO_ALL: u32 = 0o666;

pub fn run(options: Options) -> Result<u8, Failure> {
    let usual = options.line.settings();
    let settings = Settings {
        carrier_follows: !options.keep_open,
        mode: if options.open_to_all { OPEN_TO_ALL } else { usual.mode },
        people: options.people,
        ..usual
    };
    super::site::runtime()?.block_on(serve(settings, options.modems, options.json))
}

async fn serve(settings: Settings, modems: Vec<ModemSpec>, json: bool) -> Result<u8, Failure> {
    let failed = |error: std::io::Error| Failure::new(exit::OSERR, format!("port: signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut exchange = Exchange::start(settings, modems.clone())?;
    for modem in &modems {
        let event = json!({ "modem": modem.path, "number": modem.number, "digital": modem.digital });
        let text = format!("{} is a modem with the number {}", modem.path.display(), modem.number);
        say(json, &event, &text)?;
    }
    let number = |port: usize| modems.get(port).map_or("?", |modem| modem.number.as_str());
    loop {
        tokio::select! {
            event = exchange.event() => match event {
                Some(event) => {
                    let (value, text) = told(&event, &number);
                    say(json, &value, &text)?;
                }
                None => return Err(Failure::new(exit::SOFTWARE, "port: the exchange has stopped by itself")),
            },
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    exchange.shutdown().await;
    Ok(exit::OK)
}

/// An event as JSON and in words.
fn told<'a>(event: &Event, number: &impl Fn(usize) -> &'a str) -> (Value, String) {
    match event {
        Event::Dialled { port, number: dialled } => {
            let by = number(*port);
            (json!({ "event": "dialled", "by": by, "number": dialled }), format!("{by} dials {dialled}"))
        }
        Event::Refused { port, reason } => {
            let by = number(*port);
            (json!({ "event": "refused", "by": by, "reason": reason }), format!("{by} hears {reason}"))
        }
        Event::Ringing { from, to } => {
            let (from, to) = (number(*from), number(*to));
            (json!({ "event": "ringing", "from": from, "to": to }), format!("{to} rings, called by {from}"))
        }
        Event::Connected { from, to, up, down, modulation, corrected } => {
            let (from, to) = (number(*from), number(*to));
            let value = json!({
                "event": "connected", "from": from, "to": to, "up": up, "down": down,
                "modulation": modulation, "corrected": corrected,
            });
            let correction = if *corrected { "with" } else { "without" };
            let text = format!(
                "{from} and {to} are connected: {modulation}, {up} bit/s up, {down} bit/s down, {correction} error correction"
            );
            (value, text)
        }
        Event::Ended { from, to, sent, received, dropped, .. } => {
            let (from, to) = (number(*from), number(*to));
            let value = json!({
                "event": "ended", "from": from, "to": to, "sent": sent, "received": received, "dropped": dropped,
            });
            let how = if *dropped { "lost the carrier" } else { "hung up" };
            (value, format!("{from} and {to} {how} after {sent} bytes up and {received} bytes down"))
        }
        Event::CarrierLost { port, orderly } => {
            let at = number(*port);
            let value = json!({ "event": "carrier-lost", "at": at, "orderly": orderly });
            (value, format!("{at} has no carrier any more"))
        }
    }
}

fn say(json: bool, value: &Value, text: &str) -> Result<(), Failure> {
    common::say(&if json { format!("{value}\n") } else { format!("{text}\n") })
}
