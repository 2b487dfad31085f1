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
        for word in words(&typed) {
            for (at, window) in said.windows(word.len()).enumerate() {
                if window == word {
                    hidden.iter_mut().skip(at).take(word.len()).for_each(|hidden| *hidden = true);
                }
            }
        }
        hide_begun(&typed, &said, &mut hidden);
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

/// What was typed, but what is too short.
fn words(typed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = typed.split(|byte| byte.is_ascii_control() || *byte == b' ');
    words.filter(|word| word.len() >= SHORTEST)
}

/// Hides an echo that is still under way at the end: the beginning of a word.
fn hide_begun(typed: &[u8], said: &[u8], hidden: &mut [bool]) {
    let ends_with =
        |word: &[u8], length: usize| word.get(..length).is_some_and(|begun| said.ends_with(begun));
    let begun = |word: &[u8]| (1..=word.len().min(said.len())).rev().find(|length| ends_with(word, *length));
    let longest = words(typed).filter_map(begun).max().unwrap_or(0);
    hidden.iter_mut().rev().take(longest).for_each(|hidden| *hidden = true);
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
    fn an_echo_that_has_only_begun_is_not_seen_either() {
        let mut blanker = Blanker::new(From::Us);
        blanker.add(NOW, From::Us, b"geheim\r");
        blanker.add(NOW, From::Them, b"Password: gehei");
        let shown: Vec<Content> = blanker.finish().into_iter().map(|chunk| chunk.content).collect();
        assert_eq!(shown, [Content::Blank(7), Content::Bytes(b"Password: ".to_vec()), Content::Blank(5)]);
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
