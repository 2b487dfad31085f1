//! `uugate line`: what is the matter with the serial lines, and locks that were left on them.

use super::{Common, Failure, site};
use crate::exit;
use crate::node::report::{Doctor, Examined};
use crate::wire::doctor::drive::{Patience, examine};
use crate::wire::doctor::judge;
use crate::wire::line::{SerialSettings, unlock};
use indicatif::ProgressBar;
use serde_json::json;
use std::io::IsTerminal;
use std::time::Duration;

/// How often the sign that work goes on moves.
const TICK: Duration = Duration::from_millis(100);

/// One line to look at.
struct Patient {
    /// Its name in the configuration.
    line: Option<String>,
    settings: SerialSettings,
    modem: bool,
}

/// Examines a line, by its name or the path of a device; without one, all serial lines of this machine.
pub fn doctor(common: &Common, line: Option<String>) -> Result<u8, Failure> {
    let patients = match line {
        // A device that no configuration has to name.
        Some(path) if path.contains('/') => {
            let settings =
                SerialSettings { device: path.into(), lock_dir: None, ..SerialSettings::default() };
            vec![Patient { line: None, settings, modem: true }]
        }
        line => configured(common, line.as_deref())?,
    };
    let on_terminal = std::io::stderr().is_terminal() && !common.json;
    let progress = if on_terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    progress.enable_steady_tick(TICK);
    let lines = site::runtime()?.block_on(async {
        let mut lines = Vec::new();
        for Patient { line, settings, modem } in patients {
            let mut tell = |what: String| progress.set_message(what);
            let seen = examine(&settings, modem, &Patience::default(), &mut tell).await;
            lines.push(Examined { line, findings: judge(&seen), seen });
        }
        lines
    });
    progress.finish_and_clear();
    let report = Doctor { lines };
    if common.json {
        common.print_json(&report)?;
    } else {
        common.say(&report.to_string())?;
    }
    Ok(if report.is_wrong() { exit::UNAVAILABLE } else { exit::OK })
}

/// Takes away the lock files of a line whose programs are gone.
pub fn unlock_stale(common: &Common, line: &str) -> Result<u8, Failure> {
    for Patient { settings, .. } in configured(common, Some(line))? {
        let gone: Vec<String> = unlock(&settings)?.iter().map(|file| file.display().to_string()).collect();
        if common.json {
            common.print_json(&json!({ "line": line, "removed": gone }))?;
        } else if gone.is_empty() {
            common.say(&format!("{line}: there is no stale lock\n"))?;
        } else {
            common.say(&format!("{line}: took away {}\n", gone.join(", ")))?;
        }
    }
    Ok(exit::OK)
}

fn configured(common: &Common, name: Option<&str>) -> Result<Vec<Patient>, Failure> {
    let config = common.site.config()?;
    let asked = config.lines.iter().filter(|line| name.is_none_or(|name| line.name == name));
    let patients: Vec<Patient> = asked
        .filter_map(|line| {
            let (settings, modem) = (line.serial_port()?, line.has_modem());
            Some(Patient { line: Some(line.name.clone()), settings, modem })
        })
        .collect();
    match name {
        _ if !patients.is_empty() => Ok(patients),
        Some(name) => Err(Failure::usage(format!(
            "{name:?} is no serial line of this machine; name one, or a device as /dev/ttyS0"
        ))),
        None => Err(Failure::usage("no serial line is configured; name a device, as /dev/ttyS0")),
    }
}
