//! `[spool]`, `[control]`: where the node keeps things and where commands find it.

use super::Places;
use super::section::Section;
use super::units::{duration, size};
use std::path::Path;

/// `[spool]`.
pub fn read_spool(section: &mut Section<'_>, base: &Path, places: &mut Places) {
    places.reserve = section.value("reserve", size);
    places.unclaimed_after = section.value("unclaimed-after", duration);
    if let Some(directory) = section.text("directory") {
        places.spool = base.join(directory);
    }
}

/// `[control] socket`.
pub fn read_control(section: &mut Section<'_>, base: &Path, places: &mut Places) {
    // sun_path of unix(7) holds 108 bytes, the last one NUL.
    const LONGEST: usize = 107;
    if let Some(socket) = section.text("socket") {
        places.socket = base.join(socket);
    }
    if places.socket.as_os_str().len() > LONGEST {
        section.doubtful(
            "socket",
            format!("the path of the control socket is longer than {LONGEST} bytes, so it cannot be opened"),
            "write a shorter path",
        );
    }
}
