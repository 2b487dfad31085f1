//! One message on its way, and what was answered for it so far.

use super::{Answer, Offer, Reply, Step};
use crate::post::mail::dots::{Ends, Stuffer};

#[derive(Debug)]
pub struct Exchange {
    pub offer: Offer,
    /// The server has taken MAIL, and nothing has ended the message for it yet.
    pub is_open: bool,
    /// What is final, for each recipient.
    answers: Vec<Option<Answer>>,
    /// The recipients that were taken and wait for the answer to the text.
    taken: Vec<usize>,
    stuffer: Stuffer,
}

impl Exchange {
    pub fn new(offer: Offer) -> Exchange {
        let answers = vec![None; offer.recipients.len()];
        Exchange { offer, is_open: false, answers, taken: Vec::new(), stuffer: Stuffer::new(Ends::Crlf) }
    }

    pub fn has_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    pub fn taken(&self) -> &[usize] {
        &self.taken
    }

    /// The server takes a recipient, unless it has refused the whole message before.
    pub fn take(&mut self, recipient: usize) {
        if self.answers.get(recipient).is_some_and(Option::is_none) {
            self.taken.push(recipient);
        }
    }

    /// The first answer to a recipient is the one that counts.
    pub fn answer(&mut self, recipient: usize, answer: Answer) {
        if let Some(known) = self.answers.get_mut(recipient) {
            known.get_or_insert(answer);
        }
        self.taken.retain(|taken| *taken != recipient);
    }

    /// One answer for everybody who was taken.
    pub fn answer_taken(&mut self, answer: &Answer) {
        for recipient in std::mem::take(&mut self.taken) {
            self.answer(recipient, answer.clone());
        }
    }

    /// The server refuses the message before it has heard of its recipients.
    pub fn refuse_all(&mut self, step: Step, reply: &Reply) {
        for recipient in 0..self.answers.len() {
            self.answer(recipient, Answer::refused(step, reply));
        }
    }

    /// Puts more of the text on the wire; NUL is left out.
    pub fn put_text(&mut self, text: &[u8], out: &mut Vec<u8>) {
        text.split(|byte| *byte == 0).for_each(|piece| self.stuffer.push(piece, out));
    }

    pub fn put_end(&mut self, out: &mut Vec<u8>) {
        std::mem::replace(&mut self.stuffer, Stuffer::new(Ends::Crlf)).finish(out);
    }

    /// What was answered for each recipient; `None` where the connection ended first.
    pub fn into_answers(self) -> Vec<Option<Answer>> {
        self.answers
    }
}
