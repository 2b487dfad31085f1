//! `uugate spool verify` and `uugate spool dump`: what is in the spool, read without the daemon.

use super::{Common, Failure};
use crate::exit;
use crate::node::config::Places;
use crate::node::report::{Dump, Verify};
use crate::spool;
use std::path::Path;

/// Holds what is in the spool against itself.
pub fn verify(common: &Common) -> Result<u8, Failure> {
    let directory = Places::find(&common.site.file).spool;
    let report = Verify::from(spool::verify(&directory)?);
    if common.json {
        common.print_json(&report)?;
    } else {
        common.say(&report.to_string())?;
    }
    Ok(if report.damaged { exit::DATAERR } else { exit::OK })
}

/// Writes what can be read of the spool as plain files.
pub fn dump(common: &Common, out: &Path) -> Result<u8, Failure> {
    let directory = Places::find(&common.site.file).spool;
    let report = Dump::from(spool::dump(&directory, out)?);
    if common.json {
        common.print_json(&report)?;
    } else {
        common.say(&report.to_string())?;
    }
    Ok(if report.lost.is_empty() { exit::OK } else { exit::DATAERR })
}
