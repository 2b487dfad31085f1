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

#[cfg(test)]
mod tests {
    use super::super::tests::{read, titles};
    use std::path::Path;

    #[test]
    fn files_lie_beside_the_configuration_and_nothing_is_run_unasked() {
        let (config, findings) = read(
            "[node]\nname = \"leaf\"\n[directors]\nalias-files = [\"aliases\", \"/etc/aliases\"]\nlists = \"lists\"\n\
             homes = \"home\"\nforward-to = true\nprograms = \"/usr/bin/procmail\"\nfiles = [\"~/mail/\", \"/var/all\"]\n",
        );
        assert_eq!(titles(&findings), Vec::<String>::new());
        let directors = config.unwrap().directors;
        let files = [Path::new("/tmp/site/aliases"), Path::new("/etc/aliases")];
        assert!(directors.alias_files.iter().eq(files) && directors.forward_to && directors.forward_files);
        assert_eq!(directors.lists.as_deref(), Some(Path::new("/tmp/site/lists")));
        assert!(directors.unsafe_directories.contains(&"/tmp".into()));
        let usual = read("[node]\nname = \"leaf\"\n").0.unwrap().directors;
        assert!(usual.programs.is_empty() && usual.files.is_empty() && usual.alias_files.is_empty());
        assert!(usual.unsafe_directories.contains(&"/var/tmp".into()));
    }

    #[test]
    fn a_shell_is_no_program_for_mail() {
        let (config, findings) = read(
            "[node]\nname = \"leaf\"\n[directors]\nprograms = [\"/bin/sh\"]\nfiles = [\"/var/../etc/\"]\n\
             unsafe-directories = [\"tmp\"]\n",
        );
        assert!(config.is_none());
        let expected = ["4:13 wrong `programs`", "5:10 wrong `files`", "6:23 wrong `unsafe-directories`"];
        let titles = titles(&findings);
        assert!(titles.iter().zip(expected).all(|(title, start)| title.starts_with(start)), "{titles:?}");
        assert_eq!(titles.len(), 3);
    }
}
