//! What a modem says: result codes, in words and in numbers, and the lines around them.
//!
//! Sources: ITU-T V.250 sections 5.7 (result codes), 6.4 (+MR: `+MCR`, `+MRR`), 6.5 (+ER), 6.6 (+DR); what each family
//! says besides, from the pages of firmware-notes; the caller id lines `DATE = `, `TIME = `, `NMBR = `, `NAME = `.
//! Anything unknown is [`Reply::Other`] and harms nothing.

use super::connect::Connect;
use super::profile::Codes;
use nom::branch::alt;
use nom::bytes::complete::tag_no_case;
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
    /// A voice was heard, where a modem was called.
    Voice,
    /// `DELAYED`, `BLACKLISTED`, `BLACKLIST FULL`: the modem may not call this number (again) yet.
    Barred(String),
    /// A report before `CONNECT` (`+MCR: V90`, `CARRIER 33600`, `PROTOCOL: LAPM`, `COMPRESSION: V.42BIS`).
    Report(Connect),
    /// The number of the caller (`NMBR = `; ZyXEL: `CALLER NUMBER: `).
    Caller(String),
    /// Anything else: an echo, an answer to a question, a stray line.
    Other(String),
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Reply {
    parse_with(line, &[])
}

/// The same, where a number above those that all modems share means what `codes` has for it.
pub fn parse_with(line: &[u8], codes: Codes) -> Reply {
    // Controls (noise, stray NULs) mean nothing; the eighth bit may be parity.
    let text: String = line.iter().map(|b| char::from(b & 0x7f)).filter(|c| !c.is_ascii_control()).collect();
    let text = text.trim();
    let code_of = |number: u32| codes.iter().find(|(code, _)| *code == number).map(|(_, words)| *words);
    let text = text.parse().ok().and_then(code_of).unwrap_or(text);
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
        plain(Reply::NoDialtone, "LINE IN USE"),
        plain(Reply::Busy, "BUSY"),
        plain(Reply::NoAnswer, "NO ANSWER"),
        plain(Reply::Voice, "VOICE"),
        preceded(tag_no_case("RING "), rest).map(|_| Reply::Ring),
        // With how long the call lasted behind it.
        preceded(tag_no_case("NO CARRIER ("), rest).map(|_| Reply::NoCarrier),
        alt((tag_no_case("DELAYED"), tag_no_case("BLACKLISTED"), tag_no_case("BLACKLIST FULL")))
            .and(rest)
            .map(|(word, more): (&str, &str)| Reply::Barred(format!("{word}{more}"))),
        connect,
    ))
    .parse(input)
}

/// Of a [`Reply::Barred`] that passes by itself, how many seconds it takes, if that is said (`DELAYED 00:10:00`); `None`: it is
/// no such.
pub fn delay(barred: &str) -> Option<Option<u32>> {
    const WORD: &str = "DELAYED";
    let (_, time) =
        barred.split_at_checked(WORD.len()).filter(|(word, _)| word.eq_ignore_ascii_case(WORD))?;
    let units = time.trim_matches([':', ' ']).split(':').map(|unit| unit.parse::<u32>().ok());
    Some(units.reduce(|sum, unit| sum?.checked_mul(60)?.checked_add(unit?)).flatten())
}

/// The numeric codes that V.250 and the Hayes set share; the `CONNECT` codes above 9 differ from modem to modem
/// in the rate they mean, so without a table they give none.
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
    Ok(("", Reply::Connect(Connect::read(after))))
}

/// `NAME: VALUE` reports, and `CARRIER RATE`.
fn report(input: &str) -> IResult<&str, Reply> {
    let colon = |name: &'static str| preceded((tag_no_case(name), space0, opt(char(':')), space0), rest);
    let text = |value: &str| value.trim().to_ascii_uppercase().replace('.', "");
    let none = Connect::default;
    let modulation = |v: &str| Connect { modulation: Some(text(v)), ..none() };
    let correction = |v: &str| Connect { error_correction: Some(text(v).replace("LAP-M", "LAPM")), ..none() };
    let compression =
        |v: &str| Connect { compression: Connect::read(v).compression.or(Some(text(v))), ..none() };
    let rate = |v: &str| v.trim().parse().ok();
    alt((
        colon("+MCR:").map(modulation),
        colon("MODULATION:").map(modulation),
        colon("+ER:").map(correction),
        colon("PROTOCOL:").map(correction),
        colon("+DR:").map(compression),
        colon("COMPRESSION:").map(compression),
        colon("TXRATE:").map(|v| Connect { transmit: rate(v), ..none() }),
        colon("RXRATE:").map(|v| Connect { receive: rate(v), ..none() }),
        colon("+MRR:").map(|v| {
            // Transmit rate, then, if it differs, receive rate.
            let mut rates = v.split(',').filter_map(rate);
            let transmit = rates.next();
            Connect { transmit, receive: rates.next().or(transmit), ..none() }
        }),
        // The rates of both ways, if there are two, are in the same order.
        preceded(tag_no_case("CARRIER "), rest).map(|v: &str| {
            match v.split_once('/').map(|(a, b)| (rate(a), rate(b))) {
                Some((transmit @ Some(_), receive @ Some(_))) => Connect { transmit, receive, ..none() },
                _ => Connect::read(v),
            }
        }),
    ))
    .map(Reply::Report)
    .parse(input)
}

fn caller(input: &str) -> IResult<&str, Reply> {
    let name = alt((tag_no_case("NMBR"), tag_no_case("CALLER NUMBER")));
    preceded((name, delimited(space0, alt((char('='), char(':'))), space0)), rest)
        .map(|number: &str| Reply::Caller(number.to_owned()))
        .parse(input)
}

#[cfg(test)]
mod tests;
