//! The packet protocols on lines that do everything wrong: the same bytes arrive, or the call fails in bounded time and what
//! arrived is a beginning of what was sent.

use super::pair::{Pair, file};
use crate::wire::link::{GParameters, IParameters, JParameters, LinkError, Parameters, g};
use crate::wire::noise::Settings;
use proptest::prelude::*;
use std::time::Duration;

/// Longer than any call here may take, in virtual time.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// A probability, or nothing at all.
fn sometimes(most: f64) -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(0.0), 1 => (0.0..1.0f64).prop_map(move |part| part * part * most)]
}

fn bad_line() -> impl Strategy<Value = Settings> {
    let mishaps = (sometimes(3e-4), sometimes(1e-3), sometimes(1e-3), sometimes(1e-3), sometimes(1e-3));
    let line =
        (prop_oneof![Just(None), (2400u32..115_200).prop_map(Some)], 0u64..800, 1usize..3000, 1usize..200);
    let drop = prop_oneof![4 => Just(None), 1 => (0u64..40_000).prop_map(Some)];
    (mishaps, line, drop).prop_map(|((bit_errors, bursts, lost, inserted, stalls), line, carrier_after)| {
        Settings {
            rate: line.0,
            delay: Duration::from_millis(line.1),
            bit_errors,
            bursts,
            lost,
            inserted,
            stalls,
            stall_time: Duration::from_millis(1500),
            carrier_after,
            buffer: line.2,
            gather: line.3,
            ..Settings::default()
        }
    })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let avoid = proptest::collection::vec(any::<u8>(), 0..12);
    (1u8..=16, 1u16..=4095, 1u8..=7, 5u32..=12, any::<bool>(), avoid).prop_map(
        |(window, size, g_window, log, short_packets, avoid)| {
            let i = IParameters { window, packet_size: size, ..IParameters::default() };
            let packet_size = 1 << log;
            let g = GParameters { window: g_window, packet_size, short_packets, ..GParameters::default() };
            let j = JParameters { avoid, i: i.clone() };
            Parameters { i, j, big_g: g.clone(), v: g.clone(), g, ..Parameters::default() }
        },
    )
}

/// Two ends, as they are or as uugates.
fn set_up(uugates: bool, ends: [Parameters; 2]) -> [Parameters; 2] {
    ends.map(|mut one| {
        let size = one.i.packet_size;
        if uugates {
            one.among_uugates();
        }
        one.i.packet_size = size;
        one
    })
}

/// What may be said of a call that did not succeed.
fn clean_end(pair: &Pair) -> bool {
    let clean = |end: &Option<Result<(), LinkError>>| match end {
        None => pair.dead,
        Some(Ok(())) => true,
        // Each side speaks the protocol, so neither may be blamed for breaking it.
        Some(Err(error)) => !matches!(error, LinkError::Misbehaved { .. }),
    };
    clean(&pair.caller.end) && clean(&pair.called.end)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn i_and_j_deliver_the_same_bytes_or_fail_cleanly(
        letter in prop_oneof![Just('i'), Just('j')],
        lines in [bad_line(), bad_line()], ends in [parameters(), parameters()], uugates: bool, seed: u64,
        lengths in [0usize..20_000, 0usize..20_000],
    ) {
        let [ours, theirs] = set_up(uugates, ends);
        let files = [file(lengths[0], seed), file(lengths[1], !seed)];
        let mut pair = Pair::new(letter, [&ours, &theirs], lines, seed, files.clone().map(Some));
        pair.run(LIMIT);
        prop_assert!(clean_end(&pair), "{}", pair.describe());
        for (sent, end) in files.iter().zip([&pair.called, &pair.caller]) {
            prop_assert!(sent.starts_with(&end.received), "{}", pair.describe());
            prop_assert!(end.end != Some(Ok(())) || *sent == end.received, "{}", pair.describe());
        }
    }

    #[test]
    fn the_family_of_g_delivers_the_same_bytes_or_fails_cleanly(
        letter in prop_oneof![2 => Just('g'), 1 => Just('G'), 1 => Just('v')],
        lines in [bad_line(), bad_line()], ends in [parameters(), parameters()], uugates: bool, seed: u64,
        length in 0usize..20_000,
    ) {
        let [ours, theirs] = set_up(uugates, ends);
        let sent = file(length, seed);
        let mut pair = Pair::new(letter, [&ours, &theirs], lines, seed, [Some(sent.clone()), None]);
        pair.run(LIMIT);
        let forged = [&pair.caller, &pair.called].map(|end| g::forged(&end.sent_bytes, &end.arrived_bytes));
        if forged == [0, 0] {
            prop_assert!(clean_end(&pair), "{}", pair.describe());
            prop_assert!(sent.starts_with(&pair.called.received), "{}", pair.describe());
            prop_assert!(pair.called.end != Some(Ok(())) || sent == pair.called.received, "{}", pair.describe());
        }
    }
}

/// A peer that says nothing, or nothing any more.
#[test]
fn a_dead_peer_is_given_up_in_bounded_time() {
    for letter in ['i', 'j', 'g', 'G', 'v'] {
        let parameters = Parameters::default();
        let silent = Settings { lost: 1.0, ..Settings::default() };
        let mut pair =
            Pair::new(letter, [&parameters; 2], [silent.clone(), silent], 1, [Some(file(1000, 1)), None]);
        pair.run(Duration::from_secs(15 * 60));
        assert!(matches!(pair.caller.end, Some(Err(LinkError::NoStart { .. }))), "{}", pair.describe());
        assert!(matches!(pair.called.end, Some(Err(LinkError::NoStart { .. }))), "{}", pair.describe());
    }
}

/// One direction dies in the middle of a file.
#[test]
fn a_deaf_peer_is_given_up_in_bounded_time() {
    for letter in ['i', 'j', 'g', 'G', 'v'] {
        for deaf in 0..2 {
            let parameters = Parameters::default();
            let fine = Settings { rate: Some(9600), ..Settings::default() };
            // Nothing but stalls that outlast all patience.
            let bad = Settings { stalls: 0.002, stall_time: Duration::from_secs(100_000), ..fine.clone() };
            let lines = if deaf == 0 { [bad, fine] } else { [fine, bad] };
            let files = [Some(file(100_000, 1)), None];
            let mut pair = Pair::new(letter, [&parameters; 2], lines, 3, files);
            pair.run(Duration::from_secs(15 * 60));
            assert!(matches!(pair.caller.end, Some(Err(_))), "{letter}: {}", pair.describe());
            assert!(matches!(pair.called.end, Some(Err(_))), "{letter}: {}", pair.describe());
        }
    }
}
