use super::*;
use proptest::prelude::*;

fn connect(
    transmit: Option<u32>,
    receive: Option<u32>,
    modulation: &str,
    correction: &str,
    compression: &str,
) -> Reply {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Reply::Connect(Connect {
        transmit,
        receive,
        modulation: text(modulation),
        error_correction: text(correction),
        compression: text(compression),
    })
}

#[test]
fn connect_lines_of_many_families() {
    let both = |rate| (Some(rate), Some(rate));
    let cases = [
        ("CONNECT", (None, None), "", "", ""),
        ("CONNECT 9600", both(9600), "", "", ""),
        ("connect 2400/NONE", both(2400), "", "NONE", ""),
        ("CONNECT 14400/ARQ", both(14400), "", "ARQ", ""),
        ("CONNECT 33600/ARQ/V34/LAPM/V42BIS", both(33600), "V34", "LAPM", "V42BIS"),
        ("CONNECT 115200/V90/V42bis", both(115200), "V90", "", "V42BIS"),
        ("CONNECT 49333/ARQ/V90/LAPM/V44", both(49333), "V90", "LAPM", "V44"),
        (
            "CONNECT 115200/V34/LAPM/V42BIS/33600:TX/31200:RX",
            (Some(33600), Some(31200)),
            "V34",
            "LAPM",
            "V42BIS",
        ),
        ("CONNECT 57600/REL-LAPM V.42 BIS", both(57600), "", "LAPM", "V42BIS"),
        ("CONNECT 28800 V42", both(28800), "", "V42", ""),
        ("CONNECT 115200/V34 33600/V42b", both(33600), "V34", "", "V42B"),
        ("CONNECT 53333 K56flex MNP4", both(53333), "K56FLEX", "MNP4", ""),
        ("CONNECT 999999999999999 TEST", (None, None), "", "", ""),
    ];
    for (line, (transmit, receive), modulation, correction, compression) in cases {
        let wanted = connect(transmit, receive, modulation, correction, compression);
        assert_eq!(parse(line.as_bytes()), wanted, "{line}");
    }
}

#[test]
fn words_and_numbers_mean_the_same() {
    for (word, code) in [
        ("OK", "0"),
        ("RING", "2"),
        ("NO CARRIER", "3"),
        ("ERROR", "4"),
        ("NO DIALTONE", "6"),
        ("BUSY", "7"),
        ("NO ANSWER", "8"),
        ("CONNECT", "1"),
        ("CONNECT 1200", "5"),
    ] {
        assert_eq!(parse(word.as_bytes()), parse(code.as_bytes()), "{word}");
    }
    assert_eq!(parse(b"NO DIAL TONE"), Reply::NoDialtone);
    assert_eq!(parse(b"OK "), Reply::Ok);
    assert_eq!(parse(b"BLACKLISTED"), Reply::Barred("BLACKLISTED".to_owned()));
    assert_eq!(parse(b"DELAYED 00:10:00"), Reply::Barred("DELAYED 00:10:00".to_owned()));
}

#[test]
fn reports_before_connect() {
    let report = |line: &[u8]| match parse(line) {
        Reply::Report(report) => report,
        other => panic!("{other:?}"),
    };
    assert_eq!(report(b"+MCR: V90").modulation.as_deref(), Some("V90"));
    assert_eq!(
        (report(b"+MRR: 33600,53333").transmit, report(b"+MRR: 33600,53333").receive),
        (Some(33600), Some(53333))
    );
    assert_eq!(report(b"+MRR: 33600").receive, Some(33600));
    assert_eq!(report(b"+ER: LAPM").error_correction.as_deref(), Some("LAPM"));
    assert_eq!(report(b"+DR: V42B").compression.as_deref(), Some("V42B"));
    assert_eq!(report(b"CARRIER 31200").receive, Some(31200));
    assert_eq!(report(b"PROTOCOL: LAP-M").error_correction.as_deref(), Some("LAPM"));
    assert_eq!(report(b"COMPRESSION: V.42BIS").compression.as_deref(), Some("V42BIS"));
}

#[test]
fn the_number_of_the_caller() {
    assert_eq!(parse(b"NMBR = 0305551"), Reply::Caller("0305551".to_owned()));
    assert_eq!(parse(b"DATE = 1123"), Reply::Other("DATE = 1123".to_owned()));
}

#[test]
fn strangers_are_no_result_codes() {
    for line in ["ATDT5551", "OKAY", "CONNECTED", "RINGING", "NO", "login:", "999", "BUSYBODY"] {
        assert_eq!(parse(line.as_bytes()), Reply::Other(line.to_owned()));
    }
}

proptest! {
    #[test]
    fn any_line_is_read_without_harm(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        parse(&line);
    }

    #[test]
    fn rates_come_through(transmit in 300u32..60_000, receive in 300u32..60_000) {
        let line = format!("CONNECT 115200/V90/LAPM/{transmit}:TX/{receive}:RX");
        prop_assert_eq!(parse(line.as_bytes()), connect(Some(transmit), Some(receive), "V90", "LAPM", ""));
    }
}
