//! `[record]`: calls that are written down byte by byte, to be looked at by `uugate trace`.

use super::section::Section;
use super::units::size;
use crate::wire::record::drive::{Place, RecordSettings};
use std::path::Path;

/// Recordings that a folder holds if nothing is said.
const KEEP: u32 = 100;
/// The most that it may be told to hold; its names are read for each call.
const MOST: u32 = 10_000;

pub fn read(section: &mut Section<'_>, base: &Path) -> Option<RecordSettings> {
    let directory = section.text("directory");
    let largest = section.value("largest", size).unwrap_or(RecordSettings::LARGEST);
    let keep = section.count("keep", 1..=MOST).unwrap_or(KEEP);
    if !section.has("directory") {
        section.missing("directory", "add where recordings are put, as directory = \"recordings\"");
    }
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    Some(RecordSettings { place: Place::Folder { path: base.join(directory?), keep }, largest })
}
