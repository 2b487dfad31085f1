//! What all commands have: standard options, the site, and how they print.

use super::Failure;
use super::arguments::{self, Argument, Grammar, JSON};
use super::site::Site;
use crate::exit;
use crate::node::config::Places;
use crate::node::report::{Report, tell_times_in};
use serde::Serialize;
use std::ffi::OsString;
use std::io::Write;

/// The standard options of a command line, taken out of it.
#[derive(Debug, Clone)]
pub struct Common {
    pub site: Site,
    pub json: bool,
    help: bool,
    version: bool,
}

impl Common {
    pub fn new(config: Option<String>, json: bool) -> Common {
        Common { site: Site::find(config), json, help: false, version: false }
    }

    /// Reads a command line of an old grammar.
    pub fn read(words: Vec<OsString>, grammar: Grammar) -> Result<(Common, Vec<Argument>), Failure> {
        let own = |letter: char| grammar.options.iter().any(|(l, ..)| *l == letter);
        let mut config = None;
        let (mut json, mut help, mut version) = (false, false, false);
        let mut rest = Vec::new();
        for argument in arguments::read(words, grammar)? {
            match argument {
                Argument::Option(letter, _) if own(letter) => rest.push(argument),
                Argument::Option('I', value) => config = Some(value),
                Argument::Option('x', _) => {}
                Argument::Option('v', _) => version = true,
                Argument::Option('h', _) => help = true,
                Argument::Option(JSON, _) => json = true,
                other => rest.push(other),
            }
        }
        Ok((Common { site: Site::find(config), json, help, version }, rest))
    }

    /// Prints help or version, if that was asked for.
    pub fn information(&self, name: &str, help: &str) -> Result<Option<u8>, Failure> {
        if self.help {
            self.say(help)?;
        } else if self.version {
            self.say(&version(name))?;
        } else {
            return Ok(None);
        }
        Ok(Some(exit::OK))
    }

    /// Prints a report as text or JSON.
    pub fn print(&self, report: &Report) -> Result<(), Failure> {
        if self.json {
            return self.print_json(report);
        }
        if let Some(zone) = Places::zone_of(&self.site.file) {
            tell_times_in(zone);
        }
        self.say(&report.to_string())
    }

    pub fn print_json(&self, report: &impl Serialize) -> Result<(), Failure> {
        say_json(report)
    }

    /// Writes to standard output.
    pub fn say(&self, text: &str) -> Result<(), Failure> {
        say(text)
    }
}

/// Writes to standard output. Text of strangers is part of reports, so control characters are shown, not obeyed.
pub fn say(text: &str) -> Result<(), Failure> {
    let harmless: String = text
        .chars()
        .map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c })
        .collect();
    say_styled(&harmless)
}

/// Writes a report as JSON.
pub fn say_json(report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::new(exit::SOFTWARE, error.to_string()))?;
    say(&format!("{text}\n"))
}

/// The same for text that was made harmless and has colours of our own.
pub fn say_styled(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// What `--version` prints.
pub fn version(name: &str) -> String {
    format!("{name} (uugate) {}\n", env!("CARGO_PKG_VERSION"))
}

/// A message that cannot move the cursor or begin a second line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
