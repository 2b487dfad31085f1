//! The text of a recording, both ways.

use super::{Chunk, Content, End, From, Head, RecordError, Recording, VERSION};
use std::fmt::Write as _;
use std::time::Duration;

const TITLE: &str = "uugate recording ";
const CONNECTED: &str = "connected";
/// The most bytes in one line; longer chunks take several.
const BYTES_A_LINE: usize = 512;
/// The most bytes that one line may say are not shown.
const MOST_BLANK: usize = 1 << 20;

impl Head {
    /// The lines before the first chunk.
    pub fn print(&self) -> String {
        let mut text =
            format!("{TITLE}{VERSION}\nbegan {}\nnode {}\nline {}\n", self.began, self.node, self.line);
        for (key, value) in [("called", &self.called), ("connect", &self.connect)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} {}", value.replace(char::is_control, " "));
            }
        }
        text.push('\n');
        text
    }
}

impl Chunk {
    /// Its lines.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let from = if self.from == From::Us { '>' } else { '<' };
        let mut line = |bytes: &str| {
            let _ = writeln!(text, "{} {from} {bytes}", seconds(self.at));
        };
        match &self.content {
            Content::Connected => {
                let _ = writeln!(text, "{} {CONNECTED}", seconds(self.at));
            }
            Content::Blank(count) => line(&format!("*{count}")),
            Content::Bytes(bytes) => {
                for piece in bytes.chunks(BYTES_A_LINE) {
                    line(&hex(piece));
                }
            }
        }
        text
    }
}

impl End {
    /// Its line; nothing for one that is missing.
    pub fn print(&self) -> String {
        match self {
            End::Call { at, how } => format!("{} end {}\n", seconds(*at), how.replace(char::is_control, " ")),
            End::Cut { at } => format!("{} cut\n", seconds(*at)),
            End::Missing => String::new(),
        }
    }
}

fn seconds(at: Duration) -> String {
    format!("{}.{:06}", at.as_secs(), at.subsec_micros())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Recording {
    /// Reads a recording. What its last line lacks (the node died while it wrote) is no error.
    pub fn parse(text: &str) -> Result<Recording, RecordError> {
        let wrong = |line: usize, what| RecordError { line: line + 1, what };
        let mut lines = text.lines().enumerate();
        let title = lines.next().map(|(_, line)| line).unwrap_or_default();
        let version = title.strip_prefix(TITLE).ok_or_else(|| wrong(0, "this is no recording"))?;
        if version.parse() != Ok(VERSION) {
            return Err(wrong(0, "a version that is not known here"));
        }
        let mut recording = Recording { head: Head::default(), chunks: Vec::new(), end: End::Missing };
        for (number, line) in lines.by_ref() {
            if line.is_empty() {
                break;
            }
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = value.to_owned();
            let head = &mut recording.head;
            match key {
                "began" => head.began = value.parse().map_err(|_| wrong(number, "this is no time"))?,
                "node" => head.node = value,
                "line" => head.line = value,
                "called" => head.called = Some(value),
                "connect" => head.connect = Some(value),
                _ => return Err(wrong(number, "a word that is not known here")),
            }
        }
        let whole = text.ends_with('\n');
        let count = text.lines().count();
        for (number, line) in lines {
            match read_line(line) {
                Ok(Line::Chunk(chunk)) if recording.end == End::Missing => recording.chunks.push(chunk),
                Ok(Line::End(end)) if recording.end == End::Missing => recording.end = end,
                Ok(_) => return Err(wrong(number, "something after the end")),
                Err(_) if number + 1 == count && !whole => break,
                Err(what) => return Err(wrong(number, what)),
            }
        }
        Ok(recording)
    }

    /// What was said to a modem, and what crossed the line since it was connected.
    pub fn parts(&self) -> (&[Chunk], &[Chunk]) {
        let connected = self.chunks.iter().position(|chunk| chunk.content == Content::Connected);
        self.chunks.split_at(connected.unwrap_or(0))
    }

    /// All bytes of one side since the line was connected, one chunk after the other. What is not shown comes from
    /// `blanks`, as far as that goes, and is `*` then.
    pub fn bytes(&self, from: From, blanks: &[u8]) -> Vec<Vec<u8>> {
        let mut blanks = blanks.iter().copied();
        let filled = |chunk: &Chunk| match &chunk.content {
            Content::Bytes(bytes) => Some(bytes.clone()),
            Content::Blank(count) => Some((0..*count).map(|_| blanks.next().unwrap_or(b'*')).collect()),
            Content::Connected => None,
        };
        self.parts().1.iter().filter(|chunk| chunk.from == from).filter_map(filled).collect()
    }
}

enum Line {
    Chunk(Chunk),
    End(End),
}

fn read_line(line: &str) -> Result<Line, &'static str> {
    let mut words = line.splitn(3, ' ');
    let at = words.next().and_then(read_seconds).ok_or("this is no time")?;
    let what = words.next().ok_or("a time and nothing more")?;
    let value = words.next().unwrap_or_default();
    let from = match what {
        ">" => From::Us,
        "<" => From::Them,
        CONNECTED if value.is_empty() => {
            return Ok(Line::Chunk(Chunk { at, from: From::Them, content: Content::Connected }));
        }
        "end" => return Ok(Line::End(End::Call { at, how: value.to_owned() })),
        "cut" => return Ok(Line::End(End::Cut { at })),
        _ => return Err("neither >, <, connected nor an end"),
    };
    let content = match value.strip_prefix('*') {
        Some(count) => {
            let count = count.parse().ok().filter(|count| *count <= MOST_BLANK);
            Content::Blank(count.ok_or("this is no number of bytes")?)
        }
        None => Content::Bytes(unhex(value).ok_or("these are no bytes")?),
    };
    Ok(Line::Chunk(Chunk { at, from, content }))
}

fn read_seconds(text: &str) -> Option<Duration> {
    let (seconds, micros) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(micros) || micros.len() != 6 {
        return None;
    }
    let seconds: u32 = seconds.parse().ok()?;
    Some(Duration::from_secs(seconds.into()) + Duration::from_micros(micros.parse().ok()?))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> Head {
        Head {
            began: "2026-11-23T03:24:30Z".parse().unwrap(),
            node: "polux".to_owned(),
            line: "net".to_owned(),
            called: Some("leaf".to_owned()),
            connect: Some("TCP 127.0.0.1:540".to_owned()),
        }
    }

    #[test]
    fn a_recording_without_its_last_words_is_one_all_the_same() {
        let text = head().print() + "0.000001 > 10\n0.5 ";
        let recording = Recording::parse(&text).unwrap();
        assert_eq!((recording.chunks.len(), recording.end), (1, End::Missing));
        assert!(Recording::parse(&(text + "\n")).is_err(), "but not in the middle");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("".to_owned(), 1),
            ("uugate recording 2\n".to_owned(), 1),
            ("uugate recording 1\nbegan yesterday\n".to_owned(), 2),
            ("uugate recording 1\nwho knows\n".to_owned(), 2),
            (head().print() + "0.000000 > 1\n", 8),
            (head().print() + "0.000000 > zz\n", 8),
            (head().print() + "0.000000 > *99999999999\n", 8),
            (head().print() + "1.000000 end well\n2.000000 < 00\n", 9),
        ] {
            assert_eq!(Recording::parse(&text).unwrap_err().line, line, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_shown_may_be_filled_in() {
        let text = head().print() + "0.000000 < *3\n0.000000 > 41\n0.000000 < 42\n0.000000 < *2\n";
        let recording = Recording::parse(&text).unwrap();
        assert_eq!(recording.bytes(From::Them, b"abcd"), [b"abc".to_vec(), b"B".to_vec(), b"d*".to_vec()]);
    }

    #[test]
    fn what_the_modem_said_is_apart_from_the_call() {
        let text = head().print() + "0.000000 > 41\n1.000000 < 4f\n2.000000 connected\n3.000000 < 10\n";
        let recording = Recording::parse(&text).unwrap();
        let (modem, call) = recording.parts();
        assert_eq!((modem.len(), call.len()), (2, 2));
        assert_eq!(recording.bytes(From::Them, b""), [b"\x10"]);
        let body: String = recording.chunks.iter().map(Chunk::print).collect();
        assert_eq!(recording.head.print() + &body, text);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(
            chunks in prop::collection::vec(
                (0..1u64 << 40, any::<bool>(), prop::collection::vec(any::<u8>(), 1..BYTES_A_LINE), any::<bool>()),
                0..20,
            ),
            ended in any::<bool>(),
        ) {
            let chunk = |(at, us, bytes, blank): (u64, bool, Vec<u8>, bool)| Chunk {
                at: Duration::from_micros(at),
                from: if us { From::Us } else { From::Them },
                content: if blank { Content::Blank(bytes.len()) } else { Content::Bytes(bytes) },
            };
            let chunks: Vec<Chunk> = chunks.into_iter().map(chunk).collect();
            let at = Duration::from_secs(7);
            let end = if ended { End::Call { at, how: "in order".to_owned() } } else { End::Cut { at } };
            let recording = Recording { head: head(), chunks, end };
            let body: String = recording.chunks.iter().map(Chunk::print).collect();
            let text = recording.head.print() + &body + &recording.end.print();
            prop_assert_eq!(Recording::parse(&text), Ok(recording));
        }

        #[test]
        fn anything_may_be_read(text: String) {
            let _ = Recording::parse(&text);
            let _ = Recording::parse(&(head().print() + &text));
        }
    }
}
