//! `[log]`: what the daemon says while it runs.

use super::section::{Section, plain};
use crate::observe::{Format, LogSettings};

pub fn read(section: &mut Section<'_>) -> LogSettings {
    let usual = LogSettings::default();
    let format = section.value("format", |text| match text {
        "plain" => Ok(Format::Plain),
        "json" => Ok(Format::Json),
        _ => Err("write \"plain\" or \"json\"".into()),
    });
    let filter = section.value("filter", |text| plain(text).map(str::to_owned));
    LogSettings { format: format.unwrap_or(usual.format), filter: filter.unwrap_or(usual.filter) }
}
