//! What a modem tells about a call that is over: the rates, how often it had to train again, what it sent twice, and why the
//! call ended. The command is [`super::Profile::report`]; what it asks for differs from maker to maker, so the answer is read for
//! all of them at once, by the words that stand before each value.
//!
//! Sources: USRobotics, *Courier V.34 Dual Standard user manual* (1994), chapter 6 (`ATI6`, `ATI11`); Conexant, *Commands for
//! Host-Processed Modems* 100498 (`AT&V1`, `AT#UD` after ITU-T V.58); Multi-Tech S000354A (`AT&V1`); Lucent, *Host-Based
//! Controller Modem AT Command Set* (1998), page 9 (`ATI11`); ZyXEL, *U-1496 series user's manual* (`ATI2`); ITU-T V.250 6.4 to
//! 6.6 (`+MCR`, `+MRR`). More in firmware-notes. No sample of these comes from a modem that was tried here.

mod diagnostics;
mod labels;

use super::reply::{self, Reply};
use std::fmt;

/// What is read of an answer, in bytes; the longest known are some 2000.
const LONGEST_ANSWER: usize = 16 * 1024;
/// What is read of a line, in bytes.
const LONGEST_LINE: usize = 200;
/// What is kept of a text, in characters.
const LONGEST_TEXT: usize = 60;

/// The rates of one way, in bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    pub first: Option<u32>,
    pub highest: Option<u32>,
    pub last: Option<u32>,
}

/// The report on one call, as far as the modem told it. Its texts are printable ASCII, at most 60 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallReport {
    pub modulation: Option<String>,
    pub transmit: Rates,
    pub receive: Rates,
    pub error_correction: Option<String>,
    pub compression: Option<String>,
    /// Retrains that this modem asked for; some makers count changes of the rate with them.
    pub retrains_asked: Option<u32>,
    /// Retrains that the other modem asked for.
    pub retrains_granted: Option<u32>,
    pub renegotiations: Option<u32>,
    pub blocks_sent: Option<u32>,
    /// Blocks that had to be sent again, or whose receipt the other modem denied.
    pub blocks_resent: Option<u32>,
    /// Blocks that came in with errors.
    pub block_errors: Option<u32>,
    /// Characters from the computer or the line that found no room.
    pub characters_lost: Option<u32>,
    /// Noise on the line in the maker's own measure; less is better.
    pub noise: Option<u32>,
    /// dB.
    pub signal_to_noise: Option<u32>,
    /// -dBm, so that 30 is weaker than 20.
    pub receive_level: Option<u32>,
    /// Why the call ended.
    pub reason: Option<String>,
}

impl CallReport {
    /// Reads the answer to any of the commands. What is not known is passed over.
    pub fn read(answer: &[u8]) -> CallReport {
        let mut report = CallReport::default();
        let answer = answer.get(..LONGEST_ANSWER).unwrap_or(answer);
        for line in answer.split(|byte| matches!(byte, b'\r' | b'\n')) {
            let line = line.get(..LONGEST_LINE).unwrap_or(line);
            // As in a reply: the eighth bit may be parity; a tab parts columns.
            let characters = line.iter().map(|byte| match byte & 0x7f {
                b'\t' => ' ',
                byte => char::from(byte),
            });
            let text: String = characters.filter(|c| !c.is_ascii_control()).collect();
            report.read_line(text.trim());
        }
        report
    }

    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == CallReport::default()
    }

    fn read_line(&mut self, line: &str) {
        if let Some(pairs) = line.strip_prefix(diagnostics::HEAD) {
            return diagnostics::read(self, pairs);
        }
        if line.starts_with('+') {
            if let Reply::Report(told) = reply::parse(line.as_bytes()) {
                self.transmit.first = told.transmit.or(self.transmit.first);
                self.receive.first = told.receive.or(self.receive.first);
                keep(&mut self.modulation, told.modulation.as_deref());
                keep(&mut self.error_correction, told.error_correction.as_deref());
                keep(&mut self.compression, told.compression.as_deref());
            }
            return;
        }
        labels::read(self, line);
    }
}

/// Keeps a text, cut to what is kept of one.
fn keep(place: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
        *place = Some(text.chars().take(LONGEST_TEXT).collect());
    }
}

impl fmt::Display for CallReport {
    /// One line: `V.34, sent at 28800 bit/s (first 31200), retrains granted: 2, ended by DTR dropped`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.clone();
        let number = |name: &str, number: Option<u32>| number.map(|number| format!("{name} {number}"));
        let resent = match (self.blocks_resent, self.blocks_sent) {
            (Some(resent), Some(sent)) => Some(format!("blocks sent again: {resent} of {sent}")),
            (resent, _) => number("blocks sent again:", resent),
        };
        let parts = [
            text(&self.modulation),
            self.transmit.words("sent"),
            self.receive.words("received"),
            text(&self.error_correction),
            text(&self.compression),
            number("retrains asked for:", self.retrains_asked),
            number("retrains granted:", self.retrains_granted),
            number("renegotiations:", self.renegotiations),
            resent,
            number("blocks with errors:", self.block_errors),
            number("characters lost:", self.characters_lost),
            number("noise:", self.noise),
            self.signal_to_noise.map(|ratio| format!("signal to noise: {ratio} dB")),
            self.receive_level.map(|level| format!("level received: -{level} dBm")),
            self.reason.as_ref().map(|reason| format!("ended by {reason}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Rates {
    /// `sent at 28800 bit/s (first 31200, highest 33600)`.
    fn words(&self, verb: &str) -> Option<String> {
        let main = self.last.or(self.first).or(self.highest)?;
        let other = |name: &str, rate: Option<u32>| {
            rate.filter(|rate| *rate != main).map(|rate| format!("{name} {rate}"))
        };
        let others: Vec<String> =
            [other("first", self.first), other("highest", self.highest)].into_iter().flatten().collect();
        let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        Some(format!("{verb} at {main} bit/s{others}"))
    }
}

#[cfg(test)]
mod tests;
