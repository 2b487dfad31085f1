//! Mail for `rmail` by a user who may speak for himself alone: what its From_ lines claim is taken away.

use super::{Body, VerbError};
use crate::post::mail::head::HEAD_LIMIT;
use crate::post::mail::read_from_lines;
use crate::spool::CHUNK;

/// A body whose From_ lines are replaced by one line, or by nothing.
pub struct Reclaimed<'b, B> {
    /// What is known of it already, and comes first.
    beginning: Vec<u8>,
    /// The body has come to its end, and is asked for nothing more.
    ended: bool,
    body: &'b mut B,
}

impl<'b, B: Body> Reclaimed<'b, B> {
    /// Reads the beginning of a body. `line` is empty, or a From_ line with its end.
    pub async fn new(body: &'b mut B, line: String) -> Result<Reclaimed<'b, B>, VerbError> {
        let mut beginning = Vec::new();
        let mut ended = false;
        loop {
            while !ended && beginning.len() < HEAD_LIMIT {
                match body.chunk().await? {
                    Some(chunk) => beginning.extend_from_slice(&chunk),
                    None => ended = true,
                }
            }
            // Again and again: only so many are read for a chain, and those behind them would count for who comes next.
            let mut claims = 0;
            while let rest = beginning.get(claims..).unwrap_or_default()
                && let length @ 1.. = read_from_lines(rest, None).length
            {
                claims += length;
            }
            if claims == 0 {
                break;
            }
            beginning.drain(..claims);
        }
        beginning.splice(..0, line.into_bytes());
        Ok(Reclaimed { beginning, ended, body })
    }
}

impl<B: Body> Body for Reclaimed<'_, B> {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
        if self.beginning.is_empty() {
            return if self.ended { Ok(None) } else { self.body.chunk().await };
        }
        let rest = self.beginning.split_off(self.beginning.len().min(CHUNK));
        Ok(Some(std::mem::replace(&mut self.beginning, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comes in pieces of so many bytes; its end comes once.
    struct Pieces(Vec<u8>, usize, bool);

    impl Body for Pieces {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
            assert!(!self.2, "asked for more behind the end");
            let rest = self.0.split_off(self.0.len().min(self.1));
            let piece = std::mem::replace(&mut self.0, rest);
            self.2 = piece.is_empty();
            Ok(Some(piece).filter(|piece| !piece.is_empty()))
        }
    }

    async fn reclaimed(text: &str, line: &str) -> String {
        let mut body = Pieces(text.as_bytes().to_vec(), 1000, false);
        let mut body = Reclaimed::new(&mut body, line.to_owned()).await.unwrap();
        let mut read = Vec::new();
        while let Some(piece) = body.chunk().await.unwrap() {
            read.extend(piece);
        }
        String::from_utf8(read).unwrap()
    }

    #[tokio::test]
    async fn every_from_line_goes_however_many_there_are() {
        let claims = "From ceo@bank.example date\n>From ceo@bank.example date remote from bank\n";
        let text = "Subject: x\n\nFrom here on\n";
        for claims in [String::new(), claims.to_owned(), format!("{claims}{}", claims.repeat(10_000))] {
            assert_eq!(reclaimed(&format!("{claims}{text}"), "").await, text);
            assert_eq!(reclaimed(&format!("{claims}{text}"), "From me\n").await, format!("From me\n{text}"));
        }
        assert_eq!(reclaimed("", "From me\n").await, "From me\n");
    }
}
