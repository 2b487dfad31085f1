//! The packet protocols under any input at any time.

use std::time::{Duration, Instant};
use uugate::wire::link::{self, Channel, Expect, Link, Parameters, Role, open};

/// The `e` protocol under any input at any time.
pub fn link_e(bytes: &[u8]) {
    endure('e', bytes);
}

/// The `f` protocol under any input at any time.
pub fn link_f(bytes: &[u8]) {
    endure('f', bytes);
}

/// The `g` protocol under any input at any time.
pub fn link_g(bytes: &[u8]) {
    endure('g', bytes);
}

/// The `i` protocol under any input at any time.
pub fn link_i(bytes: &[u8]) {
    endure('i', bytes);
}

/// The `j` protocol under any input at any time.
pub fn link_j(bytes: &[u8]) {
    endure('j', bytes);
}

/// The `t` protocol under any input at any time.
pub fn link_t(bytes: &[u8]) {
    endure('t', bytes);
}

/// The `y` protocol under any input at any time.
pub fn link_y(bytes: &[u8]) {
    endure('y', bytes);
}

/// More than any link may want to send without being acknowledged, in one go.
const MOST_OUT: usize = 128 * 1024;

/// Plays a link what the bytes say: the first is role, whether the protocol is up, and whether both are uugates; then each begins a piece of
/// input, a pause, or a wish of the session.
fn endure(letter: char, bytes: &[u8]) {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let role = if first & 1 == 0 { Role::Caller } else { Role::Called };
    let mut now = uugate::clock::now();
    let mut parameters = Parameters::default();
    if first & 4 != 0 {
        parameters.among_uugates();
    }
    let mut link = open(letter, role, &parameters).expect("a protocol");
    let mut peer = open(letter, opposite(role), &parameters).expect("a protocol");
    link.start(now);
    if first & 2 != 0 {
        peer.start(now);
        for _ in 0..8 {
            pass(now, peer.as_mut(), link.as_mut());
            pass(now, link.as_mut(), peer.as_mut());
        }
    }
    let (mut steps, mut wished): (u64, u64) = (16, 0);
    let mut ended = settle(link.as_mut(), now);
    while let Some((step, behind)) = rest.split_first() {
        rest = behind;
        steps += 1;
        match step {
            0..0x80 => {
                let (input, behind) = rest.split_at(rest.len().min(usize::from(*step)));
                rest = behind;
                steps += input.len() as u64;
                link.handle_input(now, input);
            }
            // Sound packets of the other end, whatever this one makes of them.
            0x80..0x90 => {
                if step & 8 == 0 {
                    peer.send_command(now, Channel::Ours(step & 7), b"S");
                } else {
                    send_file(peer.as_mut(), now, step & 7);
                }
                let mut out = Vec::new();
                peer.poll_transmit(now, 4096, &mut out);
                link.handle_input(now, &out);
                steps += out.len() as u64;
            }
            0x90..0xd0 => {
                now += Duration::from_millis(300) * u32::from(step & 0x3f);
                if link.poll_timeout().is_some_and(|at| at <= now) {
                    link.handle_timeout(now);
                }
            }
            0xd0..0xe0 => link.send_command(now, Channel::Ours(step & 7), b"H"),
            0xe0..0xf0 => {
                let room = link.room();
                wished += room as u64;
                link.send_data(now, Channel::Ours(1), 0, &vec![0x55; room]);
            }
            0xf0..0xf2 => link.expect(Expect::File),
            0xf2..0xf4 => link.expect(Expect::Command),
            0xf4..0xf8 => send_file(link.as_mut(), now, step & 3),
            _ => link.close(now),
        }
        ended |= settle(link.as_mut(), now);
    }
    let patience = now + Duration::from_secs(2 * 3600);
    while let Some(at) = link.poll_timeout().filter(|_| !ended) {
        assert!(at < patience, "it waits for ever");
        now = now.max(at);
        link.handle_timeout(now);
        steps += 1;
        ended |= settle(link.as_mut(), now);
    }
    // What is sent again is bounded by what was asked, and by the patience of one call.
    assert!(link.counters().bytes_sent < 2 * wished + (steps + 64) * MOST_OUT as u64 / 4);
}

/// A whole file of a few bytes.
fn send_file(link: &mut dyn Link, now: Instant, length: u8) {
    link.begin_file(u64::from(length));
    link.send_data(now, Channel::Ours(1), 0, &vec![0xaa; usize::from(length)]);
    link.send_data(now, Channel::Ours(1), u64::from(length), &[]);
}

pub fn opposite(role: Role) -> Role {
    match role {
        Role::Caller => Role::Called,
        Role::Called => Role::Caller,
    }
}

pub fn pass(now: Instant, from: &mut dyn Link, to: &mut dyn Link) {
    let mut out = Vec::new();
    from.poll_transmit(now, 4096, &mut out);
    to.handle_input(now, &out);
}

/// Takes out all that a link has; whether it has ended.
fn settle(link: &mut dyn Link, now: Instant) -> bool {
    let mut out = Vec::new();
    link.poll_transmit(now, MOST_OUT, &mut out);
    assert!(out.len() <= MOST_OUT, "{} bytes at once", out.len());
    let mut ended = false;
    while let Some(event) = link.poll_event() {
        ended |= matches!(event, link::Event::Closed | link::Event::Failed(_));
    }
    ended
}
