//! Addresses, messages, batches, mailboxes and SMTP.

use jiff::Timestamp;
use uugate::mailbox::mbox::{self, IdScan};
use uugate::post::address::{Address, Precedence};
use uugate::post::batch::{self, Limits, Packer, Reader, Unwrapper, Wrapper};
use uugate::post::mail::command::Command;
use uugate::post::mail::dots::{Ends, Unstuffer};
use uugate::post::mail::{parsed, read_from_lines};
use uugate::post::route::directors::aliases::Aliases;
use uugate::post::route::directors::command::Command as Pipe;
use uugate::post::route::directors::{Member, list};
use uugate::post::smtp;

/// Mail addresses: what parses, prints and parses to the same.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(address) = Address::parse(text) else { return };
    assert_eq!(Address::parse(address.as_str()).as_ref(), Ok(&address));
    address.target(Precedence::default());
    let _ = address.through("polux");
}

/// Alias files, and the lists of forward files: a command that is read prints and reads back, and no member comes from nowhere.
pub fn aliases(bytes: &[u8]) {
    let mut members: Vec<Member> =
        list::parse(bytes).into_iter().flatten().map(|(_, member)| member).collect();
    if let Ok(aliases) = Aliases::parse(bytes) {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        for (name, alias) in aliases.names {
            assert!((1..=lines).contains(&alias.line) && name == name.to_ascii_lowercase());
            members.extend(alias.members);
        }
    }
    assert!(members.len() <= 2 * bytes.len());
    for member in members {
        match member {
            Member::Pipe(command) => assert_eq!(Pipe::parse(&command.to_string()), Ok(command)),
            Member::Address(address) | Member::Mailbox(address) | Member::Moved(address) => {
                assert_eq!(Address::parse(address.as_str()), Ok(address));
            }
            Member::Include(path) => assert!(path.is_absolute()),
            Member::File(path) => assert!(path.is_absolute() || path.starts_with("~")),
            Member::Wrong(_) => {}
        }
    }
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

/// A batch in any wrapper, whole and byte by byte: both say the same, and never more at once than is promised.
pub fn batch_unwrap(bytes: &[u8]) {
    // Where a ratio is passed depends on the pieces.
    let limits = Limits { size: 1 << 20, ratio: u64::MAX };
    let read = |piece: usize| {
        let mut unwrapper = Unwrapper::new(limits);
        let (mut all, mut out) = (Vec::new(), Vec::new());
        for mut rest in bytes.chunks(piece) {
            while unwrapper.step(&mut rest, &mut out).ok()? {
                assert!(out.len() <= 129 * 1024);
                all.append(&mut out);
            }
        }
        unwrapper.finish(&mut all).ok()?;
        Some(all)
    };
    assert_eq!(read(bytes.len().max(1)), read(1));
}

/// What was packed comes back.
pub fn batch_wrap(bytes: &[u8]) {
    for wrapper in Wrapper::ALL {
        let (mut packed, mut back) = (Vec::new(), Vec::new());
        let Ok(mut packer) = Packer::new(wrapper) else { return };
        let pushed = bytes.chunks(97).try_for_each(|piece| packer.push(piece, &mut packed));
        assert!(pushed.is_ok() && packer.finish(&mut packed).is_ok());
        let mut unwrapper = Unwrapper::new(Limits { size: u64::MAX, ratio: u64::MAX });
        let mut rest = packed.as_slice();
        while unwrapper.step(&mut rest, &mut back).is_ok_and(|more| more) {}
        // A plain batch that looks like a packed one is taken for one.
        let is_whole = unwrapper.finish(&mut back).is_ok() && back == bytes;
        assert!(is_whole || wrapper == Wrapper::Plain);
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

/// SMTP command lines.
pub fn smtp_command(bytes: &[u8]) {
    let _ = Command::parse(bytes);
}

/// The scan of an mbox for delivery ids, whole and in pieces.
pub fn mbox(bytes: &[u8]) {
    let scan = |piece: usize| {
        let mut scan = IdScan::default();
        bytes.chunks(piece).for_each(|piece| scan.feed(piece, |_| true));
        scan.finish()
    };
    let whole = scan(bytes.len().max(1));
    assert_eq!(whole, scan(1));
    // Nothing inside of a message is taken for an id.
    let mut file = Vec::new();
    mbox::put_message(&mut file, &String::from_utf8_lossy(bytes), Timestamp::UNIX_EPOCH, "", b"\n");
    mbox::put_message(&mut file, "a", Timestamp::UNIX_EPOCH, &mbox::delivery_line("1.a"), bytes);
    mbox::put_message(&mut file, "a", Timestamp::UNIX_EPOCH, &mbox::delivery_line("1.b"), b"\n");
    let mut scan = IdScan::default();
    scan.feed(&file, |_| true);
    assert_eq!(scan.finish(), ["1.a", "1.b"]);
}

/// An SMTP client that says anything, in pieces of any length: the same is answered and kept, and no more than a reply a
/// line.
pub fn smtp_server(bytes: &[u8]) {
    let (Some(first), Some(text)) = (bytes.first(), bytes.get(1..)) else { return };
    // A client that sends three times what a message may have is hung up on, sooner or later.
    if text.len() > 8192 {
        return;
    }
    // Over TLS there are passwords; whether anything stands behind STARTTLS depends on the pieces.
    let secured = first & 0x80 != 0;
    let whole = converse(text, text.len().max(1), secured);
    assert_eq!(whole, converse(text, usize::from(first & 0x7f).max(1), secured));
}

/// What was answered, and the messages that came.
fn converse(text: &[u8], piece: usize, secured: bool) -> (Vec<u8>, Vec<Vec<u8>>) {
    let now = uugate::clock::now();
    let settings = smtp::Settings {
        message_max: 4096,
        recipients_max: 4,
        secured,
        login: secured,
        turn: true,
        ..Default::default()
    };
    let mut server = smtp::Server::new(settings, now);
    let (mut said, mut kept, mut message) = (Vec::new(), Vec::new(), Vec::new());
    for piece in text.chunks(piece) {
        server.handle_input(now, piece);
        while let Some(event) = server.poll_event() {
            match event {
                smtp::Event::Recipient(to) if to.recipient.as_str().contains("no") => {
                    server.refuse(now, smtp::Refusal::later(to.recipient.as_str()));
                }
                smtp::Event::Sender(_) | smtp::Event::Recipient(_) | smtp::Event::Begin => server.accept(now),
                smtp::Event::Data(data) => message.extend(data),
                smtp::Event::End => {
                    kept.push(std::mem::take(&mut message));
                    server.kept(now, "1");
                }
                // What came of a message that is dropped depends on the pieces.
                smtp::Event::Abandoned => message.clear(),
                smtp::Event::Login { name, password } => {
                    assert!(!name.contains(char::is_control) && !password.expose().is_empty());
                    match name.len() % 2 {
                        0 => server.accept(now),
                        _ => server.refuse(now, smtp::Refusal::new(454, "4.7.0", "later")),
                    }
                }
                smtp::Event::Turn(node) => server.turned(now, node.len() % 2 == 0),
                smtp::Event::StartTls => unreachable!("it is not offered"),
            }
        }
        said.extend(server.poll_transmit().unwrap_or_default());
        if server.is_closed() {
            break;
        }
    }
    if !server.is_closed() {
        server.handle_gone();
        while let Some(event) = server.poll_event() {
            assert!(!matches!(event, smtp::Event::End | smtp::Event::Data(_)));
        }
    }
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    assert!(said.len() <= (lines + 2) * 600 && kept.concat().len() <= text.len());
    for line in String::from_utf8_lossy(&said).split_terminator("\r\n") {
        assert!(line.len() <= 510 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}");
        assert!(line.as_bytes().first_chunk::<3>().is_some_and(|code| code.iter().all(u8::is_ascii_digit)));
    }
    (said, kept)
}
