//! What was said to a modem before there was a connection, kept until there is a call to record.

use super::{Chunk, Content, From, Heard};
use crate::observe::printable;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most that is kept, in bytes; the oldest goes first.
const MOST: usize = 16 * 1024;
/// What is shown of a line of the modem, in bytes.
const LONGEST_LINE: usize = 80;
/// What came so long before is of no call that still rings: exchanges ring every two to six seconds.
const BETWEEN_CALLS: Duration = Duration::from_secs(15);

/// The dialogue with a modem, from the dial or from the first ring on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prelude {
    pieces: VecDeque<(Instant, From, Vec<u8>)>,
    /// Nobody has called yet.
    waiting: bool,
}

impl Prelude {
    /// We wait for somebody to call.
    pub fn waiting() -> Self {
        Prelude { pieces: VecDeque::new(), waiting: true }
    }

    pub fn add(&mut self, now: Instant, from: From, bytes: &[u8]) {
        let before = self.pieces.back().map_or(now, |(at, ..)| *at);
        if self.waiting && now.saturating_duration_since(before) > BETWEEN_CALLS {
            self.pieces.clear();
        }
        self.pieces.push_back((now, from, bytes.to_vec()));
        while self.pieces.iter().map(|(.., bytes)| bytes.len()).sum::<usize>() > MOST {
            self.pieces.pop_front();
        }
    }

    /// The last bytes of the modem were none of its own: they came behind CONNECT.
    pub fn without_last(mut self, bytes: usize) -> Self {
        if let Some((.., last)) = self.pieces.back_mut() {
            last.truncate(last.len().saturating_sub(bytes));
        }
        self
    }

    /// When its first word was said.
    pub fn began(&self) -> Option<Instant> {
        self.pieces.front().map(|(at, ..)| *at)
    }

    /// The last line that the modem said by itself, if it said any.
    pub fn last_line(&self) -> Option<String> {
        let said: Vec<u8> = self.said().flatten().copied().collect();
        // With echo, a command is no word of the modem's.
        let by_itself = |line: &&[u8]| {
            !line.is_empty() && !line.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"AT"))
        };
        let lines = said.split(|byte| matches!(byte, b'\r' | b'\n')).map(<[u8]>::trim_ascii);
        lines.rev().find(by_itself).map(|line| printable(line, LONGEST_LINE))
    }

    /// The last bytes of the modem.
    pub fn heard(&self) -> Option<String> {
        let mut heard = Heard::default();
        self.said().for_each(|bytes| heard.add(bytes));
        heard.text()
    }

    fn said(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.pieces.iter().filter(|(_, from, _)| *from == From::Them).map(|(.., bytes)| bytes)
    }

    /// As it is recorded: each at its time since the first.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let began = self.began();
        self.pieces.iter().map(move |(at, from, bytes)| Chunk {
            at: began.map_or(Duration::ZERO, |began| at.saturating_duration_since(began)),
            from: *from,
            content: Content::Bytes(bytes.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_an_hour_ago_is_of_another_call() {
        let now = crate::clock::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let said =
            [(0, "RING\r\n"), (3600, "RI"), (3600, "NG\r\n"), (3606, "RING\r\n"), (3607, "CONNECT\r\n\x10S")];
        let mut prelude = Prelude::waiting();
        for (at, text) in said {
            prelude.add(later(at), From::Them, text.as_bytes());
        }
        let prelude = prelude.without_last(2);
        assert_eq!(prelude.began(), Some(later(3600)));
        let chunks: Vec<Chunk> = prelude.chunks().collect();
        let at: Vec<u64> = chunks.iter().map(|chunk| chunk.at.as_secs()).collect();
        assert_eq!(at, [0, 0, 6, 7]);
        assert_eq!(chunks[3].content, Content::Bytes(b"CONNECT\r\n".to_vec()));
        // Who dials waits as long as it takes.
        let mut dialled = Prelude::default();
        for (at, text) in said {
            dialled.add(later(at), From::Them, text.as_bytes());
        }
        assert_eq!(dialled.began(), Some(now));
    }

    #[test]
    fn the_last_word_of_the_modem_is_no_echo_of_ours() {
        let now = crate::clock::now();
        let mut prelude = Prelude::default();
        assert_eq!((prelude.last_line(), prelude.heard()), (None, None));
        prelude.add(now, From::Us, b"ATDT5552\r");
        prelude.add(now, From::Them, b"OK\r\nATDT5552\r\r\nBU");
        prelude.add(now, From::Them, b"SY\x07\r\n");
        assert_eq!(prelude.last_line().unwrap(), r"BUSY\x07");
        assert_eq!(prelude.heard().unwrap(), r"OK\r\nATDT5552\r\r\nBUSY\x07\r\n");
        prelude.add(now, From::Them, b"atz\r");
        assert_eq!(prelude.last_line().unwrap(), r"BUSY\x07");
    }

    #[test]
    fn a_modem_that_talks_without_end_is_not_kept() {
        let mut prelude = Prelude::default();
        for _ in 0..1000 {
            prelude.add(crate::clock::now(), From::Them, &[b'x'; 512]);
        }
        assert_eq!(prelude.chunks().count(), MOST / 512);
    }
}
