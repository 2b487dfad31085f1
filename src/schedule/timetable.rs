//! Time strings by name: Taylor UUCP manual, "Miscellaneous (config)", `timetable`.

use super::Windows;
use super::parse::{self, TimeStringError};
use std::collections::BTreeMap;

/// The names that are there from the beginning, with the hours that the manual gives them.
const PREDEFINED: [(&str, &str); 3] = [
    ("Evening", "Wk1705-0755,Sa,Su"),
    ("Night", "Wk2305-0755,Sa,Su2305-1655"),
    // Once the hours of a packet network; kept for compatibility.
    ("NonPeak", "Wk1805-0655,Sa,Su"),
];

/// Hours of the week that have a name, of letters of either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetables(BTreeMap<String, Windows>);

impl Default for Timetables {
    /// Evening, Night and NonPeak.
    fn default() -> Self {
        let mut tables = Timetables(BTreeMap::new());
        for (name, hours) in PREDEFINED {
            if let Ok(windows) = tables.read(hours) {
                tables.define(name, windows);
            }
        }
        tables
    }
}

impl Timetables {
    /// Gives hours a name, in place of what had it before.
    pub fn define(&mut self, name: &str, hours: Windows) {
        self.0.insert(name.to_ascii_lowercase(), hours);
    }

    /// Whether a name has hours from the beginning.
    pub fn is_predefined(name: &str) -> bool {
        PREDEFINED.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Windows> {
        self.0.get(&name.to_ascii_lowercase())
    }

    /// Reads a time string, in which these names may stand as days do.
    pub fn read(&self, text: &str) -> Result<Windows, TimeStringError> {
        parse::windows(text, self)
    }
}
