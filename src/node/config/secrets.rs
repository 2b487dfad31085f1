//! Secrets: in the configuration itself, or in a file that nobody else can read.

use super::section::{Section, plain};
use crate::observe::Secret;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The longest secret, in bytes.
const LONGEST: u64 = 4096;

/// A secret given as `key` or, better, as the file of `file_key`.
pub fn read(
    section: &mut Section<'_>,
    key: &'static str,
    file_key: &'static str,
    base: &Path,
) -> Option<Secret> {
    let given = section.value(key, |text| plain(text).map(|text| Secret::new(text.to_owned())));
    let filed = section.value(file_key, |path| from_file(&base.join(path)));
    if section.has(key) && section.has(file_key) {
        section.wrong(
            key,
            format!("both `{key}` and `{file_key}` are given"),
            format!("keep `{file_key}` alone"),
        );
    }
    filed.or(given)
}

/// The first line of a file of mode 0600.
pub fn from_file(path: &Path) -> Result<Secret, String> {
    let name = path.display();
    let file = fs::File::open(path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let about = file.metadata().map_err(|error| format!("{name} cannot be read: {error}"))?;
    if !about.is_file() {
        return Err(format!("{name} is no file"));
    }
    if about.permissions().mode() & 0o077 != 0 {
        return Err(format!("others can read {name}; say chmod 600 {name}, and change the password"));
    }
    let mut text = String::new();
    let read = file.take(LONGEST).read_to_string(&mut text);
    read.map_err(|_| format!("{name} cannot be read as text"))?;
    let line = text.lines().next().unwrap_or_default();
    plain(line)
        .map(|line| Secret::new(line.to_owned()))
        .map_err(|why| format!("the first line of {name}: {why}"))
}
