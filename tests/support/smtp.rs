//! A plain SMTP client, which says what it was answered.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Error, Result, Write};
use std::net::{SocketAddr, TcpStream};

pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects, and says EHLO.
    pub fn connect(server: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Client { stream: BufReader::new(stream) };
        client.answer()?;
        client.ask("EHLO client.example", "250")?;
        Ok(client)
    }

    /// Hands in a message; when this is good, the server has answered for it.
    pub fn send(&mut self, from: &str, to: &str, message: &[u8]) -> Result<()> {
        self.ask(&format!("MAIL FROM:<{from}>"), "250")?;
        self.ask(&format!("RCPT TO:<{to}>"), "250")?;
        self.ask("DATA", "354")?;
        let mut text = Vec::new();
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            text.extend(line.starts_with(b".").then_some(b'.'));
            text.extend_from_slice(line);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b".");
        self.stream.get_mut().write_all(&text)?;
        self.ask("", "250")
    }

    /// Says a line, and wants an answer that begins so.
    pub fn ask(&mut self, line: &str, wanted: &str) -> Result<()> {
        let answer = self.say(line)?;
        if answer.starts_with(wanted) { Ok(()) } else { Err(Error::other(format!("{line}: {answer}"))) }
    }

    /// Says a line; gives the last line of the answer.
    pub fn say(&mut self, line: &str) -> Result<String> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    /// Says bytes as they are, and waits for no answer.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The last line of the next answer.
    pub fn answer(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(Error::other("the server hung up"));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }
}
