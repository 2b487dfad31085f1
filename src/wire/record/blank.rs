//! Keeps secrets out of a recording: while somebody logs in, chunks wait here, and leave without what was typed.

use super::{Chunk, Content, From};
use std::time::Duration;

/// What a login may take, in bytes of both directions; what goes over that is not shown at all.
const LARGEST_LOGIN: usize = 64 * 1024;
/// Shorter words of what was typed are not looked for in what the other end said: they would be everywhere.
const SHORTEST: usize = 3;

/// The chunks of a login.
#[derive(Debug)]
pub struct Blanker {
    /// Who logs in.
    typist: From,
    chunks: Vec<(Duration, From, Vec<u8>)>,
    kept: usize,
}

impl Blanker {
    /// `typist` is whose bytes are not to be seen: the caller's.
    pub fn new(typist: From) -> Self {
        Blanker { typist, chunks: Vec::new(), kept: 0 }
    }

    pub fn add(&mut self, at: Duration, from: From, bytes: &[u8]) {
        self.kept += bytes.len();
        let bytes = if self.kept > LARGEST_LOGIN { Vec::new() } else { bytes.to_vec() };
        if !bytes.is_empty() {
            self.chunks.push((at, from, bytes));
        }
    }

    /// The login is over: what may be seen of it.
    pub fn finish(self) -> Vec<Chunk> {
        let all = |from: From| -> Vec<u8> {
            self.chunks
                .iter()
                .filter(|(_, of, _)| *of == from)
                .flat_map(|(_, _, bytes)| bytes.clone())
                .collect()
        };
        let (typed, said) = match self.typist {
            From::Us => (all(From::Us), all(From::Them)),
            From::Them => (all(From::Them), all(From::Us)),
        };
        let mut hidden = vec![false; said.len()];
        for word in typed.split(|byte| byte.is_ascii_control() || *byte == b' ') {
            if word.len() < SHORTEST {
                continue;
            }
            for (at, window) in said.windows(word.len()).enumerate() {
                if window == word {
                    hidden.iter_mut().skip(at).take(word.len()).for_each(|hidden| *hidden = true);
                }
            }
        }
        let mut hidden = hidden.into_iter();
        let mut shown = Vec::new();
        for (at, from, bytes) in self.chunks {
            let mut chunk = |content| shown.push(Chunk { at, from, content });
            if from == self.typist {
                chunk(Content::Blank(bytes.len()));
                continue;
            }
            let mut rest = bytes.into_iter().map(|byte| (hidden.next().unwrap_or(true), byte)).peekable();
            while let Some(&(blank, _)) = rest.peek() {
                let run: Vec<u8> = std::iter::from_fn(|| rest.next_if(|(next, _)| *next == blank))
                    .map(|(_, byte)| byte)
                    .collect();
                chunk(if blank { Content::Blank(run.len()) } else { Content::Bytes(run) });
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn nothing_that_is_typed_is_seen_nor_its_echo_however_it_is_cut() {
        for cut in 1..12 {
            let mut blanker = Blanker::new(From::Us);
            for (from, text) in [
                (From::Them, "ogin: "),
                (From::Us, "Uleaf\r"),
                (From::Them, "Uleaf\r\nPassword: "),
                (From::Us, "geheim\r"),
                (From::Them, "geheim\r\nLast login: never\r\n"),
            ] {
                for piece in text.as_bytes().chunks(cut) {
                    blanker.add(NOW, from, piece);
                }
            }
            let mut seen = String::new();
            for chunk in blanker.finish() {
                match chunk.content {
                    Content::Bytes(bytes) => {
                        assert_eq!(chunk.from, From::Them);
                        seen.push_str(std::str::from_utf8(&bytes).unwrap());
                    }
                    Content::Blank(count) => seen.push_str(&"*".repeat(count)),
                    Content::Connected => {}
                }
            }
            assert_eq!(
                seen, "ogin: ***********\r\nPassword: *************\r\nLast login: never\r\n",
                "in pieces of {cut}"
            );
        }
    }

    #[test]
    fn a_login_without_end_is_not_kept() {
        let mut blanker = Blanker::new(From::Them);
        for _ in 0..1000 {
            blanker.add(NOW, From::Us, &[b'x'; 1000]);
        }
        assert!(blanker.finish().len() <= LARGEST_LOGIN / 1000);
    }
}
