//! Commands and answers as a stranger's bytes, read.

use super::{Answer, Features, Letter, ParseError, Refusal, Request, Rest, Transfer};
use crate::job::unquote;

impl Request {
    /// Reads a command, without its NUL. `features` are those agreed.
    pub fn parse(text: &[u8], features: Features) -> Result<Request, ParseError> {
        let letter = match text.first() {
            Some(b'S') => Letter::Send,
            Some(b'E') => Letter::Execute,
            Some(b'R') => Letter::Receive,
            Some(b'X') => return parse_expand(text).ok_or(ParseError::UnfitExpand),
            Some(b'H') if text.trim_ascii_end() == b"H" => return Ok(Request::HangUp),
            _ => return Err(ParseError::Unknown),
        };
        let unfit = |why| ParseError::Unfit(why, letter);
        let text = std::str::from_utf8(text).map_err(|_| unfit("not UTF-8"))?;
        // The command of an E may hold any character but NUL; the fields before it are split at blanks alone.
        let fields = Fields(text.get(1..).unwrap_or_default());
        let request = match letter {
            Letter::Send => {
                parse_transfer(fields, features, letter).map(|(transfer, _)| Request::Send(transfer))
            }
            Letter::Execute => parse_transfer(fields, features, letter)
                .map(|(transfer, rest)| Request::Execute { transfer, command: rest.trim().to_owned() }),
            Letter::Receive => parse_receive(fields, features),
        };
        request.ok_or_else(|| unfit("missing or malformed fields"))
    }
}

impl Answer {
    /// Reads an answer, without its NUL.
    pub fn parse(text: &[u8]) -> Result<Answer, ParseError> {
        let text = std::str::from_utf8(text).map_err(|_| ParseError::Unknown)?;
        let mut words = text.split_ascii_whitespace();
        let word = words.next().ok_or(ParseError::Unknown)?;
        let letter = match word.chars().next() {
            Some('S') => Letter::Send,
            Some('E') => Letter::Execute,
            _ => Letter::Receive,
        };
        let Some((verdict, tail)) = word.get(..2).zip(word.get(2..)) else { return Err(ParseError::Unknown) };
        match verdict {
            "SY" | "EY" => Ok(Answer::Take { letter, start: words.next().and_then(number) }),
            "RY" => {
                let word = words.next().unwrap_or("0666");
                let digits = word.trim_end_matches('M');
                Ok(Answer::Give {
                    mode: octal(digits).ok_or(ParseError::Unknown)?,
                    size: words.next().and_then(number),
                    rest: rest(&mut words),
                    // Some packages of BSD.
                    wants_master: digits != word,
                })
            }
            "SN" | "EN" | "RN" => Ok(Answer::Refuse { letter, why: Refusal::parse(tail) }),
            "CY" => Ok(Answer::Kept { wants_master: tail.starts_with('M') }),
            "CN" if tail == "4" => Ok(Answer::Damaged),
            "CN" => Ok(Answer::NotKept),
            "XY" => Ok(Answer::Expanded(true)),
            "XN" => Ok(Answer::Expanded(false)),
            "HY" => Ok(Answer::HangUp(true)),
            "HN" => Ok(Answer::HangUp(false)),
            _ => Err(ParseError::Unknown),
        }
    }
}

impl Refusal {
    fn parse(text: &str) -> Refusal {
        match text.trim() {
            "4" => Refusal::NoFile,
            "6" => Refusal::TooLargeNow,
            "7" | "10" => Refusal::TooLarge,
            "8" => Refusal::Already,
            "9" => Refusal::NoChannel,
            // What we do not know implies, as 2 does, that it will never succeed.
            _ => Refusal::Denied,
        }
    }
}

/// Takes fields off the front of a line.
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let line = self.0.trim_start_matches(' ');
        let end = line.find(' ').unwrap_or(line.len());
        let (field, rest) = line.split_at_checked(end)?;
        self.0 = rest;
        (!field.is_empty()).then_some(field)
    }
}

/// FROM TO USER -OPTIONS, unquoted if the options say so.
struct Head {
    from: String,
    to: String,
    user: String,
    options: String,
    quoted: bool,
}

fn parse_head(fields: &mut Fields<'_>) -> Option<Head> {
    let (from, to, user) = (fields.next()?, fields.next()?, fields.next()?);
    let options = fields.next()?.strip_prefix('-')?;
    let quoted = options.contains('q');
    let name = |text: &str| {
        let text = if quoted { unquote(text)? } else { text.to_owned() };
        (!text.contains('\0')).then_some(text)
    };
    let options = options.chars().filter(|c| *c != 'q').collect();
    Some(Head { from: name(from)?, to: name(to)?, user: name(user)?, options, quoted })
}

fn parse_transfer<'a>(
    mut fields: Fields<'a>,
    features: Features,
    letter: Letter,
) -> Option<(Transfer, &'a str)> {
    let head = parse_head(&mut fields)?;
    let temp = fields.next()?.to_owned();
    let mode = octal(fields.next()?)? & 0o777;
    let mut notify = fields.next();
    let mut size = None;
    match letter {
        Letter::Execute => size = Some(number(fields.next()?)?),
        _ => {
            let mut last = fields.next();
            // Between NOTIFY and SIZE System V Release 4 has a dummy, wanted or not.
            if let Some(further) = fields.next() {
                last = Some(further);
            }
            match last {
                Some(word) => size = Some(number(word)?),
                // Some packages leave NOTIFY out and tell the size all the same.
                None if features.has(Features::SIZE) && notify.is_some_and(|n| n.starts_with("0x")) => {
                    size = notify.take().and_then(number);
                }
                None => {}
            }
        }
    }
    let notify = match notify {
        Some(text) if head.quoted => Some(unquote(text)?),
        Some(text) => Some(text.to_owned()),
        None => None,
    };
    let notify = notify.filter(|text| !matches!(text.as_str(), "" | "\"\"" | "dummy"));
    let Head { from, to, user, options, .. } = head;
    Some((Transfer { from, to, user, options, temp, mode, notify, size }, fields.0))
}

fn parse_receive(mut fields: Fields<'_>, features: Features) -> Option<Request> {
    let Head { from, to, user, options, .. } = parse_head(&mut fields)?;
    // Old packages say `- (null) 666` or the like: only who tells sizes by agreement means a limit by what stands there.
    let limit = fields.next().filter(|_| features.has(Features::SIZE)).and_then(number);
    let rest = rest(&mut std::iter::from_fn(|| fields.next())).filter(|_| features.has(Features::UUGATE));
    Some(Request::Receive { from, to, user, options, limit, rest })
}

fn parse_expand(text: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(text).ok()?;
    let Head { from, to, user, options, .. } = parse_head(&mut Fields(text.get(1..)?))?;
    Some(Request::Expand { from, to, user, options })
}

/// DIGEST START
fn rest<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Rest> {
    let digest = words.next()?.parse().ok()?;
    Some(Rest { digest, start: number(words.next()?)? })
}

/// A size: hexadecimal with 0x, or decimal. More than 64 bits is no number.
fn number(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (word, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn octal(word: &str) -> Option<u32> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    u32::from_str_radix(word, 8).ok()
}
