//! Replays the corpora of the fuzz targets: inputs that once failed, and good starting points.

#[path = "fuzz/entries.rs"]
mod entries;

use std::fs;
use std::path::Path;

#[test]
fn every_corpus_replays() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, entry) in entries::ALL {
        let files: Vec<_> = fs::read_dir(corpora.join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|file| file.expect("the corpus reads").path())
            .collect();
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        for file in files {
            eprintln!("{name}: {}", file.display());
            entry(&fs::read(&file).expect("an input reads"));
        }
    }
}

/// Every entry has a fuzz target, and every target an entry.
#[test]
fn entries_and_targets_are_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/fuzz_targets");
    let mut targets: Vec<String> = fs::read_dir(folder)
        .expect("fuzz targets")
        .map(|file| {
            file.expect("a target").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect();
    targets.sort();
    let mut entries: Vec<&str> = entries::ALL.iter().map(|(name, _)| *name).collect();
    entries.sort_unstable();
    assert_eq!(targets, entries);
}
