//! The commands of a session and their answers: reading them as a stranger's bytes, and writing them as the peer
//! can read them. Source: the manual, "UUCP Protocol Commands".
//!
//! ```text
//! S FROM TO USER -OPTIONS TEMP MODE [NOTIFY [DUMMY] SIZE]            E FROM TO USER -OPTIONS TEMP MODE NOTIFY SIZE COMMAND
//! R FROM TO USER -OPTIONS [SIZE]      X FROM TO USER -OPTIONS        H
//! SY [START] SN2 .. SN10 (E likewise)   RY MODE [SIZE]  RN2 ..   XY XN   CY CYM CN5   HY HN
//! ```

use super::Features;
use crate::job::{quote, unquote};

/// The longest command or answer that is read, in bytes. No package is known to send over 4 KiB; a long `rmail` line of
/// an E command is the longest thing there is.
pub const LONGEST: usize = 32 * 1024;

/// What S and E have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub from: String,
    pub to: String,
    pub user: String,
    /// The letters behind the `-`, without `q`.
    pub options: String,
    /// The name of the file in the sender's spool, or a dummy.
    pub temp: String,
    /// Permission bits, at most 0777.
    pub mode: u32,
    /// Meant only with the option `n` (S) or `R` (E).
    pub notify: Option<String>,
    /// In bytes.
    pub size: Option<u64>,
}

/// What the master asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Send(Transfer),
    Execute {
        transfer: Transfer,
        command: String,
    },
    Receive {
        from: String,
        to: String,
        user: String,
        options: String,
        /// The largest file that the master takes, in bytes.
        limit: Option<u64>,
    },
    Expand {
        from: String,
        to: String,
        user: String,
        options: String,
    },
    HangUp,
}

/// Why a transfer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 2, or no number: not permitted, or no such file. Never.
    Denied,
    /// 4: no temporary file. Later, perhaps.
    NoFile,
    /// 6: too large for now.
    TooLargeNow,
    /// 7, and 10 of System V Release 4: too large, ever.
    TooLarge,
    /// 8: it was received in an earlier call.
    Already,
    /// 9: no further channel. Later.
    NoChannel,
}

impl Refusal {
    fn number(self) -> u8 {
        match self {
            Refusal::Denied => 2,
            Refusal::NoFile => 4,
            Refusal::TooLargeNow => 6,
            Refusal::TooLarge => 7,
            Refusal::Already => 8,
            Refusal::NoChannel => 9,
        }
    }

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

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::Denied => "permission denied, or no such file",
            Refusal::NoFile => "it cannot make a file now",
            Refusal::TooLargeNow => "too large for now",
            Refusal::TooLarge => "too large",
            Refusal::Already => "received before",
            Refusal::NoChannel => "no further channel",
        })
    }
}

/// Which command an answer of the first round belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    Send,
    Execute,
    Receive,
}

impl Letter {
    fn char(self) -> char {
        match self {
            Letter::Send => 'S',
            Letter::Execute => 'E',
            Letter::Receive => 'R',
        }
    }
}

/// What the slave answers, and what both say after a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// SY, EY: send it, from this byte on.
    Take { letter: Letter, start: Option<u64> },
    /// RY: here it comes.
    Give { mode: u32, size: Option<u64> },
    /// SN, EN, RN.
    Refuse { letter: Letter, why: Refusal },
    /// CY; with `M` the slave wants to be master.
    Kept { wants_master: bool },
    /// CN, CN5: it came, but could not be put in its place, and never can.
    NotKept,
    /// XY, XN.
    Expanded(bool),
    /// HY, HN.
    HangUp(bool),
}

/// Why bytes are no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It may be answered with a refusal, for its letter is known.
    #[error("a command that cannot be understood ({0})")]
    Unfit(&'static str, Letter),
    #[error("an X command that cannot be understood")]
    UnfitExpand,
    #[error("no command of UUCP")]
    Unknown,
}

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
            Letter::Receive => parse_receive(fields),
        };
        request.ok_or_else(|| unfit("missing or malformed fields"))
    }

    /// Writes a command so that a peer with these features can read it; `None`: it cannot be told to this peer
    /// (a name with a blank, and no quoting agreed).
    pub fn print(&self, features: Features) -> Option<Vec<u8>> {
        let text = match self {
            Request::Send(transfer) => {
                let notify = transfer.notify.as_deref();
                let mut line =
                    Printer::new('S', features, &[&transfer.from, &transfer.to, &transfer.user], notify);
                line.options(&transfer.options)?;
                line.plain(&transfer.temp)?;
                line.plain(&format!("0{:o}", transfer.mode))?;
                match transfer.size.filter(|_| features.has(Features::SIZE)) {
                    Some(size) => {
                        line.notify(notify)?;
                        if features.has(Features::DUMMY) {
                            line.plain("dummy")?;
                        }
                        line.size(size)?;
                    }
                    None if notify.is_some() => line.notify(notify)?,
                    None => {}
                }
                line.text
            }
            Request::Execute { transfer, command } => {
                let notify = transfer.notify.as_deref();
                let mut line =
                    Printer::new('E', features, &[&transfer.from, &transfer.to, &transfer.user], notify);
                line.options(&transfer.options)?;
                line.plain(&transfer.temp)?;
                line.plain(&format!("0{:o}", transfer.mode))?;
                line.notify(notify)?;
                line.size(transfer.size?)?;
                if command.is_empty() || command.bytes().any(|b| b.is_ascii_control()) {
                    return None;
                }
                format!("{} {command}", line.text)
            }
            Request::Receive { from, to, user, options, limit } => {
                let mut line = Printer::new('R', features, &[from, to, user], None);
                line.options(options)?;
                if let Some(limit) = limit.filter(|_| features.has(Features::SIZE)) {
                    line.size(limit)?;
                }
                line.text
            }
            Request::Expand { from, to, user, options } => {
                let mut line = Printer::new('X', features, &[from, to, user], None);
                line.options(options)?;
                line.text
            }
            Request::HangUp => "H".to_owned(),
        };
        (text.len() <= LONGEST).then(|| text.into_bytes())
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
        let Some((verdict, rest)) = word.get(..2).zip(word.get(2..)) else { return Err(ParseError::Unknown) };
        match verdict {
            "SY" | "EY" => Ok(Answer::Take { letter, start: words.next().and_then(number) }),
            "RY" => {
                // BSD writes the mode as 0666M; the M (it wants to be master) says nothing that H does not.
                let mode = words.next().map_or(Some(0o666), |word| octal(word.trim_end_matches('M')));
                Ok(Answer::Give {
                    mode: mode.ok_or(ParseError::Unknown)?,
                    size: words.next().and_then(number),
                })
            }
            "SN" | "EN" | "RN" => Ok(Answer::Refuse { letter, why: Refusal::parse(rest) }),
            "CY" => Ok(Answer::Kept { wants_master: rest.starts_with('M') }),
            "CN" => Ok(Answer::NotKept),
            "XY" => Ok(Answer::Expanded(true)),
            "XN" => Ok(Answer::Expanded(false)),
            "HY" => Ok(Answer::HangUp(true)),
            "HN" => Ok(Answer::HangUp(false)),
            _ => Err(ParseError::Unknown),
        }
    }

    pub fn print(&self) -> Vec<u8> {
        let text = match self {
            Answer::Take { letter, start: None } => format!("{}Y", letter.char()),
            Answer::Take { letter, start: Some(start) } => format!("{}Y 0x{start:x}", letter.char()),
            Answer::Give { mode, size: None } => format!("RY 0{mode:o}"),
            Answer::Give { mode, size: Some(size) } => format!("RY 0{mode:o} 0x{size:x}"),
            Answer::Refuse { letter, why } => format!("{}N{}", letter.char(), why.number()),
            Answer::Kept { wants_master: false } => "CY".to_owned(),
            Answer::Kept { wants_master: true } => "CYM".to_owned(),
            Answer::NotKept => "CN5".to_owned(),
            Answer::Expanded(yes) => if *yes { "XY" } else { "XN" }.to_owned(),
            Answer::HangUp(yes) => if *yes { "HY" } else { "HN" }.to_owned(),
        };
        text.into_bytes()
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

fn parse_receive(mut fields: Fields<'_>) -> Option<Request> {
    let Head { from, to, user, options, .. } = parse_head(&mut fields)?;
    // An old package says `- (null) 666` or the like behind the options; what is no number is no limit.
    let limit = fields.next().and_then(number);
    Some(Request::Receive { from, to, user, options, limit })
}

fn parse_expand(text: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(text).ok()?;
    let Head { from, to, user, options, .. } = parse_head(&mut Fields(text.get(1..)?))?;
    Some(Request::Expand { from, to, user, options })
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

/// Writes the fields of a command, quoting names if the peer can and one of them needs it.
struct Printer {
    text: String,
    quoting: bool,
    decimal: bool,
    good: bool,
}

impl Printer {
    fn new(letter: char, features: Features, names: &[&String], notify: Option<&str>) -> Printer {
        let needed = names.iter().any(|name| quote(name) != **name)
            || notify.is_some_and(|notify| quote(notify) != notify)
            // Whoever reads a `q` must not take our backslash for one of his.
            || names.iter().any(|name| name.contains('\\'));
        let quoting = needed && features.has(Features::QUOTING);
        let mut line = Printer {
            text: letter.to_string(),
            quoting,
            decimal: features.has(Features::DECIMAL),
            good: quoting || !needed || names.iter().all(|name| !quote_is_vital(name)),
        };
        for name in names {
            line.good &= !name.is_empty();
            let name = if quoting { quote(name) } else { name.to_string() };
            line.text.push(' ');
            line.text.push_str(&name);
        }
        line.good &= notify.is_none_or(|notify| quoting || !quote_is_vital(notify));
        line
    }

    fn options(&mut self, options: &str) -> Option<()> {
        self.good &= options.bytes().all(|b| b.is_ascii_alphabetic());
        self.text.push_str(" -");
        self.text.push_str(options);
        if self.quoting {
            self.text.push('q');
        }
        self.good.then_some(())
    }

    fn plain(&mut self, word: &str) -> Option<()> {
        self.text.push(' ');
        self.text.push_str(word);
        (!word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic())).then_some(())
    }

    fn notify(&mut self, notify: Option<&str>) -> Option<()> {
        let text = match notify {
            None | Some("") => "\"\"".to_owned(),
            Some(notify) if self.quoting => quote(notify),
            Some(notify) => notify.to_owned(),
        };
        self.text.push(' ');
        self.text.push_str(&text);
        Some(())
    }

    fn size(&mut self, size: u64) -> Option<()> {
        let text = if self.decimal { size.to_string() } else { format!("0x{size:x}") };
        self.plain(&text)
    }
}

/// Without quoting, a backslash may stand; a blank or control character may not.
fn quote_is_vital(name: &str) -> bool {
    name.chars().any(|c| c == ' ' || c.is_ascii_control())
}

#[cfg(test)]
mod tests;
