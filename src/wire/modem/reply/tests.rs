use super::*;
use crate::wire::modem::Profile;
use proptest::prelude::*;
use std::fs;

fn connect(
    port: Option<u32>,
    (transmit, receive): (Option<u32>, Option<u32>),
    modulation: &str,
    correction: &str,
    compression: &str,
) -> Reply {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Reply::Connect(Connect {
        transmit,
        receive,
        port,
        modulation: text(modulation),
        error_correction: text(correction),
        compression: text(compression),
    })
}

#[test]
fn connect_lines_of_many_families() {
    let both = |rate| (Some(rate), Some(rate));
    let ways = |transmit, receive| (Some(transmit), Some(receive));
    let port = Some(115_200);
    let cases = [
        ("CONNECT", None, (None, None), "", "", ""),
        ("CONNECT 9600", None, both(9600), "", "", ""),
        ("connect 2400/NONE", None, both(2400), "", "NONE", ""),
        ("CONNECT 14400/ARQ", None, both(14400), "", "ARQ", ""),
        ("CONNECT 33600/ARQ/V34/LAPM/V42BIS", None, both(33600), "V34", "LAPM", "V42BIS"),
        ("CONNECT 115200/V90/V42bis", None, both(115_200), "V90", "", "V42BIS"),
        ("CONNECT 49333/ARQ/V90/LAPM/V44", None, both(49333), "V90", "LAPM", "V44"),
        (
            "CONNECT 115200/V34/LAPM/V42BIS/33600:TX/31200:RX",
            port,
            ways(33600, 31200),
            "V34",
            "LAPM",
            "V42BIS",
        ),
        ("CONNECT 57600/REL-LAPM V.42 BIS", None, both(57600), "", "LAPM", "V42BIS"),
        ("CONNECT 28800 V42", None, both(28800), "", "V42", ""),
        ("CONNECT 115200/V34 33600/V42b", port, both(33600), "V34", "", "V42B"),
        ("CONNECT 53333 K56flex MNP4", None, both(53333), "K56FLEX", "MNP4", ""),
        ("CONNECT 999999999999999 TEST", None, (None, None), "", "", ""),
    ];
    for (line, port, rates, modulation, correction, compression) in cases {
        let wanted = connect(port, rates, modulation, correction, compression);
        assert_eq!(parse(line.as_bytes()), wanted, "{line}");
    }
}

/// `tests/samples/modem` holds a file for each profile but the first, which is for all.
#[test]
fn the_replies_of_every_family() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/modem");
    for profile in Profile::all().into_iter().skip(1) {
        let file = format!("{folder}/{}.txt", profile.name);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty(), "{file}");
        for line in lines {
            let (reply, wanted) = line.split_once('\t').unwrap_or_else(|| panic!("{file}: {line}"));
            assert_eq!(in_words(&parse_with(reply.as_bytes(), profile.codes)), wanted, "{file}: {reply}");
        }
    }
}

/// As the samples have it.
fn in_words(reply: &Reply) -> String {
    match reply {
        Reply::Ok => "ok".to_owned(),
        Reply::Ring => "ring".to_owned(),
        Reply::NoCarrier => "no-carrier".to_owned(),
        Reply::Error => "error".to_owned(),
        Reply::NoDialtone => "no-dialtone".to_owned(),
        Reply::Busy => "busy".to_owned(),
        Reply::NoAnswer => "no-answer".to_owned(),
        Reply::Voice => "voice".to_owned(),
        Reply::Barred(_) => "barred".to_owned(),
        Reply::Caller(number) => format!("caller {number}"),
        Reply::Other(_) => "other".to_owned(),
        Reply::Connect(connect) => format!("connect{}", values(connect)),
        Reply::Report(connect) => format!("report{}", values(connect)),
    }
}

fn values(connect: &Connect) -> String {
    let Connect { transmit, receive, port, modulation, error_correction, compression } = connect;
    let rates = [("port", port), ("tx", transmit), ("rx", receive)];
    let rates = rates.into_iter().filter_map(|(name, rate)| rate.map(|rate| format!(" {name}={rate}")));
    let words = [("modulation", modulation), ("correction", error_correction), ("compression", compression)];
    let words =
        words.into_iter().filter_map(|(name, word)| word.as_ref().map(|word| format!(" {name}={word}")));
    rates.chain(words).collect()
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
    assert_eq!(parse(b"VOICE"), Reply::Voice);
}

#[test]
fn a_delay_may_tell_its_length() {
    for (said, seconds) in [
        ("DELAYED 00:10:00", Some(600)),
        ("delayed: 02:05", Some(125)),
        ("DELAYED", None),
        ("DELAYED 9999999:00:00", None),
        ("DELAYED a while", None),
    ] {
        assert_eq!(delay(said), Some(seconds), "{said}");
    }
    assert_eq!((delay("BLACKLISTED"), delay("BLACKLIST FULL"), delay("")), (None, None, None));
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
    assert_eq!(
        (report(b"CARRIER 33600/31200").transmit, report(b"CARRIER 33600/31200").receive),
        (Some(33600), Some(31200))
    );
    assert_eq!((report(b"TxRate: 31200").transmit, report(b"TxRate: 31200").receive), (Some(31200), None));
    assert_eq!(report(b"PROTOCOL: LAP-M").error_correction.as_deref(), Some("LAPM"));
    assert_eq!(report(b"COMPRESSION: V.42BIS").compression.as_deref(), Some("V42BIS"));
}

#[test]
fn the_number_of_the_caller() {
    assert_eq!(parse(b"NMBR = 0305551"), Reply::Caller("0305551".to_owned()));
    assert_eq!(parse(b"CALLER NUMBER: 0305551"), Reply::Caller("0305551".to_owned()));
    assert_eq!(parse(b"NMBR=P"), Reply::Caller("P".to_owned()));
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
    fn any_words_behind_connect_are_read_without_harm(line in "(CONNECT|CARRIER|[+]MRR:)[ -~]{0,60}") {
        parse(line.as_bytes());
    }

    #[test]
    fn rates_come_through(transmit in 300u32..60_000, receive in 300u32..60_000) {
        let line = format!("CONNECT 115200/V90/LAPM/{transmit}:TX/{receive}:RX");
        // The port's speed cannot be one of these.
        let rates = (Some(transmit), Some(receive));
        prop_assert_eq!(parse(line.as_bytes()), connect(Some(115_200), rates, "V90", "LAPM", ""));
    }
}
