//! Two sessions on a line in virtual time, over the real packet protocols.

mod bed;
mod limit;
mod site;

use super::features::Features;
use super::handshake::Agreement;
use super::{Ending, Machine, Permissions, SessionError, Step};
use crate::wire::link::{Channel, Event, Parameters, Role, open};
use crate::wire::noise::{Random, Settings};
use bed::call;
use proptest::prelude::*;
use site::Site;
use std::time::Duration;

/// Calls until nothing waits; then everything is there, once.
fn deliver(protocol: char, seed: u64, line: impl Fn(u64) -> Settings) {
    let mut leaf = Site::new("leaf", "polux", protocol);
    let mut polux = Site::new("polux", "leaf", protocol);
    // One in two sites has moods.
    if seed & 1 == 1 {
        (leaf, polux) = (leaf.moody(seed), polux.moody(!seed));
    }
    for number in 0..12 {
        leaf.queue(number, seed);
        polux.queue(number, seed ^ 0xff);
    }
    for attempt in 0..60 {
        // Mixed, so that the places where the carrier is lost are not all alike.
        let mut mixed = Random::new(seed.wrapping_add(attempt));
        let seed = u64::from(mixed.below(u32::MAX)) << 32 | u64::from(mixed.below(u32::MAX));
        leaf.knows_peer = seed % 2 == 0;
        let went = call(&mut leaf, &mut polux, [line(seed), line(seed ^ 1)], seed);
        if went.well && leaf.is_done() && polux.is_done() {
            break;
        }
    }
    assert!(leaf.is_done() && polux.is_done(), "{protocol} {seed}: jobs are left");
    assert_eq!(leaf.received(), polux.sent(), "{protocol} {seed}");
    assert_eq!(polux.received(), leaf.sent(), "{protocol} {seed}");
}

fn modem() -> Settings {
    Settings { rate: Some(57_600), delay: Duration::from_millis(80), buffer: 1024, ..Settings::default() }
}

#[test]
fn a_clean_line_takes_one_call() {
    for protocol in ['i', 'g'] {
        let (mut leaf, mut polux) =
            (Site::new("leaf", "polux", protocol), Site::new("polux", "leaf", protocol));
        for number in 0..6 {
            leaf.queue(number, 1);
            polux.queue(number, 2);
        }
        assert!(call(&mut leaf, &mut polux, [modem(), modem()], 1).well);
        assert!(leaf.is_done() && polux.is_done());
        assert_eq!((leaf.received(), polux.received()), (polux.sent(), leaf.sent()));
    }
}

#[test]
fn with_channels_many_jobs_await_their_end_at_once_and_one_that_fails_disturbs_no_other() {
    let (mut leaf, mut polux) = (Site::new("leaf", "polux", 'i'), Site::new("polux", "leaf", 'i'));
    for number in 0..40 {
        leaf.queue_bytes(number, 1, 2000);
        polux.queue_bytes(number, 2, 2000);
    }
    for site in [&mut leaf, &mut polux] {
        site.refused = ["rmail user3", "rmail user21"].map(str::to_owned).into();
        site.unkept = ["rmail user5", "rmail user30"].map(str::to_owned).into();
    }
    let went = call(&mut leaf, &mut polux, [modem(), modem()], 1);
    assert!(went.well);
    for (from, to) in [(&leaf, &polux), (&polux, &leaf)] {
        let failed: Vec<u64> = from.failed.iter().map(|(number, _)| *number).collect();
        assert_eq!(failed, [3, 5, 21, 30]);
        assert!(from.failed.iter().all(|(_, ending)| matches!(ending, Ending::Refused(_))));
        let mut whole = from.sent();
        whole.retain(|(command, _)| !to.refused.contains(command) && !to.unkept.contains(command));
        assert_eq!(to.received(), whole);
        assert!(from.most_out >= 3, "{} under way at once", from.most_out);
    }
    // One way alone takes as long, for neither waits for the other, and no job for the confirmation of the one before.
    let alone = Duration::from_millis(40 * 2000 * 10 * 1000 / 57_600);
    assert!(went.time < alone * 5 / 4, "{:?}", went.time);
}

/// A called system that may take so long, and a caller that sends a byte of its file whenever it would be given up.
fn trickle(most: Option<Duration>, until: Duration) -> (Duration, Option<Result<(), SessionError>>) {
    let begin = crate::clock::now();
    let mut now = begin;
    let mut site = Site::new("polux", "leaf", 'i');
    let agreement = Agreement {
        peer: site.peer.clone(),
        caller: false,
        features: Features::OURS,
        protocol: 'i',
        knows_already: true,
        worst: None,
        limit: None,
        answered: true,
        rest: Vec::new(),
    };
    let machine = Machine::new(site.name.clone(), &agreement, Permissions::default(), "/public".to_owned());
    let mut machine = match most {
        Some(most) => machine.at_most(now, most),
        None => machine,
    };
    let mut caller = open('i', Role::Caller, &Parameters::default()).unwrap();
    let mut called = open('i', Role::Called, &Parameters::default()).unwrap();
    caller.start(now);
    called.start(now);
    let mut position = 0;
    while now - begin <= until {
        // All that crosses without time passing.
        loop {
            match machine.step(now, called.as_mut()) {
                Step::Ask(ask) => {
                    let reply = site.answer(ask);
                    machine.reply(now, called.as_mut(), reply);
                    continue;
                }
                Step::Over(result) => return (now - begin, Some(result)),
                Step::Wait | Step::WaitForRoom => {}
            }
            if let Some(event) = called.poll_event() {
                machine.handle_event(now, called.as_mut(), event);
                continue;
            }
            if let Some(Event::Started) = caller.poll_event() {
                let offer = b"E D._0000000000004 D.1 leaf -C D.0001 0666 \"\" 0x7530 rmail jan";
                caller.send_command(now, Channel::Ours(1), offer);
            }
            let (mut forth, mut back) = (Vec::new(), Vec::new());
            caller.poll_transmit(now, usize::MAX, &mut forth);
            called.poll_transmit(now, usize::MAX, &mut back);
            if forth.is_empty() && back.is_empty() {
                break;
            }
            called.handle_input(now, &forth);
            caller.handle_input(now, &back);
        }
        now += Duration::from_secs(9);
        for link in [&mut caller, &mut called] {
            if link.poll_timeout().is_some_and(|at| at <= now) {
                link.handle_timeout(now);
            }
        }
        caller.send_data(now, Channel::Ours(1), position, b"x");
        position += 1;
    }
    assert_eq!(site.under_way(), usize::try_from(position).unwrap() - 1, "every byte was taken");
    (now - begin, None)
}

#[test]
fn a_peer_that_trickles_does_not_hold_the_line_for_ever() {
    let hour = Duration::from_secs(3600);
    let (_, result) = trickle(None, hour * 24);
    assert_eq!(result, None, "its link is content with it");
    let (after, result) = trickle(Some(hour * 12), hour * 24);
    assert_eq!(result, Some(Err(SessionError::TooLong(hour * 12))));
    assert_eq!(after, hour * 12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_noisy_line_that_is_lost_again_and_again_delivers_once_over_i_and_j(
        letter in prop_oneof![2 => Just('i'), 1 => Just('j')], seed: u64,
    ) {
        deliver(letter, seed, |seed| Settings {
            bit_errors: 2e-6,
            lost: 1e-5,
            inserted: 1e-5,
            bursts: 1e-5,
            carrier_after: (seed % 3 != 0).then_some(500 + seed % 60_000),
            ..modem()
        });
    }

    // A 16-bit sum lets some damage through, and streams have none for commands; here only the line goes.
    #[test]
    fn a_line_that_is_lost_again_and_again_delivers_once_over_the_others(
        letter in prop_oneof![3 => Just('g'), 1 => Just('t'), 1 => Just('e'), 1 => Just('f'), 1 => Just('y')],
        seed: u64,
    ) {
        deliver(letter, seed, |seed| Settings {
            stalls: 1e-4,
            stall_time: Duration::from_secs(3),
            carrier_after: (seed % 3 != 0).then_some(500 + seed % 60_000),
            ..modem()
        });
    }
}
