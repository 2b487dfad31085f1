//! Sees the end of a call where the line has no carrier signal.
//!
//! A modem that loses its carrier says `NO CARRIER` on a line of its own and then nothing more. A payload may
//! hold the same bytes, but a payload goes on: so the words count only when silence follows them. (Where a packet ended
//! with them just before a pause, the packet protocol knows better.)

use std::time::{Duration, Instant};

/// Silence after `NO CARRIER` by which it was the modem that said so.
pub const SILENCE: Duration = Duration::from_secs(1);

/// What has to be seen: at the start of the call or behind a line end, and a line end behind it.
const WORDS: &[u8] = b"NO CARRIER";

/// Watches the bytes of a call go by; it keeps none but the last few.
#[derive(Debug)]
pub struct CarrierWatch {
    /// The last bytes that came in, at most [`CarrierWatch::LAST`].
    last: Vec<u8>,
    suspected: Option<Instant>,
}

impl CarrierWatch {
    /// Line end, words, line end.
    const LAST: usize = WORDS.len() + 3;

    /// For a call that begins now.
    pub fn new() -> Self {
        CarrierWatch { last: vec![b'\n'], suspected: None }
    }

    /// Bytes that came in from the line; they go to the session as well.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let tail = bytes.get(bytes.len().saturating_sub(Self::LAST)..).unwrap_or_default();
        self.last.extend_from_slice(tail);
        self.last.drain(..self.last.len().saturating_sub(Self::LAST));
        self.suspected = self.says_no_carrier().then(|| now + SILENCE);
    }

    /// True, once, when the modem has said the words and then nothing more.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        self.suspected.take_if(|at| now >= *at).is_some()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.suspected
    }

    fn says_no_carrier(&self) -> bool {
        let line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let Some(end) = self.last.iter().rposition(|byte| !line_end(byte)) else { return false };
        let (text, ends) = self.last.split_at(end + 1);
        let before = text.strip_suffix(WORDS);
        !ends.is_empty() && before.is_some_and(|before| before.last().is_some_and(line_end))
    }
}

impl Default for CarrierWatch {
    fn default() -> Self {
        CarrierWatch::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost_after(pieces: &[&[u8]]) -> bool {
        let now = crate::clock::now();
        let mut watch = CarrierWatch::new();
        for piece in pieces {
            watch.handle_input(now, piece);
        }
        watch.poll_timeout().is_some_and(|at| watch.handle_timeout(at))
    }

    #[test]
    fn no_carrier_and_silence_is_the_end() {
        assert!(lost_after(&[b"data\r\nNO CARRIER\r\n"]));
        assert!(lost_after(&[b"da", b"ta\r", b"\nNO CAR", b"RIER\r", b"\n"]));
        assert!(lost_after(&[b"NO CARRIER\r\n"]), "as the first thing of a call");
        assert!(lost_after(&[&[b'x'; 100_000], b"\r\nNO CARRIER\r"]));
    }

    #[test]
    fn the_same_bytes_within_a_payload_are_not() {
        assert!(!lost_after(&[b"\r\nNO CARRIER\r\n", b"and on"]));
        assert!(!lost_after(&[b"he said NO CARRIER\r\n"]));
        assert!(!lost_after(&[b"\r\nNO CARRIERS\r\n"]));
        assert!(!lost_after(&[b"\r\nNO CARRIER"]));
    }

    #[test]
    fn it_is_said_once_and_not_before_its_time() {
        let now = crate::clock::now();
        let mut watch = CarrierWatch::new();
        watch.handle_input(now, b"\r\nNO CARRIER\r\n");
        assert!(!watch.handle_timeout(now + SILENCE / 2));
        assert!(watch.handle_timeout(now + SILENCE));
        assert!(!watch.handle_timeout(now + 2 * SILENCE) && watch.poll_timeout().is_none());
    }
}
