//! Reports for people: a label, dots or blanks, a value; one or two of them a line.
//!
//! Where the makers mean the same they nearly use the same words, so that one table serves all.

use super::super::Connect;
use super::{CallReport, keep};

type Take = fn(&mut CallReport, &str);

/// Labels, in capitals, and what their value is. Of those that fit, the longest counts.
const LABELS: &[(&str, Take)] = &[
    // USRobotics, ATI6. Received speed first.
    ("SPEED", |report, value| {
        let (receive, transmit) = value.split_once('/').unwrap_or((value, value));
        report.receive.last = rate(receive).or(report.receive.last);
        report.transmit.last = rate(transmit).or(report.transmit.last);
    }),
    ("V.90 PEAK SPEED", |report, value| report.receive.highest = rate(value)),
    ("V.92 PEAK SPEED", |report, value| report.receive.highest = rate(value)),
    ("PROTOCOL", |report, value| keep(&mut report.error_correction, Some(value))),
    ("DATA COMPRESSION", |report, value| keep(&mut report.compression, Some(value))),
    ("CHARS LOST", |report, value| report.characters_lost = count(value)),
    ("BLOCKS SENT", |report, value| report.blocks_sent = count(value)),
    ("BLOCKS RESENT", |report, value| report.blocks_resent = count(value)),
    ("BLERS", |report, value| report.block_errors = count(value)),
    ("RETRAINS REQUESTED", |report, value| report.retrains_asked = count(value)),
    ("RETRAINS GRANTED", |report, value| report.retrains_granted = count(value)),
    ("DISCONNECT REASON", |report, value| {
        keep(&mut report.reason, Some(value.strip_prefix("is ").unwrap_or(value)));
    }),
    // USRobotics, ATI11.
    ("MODULATION", |report, value| keep(&mut report.modulation, Some(value))),
    ("SNR", |report, value| report.signal_to_noise = count(value)),
    ("RECV/XMIT LEVEL", |report, value| report.receive_level = count(value)),
    // Rockwell and Conexant, AT&V1.
    ("TERMINATION REASON", |report, value| keep(&mut report.reason, Some(value))),
    ("LAST TX RATE", |report, value| report.transmit.last = rate(value)),
    ("HIGHEST TX RATE", |report, value| report.transmit.highest = rate(value)),
    ("LAST RX RATE", |report, value| report.receive.last = rate(value)),
    ("HIGHEST RX RATE", |report, value| report.receive.highest = rate(value)),
    ("COMPRESSION", |report, value| keep(&mut report.compression, Some(value))),
    ("LINE QUALITY", |report, value| report.noise = count(value)),
    ("RX LEVEL", |report, value| report.receive_level = count(value)),
    ("LOCAL RTRN COUNT", |report, value| report.retrains_asked = count(value)),
    ("REMOTE RTRN COUNT", |report, value| report.retrains_granted = count(value)),
    // Lucent, ATI11.
    ("LAST CONNECTION", |report, value| keep(&mut report.modulation, Some(value))),
    ("INITIAL TRANSMIT CARRIER RATE", |report, value| report.transmit.first = rate(value)),
    ("INITIAL RECEIVE CARRIER RATE", |report, value| report.receive.first = rate(value)),
    ("FINAL TRANSMIT CARRIER RATE", |report, value| report.transmit.last = rate(value)),
    ("FINAL RECEIVE CARRIER RATE", |report, value| report.receive.last = rate(value)),
    ("PROTOCOL NEGOTIATION RESULT", |report, value| keep(&mut report.error_correction, Some(value))),
    ("DATA COMPRESSION RESULT", |report, value| keep(&mut report.compression, Some(value))),
    ("ESTIMATED NOISE LEVEL", |report, value| report.noise = count(value)),
    ("ESTIMATED SIGNAL/NOISE RATIO", |report, value| report.signal_to_noise = count(value)),
    ("RECEIVE SIGNAL POWER LEVEL", |report, value| report.receive_level = count(value)),
    ("TRANSMIT FRAME COUNT", |report, value| report.blocks_sent = count(value)),
    // The REJ frames that the other modem sent.
    ("TRANSMIT FRAME ERROR COUNT", |report, value| report.blocks_resent = count(value)),
    ("RECEIVE FRAME ERROR COUNT", |report, value| report.block_errors = count(value)),
    ("RETRAIN BY LOCAL MODEM", |report, value| report.retrains_asked = count(value)),
    ("RETRAIN BY REMOTE MODEM", |report, value| report.retrains_granted = count(value)),
    ("CALL TERMINATION CAUSE", |report, value| {
        let cause = match count(value) {
            Some(0) => "us",
            Some(1) => "the other end",
            Some(2) => "no answer",
            Some(3) => "failed training",
            Some(4) => "no protocol in common",
            _ => value,
        };
        keep(&mut report.reason, Some(cause));
    }),
    // ZyXEL, ATI2.
    ("LAST SPEED/PROTOCOL", |report, value| {
        let told = Connect::read(value);
        report.transmit.last = told.transmit;
        report.receive.last = told.receive;
        keep(&mut report.error_correction, told.error_correction.as_deref());
        keep(&mut report.compression, told.compression.as_deref());
    }),
    ("RETRAIN REQUESTED", |report, value| report.retrains_asked = count(value)),
    ("RETRAIN GRANTED", |report, value| report.retrains_granted = count(value)),
    ("FCS ERRORS", |report, value| report.block_errors = count(value)),
];

/// A word of a line, and whether more than one blank stands before it.
type Word<'a> = (&'a str, bool);

pub(super) fn read(report: &mut CallReport, line: &str) {
    let words = words(line);
    let mut rest = words.as_slice();
    // A label begins a line, or follows the number of the line, a value that is one, or a gap between columns.
    let mut may_begin = true;
    while let Some(((word, _), after)) = rest.split_first() {
        let found = LABELS.iter().filter(|_| may_begin).filter_map(|(label, take)| {
            let value = behind(rest, label)?;
            Some((value, take))
        });
        if let Some((behind, take)) = found.min_by_key(|(behind, _)| behind.len()) {
            take(report, &value(behind));
            rest = behind;
            may_begin = false;
            continue;
        }
        rest = after;
        may_begin =
            word.ends_with(|c: char| c.is_ascii_digit()) || after.first().is_some_and(|(_, wide)| *wide);
    }
}

fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut wide = false;
    for word in line.split(' ') {
        if word.is_empty() {
            wide = true;
        } else {
            words.push((word, std::mem::take(&mut wide)));
        }
    }
    words
}

/// What follows `label` if the words begin with it: without its dots and the unit in brackets.
fn behind<'a, 'b>(words: &'a [Word<'b>], label: &str) -> Option<&'a [Word<'b>]> {
    let mut rest = words;
    for wanted in label.split(' ') {
        let ((word, _), after) = rest.split_first()?;
        if !word.trim_end_matches(['.', ':']).eq_ignore_ascii_case(wanted) {
            return None;
        }
        rest = after;
    }
    while let Some(((word, _), after)) = rest.split_first() {
        let unit = word.starts_with('(') || word.ends_with(')');
        if !unit && word.chars().any(|c| c != '.' && c != ':') {
            break;
        }
        rest = after;
    }
    Some(rest)
}

/// The value at the front: its words up to a gap.
fn value(words: &[Word<'_>]) -> String {
    let more = words.iter().skip(1).take_while(|(_, wide)| !wide);
    let all: Vec<&str> = words.iter().take(1).chain(more).map(|(word, _)| *word).collect();
    all.join(" ")
}

/// `369`, `00`, `23/16`.
fn count(value: &str) -> Option<u32> {
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// `26400`, `26400 BPS`, `26 400 BIT/S`, in bit/s.
fn rate(value: &str) -> Option<u32> {
    let mut words = value.split_whitespace();
    let first = count(words.next()?)?;
    let thousands =
        words.next().filter(|word| first < 1000 && word.len() == 3).and_then(|word| word.parse::<u32>().ok());
    let rate = thousands.map_or(first, |thousands| first * 1000 + thousands);
    (rate > 0).then_some(rate)
}
