//! Path files as pathalias writes them: for each host the bang path that leads there, with `%s` for the user.
//!
//! ```text
//! # host            path                       cost (read over)
//! far               near!far!%s                300
//! .village.example  moria!%s
//! ```
//!
//! A host is found under its own name first, else under the longest domain that it is in: a name with a leading dot,
//! which stands for the domain itself too. What is found for a domain gets `host!user` in place of `%s`, so that the
//! gateway learns which host is meant; where the path already ends in that host, `user`. The first of two lines for one
//! host would win silently, so two are an error.
//!
//! Source: the manual page of pathalias (output format, domains), smail's of its `pathalias` router.

use super::super::{Place, Tables};
use crate::post::address::Address;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The longest line, in bytes; a path is no longer than an address.
const LINE_MAX: usize = 1024;

/// A path file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    file: Arc<str>,
    paths: BTreeMap<String, Path>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Path {
    /// With `%s` in it, once.
    text: String,
    line: usize,
}

/// What is wrong with a file of routes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct FileError {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    pub problem: String,
}

/// The path to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Found<'a> {
    /// As it stands in the file.
    pub name: &'a str,
    pub place: Place,
    /// What the address becomes.
    pub address: Address,
}

impl Paths {
    /// Reads the text of a file, known as `file`.
    pub fn parse(file: &str, text: &str) -> Result<Paths, FileError> {
        let file: Arc<str> = file.into();
        let mut paths = BTreeMap::new();
        for (line, written) in (1..).zip(text.lines()) {
            let wrong = |problem: String| FileError { file: file.clone(), line, problem };
            if written.len() > LINE_MAX {
                return Err(wrong(format!("the line is longer than {LINE_MAX} bytes")));
            }
            let mut words = written.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            let name = name.strip_suffix(':').unwrap_or(name);
            let bare = name.strip_prefix('.').unwrap_or(name);
            Address::parse(&format!("x@{bare}")).map_err(|_| wrong(format!("{name:?} is no host")))?;
            let path = words.next().ok_or_else(|| wrong(format!("{name} has no path")))?;
            check(path).map_err(|problem| wrong(format!("the path of {name} {problem}")))?;
            match paths.entry(Tables::key(name)) {
                Entry::Vacant(free) => free.insert(Path { text: path.to_owned(), line }),
                Entry::Occupied(taken) => {
                    let Path { line: first, .. } = taken.get();
                    return Err(wrong(format!("a second path for {name}; the first is in line {first}")));
                }
            };
        }
        Ok(Paths { file, paths })
    }

    /// The address that `user` at a host becomes; `user` is what the host itself would be given. `Err`: there is a path,
    /// but the address grows too long by it or does not fit in.
    pub(in super::super) fn find(&self, host: &str, user: &Address) -> Option<Result<Found<'_>, String>> {
        let host = Tables::key(host);
        if let Some((name, path)) = self.paths.get_key_value(&host) {
            return Some(self.found(name, path, user.as_str()));
        }
        let dotted = format!(".{host}");
        let (name, path) = dotted
            .match_indices('.')
            .filter_map(|(at, _)| dotted.get(at..))
            .find_map(|domain| self.paths.get_key_value(domain))?;
        let ends_there = path.text.to_ascii_lowercase().ends_with(&format!("{host}!%s"));
        let user = if ends_there { user.to_string() } else { format!("{host}!{user}") };
        Some(self.found(name, path, &user))
    }

    fn found<'a>(&self, name: &'a str, path: &Path, user: &str) -> Result<Found<'a>, String> {
        let place = Place { file: self.file.clone(), line: path.line };
        let text = path.text.replacen("%s", user, 1);
        match Address::parse(&text) {
            Ok(address) => Ok(Found { name, place, address }),
            Err(error) => Err(format!("the path of {name} ({place}) does not fit: {error}")),
        }
    }
}

/// A path has its `%s` once, and with a user in its place it is an address.
fn check(path: &str) -> Result<(), String> {
    match path.matches("%s").count() {
        1 => {}
        0 => return Err("lacks %s, where the user goes: write it as \"near!far!%s\"".to_owned()),
        _ => return Err("has %s more than once".to_owned()),
    }
    match Address::parse(&path.replacen("%s", "x", 1)) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("is no address: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# made by pathalias\nfar\tnear!far!%s\t300\n\nNear: near!%s\n.village.example moria!%s\n\
                        .deep.village.example feed!%s # deeper\nfar.example %s@gate.example\n\
                        .fidonet.org f105.n324.z2.fidonet.org!%s\n";

    fn found(host: &str, user: &str) -> Option<String> {
        let paths = Paths::parse("paths", FILE).unwrap();
        let found = paths.find(host, &Address::parse(user).unwrap())?.unwrap();
        Some(format!("{} {} {}", found.name, found.place, found.address))
    }

    #[test]
    fn a_path_takes_the_user_in() {
        assert_eq!(found("far", "x").unwrap(), "far paths:2 near!far!x");
        assert_eq!(found("NEAR", "x").unwrap(), "near paths:4 near!x");
        assert_eq!(found("far", "b!x").unwrap(), "far paths:2 near!far!b!x");
        assert_eq!(found("far.example", "x").unwrap(), "far.example paths:7 x@gate.example");
        assert_eq!(found("nowhere", "x"), None);
    }

    #[test]
    fn the_longest_domain_is_found_and_told_the_host() {
        let at = |host: &str| found(host, "x").unwrap();
        assert_eq!(at("hut.village.example"), ".village.example paths:5 moria!hut.village.example!x");
        assert_eq!(
            at("a.deep.village.example"),
            ".deep.village.example paths:6 feed!a.deep.village.example!x"
        );
        assert_eq!(at("village.example"), ".village.example paths:5 moria!village.example!x");
        assert_eq!(
            at("f1.z2.fidonet.org"),
            ".fidonet.org paths:8 f105.n324.z2.fidonet.org!f1.z2.fidonet.org!x"
        );
        assert_eq!(at("f105.n324.z2.fidonet.org"), ".fidonet.org paths:8 f105.n324.z2.fidonet.org!x");
        assert_eq!(found("xvillage.example", "x"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let long = format!("a b!%s {}", "x".repeat(2000));
        for (text, error) in [
            (
                "a b!%s\nc d!e",
                "p:2: the path of c lacks %s, where the user goes: write it as \"near!far!%s\"",
            ),
            ("a", "p:1: a has no path"),
            ("a %s!%s", "p:1: the path of a has %s more than once"),
            ("a_b! b!%s", "p:1: \"a_b!\" is no host"),
            ("a b!!%s", "p:1: the path of a is no address: \"\" is no host name"),
            ("a b!%s\n\nA c!%s", "p:3: a second path for A; the first is in line 1"),
            (long.as_str(), "p:1: the line is longer than 1024 bytes"),
        ] {
            assert_eq!(Paths::parse("p", text).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn a_path_that_the_user_does_not_fit_in_is_told() {
        let paths = Paths::parse("p", "gate %s@gate.example").unwrap();
        let full = Address::parse("x@y.example").unwrap();
        assert!(paths.find("gate", &full).unwrap().unwrap_err().contains("p:1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-c.!%s@ \t#:\n]|\\PC){0,80}", host in "[a-c.]{1,8}") {
            if let Ok(paths) = Paths::parse("p", &text) {
                let _ = paths.find(&host, &Address::parse("x").unwrap());
            }
        }
    }
}
