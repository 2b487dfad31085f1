//! `[directors]`: files that say what becomes of a name here, and what they may name.

use super::section::{Section, plain};
use crate::post::route::directors::{Settings, command};
use std::path::{Path, PathBuf};

/// Where anybody may put a file, as the HOWTO has it: `unsecure = "~uucp:/tmp:/usr/tmp:/var/tmp"`.
const UNSAFE: [&str; 4] = ["/tmp", "/usr/tmp", "/var/tmp", "/var/spool/uucppublic"];

/// What holds without the section.
pub fn usual() -> Settings {
    Settings { unsafe_directories: UNSAFE.map(PathBuf::from).to_vec(), ..Settings::default() }
}

pub fn read(section: &mut Section<'_>, base: &Path) -> Settings {
    let usual = usual();
    let file = |text: &str| plain(text).map(|text| base.join(text));
    Settings {
        alias_files: section.list("alias-files", file).unwrap_or_default(),
        lists: section.value("lists", file),
        homes: section.value("homes", file),
        forward_files: section.boolean("forward-files").unwrap_or(usual.forward_files),
        forward_to: section.boolean("forward-to").unwrap_or(usual.forward_to),
        programs: section.list("programs", program).unwrap_or_default(),
        files: section.list("files", named_file).unwrap_or_default(),
        unsafe_directories: section.list("unsafe-directories", absolute).unwrap_or(usual.unsafe_directories),
        own_uid: usual.own_uid,
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    let text = plain(text)?;
    if text.starts_with('/') { Ok(PathBuf::from(text)) } else { Err("write a path from / on".to_owned()) }
}

fn program(text: &str) -> Result<PathBuf, String> {
    let path = absolute(text).map_err(|_| "write the whole path, as \"/usr/bin/procmail\"".to_owned())?;
    if command::is_shell(text) {
        return Err(
            "it runs whatever it is told, so any line of any forward file would run; name the program that \
                    is meant, or a script of your own"
                .to_owned(),
        );
    }
    Ok(path)
}

fn named_file(text: &str) -> Result<String, String> {
    let text = plain(text)?;
    match text.strip_prefix("~/").or_else(|| text.strip_prefix('/')) {
        Some(rest) if !rest.is_empty() && rest.split('/').all(|part| part != "..") => Ok(text.to_owned()),
        _ => Err("write a file as \"/var/log/mail.box\", or all below a directory as \"/var/archive/\" or \"~/mail/\""
            .to_owned()),
    }
}
