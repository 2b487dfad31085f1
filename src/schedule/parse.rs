//! Reads time strings: Taylor UUCP manual, "Time Strings".
//!
//! ```text
//! string = simple *( ("|" / ",") simple )     simple = name / "Never" / 1*day [ hhmm "-" hhmm ]
//! day    = "Su" / "Mo" / ... / "Sa" / "Wk" / "Any"
//! ```
//!
//! Several days in one simple string (`MoWe0800-1200`) are what HDB systems allow. Letters may be of either case.

use super::Timetables;
use super::window::{DAY, Hours, Windows};
use jiff::civil::Weekday;
use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while_m_n, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{all_consuming, map, map_opt, opt, value};
use nom::multi::{many1, separated_list1};
use nom::sequence::separated_pair;
use nom::{IResult, Parser};

/// A time string that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time string {text:?} cannot be read from character {} on; write it like Any, Never, Wk0800-1800 or Wk2305-0855,Sa,Su", at + 1)]
pub struct TimeStringError {
    pub text: String,
    /// Where reading stopped, in bytes from its start.
    pub at: usize,
}

impl std::str::FromStr for Windows {
    type Err = TimeStringError;

    /// With the names that are there from the beginning.
    fn from_str(text: &str) -> Result<Self, TimeStringError> {
        Timetables::default().read(text)
    }
}

pub(super) fn windows(text: &str, names: &Timetables) -> Result<Windows, TimeStringError> {
    let failed = |rest: &str| TimeStringError { text: text.to_owned(), at: text.len() - rest.len() };
    match all_consuming(separated_list1(one_of("|,"), |rest| simple(rest, names))).parse(text) {
        Ok((_, lists)) => Ok(Windows::of(lists.into_iter().flatten().collect())),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(failed(error.input)),
        Err(nom::Err::Incomplete(_)) => Err(failed("")),
    }
}

fn simple<'t>(text: &'t str, names: &Timetables) -> IResult<&'t str, Vec<Hours>> {
    let word = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let named = map_opt(word, |name: &str| names.find(name).map(Windows::hours));
    let never = value(Vec::new(), tag_no_case("Never"));
    let hours = map((many1(days), opt(separated_pair(minute, char('-'), minute))), |(days, range)| {
        days.into_iter().flatten().flat_map(|day| hours_of(day, range)).collect()
    });
    alt((named, never, hours)).parse(text)
}

pub(super) fn days(text: &str) -> IResult<&str, Vec<Weekday>> {
    use Weekday::*;
    alt((
        value(vec![Sunday], tag_no_case("Su")),
        value(vec![Monday], tag_no_case("Mo")),
        value(vec![Tuesday], tag_no_case("Tu")),
        value(vec![Wednesday], tag_no_case("We")),
        value(vec![Thursday], tag_no_case("Th")),
        value(vec![Friday], tag_no_case("Fr")),
        value(vec![Saturday], tag_no_case("Sa")),
        value(vec![Monday, Tuesday, Wednesday, Thursday, Friday], tag_no_case("Wk")),
        value(vec![Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday], tag_no_case("Any")),
    ))
    .parse(text)
}

/// `hhmm` as minutes since midnight; 2400 is the end of the day.
fn minute(text: &str) -> IResult<&str, u16> {
    let digits = |count| {
        map_opt(take_while_m_n(count, count, |c: char| c.is_ascii_digit()), |text: &str| {
            text.parse::<u16>().ok()
        })
    };
    map_opt((digits(2), digits(2)), |(hour, minute)| {
        let whole = hour * 60 + minute;
        (minute < 60 && whole <= DAY).then_some(whole)
    })
    .parse(text)
}

fn hours_of(day: Weekday, range: Option<(u16, u16)>) -> Vec<Hours> {
    let pieces = match range {
        None => vec![(0, DAY)],
        Some((start, end)) if start < end => vec![(start, end)],
        // Over midnight: both ends of the day.
        Some((start, end)) => vec![(0, end), (start, DAY)],
    };
    pieces
        .into_iter()
        .filter(|(start, end)| start < end)
        .map(|(start, end)| Hours { day, start, end })
        .collect()
}
