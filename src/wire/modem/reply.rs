//! What a modem says: result codes, in words and in numbers, and the lines around them.
//!
//! Sources: ITU-T V.250 sections 5.7 (result codes), 6.4 (+MR: `+MCR`, `+MRR`), 6.5 (+ER), 6.6 (+DR); the forms
//! of `CONNECT` of USRobotics, Rockwell/Conexant, Lucent and ZyXEL modems; the caller id lines `DATE = `,
//! `TIME = `, `NMBR = `, `NAME = `. Anything unknown is [`Reply::Other`] and harms nothing.

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while1};
use nom::character::complete::{char, space0, u32 as number};
use nom::combinator::{all_consuming, opt, rest};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// One line from a modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Ok,
    Connect(Connect),
    Ring,
    NoCarrier,
    Error,
    NoDialtone,
    Busy,
    NoAnswer,
    /// `DELAYED`, `BLACKLISTED`: the modem may not call this number (again) yet.
    Barred(String),
    /// A report before `CONNECT` (`+MCR: V90`, `CARRIER 33600`, `PROTOCOL: LAPM`, `COMPRESSION: V.42BIS`).
    Report(Connect),
    /// The number of the caller (`NMBR = `).
    Caller(String),
    /// Anything else: an echo, an answer to a question, a stray line.
    Other(String),
}

/// What the modems agreed on, as far as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connect {
    /// bit/s from us to the other end.
    pub transmit: Option<u32>,
    /// bit/s from the other end to us. Where one number alone is said, both are that; modems that report the
    /// speed of the port instead (`CONNECT 115200`) cannot be told apart from it.
    pub receive: Option<u32>,
    /// `V34`, `V90`, ...
    pub modulation: Option<String>,
    /// `LAPM`, `MNP`, ...; `NONE` if it was said that there is none.
    pub error_correction: Option<String>,
    /// `V42BIS`, `V44`, ...; `NONE` if it was said that there is none.
    pub compression: Option<String>,
}

impl Connect {
    /// Adds what an earlier report said and this one does not.
    pub fn or(self, earlier: Connect) -> Connect {
        Connect {
            transmit: earlier.transmit.or(self.transmit),
            receive: earlier.receive.or(self.receive),
            modulation: self.modulation.or(earlier.modulation),
            error_correction: self.error_correction.or(earlier.error_correction),
            compression: self.compression.or(earlier.compression),
        }
    }
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Reply {
    // Controls (noise, stray NULs) mean nothing; the eighth bit may be parity.
    let text: String = line.iter().map(|b| char::from(b & 0x7f)).filter(|c| !c.is_ascii_control()).collect();
    let text = text.trim();
    match all_consuming(terminated(alt((words, code, report, caller)), space0)).parse(text) {
        Ok((_, reply)) => reply,
        Err(_) => Reply::Other(text.to_owned()),
    }
}

fn words(input: &str) -> IResult<&str, Reply> {
    let plain =
        |reply: Reply, text: &'static str| all_consuming(tag_no_case(text)).map(move |_| reply.clone());
    alt((
        plain(Reply::Ok, "OK"),
        plain(Reply::Ring, "RING"),
        plain(Reply::NoCarrier, "NO CARRIER"),
        plain(Reply::Error, "ERROR"),
        plain(Reply::NoDialtone, "NO DIALTONE"),
        plain(Reply::NoDialtone, "NO DIAL TONE"),
        plain(Reply::Busy, "BUSY"),
        plain(Reply::NoAnswer, "NO ANSWER"),
        preceded(tag_no_case("RING "), rest).map(|_| Reply::Ring),
        alt((tag_no_case("DELAYED"), tag_no_case("BLACKLISTED")))
            .and(rest)
            .map(|(word, more): (&str, &str)| Reply::Barred(format!("{word}{more}"))),
        connect,
    ))
    .parse(input)
}

/// The numeric codes that V.250 and the Hayes set share; the `CONNECT` codes above 9 differ from modem to modem
/// in the rate they mean, so they give none.
fn code(input: &str) -> IResult<&str, Reply> {
    let (after, code) = all_consuming(number).parse(input)?;
    let rate =
        |rate| Reply::Connect(Connect { transmit: Some(rate), receive: Some(rate), ..Connect::default() });
    let reply = match code {
        0 => Reply::Ok,
        1 => Reply::Connect(Connect::default()),
        2 => Reply::Ring,
        3 => Reply::NoCarrier,
        4 => Reply::Error,
        5 => rate(1200),
        6 => Reply::NoDialtone,
        7 => Reply::Busy,
        8 => Reply::NoAnswer,
        10 => rate(2400),
        11..=199 => Reply::Connect(Connect::default()),
        _ => Reply::Other(input.to_owned()),
    };
    Ok((after, reply))
}

/// `CONNECT`, then rates, modulation, correction and compression in any order, between blanks, `/` and `,`.
fn connect(input: &str) -> IResult<&str, Reply> {
    let (after, _) = tag_no_case("CONNECT")(input)?;
    if !after.is_empty() && !after.starts_with([' ', '/']) {
        return Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Tag)));
    }
    Ok(("", Reply::Connect(agreed(after))))
}

/// Reads the words behind `CONNECT` or in a report.
fn agreed(text: &str) -> Connect {
    let mut connect = Connect::default();
    let mut rates = Vec::new();
    let mut previous = String::new();
    let mut rest = text;
    while let Ok((after, word)) = word(rest) {
        rest = after;
        let word = word.to_ascii_uppercase().replace('.', "");
        if let Ok((_, (rate, direction))) = rate(&word) {
            match direction {
                Some("TX") => connect.transmit = Some(rate),
                Some("RX") => connect.receive = Some(rate),
                _ => rates.push(rate),
            }
            continue;
        }
        let previous = std::mem::replace(&mut previous, word.clone());
        match word.as_str() {
            "V42BIS" | "V42B" | "V44" | "MNP5" => connect.compression = Some(word),
            // `V.42 BIS`, in two words; the first may have been taken for the correction.
            "BIS" if previous == "V42" => {
                connect.error_correction = connect.error_correction.filter(|correction| correction != "V42");
                connect.compression = Some("V42BIS".to_owned());
            }
            "NONE" | "NOEC" => connect.error_correction = Some("NONE".to_owned()),
            "LAP-M" | "REL-LAPM" | "LAPM" => connect.error_correction = Some("LAPM".to_owned()),
            "ARQ" | "REL" | "EC" | "V42" => _ = connect.error_correction.get_or_insert(word),
            _ if word.starts_with("MNP") || word.starts_with("ALT") => connect.error_correction = Some(word),
            "K56FLEX" | "KFLEX" | "X2" | "HST" => connect.modulation = Some(word),
            _ if word.starts_with('V') && word.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                connect.modulation = Some(word);
            }
            _ => {}
        }
    }
    // A rate that goes with a direction is more exact than one without; the last of several is the line's (the
    // first is then the port's).
    if let Some(rate) = rates.last() {
        connect.transmit.get_or_insert(*rate);
        connect.receive.get_or_insert(*rate);
    }
    connect
}

fn word(input: &str) -> IResult<&str, &str> {
    let separator = |c: char| matches!(c, ' ' | '/' | ',' | '(' | ')');
    preceded(opt(take_while1(separator)), take_while1(move |c| !separator(c))).parse(input)
}

/// `33600`, `33600:TX`; a rate, not a code: 75 bit/s to 10 Mbit/s.
fn rate(word: &str) -> IResult<&str, (u32, Option<&str>)> {
    let (rest, rate) = number(word)?;
    let (rest, direction) =
        all_consuming(opt(preceded(char(':'), alt((tag_no_case("TX"), tag_no_case("RX")))))).parse(rest)?;
    if !(75..=10_000_000).contains(&rate) {
        return Err(nom::Err::Error(nom::error::Error::new(word, nom::error::ErrorKind::Verify)));
    }
    Ok((rest, (rate, direction)))
}

/// `NAME: VALUE` reports, and `CARRIER RATE`.
fn report(input: &str) -> IResult<&str, Reply> {
    let colon = |name: &'static str| preceded((tag_no_case(name), space0, opt(char(':')), space0), rest);
    let text = |value: &str| Some(value.trim().to_ascii_uppercase().replace('.', ""));
    let none = Connect::default;
    alt((
        colon("+MCR:").map(|v| Connect { modulation: text(v), ..none() }),
        colon("MODULATION:").map(|v| Connect { modulation: text(v), ..none() }),
        colon("+ER:").map(|v| Connect { error_correction: text(v), ..none() }),
        colon("PROTOCOL:")
            .map(|v| Connect { error_correction: text(v).map(|v| v.replace("LAP-M", "LAPM")), ..none() }),
        colon("+DR:").map(|v| Connect { compression: text(v), ..none() }),
        colon("COMPRESSION:").map(|v| Connect { compression: text(v), ..none() }),
        colon("+MRR:").map(|v| {
            // Transmit rate, then, if it differs, receive rate.
            let mut rates = v.split(',').filter_map(|rate| rate.trim().parse().ok());
            let transmit = rates.next();
            Connect { transmit, receive: rates.next().or(transmit), ..none() }
        }),
        colon("CARRIER ").map(agreed),
    ))
    .map(Reply::Report)
    .parse(input)
}

fn caller(input: &str) -> IResult<&str, Reply> {
    preceded((tag_no_case("NMBR"), delimited(space0, char('='), space0)), rest)
        .map(|number: &str| Reply::Caller(number.to_owned()))
        .parse(input)
}

#[cfg(test)]
mod tests;
