//! Plays a peer by a script: what it says (`>`) and what it is to hear (`<`), a line each. `^X` is a control character,
//! `*` in what is heard stands for anything.
//!
//! ```text
//! > ^PShere^J                 before and after the packets: bytes as they are; what we say ends with a NUL
//! packets                     the packet protocol starts
//! < S D.* jan -C D.* 0666     commands and answers
//! > file 2000                 a file of so many bytes; heard, `file *` is one of any size
//! > text C rmail ann^J        a file with this text
//! > raw H^@stale              a packet with these bytes
//! close                       the packet protocol ends
//! ```

use super::*;
use crate::wire::link::drive::{LinkPump, PumpError};
use crate::wire::link::{Channel, Event, GParameters, Parameters, Role, open};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// A stream that keeps all that was read.
struct Heard<S> {
    stream: S,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.bytes.lock().unwrap().extend(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What the peer was told that it may send: packets before an acknowledgement, and bytes in each. Both stand in control
/// packets of the start (the manual, "g Protocol"): INITA, 7 and the window; INITB, 6 and the size, 2^(n + 5).
fn announced(heard: &[u8]) -> (u8, u16) {
    let control = |kind| {
        let packet = heard.windows(6).find(|packet| {
            packet[..2] == [0x10, 9]
                && packet[4] >> 3 == kind
                && packet[1..5].iter().fold(0, |x, b| x ^ b) == packet[5]
        });
        packet.map(|packet| packet[4] & 7).expect("the start of g")
    };
    (control(7), 1 << (control(6) + 5))
}

fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'^' { rest.next().unwrap() ^ 0x40 } else { byte });
    }
    bytes
}

fn shown(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        0..=31 => format!("^{}", char::from(byte ^ 0x40)),
        _ => char::from(*byte).to_string(),
    };
    bytes.iter().map(one).collect()
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, behind)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits(behind, rest)))
        }),
    }
}

#[track_caller]
fn expect(pattern: &str, bytes: &[u8]) {
    assert!(fits(pattern, &shown(bytes)), "expected {pattern:?}, heard {:?}", shown(bytes));
}

/// A peer at one end of a line.
pub struct Player {
    stream: Heard<DuplexStream>,
    /// Heard, but not looked at yet.
    ahead: Vec<u8>,
}

impl Player {
    pub fn new(stream: DuplexStream) -> Player {
        Player { stream: Heard { stream, bytes: Arc::default() }, ahead: Vec::new() }
    }

    /// Plays all of a script; gives back the window and the size of packets that it was told.
    pub async fn play(mut self, script: &str, letter: char, role: Role) -> Result<(u8, u16), PumpError> {
        let heard = self.stream.bytes.clone();
        let lines: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let packets = lines.iter().position(|line| *line == "packets").expect("packets");
        let close = lines.iter().position(|line| *line == "close").expect("close");
        for line in &lines[..packets] {
            self.outside(line).await;
        }
        let g = GParameters { window: 3, packet_size: 64, ..GParameters::default() };
        let parameters = Parameters { g: g.clone(), v: g, ..Parameters::default() };
        let link = open(letter, role, &parameters).expect("a protocol");
        let mut pump = LinkPump::start(link, self.stream, &self.ahead);
        assert_eq!(pump.next().await?, Event::Started);
        for line in &lines[packets + 1..close] {
            match line.split_once(' ').unwrap() {
                (">", said) => say(&mut pump, said),
                (_, awaited) => hear(&mut pump, awaited).await?,
            }
        }
        pump.close();
        while pump.next().await? != Event::Closed {}
        let (stream, ahead) = pump.into_parts();
        let mut after = Player { stream, ahead };
        for line in &lines[close + 1..] {
            after.outside(line).await;
        }
        let heard = heard.lock().unwrap();
        Ok(announced(&heard))
    }

    async fn outside(&mut self, line: &str) {
        match line.split_once(' ').unwrap() {
            (">", said) => self.stream.write_all(&bytes_of(said)).await.unwrap(),
            (_, awaited) => {
                let end = loop {
                    match self.ahead.iter().position(|byte| *byte == 0) {
                        Some(end) => break end + 1,
                        None => {
                            let read = self.stream.read_buf(&mut self.ahead).await.unwrap();
                            assert!(read > 0, "expected {awaited:?}, heard {:?}", shown(&self.ahead));
                        }
                    }
                };
                // What is left of a protocol may come before the message.
                let message: Vec<u8> = self.ahead.drain(..end).collect();
                let start = message.iter().rposition(|byte| *byte == 0x10).unwrap_or(0);
                expect(awaited, &message[start..]);
            }
        }
    }
}

fn say<S: AsyncRead + AsyncWrite + Unpin>(pump: &mut LinkPump<S>, said: &str) {
    let file = match said.split_once(' ') {
        Some(("file", size)) => vec![b'f'; size.parse().unwrap()],
        Some(("text", text)) => bytes_of(text),
        Some(("raw", bytes)) => return pump.send_data(Channel::ONLY, 0, &bytes_of(bytes)),
        _ => return pump.send_command(Channel::ONLY, said.as_bytes()),
    };
    pump.send_data(Channel::ONLY, 0, &file);
    pump.send_data(Channel::ONLY, file.len() as u64, &[]);
}

async fn hear<S: AsyncRead + AsyncWrite + Unpin>(
    pump: &mut LinkPump<S>,
    awaited: &str,
) -> Result<(), PumpError> {
    let mut heard = Vec::new();
    let file = awaited.strip_prefix("file ");
    loop {
        let Event::Data { bytes, .. } = pump.next().await? else { panic!("expected {awaited:?}") };
        let is_end = bytes.is_empty();
        heard.extend(bytes);
        let end = heard.iter().position(|byte| *byte == 0);
        match (file, end) {
            (Some(size), _) if is_end => expect(size, heard.len().to_string().as_bytes()),
            (None, Some(end)) => expect(awaited, &heard[..end]),
            _ => continue,
        }
        return Ok(());
    }
}
