//! Every protocol on many lines, each as bad as the protocol has to bear: 50 seeds of each, or as many as
//! `UUGATE_SOAK_SEEDS` says (`tests/campaign/soak`). What came of them is printed.

use super::pair::{Pair, file};
use crate::wire::link::{KNOWN, LinkError, Parameters, g};
use crate::wire::noise::{Random, Settings};
use std::time::Duration;

/// Longer than any call here may take, in virtual time.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// What came of the calls of one protocol.
#[derive(Debug, Default)]
struct Counts {
    whole: u32,
    /// The call ended before its file was whole; an error or the loss of the carrier tells.
    failed: u32,
    /// Calls in which damage got past a checksum of 16 bits; what came of them says nothing of the machine.
    deceived: u32,
}

/// Something between nothing and `most`, often nothing.
fn sometimes(random: &mut Random, most: f64) -> f64 {
    let part = f64::from(random.below(1000)) / 1000.0;
    if random.below(3) == 0 { part * part * most } else { 0.0 }
}

/// How bad a line may be for a protocol.
fn line(letter: char, random: &mut Random) -> Settings {
    let repairs = "ijgGv".contains(letter);
    let detects = "fy".contains(letter);
    let scale = match (repairs, detects) {
        (true, _) => 1.0,
        (_, true) => 0.02,
        _ => 0.0,
    };
    Settings {
        rate: [None, Some(2400), Some(57_600), Some(115_200)][random.below(4) as usize],
        delay: Duration::from_millis(u64::from(random.below(800))),
        bit_errors: sometimes(random, 3e-4 * scale),
        bursts: sometimes(random, 1e-3 * scale),
        lost: sometimes(random, 1e-3 * scale),
        inserted: sometimes(random, 1e-3 * scale),
        stalls: sometimes(random, 1e-3),
        stall_time: Duration::from_millis(1500),
        carrier_after: (random.below(5) == 0).then(|| u64::from(random.below(60_000))),
        buffer: 1 + random.below(3000) as usize,
        gather: 1 + random.below(200) as usize,
        ..Settings::default()
    }
}

fn soak(letter: char, seed: u64) -> (Pair, Vec<Vec<u8>>) {
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(u64::from(u32::from(letter))));
    let lines = [line(letter, &mut random), line(letter, &mut random)];
    let parameters = Parameters::default();
    let both = "ij".contains(letter);
    let sent = [file(random.below(30_000) as usize, seed), file(random.below(30_000) as usize, !seed)];
    let from_caller = both || random.below(2) == 0;
    let files = [from_caller.then(|| sent[0].clone()), (both || !from_caller).then(|| sent[1].clone())];
    let mut pair = Pair::new(letter, [&parameters; 2], lines, seed, files);
    if "jf".contains(letter) && random.below(2) == 0 {
        pair.kept = vec![0x11, 0x13];
    }
    pair.run(LIMIT);
    (pair, sent.to_vec())
}

/// Whether nothing was delivered as whole that is not as it was sent.
fn is_honest(pair: &Pair, sent: &[Vec<u8>], sound: bool) -> Result<bool, String> {
    let mut whole = !pair.dead;
    for (end, from, sent) in [(&pair.called, &pair.caller, &sent[0]), (&pair.caller, &pair.called, &sent[1])]
    {
        if from.file().is_none() {
            continue;
        }
        if end.file_done && end.received != *sent {
            return Err("a file was taken to be whole, and is not what was sent".into());
        }
        if sound && !sent.starts_with(&end.received) {
            return Err("what arrived is no beginning of what was sent".into());
        }
        whole &= end.file_done;
    }
    Ok(whole)
}

#[test]
fn every_protocol_delivers_the_same_bytes_or_fails() {
    let seeds = std::env::var("UUGATE_SOAK_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let only = std::env::var("UUGATE_SOAK_PROTOCOLS").unwrap_or_else(|_| KNOWN.to_owned());
    for letter in only.chars() {
        let mut counts = Counts::default();
        for seed in 0..seeds {
            let (pair, sent) = soak(letter, seed);
            let sound = pair.caller.link.abilities().sound;
            let forged = "gGv".contains(letter)
                && [&pair.caller, &pair.called]
                    .iter()
                    .any(|end| g::forged(&end.sent_bytes, &end.arrived_bytes) > 0);
            match is_honest(&pair, &sent, sound) {
                _ if forged => counts.deceived += 1,
                Ok(true) => counts.whole += 1,
                Ok(false) => {
                    let told = pair.dead
                        || [&pair.caller, &pair.called].iter().any(|end| matches!(end.end, Some(Err(_))));
                    assert!(told, "{letter} {seed}: a failure that nobody tells of\n{}", pair.describe());
                    counts.failed += 1;
                }
                // A sum of 16 bits over a spoiled file or packet is right once in 65536 times.
                Err(_) if "fy".contains(letter) && pair.is_spoiled() => counts.deceived += 1,
                Err(what) => panic!("{letter} {seed}: {what}\n{}", pair.describe()),
            }
            if "ij".contains(letter) {
                for end in [&pair.caller, &pair.called] {
                    let blamed = matches!(end.end, Some(Err(LinkError::Misbehaved { .. })));
                    assert!(!blamed, "{letter} {seed}: {}", pair.describe());
                }
            }
        }
        println!("{letter}: {counts:?}");
        assert!(counts.whole > counts.failed / 8, "{letter}: {counts:?}");
        assert!(u64::from(counts.deceived) * 10 <= seeds, "{letter}: {counts:?}");
    }
}
