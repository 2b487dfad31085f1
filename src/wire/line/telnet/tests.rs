//! A client and a server of our own, a terminal server by script, and hostile bytes.

use super::comport::{ComFlow, ComLines, ComParity, Request};
use super::*;
use proptest::prelude::*;

const PORT: ComSettings =
    ComSettings { speed: 57_600, data_bits: 8, parity: ComParity::None, flow: ComFlow::RtsCts };

fn sent(telnet: &mut Telnet) -> Vec<u8> {
    let mut out = Vec::new();
    telnet.poll_transmit(&mut out);
    out
}

fn heard(telnet: &mut Telnet, bytes: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    telnet.handle_input(bytes, &mut data);
    data
}

/// Carries what both have to say until neither says anything more.
fn settle(one: &mut Telnet, other: &mut Telnet) {
    for _ in 0..10 {
        let (there, back) = (sent(one), sent(other));
        if there.is_empty() && back.is_empty() {
            return;
        }
        assert_eq!((heard(other, &there), heard(one, &back)), (Vec::new(), Vec::new()));
    }
    panic!("they never come to an end");
}

#[test]
fn two_sides_agree_on_binary_mode_and_then_say_no_more() {
    let mut client = Telnet::new(Role::Client, None);
    let mut server = Telnet::new(Role::Server, None);
    assert!(!client.settled());
    settle(&mut client, &mut server);
    assert!(client.settled() && server.settled() && client.is_binary() && server.is_binary());
    client.send(b"\r\xff\r\n");
    assert_eq!(sent(&mut client), b"\r\xff\xff\r\n");
}

#[test]
fn what_is_unknown_is_refused_once_and_a_refusal_is_not_answered() {
    let mut client = Telnet::new(Role::Client, None);
    sent(&mut client);
    // Terminal type (24), environment (39), and a server that wants us to echo.
    heard(&mut client, &[IAC, DO, 24, IAC, WILL, 39, IAC, DO, ECHO, IAC, DO, COM_PORT]);
    let refused = [IAC, WONT, 24, IAC, DONT, 39, IAC, WONT, ECHO, IAC, WONT, COM_PORT];
    assert_eq!(sent(&mut client), refused);
    heard(&mut client, &[IAC, DONT, 24, IAC, WONT, 39, IAC, DONT, BINARY, IAC, WONT, BINARY]);
    assert_eq!(sent(&mut client), b"");
    assert!(!client.is_binary());
}

#[test]
fn outside_binary_mode_a_carriage_return_stands_for_itself() {
    let mut client = Telnet::new(Role::Client, None);
    sent(&mut client);
    client.send(b"uucp\r");
    client.send(b"a\r\nb\r");
    assert_eq!(sent(&mut client), b"uucp\r\0a\r\nb\r\0");
    assert_eq!(heard(&mut client, b"a\r\0b\r\nc\r"), b"a\rb\r\nc\r");
    assert_eq!(heard(&mut client, b"\0d\0"), b"d\0");
}

#[test]
fn a_terminal_server_is_set_up_and_tells_the_carrier() {
    let mut client = Telnet::new(Role::Client, Some(PORT));
    let asked = sent(&mut client);
    assert_eq!(&asked[..3], [IAC, WILL, COM_PORT]);
    let agreed = [IAC, DO, BINARY, IAC, WILL, BINARY, IAC, DO, NO_GO_AHEAD, IAC, WILL, NO_GO_AHEAD];
    heard(&mut client, &agreed);
    assert_eq!(sent(&mut client), b"", "nothing of the port before the server knows of ports");
    heard(&mut client, &[IAC, DO, COM_PORT]);
    let settings = sent(&mut client);
    let has = |bytes: &[u8]| settings.windows(bytes.len()).any(|window| window == bytes);
    assert!(has(&[IAC, SB, COM_PORT, 1, 0, 0, 0xe1, 0, IAC, SE]), "57600 bit/s");
    assert!(has(&[IAC, SB, COM_PORT, 2, 8, IAC, SE]) && has(&[IAC, SB, COM_PORT, 3, 1, IAC, SE]));
    assert!(has(&[IAC, SB, COM_PORT, 5, 3, IAC, SE]) && has(&[IAC, SB, COM_PORT, 5, 8, IAC, SE]));
    let mask = [IAC, SB, COM_PORT, 11, 255, 255, IAC, SE];
    assert!(has(&mask), "255 is doubled");

    let answer = |number: u8, value: &[u8]| [&[IAC, SB, COM_PORT, number][..], value, &[IAC, SE]].concat();
    heard(&mut client, &answer(101, &[0, 0, 0xe1, 0]));
    heard(&mut client, &answer(102, &[8]));
    assert!(!client.settled());
    heard(&mut client, &answer(103, &[1]));
    assert!(client.settled() && client.port().unwrap().failed().is_none());
    assert_eq!(client.port().unwrap().lines(), None);
    heard(&mut client, &answer(107, &[128 | 16]));
    let lines = ComLines { carrier: true, ring: false, dsr: false, cts: true };
    assert_eq!(client.port().unwrap().lines(), Some(lines));
    heard(&mut client, &answer(107, &[IAC, IAC]));
    assert!(client.port().unwrap().lines().unwrap().ring);
    heard(&mut client, &answer(108, &[]));
    assert!(client.port().unwrap().suspended());
    heard(&mut client, &answer(109, &[]));
    assert!(!client.port().unwrap().suspended());
    client.request(&Request::Dtr(false));
    assert_eq!(sent(&mut client), [IAC, SB, COM_PORT, 5, 9, IAC, SE]);
}

#[test]
fn a_server_without_serial_ports_or_with_another_speed_is_said() {
    let mut client = Telnet::new(Role::Client, Some(PORT));
    heard(&mut client, &[IAC, DONT, COM_PORT]);
    assert!(client.port().unwrap().failed().unwrap().contains("2217"));
    let mut client = Telnet::new(Role::Client, Some(PORT));
    heard(&mut client, &[IAC, DO, COM_PORT, IAC, SB, COM_PORT, 101, 0, 0, 0x25, 0x80, IAC, SE]);
    assert_eq!(client.port().unwrap().failed(), Some("the speed"));
}

#[test]
fn a_subnegotiation_without_end_is_bounded_and_one_cut_short_ends_by_the_next_command() {
    let mut client = Telnet::new(Role::Client, Some(PORT));
    sent(&mut client);
    heard(&mut client, &[IAC, SB, COM_PORT, 107]);
    heard(&mut client, &vec![128; 1 << 20]);
    assert!(client.subnegotiation.len() <= LONGEST_SUBNEGOTIATION + 1);
    assert_eq!(heard(&mut client, &[IAC, SE, b'x']), b"x");
    assert_eq!(client.port().unwrap().lines(), None, "what is too long says nothing");
    heard(&mut client, &[IAC, SB, COM_PORT, 107, IAC, WILL, ECHO]);
    assert_eq!(heard(&mut client, b"y"), b"y");
    assert_eq!(sent(&mut client), [IAC, DO, ECHO]);
}

proptest! {
    #[test]
    fn every_byte_passes_however_it_is_cut(
        data in prop::collection::vec(prop_oneof![any::<u8>(), Just(IAC), Just(b'\r'), Just(0)], 0..300),
        cut in 1_usize..20,
        binary in any::<bool>(),
    ) {
        let (mut client, mut server) = (Telnet::new(Role::Client, None), Telnet::new(Role::Server, None));
        if binary {
            settle(&mut client, &mut server);
        } else {
            sent(&mut client);
        }
        let mut arrived = Vec::new();
        for piece in data.chunks(cut) {
            client.send(piece);
        }
        for piece in sent(&mut client).chunks(cut) {
            server.handle_input(piece, &mut arrived);
        }
        prop_assert_eq!(arrived, data);
    }

    #[test]
    fn whatever_comes_in_is_the_same_however_it_is_cut_and_is_answered_briefly(
        bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 2 => 240_u8..=255, 1 => Just(COM_PORT)], 0..300),
        cut in 1_usize..20,
    ) {
        let (mut whole, mut cut_up) = (Telnet::new(Role::Client, Some(PORT)), Telnet::new(Role::Client, Some(PORT)));
        let start = sent(&mut whole).len();
        let at_once = heard(&mut whole, &bytes);
        let mut by_pieces = Vec::new();
        for piece in bytes.chunks(cut) {
            cut_up.handle_input(piece, &mut by_pieces);
        }
        let answer = sent(&mut whole);
        prop_assert_eq!(&at_once, &by_pieces);
        prop_assert_eq!(&answer[..], &sent(&mut cut_up)[start..]);
        // Each byte pair asks for three bytes at most; the settings of the port come once for each agreement.
        prop_assert!(at_once.len() <= bytes.len() && answer.len() <= 40 * bytes.len());
    }
}
