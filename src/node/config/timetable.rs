//! `[timetable]`: names for hours of the week, to stand where a time string is read.

use super::findings::Findings;
use super::section::Section;
use crate::schedule::Timetables;

/// Reads the section. A name may stand in those below it.
pub fn read(section: Section<'_>, findings: &Findings) -> Timetables {
    let mut tables = Timetables::default();
    for entry in section.entries() {
        let fits = entry.key.starts_with(|c: char| c.is_ascii_alphabetic())
            && entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        // What are hours already, is no name for others.
        let is_hours =
            Timetables::default().read(&entry.key).is_ok() && !Timetables::is_predefined(&entry.key);
        if !fits || is_hours {
            findings.error(
                entry.key_span,
                format!("`{}` cannot be the name of a timetable", entry.key.escape_default()),
                "write letters and digits, beginning with a letter, that are no days themselves",
            );
            continue;
        }
        let [text] = entry.texts.as_slice() else { continue };
        match tables.read(text) {
            Ok(hours) => tables.define(&entry.key, hours),
            Err(error) => {
                findings.error(entry.span, format!("wrong `{}` in [timetable]", entry.key), error.to_string())
            }
        }
    }
    tables
}
