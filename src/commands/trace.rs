//! `uugate trace`: what a recorded call says.

use super::Failure;
use super::common::{say, say_json};
use crate::exit;
use crate::wire::record::Recording;
use crate::wire::trace;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest recording that is read, in bytes; a recording of the usual size is a quarter of it.
const LARGEST: u64 = 64 << 20;

/// Prints a recording as text or JSON.
pub fn run(file: &Path, json: bool) -> Result<u8, Failure> {
    let name = file.display();
    let unreadable = |error| Failure::new(exit::NOINPUT, format!("{name} cannot be read: {error}"));
    let mut text = String::new();
    let mut opened = File::open(file).map_err(unreadable)?.take(LARGEST);
    opened.read_to_string(&mut text).map_err(unreadable)?;
    let recording = Recording::parse(&text)
        .map_err(|error| Failure::new(exit::DATAERR, format!("{name} is no recording of a call: {error}")))?;
    let trace = trace::decode(&recording);
    if json {
        say_json(&trace)?
    } else {
        say(&trace.to_string())?
    }
    Ok(exit::OK)
}
