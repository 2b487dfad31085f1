//! Hands the letters in, as mail programs do: over SMTP, and through `uux`.

use super::letters::{By, Letter};
use super::site::Site;
use crate::post::address::Address;
use crate::post::batch::Writer;
use crate::post::mail::dots::{Ends, Stuffer};
use crate::post::mail::{Envelope, Sender};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long the node may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest reply line, in bytes (RFC 5321 section 4.5.3.1.5).
const REPLY_LINE: u64 = 512;

/// Hands all letters in at a site; those that go by `uux` are for the system `peer`.
pub fn submit(site: &Site, peer: &str, letters: &[Letter]) -> io::Result<()> {
    let by = |by: By| letters.iter().filter(move |letter| letter.by == by);
    smtp(site, by(By::Smtp))?;
    for letter in by(By::Rmail) {
        let from_line = format!("From {} Mon Nov 23 12:00:00 2026 remote from {}\n", letter.from, site.name);
        let user = format!("({})", letter.to);
        uux(site, &[&format!("{peer}!rmail"), &user], &[from_line.as_bytes(), &letter.text()].concat())?;
    }
    let mut batch = Vec::new();
    let writer = Writer::new(site.name, Ends::Lf, &mut batch);
    for letter in by(By::Rsmtp) {
        let address = |text: &str| Address::parse(text).map_err(io::Error::other);
        let envelope =
            Envelope { sender: Sender::from(address(&letter.from)?), recipients: vec![address(&letter.to)?] };
        let mut body = writer.message(&envelope, &mut batch);
        body.push(&letter.text(), &mut batch);
        body.finish(&mut batch);
    }
    writer.finish(&mut batch);
    uux(site, &[&format!("{peer}!rsmtp")], &batch)
}

fn uux(site: &Site, words: &[&str], input: &[u8]) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("uux").arg("-I").arg(site.config()).args(["-r", "-gC", "-"]).args(words);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let Some(mut stdin) = child.stdin.take() else {
        return Err(io::Error::other("uux has no standard input"));
    };
    stdin.write_all(input)?;
    drop(stdin);
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("uux ended with {status}"))) }
}

/// One SMTP session for all letters.
fn smtp<'l>(site: &Site, letters: impl Iterator<Item = &'l Letter>) -> io::Result<()> {
    let stream = TcpStream::connect(site.smtp)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut session = Session { replies: BufReader::new(stream.try_clone()?), stream };
    session.reply("220")?;
    session.command("EHLO demo", "250")?;
    for letter in letters {
        session.command(&format!("MAIL FROM:<{}> BODY=8BITMIME", letter.from), "250")?;
        session.command(&format!("RCPT TO:<{}>", letter.to), "250")?;
        session.command("DATA", "354")?;
        let mut data = Vec::new();
        let mut stuffer = Stuffer::new(Ends::Crlf);
        stuffer.push(&letter.text(), &mut data);
        stuffer.finish(&mut data);
        session.stream.write_all(&data)?;
        session.reply("250")?;
    }
    session.command("QUIT", "221")
}

struct Session {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Session {
    fn command(&mut self, line: &str, wanted: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes())?;
        self.reply(wanted)
    }

    fn reply(&mut self, wanted: &str) -> io::Result<()> {
        loop {
            let mut line = String::new();
            io::Read::take(&mut self.replies, REPLY_LINE).read_line(&mut line)?;
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                _ if line.starts_with(wanted) => return Ok(()),
                _ => return Err(io::Error::other(format!("the node answered {:?}", line.trim_end()))),
            }
        }
    }
}
