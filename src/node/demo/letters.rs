//! The mail of the demo: what is written, and whether it arrived as it was written.
//!
//! The letters hold what mail programs stumble over: 8-bit text, lines of a single dot, lines that begin with
//! `From `, long lines and an empty body.

use mail_parser::mailbox::mbox::MessageIterator;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind};
use std::path::Path;

/// How a letter is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// To the SMTP port of the node.
    Smtp,
    /// As `uux - HOST!rmail (user)`, like an MTA does.
    Rmail,
    /// In a ready-made batch, as `uux - HOST!rsmtp`.
    Rsmtp,
}

/// One letter.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its mark, in the Subject; no two have the same.
    pub mark: String,
    pub from: String,
    pub to: String,
    pub by: By,
    /// What stands below the header.
    pub body: Vec<u8>,
}

impl Letter {
    /// The whole message with LF line ends.
    pub fn text(&self) -> Vec<u8> {
        let mut text =
            format!("From: {}\nTo: {}\nSubject: {}\n\n", self.from, self.to, self.mark).into_bytes();
        text.extend_from_slice(&self.body);
        text
    }
}

/// The bodies that every direction carries, smallest first.
const BODIES: [(By, &str, usize); 7] = [
    (By::Smtp, "Good morning! All is well here.\n", 1),
    (By::Smtp, ".\n..\n.hidden\nFrom here on it looks like an envelope.\n>From the past\n", 1),
    (By::Rmail, "Grüße aus der Hütte: Käse, Brot, Äpfel. \u{263c}\n", 12),
    (By::Smtp, "", 1),
    (By::Rsmtp, "The batch was made by another program.\n.\n", 10),
    (By::Rsmtp, "It holds two messages; this is the second.\n", 6),
    (By::Smtp, "Barometer 1013 hPa, wind north-west 4, sea slight, visibility good, rain later.\n", 150),
];

/// The letters from one user to another.
pub fn letters(direction: &str, from: &str, to: &str) -> Vec<Letter> {
    let letter = |(number, (by, line, times)): (usize, &(By, &str, usize))| Letter {
        mark: format!("{direction} {}", number + 1),
        from: from.to_owned(),
        to: to.to_owned(),
        by: *by,
        body: line.repeat(*times).into_bytes(),
    };
    BODIES.iter().enumerate().map(letter).collect()
}

/// What a mailbox holds of the letters that are awaited in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Arrived once and intact.
    pub intact: usize,
    /// Arrived with other text.
    pub damaged: Vec<String>,
    /// Arrived more than once.
    pub repeated: Vec<String>,
    pub missing: Vec<String>,
}

/// Looks for the letters in an mbox file; one that is not there yet is empty.
pub fn arrived(mailbox: &Path, letters: &[Letter]) -> io::Result<Arrived> {
    let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    match File::open(mailbox) {
        Ok(file) => {
            for message in MessageIterator::new(BufReader::new(file)) {
                let message =
                    message.map_err(|error| io::Error::new(ErrorKind::InvalidData, format!("{error:?}")))?;
                if let Some((subject, body)) = subject_and_body(message.contents()) {
                    found.entry(subject).or_default().push(body);
                }
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut arrived = Arrived::default();
    for letter in letters {
        match found.get(&letter.mark).map(Vec::as_slice) {
            None => arrived.missing.push(letter.mark.clone()),
            Some([body]) if *body == letter.body => arrived.intact += 1,
            Some([_]) => arrived.damaged.push(letter.mark.clone()),
            Some(_) => arrived.repeated.push(letter.mark.clone()),
        }
    }
    Ok(arrived)
}

/// The Subject and what follows the header; the empty line that ends a message in an mbox is not part of it.
fn subject_and_body(message: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = message.windows(2).position(|pair| pair == b"\n\n")?;
    let (header, body) = message.split_at_checked(end + 2)?;
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let header = String::from_utf8_lossy(header);
    let subject = header.lines().find_map(|line| line.strip_prefix("Subject: "))?;
    Some((subject.to_owned(), body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mbox(letters: &[Letter]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for letter in letters {
            bytes.extend_from_slice(b"From x Mon Nov 23 12:00:00 2026\nReceived: by test\n");
            let text = String::from_utf8(letter.text()).unwrap();
            for line in text.split_inclusive('\n') {
                if line.trim_start_matches('>').starts_with("From ") {
                    bytes.push(b'>');
                }
                bytes.extend_from_slice(line.as_bytes());
            }
            bytes.push(b'\n');
        }
        bytes
    }

    #[test]
    fn letters_are_found_intact_missing_repeated_or_damaged() {
        let letters = letters("there", "a@x", "b@y");
        let folder = tempfile::tempdir().unwrap();
        let mailbox = folder.path().join("b");
        assert_eq!(arrived(&mailbox, &letters).unwrap().missing.len(), letters.len());
        std::fs::write(&mailbox, mbox(&letters)).unwrap();
        let all = arrived(&mailbox, &letters).unwrap();
        assert_eq!(all, Arrived { intact: letters.len(), ..Arrived::default() });

        let mut spoiled = letters.clone();
        spoiled[0].body = b"something else\n".to_vec();
        spoiled.push(letters[1].clone());
        spoiled.remove(2);
        std::fs::write(&mailbox, mbox(&spoiled)).unwrap();
        let some = arrived(&mailbox, &letters).unwrap();
        assert_eq!(some.damaged, ["there 1"]);
        assert_eq!(some.repeated, ["there 2"]);
        assert_eq!(some.missing, ["there 3"]);
    }
}
