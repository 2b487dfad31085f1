//! One function for each parser of foreign bytes. Shared by the fuzz targets and by the replay of their corpora.

use uugate::post::address::{Address, Precedence};
use uugate::post::batch::{self, Reader};
use uugate::post::mail::command::Command;
use uugate::post::mail::dots::{Ends, Unstuffer};
use uugate::post::mail::{parsed, read_from_lines};
use uugate::wire::session::command::{Answer, Request};
use uugate::wire::session::features::Features;

/// A target and the name of its folder below `corpus`.
pub type Entry = (&'static str, fn(&[u8]));

pub const ALL: &[Entry] = &[
    ("address", address),
    ("batch", batch),
    ("dots", dots),
    ("from_line", from_line),
    ("header", header),
    ("session_command", session_command),
    ("smtp_command", smtp_command),
];

/// Mail addresses: what parses, prints and parses to the same.
pub fn address(bytes: &[u8]) {
    let Ok(address) = Address::from_bytes(bytes) else { return };
    assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(&address));
    address.target(Precedence::default());
    let _ = address.through("polux");
}

/// Batched SMTP, whole and in pieces: both say the same.
pub fn batch(bytes: &[u8]) {
    let read = |piece: usize| {
        let mut reader = Reader::new(batch::Settings::default());
        let mut text = Vec::new();
        let mut messages = 0;
        for piece in bytes.chunks(piece) {
            if reader.push(piece).is_err() {
                return None;
            }
            while let Some(event) = reader.poll_event() {
                match event {
                    batch::Event::Data(data) => text.extend(data),
                    batch::Event::MessageEnd => messages += 1,
                    batch::Event::Message { .. } => {}
                }
            }
        }
        assert!(text.len() <= bytes.len());
        reader.finish().ok().map(|count| (count, messages, text))
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(1));
    if let Some((count, messages, _)) = whole {
        assert_eq!(count, messages);
    }
}

/// The end of DATA, in both line-end modes.
pub fn dots(bytes: &[u8]) {
    for ends in [Ends::Lf, Ends::Crlf] {
        let mut out = Vec::new();
        let progress = Unstuffer::new(ends).push(bytes, &mut out);
        assert!(out.len() <= progress.consumed && progress.consumed <= bytes.len());
    }
}

/// From_ lines at the start of a message.
pub fn from_line(bytes: &[u8]) {
    for peer in [None, Some("polux")] {
        assert!(read_from_lines(bytes, peer).length <= bytes.len());
    }
}

/// The header fields that are understood.
pub fn header(bytes: &[u8]) {
    if let Ok(found) = parsed::recipients(bytes) {
        assert!(found.len() <= parsed::RECIPIENTS_MAX);
    }
    assert!(parsed::without_bcc(bytes).len() <= bytes.len());
}

/// S, R, X, E, H and their answers: what parses, prints and parses to the same.
pub fn session_command(bytes: &[u8]) {
    for features in [Features::UNNUMBERED, Features::OURS] {
        if let Ok(request) = Request::parse(bytes, features)
            && let Some(printed) = request.print(features)
        {
            assert_eq!(Request::parse(&printed, features).as_ref(), Ok(&request));
        }
    }
    if let Ok(answer) = Answer::parse(bytes) {
        assert_eq!(Answer::parse(&answer.print()).as_ref(), Ok(&answer));
    }
}

/// SMTP command lines.
pub fn smtp_command(bytes: &[u8]) {
    let _ = Command::parse(bytes);
}
