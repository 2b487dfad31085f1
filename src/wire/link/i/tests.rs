use super::*;
use std::time::Duration;

/// The called side, started with a caller that asks for packets of 1024 bytes.
fn running(now: Instant) -> I {
    let mut link = I::new('i', Role::Called, IParameters::default(), MOST_DATA);
    link.start(now);
    link.handle_input(now, &packet::frame(theirs(Kind::Sync, 0), &[4, 0, 16, 7]));
    assert_eq!(link.poll_event(), Some(Event::Started));
    said(&mut link, now);
    link
}

fn theirs(kind: Kind, packet: u8) -> Header {
    Header { kind, packet, ack: 0, local: 0, remote: 1, caller: true, sealed: false }
}

/// Kinds and data of the packets that it sends now.
fn said(link: &mut I, now: Instant) -> Vec<(Kind, Vec<u8>)> {
    let mut bytes = Vec::new();
    while link.poll_transmit(now, usize::MAX, &mut bytes) {}
    let mut reader: Reader<Packets> = Reader::default();
    reader.feed(&bytes);
    let mut packets = Vec::new();
    while let Some(Found::Packet(header, data)) = reader.find() {
        packets.push((header.kind, data));
    }
    packets
}

#[test]
fn a_peer_that_asks_for_smaller_packets_in_mid_session_gets_them() {
    let now = crate::clock::now();
    let mut link = running(now);
    link.send_data(now, Channel::Ours(1), 0, &[1; 2000]);
    assert!(said(&mut link, now).iter().any(|(_, data)| data.len() > 256));
    link.handle_input(now, &packet::frame(theirs(Kind::Sync, 0), &[1, 0, 16]));
    link.send_data(now, Channel::Ours(1), 2000, &[1; 2000]);
    let sizes: Vec<usize> = said(&mut link, now).iter().map(|(_, data)| data.len()).collect();
    assert!(sizes.contains(&256) && sizes.iter().all(|size| *size <= 256), "{sizes:?}");
}

/// Caller and called side of two uugates; the caller's SYNC is out.
fn uugates(now: Instant) -> [I; 2] {
    let parameters = IParameters { eager: true, seal: true, ..IParameters::default() };
    let mut ends = [Role::Caller, Role::Called].map(|role| I::new('i', role, parameters.clone(), MOST_DATA));
    for end in &mut ends {
        end.start(now);
        assert_eq!(end.poll_event(), Some(Event::Started));
    }
    ends
}

/// What one end has to say is heard by the other.
fn pass(now: Instant, from: &mut I, to: &mut I) {
    let mut bytes = Vec::new();
    from.poll_transmit(now, usize::MAX, &mut bytes);
    to.handle_input(now, &bytes);
}

#[test]
fn between_uugates_a_file_follows_its_command_without_an_spos() {
    let now = crate::clock::now();
    let [mut caller, mut called] = uugates(now);
    let data = |channel, position, bytes: &[u8]| {
        Some(Event::Data { channel, position: Some(position), bytes: bytes.to_vec() })
    };
    for (ours, theirs) in [(Channel::Ours(1), Channel::Theirs(1)), (Channel::Ours(2), Channel::Theirs(2))] {
        caller.send_offer(now, ours, b"S file");
        caller.send_data(now, ours, 0, &[1; 10]);
        caller.send_data(now, ours, 10, &[]);
        let packets = caller.sender.packets_sent;
        pass(now, &mut caller, &mut called);
        assert_eq!(caller.sender.packets_sent - packets, 3);
        assert!(matches!(called.poll_event(), Some(Event::Data { channel, .. }) if channel == theirs));
        called.offered();
        assert_eq!(called.poll_event(), data(theirs, 0, &[1; 10]));
        assert_eq!(called.poll_event(), data(theirs, 10, &[]));
    }
    // What comes between a command and its file takes the position with it.
    pass(now, &mut called, &mut caller);
    caller.send_offer(now, Channel::Ours(3), b"S file");
    caller.send_command(now, Channel::Theirs(1), b"EY");
    caller.send_data(now, Channel::Ours(3), 0, &[2; 10]);
    pass(now, &mut caller, &mut called);
    assert!(called.poll_event().is_some());
    called.offered();
    assert_eq!(called.poll_event(), data(Channel::Ours(1), 0, b"EY\0"));
    assert_eq!(called.poll_event(), data(Channel::Theirs(3), 0, &[2; 10]));
}

#[test]
fn a_packet_that_two_spoiled_bits_make_another_is_not_taken_between_uugates() {
    let now = crate::clock::now();
    for text in [&b"S file"[..], b""] {
        let [mut caller, mut called] = uugates(now);
        pass(now, &mut caller, &mut called);
        pass(now, &mut called, &mut caller);
        match text.is_empty() {
            true => caller.send_data(now, Channel::Ours(1), 0, text),
            false => caller.send_command(now, Channel::Ours(1), text),
        }
        let mut bytes = Vec::new();
        caller.poll_transmit(now, usize::MAX, &mut bytes);
        // Packet 2 in place of 1, or of another channel.
        for (first, other) in [(0x18, (2, 0x18)), (0x02, (5, 0x02))] {
            let mut spoiled = bytes.clone();
            spoiled[1] ^= first;
            spoiled[other.0] ^= other.1;
            called.handle_input(now, &spoiled);
            assert_eq!(called.poll_event(), None);
        }
        called.handle_input(now, &bytes);
        assert!(matches!(called.poll_event(), Some(Event::Data { channel: Channel::Theirs(1), .. })));
        assert_eq!(called.poll_event(), None);
    }
}

/// Noise on the handshake may have hidden from one of them what the other is.
#[test]
fn a_uugate_is_understood_by_one_that_takes_it_for_another_system() {
    let now = crate::clock::now();
    for (role, other) in [(Role::Caller, Role::Called), (Role::Called, Role::Caller)] {
        let knows = IParameters { eager: true, seal: true, ..IParameters::default() };
        let mut knows = I::new('i', role, knows, MOST_DATA);
        let mut other = I::new('i', other, IParameters::default(), MOST_DATA);
        knows.start(now);
        other.start(now);
        pass(now, &mut knows, &mut other);
        pass(now, &mut other, &mut knows);
        for from_one_that_knows in [true, false] {
            let (from, to) =
                if from_one_that_knows { (&mut knows, &mut other) } else { (&mut other, &mut knows) };
            while to.poll_event().is_some() {}
            from.send_offer(now, Channel::Ours(1), b"S file");
            from.send_data(now, Channel::Ours(1), 0, &[1; 10]);
            from.send_data(now, Channel::Ours(1), 10, &[]);
            pass(now, from, to);
            let told = |position, bytes: &[u8]| {
                Some(Event::Data {
                    channel: Channel::Theirs(1),
                    position: Some(position),
                    bytes: bytes.to_vec(),
                })
            };
            assert!(matches!(to.poll_event(), Some(Event::Data { .. })));
            to.offered();
            assert_eq!(to.poll_event(), told(0, &[1; 10]));
            assert_eq!(to.poll_event(), told(10, &[]));
        }
    }
}

#[test]
fn a_uugate_that_asks_what_the_other_has_is_told_and_sent_nothing_again() {
    let now = crate::clock::now();
    let [mut caller, mut called] = uugates(now);
    caller.send_command(now, Channel::Ours(1), b"S file");
    pass(now, &mut caller, &mut called);
    called.send_command(now, Channel::Theirs(1), b"SY");
    let mut on_its_way = Vec::new();
    called.poll_transmit(now, usize::MAX, &mut on_its_way);
    caller.receiver.ask_state();
    pass(now, &mut caller, &mut called);
    assert!(said(&mut called, now).iter().all(|(kind, _)| *kind == Kind::Ack));
    assert_eq!(called.counters().packets_resent, 0);
}

#[test]
fn a_packet_that_is_coming_in_slowly_is_not_asked_for() {
    let mut now = crate::clock::now();
    let mut link = running(now);
    link.send_command(now, Channel::Ours(1), b"S file");
    said(&mut link, now);
    let frame = packet::frame(theirs(Kind::Data, 1), &[1; 1024]);
    for (came, asked) in [(&frame[..0], 1), (&frame[..500], 1 + MOST_WINDOW as u8)] {
        link.handle_input(now, came);
        while link.sender.deadline().is_some_and(|at| at > now) {
            now = link.poll_timeout().unwrap();
            link.handle_timeout(now);
        }
        assert_eq!(link.receiver.take_nak(), Some(asked));
        said(&mut link, now);
    }
}

#[test]
fn two_that_speak_at_once_need_no_clock_when_a_sync_is_spoiled() {
    let mut now = crate::clock::now();
    let [mut caller, mut called] = uugates(now);
    caller.send_command(now, Channel::Ours(1), b"S file");
    let mut bytes = Vec::new();
    caller.poll_transmit(now, usize::MAX, &mut bytes);
    // The first packet, the SYNC, is spoiled in its data.
    bytes[7] ^= 1;
    let mut heard = Vec::new();
    for _ in 0..6 {
        called.handle_input(now, &bytes);
        heard.extend(std::iter::from_fn(|| called.poll_event()));
        let mut answer = Vec::new();
        called.poll_transmit(now, usize::MAX, &mut answer);
        caller.handle_input(now, &answer);
        bytes.clear();
        caller.poll_transmit(now, usize::MAX, &mut bytes);
        // Time enough for the caller to ask what became of its packet, but not for another SYNC by the clock.
        now += Duration::from_millis(1500);
        caller.handle_timeout(now);
    }
    let command = Event::Data { channel: Channel::Theirs(1), position: Some(0), bytes: b"S file\0".to_vec() };
    assert_eq!(heard, [command]);
}

#[test]
fn a_line_that_spoils_most_packets_makes_it_ask_for_smaller_ones() {
    let now = crate::clock::now();
    let mut link = running(now);
    for packet in 1..=8 {
        let mut frame = packet::frame(theirs(Kind::Data, packet), &[1; 1024]);
        frame[100] ^= 1;
        link.handle_input(now, &frame);
    }
    let packets = said(&mut link, now);
    let sync = packets.iter().find(|(kind, _)| *kind == Kind::Sync).expect("another SYNC");
    assert_eq!(&sync.1[2..], [16, 7]);
    let size = usize::from(sync.1[0]) << 8 | usize::from(sync.1[1]);
    assert!((256..=512).contains(&size), "{size}");
}
