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
    Header { kind, packet, ack: 0, local: 0, remote: 1, caller: true }
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

#[test]
fn two_that_speak_at_once_need_no_clock_when_a_sync_is_spoiled() {
    let mut now = crate::clock::now();
    let parameters = IParameters { eager: true, ..IParameters::default() };
    let [mut caller, mut called] =
        [Role::Caller, Role::Called].map(|role| I::new('i', role, parameters.clone(), MOST_DATA));
    caller.start(now);
    assert_eq!(caller.poll_event(), Some(Event::Started));
    caller.send_command(now, Channel::Ours(1), b"S file");
    let mut bytes = Vec::new();
    caller.poll_transmit(now, usize::MAX, &mut bytes);
    // The first packet, the SYNC, is spoiled in its data.
    bytes[7] ^= 1;
    called.start(now);
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
    assert_eq!(heard, [Event::Started, command]);
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
