//! `[users]`, each with a mailbox, and `[aliases]`.

use super::findings::Findings;
use super::section::Section;
use crate::post::route::directors::Member;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `[users]`: name = mailbox path.
pub fn read_users(section: Section<'_>, base: &Path, findings: &Findings) -> BTreeMap<String, PathBuf> {
    let mut users = BTreeMap::new();
    for entry in section.entries() {
        check_local_part(&entry.key, entry.key_span, findings);
        match entry.texts.as_slice() {
            [path] if !path.is_empty() => {
                users.insert(entry.key, base.join(path));
            }
            _ => findings.error(
                entry.span,
                "a user has one mailbox",
                "write the path of an mbox file, as jan = \"mail/jan\"",
            ),
        }
    }
    users
}

/// `[aliases]`: name = one address or several.
pub fn read_aliases(section: Section<'_>, findings: &Findings) -> BTreeMap<String, Vec<String>> {
    let mut aliases = BTreeMap::new();
    for entry in section.entries() {
        check_local_part(&entry.key, entry.key_span, findings);
        let wrong = entry.texts.iter().find_map(|text| match Member::parse(text) {
            Member::Wrong(why) => Some(why),
            _ => None,
        });
        let usage = "write one address or several, as postmaster = [\"jan\", \"polux!marie\"]";
        match wrong {
            Some(why) => findings.error(entry.span, format!("an alias cannot be read: {why}"), usage),
            None if entry.texts.is_empty() => {
                findings.error(entry.span, "an alias stands for nothing", usage);
            }
            None => drop(aliases.insert(entry.key.to_ascii_lowercase(), entry.texts)),
        }
    }
    aliases
}

pub(super) fn check_local_part(name: &str, span: std::ops::Range<usize>, findings: &Findings) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-=".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) || name.starts_with(['.', '-']) {
        findings.error(
            span,
            "this cannot be the name of a mailbox",
            "write 1 to 64 of a-z 0-9 . _ + - =, beginning with a letter or digit",
        );
    }
}
