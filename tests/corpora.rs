//! Replays the corpora of the fuzz targets: inputs that once failed, and good starting points.

#[path = "fuzz/entries.rs"]
mod entries;

use std::fs;
use std::path::Path;
use uugate::wire::noise::Random;

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

/// Inputs near those of the corpora: spoiled, cut, put together. Few of each, always the same; a longer run is
/// `UUGATE_MUTANTS=20000 UUGATE_SEED=7 cargo test corpora`.
#[test]
fn inputs_near_the_corpora_do_no_harm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("UUGATE_MUTANTS").unwrap_or(300);
    let only = std::env::var("UUGATE_ENTRY").ok();
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, entry) in entries::ALL.iter().filter(|(name, _)| only.as_ref().is_none_or(|only| only == name))
    {
        let mut random = Random::new(number("UUGATE_SEED").unwrap_or(1));
        let mut files: Vec<_> = fs::read_dir(corpora.join(name)).expect("a corpus").flatten().collect();
        files.sort_by_key(|file| file.file_name());
        let inputs: Vec<_> =
            files.iter().map(|file| fs::read(file.path()).expect("an input reads")).collect();
        for _ in 0..count {
            let mutant = mutate(&inputs, &mut random);
            if let Err(panic) = std::panic::catch_unwind(|| entry(&mutant)) {
                eprintln!("{name}: {}", mutant.escape_ascii());
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn mutate(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let pick = |random: &mut Random| inputs[random.below(inputs.len() as u32) as usize].clone();
    let mut bytes = pick(random);
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() as u32 + 1) as usize;
        let end = (at + random.below(12) as usize).min(bytes.len());
        match random.below(7) {
            0 => bytes.splice(at..at, [random.byte()]).for_each(drop),
            1 => bytes.drain(at..end).for_each(drop),
            2 => bytes[at..end].fill(random.byte()),
            3 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            4 => bytes.splice(at..end, pick(random)).for_each(drop),
            5 => {
                let piece = bytes[at..end].repeat(1 + random.below(8) as usize);
                bytes.splice(at..at, piece).for_each(drop);
            }
            _ => bytes.truncate(bytes.len() - bytes.len().min(random.below(8) as usize)),
        }
    }
    bytes.truncate(4096);
    bytes
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
