//! The text of a chat script. Source: the Taylor UUCP manual, "Chat Scripts".
//!
//! ```text
//! script  = expect send expect send ... [send]
//! expect  = string *( "-" subsend "-" string )
//! ```
//!
//! Strings are separated by blanks. `""` skips an expect or a send. An empty subsend (`ogin:--ogin:`) sends a
//! carriage return alone.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{anychar, digit1};
use nom::combinator::{map_opt, map_res, value, verify};
use nom::{IResult, Parser};
use std::ops::Range;
use std::time::Duration;

/// Longest script, in bytes of its text; a script comes from our own configuration, so this is only a guard.
const LONGEST: usize = 4096;
/// `\d`: "delay sending for 1 or 2 seconds".
const DELAY: Duration = Duration::from_secs(1);
/// `\p`: "pause sending for a fraction of a second".
const PAUSE: Duration = Duration::from_millis(250);

/// Where a script is used: it decides which escapes have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Logging in: `\L` and `\P`.
    Login,
    /// Setting up a modem and dialling: `\D` and `\T`.
    Dial,
    /// Anything else (hanging up, called side): neither.
    Plain,
}

/// A parsed chat script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    pub steps: Vec<Step>,
}

/// Wait for something, then send something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub expect: Expect,
    pub instead: Instead,
    pub send: Vec<Piece>,
}

/// What to send and wait for instead, one after the other, as long as nothing expected comes.
pub type Instead = Vec<(Vec<Piece>, Expect)>;

/// A string to wait for. An empty pattern is there at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expect {
    pub pattern: Vec<u8>,
    /// From `\W`; without it the chat's own timeout counts.
    pub timeout: Option<Duration>,
}

/// One thing to do while sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// `\L`
    Login,
    /// `\P`
    Password,
    /// `\D`: the number as it is.
    Number,
    /// `\T`: the number after translation of its dial code.
    TranslatedNumber,
    /// `\Y`: the name of the port's device.
    Device,
    /// `\S`: the speed of the port.
    Speed,
    /// `\Z`: the name of the system.
    System,
    /// `\d`, `\p`
    Wait(Duration),
    /// `BREAK`, `\K`
    Break,
    /// `\E`, `\e`: whether each byte from here on has to come back before the next is sent.
    EchoCheck(bool),
    /// `\m`, `\M`: whether the carrier must be there from here on.
    RequireCarrier(bool),
}

/// What is wrong with the text of a script, and where (a range of bytes of the text).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ScriptError {
    pub what: String,
    pub span: Range<usize>,
}

impl Script {
    /// Whether anything but a return is sent: a name, a password, a command.
    pub fn sends_text(&self) -> bool {
        let says = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.iter().any(u8::is_ascii_graphic),
            Piece::Password | Piece::Login => true,
            _ => false,
        };
        let all =
            self.steps.iter().flat_map(|step| step.instead.iter().map(|(send, _)| send).chain([&step.send]));
        all.flatten().any(says)
    }

    /// Parses the text of a `chat` command: its strings, separated by blanks.
    pub fn parse(text: &str, kind: Kind) -> Result<Script, ScriptError> {
        if text.len() > LONGEST {
            let what = format!("a chat script is longer than {LONGEST} bytes");
            return Err(ScriptError { what, span: 0..text.len() });
        }
        let mut steps = Vec::new();
        let mut words = text.split_ascii_whitespace();
        while let Some(word) = words.next() {
            let (expect, instead) = expect_word(text, word, kind)?;
            let send = match words.next() {
                Some(word) => send_word(text, word, kind)?,
                None => Vec::new(),
            };
            steps.push(Step { expect, instead, send });
        }
        Ok(Script { steps })
    }
}

/// Parses one string of `chat-fail`: the escapes of an expect string, and not empty.
pub fn fail_string(text: &str) -> Result<Vec<u8>, ScriptError> {
    let expect = expect_string(text, text)?;
    if expect.pattern.is_empty() || expect.timeout.is_some() {
        let what = "a chat-fail string must not be empty or have a \\W".to_owned();
        return Err(ScriptError { what, span: 0..text.len() });
    }
    Ok(expect.pattern)
}

/// An expect word: what to wait for, and the subsends with their subexpects.
fn expect_word(text: &str, word: &str, kind: Kind) -> Result<(Expect, Instead), ScriptError> {
    let mut parts = word.split('-');
    let expect = expect_string(text, parts.next().unwrap_or_default())?;
    let mut instead = Vec::new();
    while let Some(subsend) = parts.next() {
        let Some(subexpect) = parts.next() else {
            return Err(error(
                text,
                subsend,
                "a subsend needs a subexpect after it: expect-subsend-subexpect",
            ));
        };
        let send = match subsend {
            "" => vec![Piece::Bytes(b"\r".to_vec())],
            _ => send_word(text, subsend, kind)?,
        };
        instead.push((send, expect_string(text, subexpect)?));
    }
    Ok((expect, instead))
}

fn expect_string(text: &str, word: &str) -> Result<Expect, ScriptError> {
    let mut expect = Expect::default();
    if word == "\"\"" {
        return Ok(expect);
    }
    let mut rest = word;
    while !rest.is_empty() {
        if let Ok((after, seconds)) = wait_escape(rest) {
            if !after.is_empty() {
                return Err(error(text, rest, "\\W must stand at the end of an expect string"));
            }
            expect.timeout = Some(Duration::from_secs(seconds));
            break;
        }
        match alt((plain, character)).parse(rest) {
            Ok((after, bytes)) => {
                expect.pattern.extend(bytes);
                rest = after;
            }
            Err(_) => return Err(unknown(text, rest, "in an expect string")),
        }
    }
    Ok(expect)
}

fn send_word(text: &str, word: &str, kind: Kind) -> Result<Vec<Piece>, ScriptError> {
    match word {
        "\"\"" => return Ok(Vec::new()),
        "EOT" => return Ok(vec![Piece::Bytes(vec![4])]),
        "BREAK" => return Ok(vec![Piece::Break]),
        _ => {}
    }
    let mut pieces = Vec::new();
    let mut return_at_end = true;
    let mut rest = word;
    while !rest.is_empty() {
        if let Ok((after, bytes)) = alt((plain, character)).parse(rest) {
            add(&mut pieces, &bytes);
            rest = after;
            continue;
        }
        let Ok((after, letter)) = letter_escape(rest) else {
            return Err(unknown(text, rest, "in a send string"));
        };
        let piece = match letter {
            'c' => {
                return_at_end = false;
                rest = after;
                continue;
            }
            'd' => Piece::Wait(DELAY),
            'p' => Piece::Wait(PAUSE),
            'e' => Piece::EchoCheck(false),
            'E' => Piece::EchoCheck(true),
            'K' => Piece::Break,
            'M' => Piece::RequireCarrier(false),
            'm' => Piece::RequireCarrier(true),
            'L' if kind == Kind::Login => Piece::Login,
            'P' if kind == Kind::Login => Piece::Password,
            'D' if kind == Kind::Dial => Piece::Number,
            'T' if kind == Kind::Dial => Piece::TranslatedNumber,
            'Y' => Piece::Device,
            'S' => Piece::Speed,
            'Z' => Piece::System,
            _ => {
                let kind = match kind {
                    Kind::Login => "in a send string of a login chat",
                    Kind::Dial => "in a send string of a modem's chat",
                    Kind::Plain => "in a send string of this chat",
                };
                return Err(unknown(text, rest, kind));
            }
        };
        pieces.push(piece);
        rest = after;
    }
    if return_at_end {
        add(&mut pieces, b"\r");
    }
    Ok(pieces)
}

fn add(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    match pieces.last_mut() {
        Some(Piece::Bytes(last)) => last.extend(bytes),
        _ => pieces.push(Piece::Bytes(bytes.to_vec())),
    }
}

/// Bytes that stand for themselves.
fn plain(input: &str) -> IResult<&str, Vec<u8>> {
    take_while1(|c: char| c != '\\').map(|text: &str| text.as_bytes().to_vec()).parse(input)
}

/// The escapes that are legal everywhere: each one byte.
fn character(input: &str) -> IResult<&str, Vec<u8>> {
    let named = alt((
        value(0x08, tag("\\b")),
        value(b'\n', tag("\\n")),
        value(0x00, tag("\\N")),
        value(b'\r', tag("\\r")),
        value(b' ', tag("\\s")),
        value(b'\t', tag("\\t")),
        value(b'\\', tag("\\\\")),
    ));
    let octal = map_res((tag("\\"), take_while_m_n(1, 3, |c: char| c.is_digit(8))), |(_, digits)| {
        u8::from_str_radix(digits, 8)
    });
    let hexadecimal = map_res((tag("\\x"), take_while1(|c: char| c.is_ascii_hexdigit())), |(_, digits)| {
        u8::from_str_radix(digits, 16)
    });
    alt((named, octal, hexadecimal)).map(|byte| vec![byte]).parse(input)
}

/// `\W` and seconds, at most a day.
fn wait_escape(input: &str) -> IResult<&str, u64> {
    let seconds = map_opt(digit1, |digits: &str| digits.parse::<u64>().ok());
    let (rest, (_, seconds)) = (tag("\\W"), verify(seconds, |seconds| *seconds <= 86_400)).parse(input)?;
    Ok((rest, seconds))
}

fn letter_escape(input: &str) -> IResult<&str, char> {
    let (rest, (_, letter)) = (tag("\\"), anychar).parse(input)?;
    Ok((rest, letter))
}

/// `part` must be a part of `text`.
fn error(text: &str, part: &str, what: &str) -> ScriptError {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    ScriptError { what: what.to_owned(), span: start..start + part.len() }
}

fn unknown(text: &str, rest: &str, place: &str) -> ScriptError {
    let length = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
    let escape = rest.get(..length).unwrap_or(rest);
    error(text, escape, &format!("{escape:?} has no meaning {place}"))
}

#[cfg(test)]
mod tests;
