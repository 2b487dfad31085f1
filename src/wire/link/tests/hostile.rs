//! A peer that means harm, or is out of its mind: no panic, no growth, an end in bounded time.

use crate::wire::link::{Channel, Event, KNOWN, Link, LinkError, Parameters, Role, open};
use crate::wire::noise::Random;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// More than any machine may ever want to send without being acknowledged, in one go.
const MOST_OUT: usize = 128 * 1024;

/// Starts a machine with a file to send and plays it pieces of input with time between them; then lets it wait.
fn endure(link: &mut dyn Link, input: &[Vec<u8>], pause: Duration) -> bool {
    let mut now = crate::clock::now();
    link.start(now);
    let mut ended = settle(link, now);
    for piece in input {
        now += pause;
        link.handle_input(now, piece);
        if link.poll_timeout().is_some_and(|at| at <= now) {
            link.handle_timeout(now);
        }
        ended |= settle(link, now);
    }
    let patience = now + Duration::from_secs(3600);
    while let Some(at) = link.poll_timeout().filter(|_| !ended) {
        assert!(at < patience, "it waits for ever");
        now = now.max(at);
        link.handle_timeout(now);
        ended |= settle(link, now);
    }
    ended
}

fn settle(link: &mut dyn Link, now: Instant) -> bool {
    let mut ended = false;
    if link.room() > 0 {
        link.send_data(now, Channel::Ours(1), 0, &vec![0x55; link.room()]);
    }
    let mut out = Vec::new();
    link.poll_transmit(now, 1 << 20, &mut out);
    assert!(out.len() <= MOST_OUT, "{} bytes", out.len());
    while let Some(event) = link.poll_event() {
        ended |= matches!(event, Event::Closed | Event::Failed(_));
    }
    ended
}

/// The bytes of a peer's start, so that the rest is read by a machine that runs.
fn start_of(letter: char, role: Role) -> Vec<u8> {
    let now = crate::clock::now();
    let other = match role {
        Role::Caller => Role::Called,
        Role::Called => Role::Caller,
    };
    let mut peer = open(letter, other, &Parameters::default()).unwrap();
    let mut ours = open(letter, role, &Parameters::default()).unwrap();
    peer.start(now);
    ours.start(now);
    let (mut all, mut there, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..8 {
        peer.poll_transmit(now, 4096, &mut there);
        all.extend(&there);
        ours.handle_input(now, &std::mem::take(&mut there));
        ours.poll_transmit(now, 4096, &mut back);
        peer.handle_input(now, &std::mem::take(&mut back));
    }
    all
}

/// Headers whose check byte is right and whose every field is anybody's guess, with some data behind.
fn nonsense(letter: char, random: &mut Random, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..count {
        let mut field = [random.byte(), random.byte(), random.byte(), random.byte()];
        if "gGv".contains(letter) {
            // Half of them control packets with the right sum.
            field[0] = 1 + random.below(9) as u8;
            if random.below(2) == 0 {
                field[3] &= 0x3f;
                let sum = 0xaaaau16.wrapping_sub(u16::from(field[3])).to_le_bytes();
                field = [9, sum[0], sum[1], field[3]];
            }
        } else if random.below(2) == 0 {
            // Half of them without data, so that they stand by themselves.
            field[2] &= 0xf0;
            field[3] = 0;
        }
        out.push(if "gGv".contains(letter) { 0x10 } else { 0x07 });
        out.extend(field);
        out.push(field.iter().fold(0, |sum, byte| sum ^ byte));
        out.extend((0..random.below(30)).map(|n| n as u8));
    }
    out
}

fn any_protocol() -> impl Strategy<Value = char> {
    (0..KNOWN.len()).prop_map(|at| KNOWN.chars().nth(at).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_endured(seed: u64, caller: bool, letter in any_protocol(), length in 0usize..30_000, started: bool) {
        let role = if caller { Role::Caller } else { Role::Called };
        let mut random = Random::new(seed);
        let mut input = vec![if started { start_of(letter, role) } else { Vec::new() }];
        input.extend((0..10).map(|_| (0..length / 10).map(|_| random.byte()).collect()));
        let mut link = open(letter, role, &Parameters::default()).unwrap();
        prop_assert!(endure(link.as_mut(), &input, Duration::from_millis(300)));
    }

    #[test]
    fn contradictory_packets_are_endured(seed: u64, caller: bool, letter in any_protocol(), started: bool) {
        let role = if caller { Role::Caller } else { Role::Called };
        let mut random = Random::new(seed);
        let mut input = vec![if started { start_of(letter, role) } else { Vec::new() }];
        input.extend((0..40).map(|_| nonsense(letter, &mut random, 20)));
        let mut link = open(letter, role, &Parameters::default()).unwrap();
        prop_assert!(endure(link.as_mut(), &input, Duration::from_millis(300)));
    }
}

#[test]
fn a_peer_that_asks_for_the_same_packet_without_end_is_given_up() {
    for letter in ['i', 'g'] {
        let reject: Vec<u8> = match letter {
            // NAK of packet 1; RJ after packet 0.
            'i' => vec![0x07, 1 << 3, 0, 3 << 5, 0, 1 << 3 ^ 3 << 5],
            _ => {
                let [low, high] = (0xaaaau16 - 0x10).to_le_bytes();
                vec![0x10, 9, low, high, 0x10, 9 ^ low ^ high ^ 0x10]
            }
        };
        let mut input = vec![start_of(letter, Role::Caller)];
        input.extend((0..2000).map(|_| reject.clone()));
        let mut link = open(letter, Role::Caller, &Parameters::default()).unwrap();
        assert!(endure(link.as_mut(), &input, Duration::from_millis(1500)));
        assert!(link.counters().bytes_sent < 4 << 20, "{:?}", link.counters());
    }
}

#[test]
fn an_echo_is_not_taken_for_the_peer() {
    let mut link = open('i', Role::Caller, &Parameters::default()).unwrap();
    let now = crate::clock::now();
    link.start(now);
    let mut out = Vec::new();
    link.poll_transmit(now, 4096, &mut out);
    link.handle_input(now, &out);
    assert_eq!(link.poll_event(), None);
    link.handle_input(now, &start_of('i', Role::Caller));
    assert_eq!(link.poll_event(), Some(Event::Started));
    link.send_command(now, Channel::Ours(1), b"S file");
    out.clear();
    link.poll_transmit(now, 4096, &mut out);
    link.handle_input(now, &out);
    assert_eq!(link.poll_event(), None);
    assert!(!link.idle());
}

/// Its packets do not say whose they are: what comes back would pass for the peer's.
#[test]
fn g_gives_a_line_up_that_sends_its_packets_back() {
    for letter in ['g', 'G', 'v'] {
        let mut link = open(letter, Role::Caller, &Parameters::default()).unwrap();
        let now = crate::clock::now();
        link.start(now);
        link.handle_input(now, &start_of(letter, Role::Caller));
        assert_eq!(link.poll_event(), Some(Event::Started));
        link.poll_transmit(now, 4096, &mut Vec::new());
        link.send_command(now, Channel::ONLY, b"S file");
        let mut out = Vec::new();
        link.poll_transmit(now, 4096, &mut out);
        link.handle_input(now, &out);
        assert_eq!(link.poll_event(), Some(Event::Failed(LinkError::Echo { protocol: letter })));
    }
}
