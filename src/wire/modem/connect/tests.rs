use super::*;

fn read(text: &str) -> (Option<u32>, Option<u32>, Option<u32>) {
    let connect = Connect::read(text);
    (connect.port, connect.transmit, connect.receive)
}

#[test]
fn of_two_numbers_the_first_is_the_ports() {
    assert_eq!(read("115200/V34/LAPM/V42B/33600"), (Some(115_200), Some(33600), Some(33600)));
    assert_eq!(read("38400/V.32bis 14400/V.42bis"), (Some(38400), Some(14400), Some(14400)));
    assert_eq!(read("33600/ARQ/V34"), (None, Some(33600), Some(33600)));
    assert_eq!(read("115200"), (None, Some(115_200), Some(115_200)));
}

#[test]
fn a_number_beside_a_rate_for_each_way_is_the_ports_unless_it_is_one_of_them() {
    assert_eq!(read("115200/V90/33600:TX/53333:RX"), (Some(115_200), Some(33600), Some(53333)));
    assert_eq!(read("53333/V90/LAPM/33600:TX/53333:RX"), (None, Some(33600), Some(53333)));
    assert_eq!(read("115200/V34/LAPM/V42B/TX=28800/RX=28000"), (Some(115_200), Some(28800), Some(28000)));
    assert_eq!(read("115200/V34/LAPM/V42B/31200 TX/33600 RX"), (Some(115_200), Some(31200), Some(33600)));
}

#[test]
fn a_slow_way_back_is_no_speed_of_a_port() {
    assert_eq!(read("1200/75"), (None, Some(1200), Some(75)));
    assert_eq!(read("75TX/1200RX"), (None, Some(75), Some(1200)));
}

#[test]
fn behind_a_report_the_number_of_connect_is_the_ports() {
    let reported = Connect { transmit: Some(28800), receive: Some(48000), ..Connect::default() };
    let port = |text: &str| Connect::read(text).or(reported.clone());
    assert_eq!(port("115200").port, Some(115_200));
    assert_eq!((port("115200").transmit, port("115200").receive), (Some(28800), Some(48000)));
    // It is the line's again, or no speed that a port has.
    assert_eq!(port("48000").port, None);
    assert_eq!(port("46666").port, None);
    // A report of one way alone: the other is behind CONNECT.
    let one = Connect { transmit: Some(31200), ..Connect::default() };
    let both = Connect::read("33600").or(one);
    assert_eq!((both.port, both.transmit, both.receive), (None, Some(31200), Some(33600)));
}

#[test]
fn first_the_correction_then_the_compression() {
    let words = |text: &str| {
        let connect = Connect::read(text);
        [connect.modulation, connect.error_correction, connect.compression].map(Option::unwrap_or_default)
    };
    assert_eq!(words("115200/V34/LAPM/NONE/33600"), ["V34", "LAPM", "NONE"]);
    assert_eq!(words("115200/V34/NONE/NONE/33600"), ["V34", "NONE", "NONE"]);
    assert_eq!(words("115200/V32/ALT/ALT/9600"), ["V32", "ALT", "ALT"]);
    assert_eq!(words("16800/ARQ/HST/HST/V42BIS"), ["HST", "HST", "V42BIS"]);
    assert_eq!(words("28800/ARQ/VFC/LAPM/V42BIS"), ["VFC", "LAPM", "V42BIS"]);
    assert_eq!(words("14400/ARQ/V32/MNP/MNP5"), ["V32", "MNP", "MNP5"]);
    assert_eq!(words("9600 RELIABLE COMPRESSED"), ["", "MNP", "COMPRESSED"]);
    assert_eq!(words("57600 REL-LAPM V.42 BIS"), ["", "LAPM", "V42BIS"]);
    assert_eq!(words("28800 NoEC"), ["", "NONE", ""]);
    assert_eq!(words("CLASS 5"), ["", "", "MNP5"]);
}
