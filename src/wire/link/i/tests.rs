use super::*;

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
