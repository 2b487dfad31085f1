//! The mbox format, as bytes. Source: RFC 4155; mbox(5) for `mboxrd`.
//!
//! ```text
//! From <sender> <date, 24 characters>\n
//! header and body, each line that matches ^>*From␠ with one more > in front\n
//! \n
//! ```
//!
//! The quoting of `mboxrd` can be undone without loss: every line of `>`s and `From ` loses one `>`.

use jiff::Timestamp;

/// How an mbox file and every message in it begin.
pub const FROM: &[u8] = b"From ";

/// The header line that carries a delivery id, right below the `From ` line. Nothing inside a message can stand
/// there, so nobody can forge it.
pub const DELIVERY_HEADER: &str = "X-Uugate-Delivery";

/// Appends one message to `out`: the `From ` line, the lines of `header` that belong to this copy, then
/// `message` quoted, ended by a line end and an empty line.
///
/// `sender` stands in the `From ` line; what would break that line is replaced. `header` holds whole
/// lines. Lines of `message` end in LF.
pub fn put_message(out: &mut Vec<u8>, sender: &str, date: Timestamp, header: &str, message: &[u8]) {
    out.extend_from_slice(FROM);
    out.extend(sender_word(sender).bytes());
    out.push(b' ');
    out.extend(date.strftime("%a %b %e %H:%M:%S %Y").to_string().bytes());
    out.push(b'\n');
    out.extend(header.bytes());
    quote(out, message);
    if !message.is_empty() && !message.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// The delivery header of one copy, a whole line.
pub fn delivery_line(id: &str) -> String {
    format!("{DELIVERY_HEADER}: {id}\n")
}

/// What must stand between the end of a file and the next `From ` line, given the last two bytes of the file.
pub fn separator(end: &[u8]) -> &'static [u8] {
    match end {
        [] | [.., b'\n', b'\n'] => b"",
        [.., b'\n'] => b"\n",
        _ => b"\n\n",
    }
}

/// One word for the `From ` line; the null sender is `MAILER-DAEMON`, as mail programs have it.
fn sender_word(sender: &str) -> String {
    if sender.is_empty() {
        return "MAILER-DAEMON".to_owned();
    }
    sender.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

fn quote(out: &mut Vec<u8>, message: &[u8]) {
    for line in message.split_inclusive(|b| *b == b'\n') {
        if is_from_line(line) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
}

/// `^>*From `
fn is_from_line(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|b| **b == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(FROM))
}

/// Finds the delivery ids in an mbox that is handed in piece by piece.
#[derive(Debug, Default)]
pub struct IdScan {
    /// The line so far, up to [`IdScan::LINE`] bytes: longer ones matter to nobody here.
    line: Vec<u8>,
    below_from: bool,
    found: Vec<String>,
}

impl IdScan {
    /// An id line is far shorter.
    const LINE: usize = 200;
    /// The most ids kept; what is looked for is one batch of deliveries.
    const IDS: usize = 100_000;

    pub fn feed(&mut self, bytes: &[u8], wanted: impl Fn(&str) -> bool) {
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() < Self::LINE {
                    self.line.push(*byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if self.below_from
                && let Some(id) = delivery_id(&line)
                && self.found.len() < Self::IDS
                && wanted(id)
            {
                self.found.push(id.to_owned());
            }
            self.below_from = line.starts_with(FROM);
        }
    }

    /// The ids of whole lines that were wanted.
    pub fn finish(self) -> Vec<String> {
        self.found
    }
}

fn delivery_id(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    text.strip_prefix(DELIVERY_HEADER)?.strip_prefix(':').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads an mbox back: the content of each message without its `From ` line, quoting undone.
    fn read(mbox: &[u8]) -> Vec<Vec<u8>> {
        let mut messages: Vec<Vec<u8>> = Vec::new();
        for line in mbox.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(FROM) {
                messages.push(Vec::new());
            } else if let Some(message) = messages.last_mut() {
                let line = if is_from_line(line) { &line[1..] } else { line };
                message.extend_from_slice(line);
            }
        }
        for message in &mut messages {
            assert_eq!(message.pop(), Some(b'\n'), "each message is followed by an empty line");
        }
        messages
    }

    proptest! {
        #[test]
        fn any_messages_come_out_of_an_mbox_as_they_went_in(
            bodies in prop::collection::vec("(>{0,2}From |[a-zA-Z:. >]|\n|\r|é){0,40}", 0..5)
        ) {
            let mut mbox = Vec::new();
            for body in &bodies {
                prop_assert_eq!(separator(&mbox), b"");
                put_message(&mut mbox, "jan@leaf", Timestamp::UNIX_EPOCH, "", body.as_bytes());
            }
            let expected: Vec<Vec<u8>> = bodies.iter().map(|body| {
                let mut body = body.clone().into_bytes();
                if !body.is_empty() && !body.ends_with(b"\n") {
                    body.push(b'\n');
                }
                body
            }).collect();
            prop_assert_eq!(read(&mbox), expected);
        }
    }

    #[test]
    fn the_from_line_has_the_form_of_rfc_4155() {
        let mut out = Vec::new();
        put_message(&mut out, "a b\nc", Timestamp::UNIX_EPOCH, "X: y\n", b"Subject: s\n\nhello\n");
        let expected = "From a_b_c Thu Jan  1 00:00:00 1970\nX: y\nSubject: s\n\nhello\n\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
        let mut out = Vec::new();
        put_message(&mut out, "", Timestamp::UNIX_EPOCH, "", b"");
        assert!(out.starts_with(b"From MAILER-DAEMON Thu"));
    }

    #[test]
    fn a_file_that_ends_badly_is_closed_before_the_next_message() {
        assert_eq!(separator(b""), b"");
        assert_eq!(separator(b"x\n"), b"\n");
        assert_eq!(separator(b"xx"), b"\n\n");
        assert_eq!(separator(b"\n\n"), b"");
    }

    #[test]
    fn ids_are_found_only_right_below_a_from_line() {
        let mut mbox = Vec::new();
        let forged = format!("{}\n\nFrom x\n{}", delivery_line("forged"), delivery_line("quoted"));
        put_message(&mut mbox, "a", Timestamp::UNIX_EPOCH, &delivery_line("1.a"), forged.as_bytes());
        put_message(&mut mbox, "a", Timestamp::UNIX_EPOCH, &delivery_line("1.b"), b"\nhi\n");
        for step in 1..mbox.len() {
            let mut scan = IdScan::default();
            mbox.chunks(step).for_each(|piece| scan.feed(piece, |_| true));
            assert_eq!(scan.finish(), ["1.a", "1.b"]);
        }
    }
}
