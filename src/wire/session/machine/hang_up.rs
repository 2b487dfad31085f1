//! How a session ends: the master says H, and both agree, or the slave has work and becomes the master.

use super::super::ask::Ask;
use super::super::command::{Answer, Request};
use super::super::{Features, SessionError};
use super::{For, Machine, collect, misbehaved};
use crate::wire::link::{Channel, Link};
use std::time::Instant;

/// How far hanging up has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// There is work, or may be.
    No,
    /// We, the master, said H.
    AwaitReply,
    /// We, the slave, said HY.
    AwaitConfirmation,
    /// Both agree; the link closes.
    AwaitClose,
}

impl Machine {
    /// Whether what the peer may still have to say is of no consequence.
    pub fn hang_up_agreed(&self) -> bool {
        matches!(self.hang_up, HangUp::AwaitConfirmation | HangUp::AwaitClose)
    }

    /// Whether H goes with the last job, and is answered behind all that is to be said of the job. Between uugates alone:
    /// what another system does with an H before its CY is not known.
    pub(super) fn says_h_ahead(&self) -> bool {
        self.channels > 0 && self.features.has(Features::UUGATE) || self.sends_files_ahead()
    }

    /// H and what is said of it.
    pub(super) fn handle_core_text(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        bytes: &[u8],
    ) -> Result<(), SessionError> {
        let Some(text) = collect(&mut self.text, bytes)? else { return Ok(()) };
        if let Ok(Request::HangUp) = Request::parse(&text, self.features) {
            return self.asked_to_hang_up(now, link);
        }
        match (self.hang_up, Answer::parse(&text)) {
            (HangUp::AwaitReply, Ok(Answer::HangUp(true))) if !self.outs.is_empty() => {
                Err(misbehaved("HY, before all jobs were answered", &text))
            }
            (HangUp::AwaitReply, Ok(Answer::HangUp(true))) => {
                // Who agrees to hang up has dealt with all that we said.
                self.heard();
                self.say(now, link, Channel::ONLY, &Answer::HangUp(true));
                link.close(now);
                self.hang_up = HangUp::AwaitClose;
                Ok(())
            }
            (HangUp::AwaitReply, Ok(Answer::HangUp(false))) => {
                self.master = false;
                self.yielding = false;
                self.hang_up = HangUp::No;
                Ok(())
            }
            (HangUp::AwaitConfirmation, Ok(Answer::HangUp(true))) => {
                if self.says_h_ahead() {
                    self.heard();
                }
                link.close(now);
                self.hang_up = HangUp::AwaitClose;
                Ok(())
            }
            // Some packages repeat HY.
            (_, Ok(Answer::HangUp(true))) => Ok(()),
            _ => Err(misbehaved("an answer that nobody asked for", &text)),
        }
    }

    /// The peer, master, said H.
    pub(super) fn asked_to_hang_up(&mut self, now: Instant, link: &mut dyn Link) -> Result<(), SessionError> {
        if self.channels == 0 && self.master || self.hang_up == HangUp::AwaitReply {
            return Err(misbehaved("H, without being master", b"H"));
        }
        // An H that went ahead shows nothing; the HY that answers ours does.
        if !self.says_h_ahead() {
            self.heard();
        }
        if self.hang_up == HangUp::AwaitConfirmation {
            return Ok(());
        }
        if std::mem::take(&mut self.asked_for_turn) {
            // It may have work itself: so if ours has gone meanwhile, it is for us to propose to hang up.
            self.refuse_to_hang_up(now, link);
            self.drained = None;
        } else if self.outs.is_empty() {
            self.ask(For::HangingUp, Ask::NextJob { worst: self.worst });
        } else {
            // With our last job goes our own H, at once: who waits for its answer first adds a round trip.
            self.refuse_to_hang_up(now, link);
        }
        Ok(())
    }

    fn refuse_to_hang_up(&mut self, now: Instant, link: &mut dyn Link) {
        self.say(now, link, Channel::ONLY, &Answer::HangUp(false));
        self.master = true;
    }

    /// The store had another job, when it was asked for one because of a hang-up.
    pub(super) fn keep_talking(&mut self, now: Instant, link: &mut dyn Link, whom: For) {
        if whom == For::HangingUp && !self.master {
            self.refuse_to_hang_up(now, link);
        }
    }

    /// The store had no further job.
    pub(super) fn no_job(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        whom: For,
    ) -> Result<(), SessionError> {
        if whom == For::HangingUp {
            if self.master {
                link.send_command(now, Channel::ONLY, b"H");
                self.hang_up = HangUp::AwaitReply;
            } else {
                self.say(now, link, Channel::ONLY, &Answer::HangUp(true));
                self.hang_up = HangUp::AwaitConfirmation;
                // Behind its own end the link still takes the other's HY.
                if link.abilities().closes {
                    link.close(now);
                }
            }
        }
        Ok(())
    }

    /// The peer has heard our CY for everything so far: it hangs up only when nothing of it is open. An earlier
    /// command of it shows less: what it offered in a call that broke off, and was kept here, may still be to come.
    ///
    /// Where only good grades were to go, even H does not show it: what it did not hear about may be of a worse one.
    fn heard(&mut self) {
        if self.worst.is_none() {
            self.ask(For::Nobody, Ask::Heard);
        }
    }
}
