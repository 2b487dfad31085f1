//! The verdict on a file that went out ahead of it: go on, go on from elsewhere, or stop.

use super::State;
use crate::wire::link::{Channel, Link};
use crate::wire::session::ahead::{BEFORE_VERDICT, PART};
use crate::wire::session::command::Answer;
use crate::wire::session::machine::{Machine, misbehaved};
use crate::wire::session::outgoing::Piece;
use crate::wire::session::{Ending, Refusal, SessionError};
use std::time::Instant;

impl Machine {
    /// Where a file waits for the verdict; `None`: it goes out whole without it. `begun`: in an earlier call.
    pub(super) fn hold_at(&self, piece: &Piece, begun: bool) -> Option<u64> {
        match piece.size {
            size if self.channels == 0 => (size > PART).then_some(PART),
            size if size > BEFORE_VERDICT => Some(if begun { 0 } else { BEFORE_VERDICT }),
            size => (!self.answered).then(|| size.saturating_sub(1)),
        }
    }

    /// What the peer says of a file that goes out already, or is out.
    pub(super) fn judged(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        answer: Answer,
        text: &[u8],
    ) -> Result<(), SessionError> {
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        ours.verdict = Some(match answer {
            Answer::Take { start, .. } => {
                let start = start.unwrap_or(0);
                if ours.pieces.front().is_none_or(|piece| start > piece.size) {
                    return Err(misbehaved("a start beyond the end of the file", text));
                }
                Ok(start)
            }
            Answer::Refuse { why, .. } => Err(why),
            _ => return Err(misbehaved("no verdict", text)),
        });
        self.heed_verdict(now, link, Channel::Ours(number));
        Ok(())
    }

    /// The verdict on a file of which the beginning is out, or goes out. Without channels that is to the end of the first
    /// part, whatever the verdict.
    pub(in super::super) fn heed_verdict(&mut self, now: Instant, link: &mut dyn Link, channel: Channel) {
        let Channel::Ours(number) = channel else { return };
        let Some(ours) = self.outs.get_mut(&number) else { return };
        if self.channels == 0 && ours.is_sending() {
            return;
        }
        match ours.verdict.take() {
            Some(Ok(start)) => self.go_on_from(link, number, start),
            Some(Err(why)) => {
                self.end_file(now, link, number);
                self.refused(now, link, number, why);
            }
            None => {}
        }
    }

    /// The peer takes it, from this place on.
    fn go_on_from(&mut self, link: &mut dyn Link, number: u8, start: u64) {
        let Some(ours) = self.outs.get_mut(&number) else { return };
        let State::Sending(sender) = &mut ours.state else { return };
        let size = ours.pieces.front().map_or(0, |piece| piece.size);
        if sender.go_on(start) {
            self.progress.begun(true, &ours.name, &ours.what, Some(size), start);
        }
        if self.channels == 0 {
            link.begin_file(size.saturating_sub(sender.position()));
        }
    }

    /// With channels, an empty packet shows that the channel may be used again (the manual, "i Protocol").
    pub(super) fn end_file(&mut self, now: Instant, link: &mut dyn Link, number: u8) {
        if let Some(State::Sending(sender)) = self.outs.get(&number).map(|ours| &ours.state)
            && self.channels > 0
        {
            link.send_data(now, Channel::Ours(number), sender.position(), &[]);
        }
    }

    pub(super) fn refused(&mut self, now: Instant, link: &mut dyn Link, number: u8, why: Refusal) {
        let Some(ours) = self.outs.get_mut(&number) else { return };
        let sends = ours.pieces.front().is_some_and(|piece| piece.source.is_some());
        match why {
            Refusal::Already if sends => {
                ours.pieces.pop_front();
                self.say_piece(now, link, number);
            }
            Refusal::Denied | Refusal::TooLarge | Refusal::Already => {
                self.settle(number, Ending::Refused(why.to_string()));
            }
            Refusal::NoFile | Refusal::TooLargeNow | Refusal::NoChannel => {
                self.settle(number, Ending::Deferred(why.to_string()));
            }
        }
    }
}
