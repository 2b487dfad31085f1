//! The rules of the house, held against the sources: which room imports which, and what a pure room may name.
//!
//! The map in `src/lib.rs` has the lists: `arrows` (a room and what it may import) and `pure` (rooms whose
//! files hold machines and data alone; a room's `drive.rs` is its driver and excepted).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a pure file must not name: input, output, clocks, chance and tasks.
const IMPURE: [&str; 9] = [
    "tokio::",
    "tokio_serial",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "crate::clock",
    "getrandom",
];

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

#[test]
fn rooms_import_only_along_the_arrows() {
    let arrows = arrows();
    let mut wrong = Vec::new();
    for source in sources(&arrows) {
        let Some(allowed) = arrows.get(&source.room) else { continue };
        for path in crate_paths(&source.text) {
            let Some(target) = room_of(&path, &arrows) else { continue };
            if target != source.room && !allowed.contains(&target) {
                wrong.push(format!("{}: {} imports {target}", source.path.display(), source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that lib.rs does not list:\n{}", wrong.join("\n"));
}

#[test]
fn the_arrows_make_no_circle_and_the_wings_never_meet() {
    let arrows = arrows();
    let mut reach = arrows.clone();
    for _ in 0..arrows.len() {
        for room in arrows.keys() {
            let further: BTreeSet<String> =
                reach[room].iter().flat_map(|next| reach.get(next).cloned().unwrap_or_default()).collect();
            reach.get_mut(room).expect("a key of the map").extend(further);
        }
    }
    for (room, reached) in &reach {
        assert!(!reached.contains(room), "{room} imports itself by way of others");
        let other = if room.starts_with("wire::") { "post::" } else { "wire::" };
        if room.starts_with("wire::") || room.starts_with("post::") {
            let met: Vec<_> = reached.iter().filter(|to| to.starts_with(other)).collect();
            assert!(met.is_empty(), "{room} reaches the other wing: {met:?}");
        }
    }
}

#[test]
fn pure_files_name_no_files_sockets_clocks_or_tasks() {
    let arrows = arrows();
    let pure = block("pure");
    assert!(pure.len() > 5, "lib.rs lists the pure rooms");
    let mut wrong = Vec::new();
    for source in sources(&arrows) {
        let driver = source.path.file_name().is_some_and(|name| name == "drive.rs");
        if driver || !pure.contains(&source.room) {
            continue;
        }
        for word in IMPURE.iter().filter(|word| source.text.contains(*word)) {
            wrong.push(format!("{} names {word}", source.path.display()));
        }
        if source.text.contains("::drive::") {
            wrong.push(format!("{} imports a driver", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "pure files with impure words:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_allowed_in_one_file() {
    let allowing: Vec<PathBuf> = sources(&arrows())
        .into_iter()
        .filter(|source| source.text.contains("(unsafe_code"))
        .map(|source| source.path)
        .collect();
    let uart = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/line/uart.rs");
    assert_eq!(allowing, [uart]);
}

/// The lines of a fenced block of the map in lib.rs.
fn block(name: &str) -> Vec<String> {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"))
        .expect("lib.rs is there");
    let fence = format!("//! ```{name}");
    map.lines()
        .skip_while(|line| *line != fence)
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").trim().to_owned())
        .collect()
}

fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let arrows: BTreeMap<_, _> = block("arrows")
        .iter()
        .filter_map(|line| {
            line.split_once(':').map(|_| line.rsplit_once(": ").unwrap_or((line.trim_end_matches(':'), "")))
        })
        .map(|(room, to)| (room.to_owned(), to.split_whitespace().map(str::to_owned).collect()))
        .collect();
    assert!(arrows.len() > 15, "lib.rs lists the arrows");
    arrows
}

/// Every source file below src, without comments and without its unit tests.
fn sources(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder reads") {
            let path = entry.expect("a source folder reads").path();
            if path.is_dir() {
                // A folder of unit tests, as a file of that name is.
                if !path.ends_with("tests") {
                    folders.push(path);
                }
                continue;
            }
            let tests = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.extension().is_none_or(|extension| extension != "rs") || tests {
                continue;
            }
            let inside = path.strip_prefix(&root).expect("found below it").with_extension("");
            let module: Vec<String> = inside
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .filter(|part| part != "mod")
                .collect();
            let room = room_of(&module, arrows).unwrap_or_else(|| module.join("::"));
            let text = fs::read_to_string(&path).expect("a source file reads");
            let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let code: Vec<&str> =
                text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
            found.push(Source { path, room, text: code.join("\n") });
        }
    }
    found
}

/// The listed room that a module path lies in.
fn room_of(path: &[String], arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    (1..=path.len()).rev().map(|n| path[..n].join("::")).find(|name| arrows.contains_key(name))
}

/// Every path that begins with `crate::`, groups in braces spread out.
fn crate_paths(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest: String =
            text[at + "crate::".len()..].chars().take_while(|c| *c != ';' && *c != '(').collect();
        spread(&rest, Vec::new(), &mut paths);
    }
    paths
}

/// Reads one use tree; gives back what follows it.
fn spread<'t>(text: &'t str, mut path: Vec<String>, paths: &mut Vec<Vec<String>>) -> &'t str {
    let mut rest = text.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        rest = group;
        loop {
            rest = spread(rest, path.clone(), paths).trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    rest = &rest[word.len()..];
    if !word.is_empty() {
        path.push(word);
    }
    match rest.strip_prefix("::") {
        Some(next) => spread(next, path, paths),
        None => {
            paths.push(path);
            rest
        }
    }
}
