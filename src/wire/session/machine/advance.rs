//! What goes out next: another job, more of a file, or H.

use super::hang_up::HangUp;
use super::ours::Ours;
use super::theirs::Theirs;
use super::{For, Machine};
use crate::wire::link::{Channel, Link};
use crate::wire::session::sender::Need;
use crate::wire::session::{Ask, ahead};
use std::time::{Duration, Instant};

/// With channels, how long after there was no more work the store is asked again: what is queued in the middle of a long file
/// goes beside it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What there was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advance {
    Went,
    Stays,
    /// A file could go on if the link had room.
    NeedsRoom,
}

impl Machine {
    /// Whether only one end at a time can send, so that work that is more urgent has to ask for its turn.
    pub(super) fn takes_turns(&self) -> bool {
        self.channels == 0 && !self.master
    }

    /// How many jobs of ours may be under way at once.
    pub(super) fn lanes(&self) -> u8 {
        match self.channels {
            0 if self.sends_files_ahead() => ahead::JOBS,
            channels => channels.max(1),
        }
    }

    /// Whether files go with their commands where there are no channels. A file that may have to come again cannot.
    pub(super) fn sends_files_ahead(&self) -> bool {
        self.channels == 0 && self.judge.sound && self.features.has(ahead::FEATURES)
    }

    fn has_free_lane(&self) -> bool {
        self.outs.len() < usize::from(self.lanes())
    }

    /// Whether another job can be begun. Without channels one job goes out whole, commands and file, before the next begins.
    fn can_begin(&self) -> bool {
        self.has_free_lane() && (self.channels > 0 || self.outs.values().all(Ours::is_said))
    }

    /// Goes on with what we have to send.
    pub(super) fn advance(&mut self, now: Instant, link: &mut dyn Link) -> Advance {
        if !self.started || self.hang_up != HangUp::No {
            return Advance::Stays;
        }
        self.make_way(now);
        if self.channels > 0 {
            self.drained = self.drained.filter(|at| now.saturating_duration_since(*at) < LOOK_AGAIN);
        }
        let may_speak = self.master || self.channels > 0;
        if may_speak && self.drained.is_none() && !self.yielding && self.can_begin() {
            self.ask(For::Filling, Ask::NextJob { worst: self.worst });
            return Advance::Went;
        }
        if let Some(advance) = self.advance_a_file(now, link) {
            return advance;
        }
        let all_said =
            self.outs.is_empty() || self.says_h_ahead() && self.has_free_lane() && self.last_are_said();
        // Whoever has more to send, and knows an H that goes ahead, says no to it, and H with its own last job.
        let theirs_are_done = self.says_h_ahead() || self.ins.values().all(Theirs::is_idle);
        if !self.master || !all_said || !theirs_are_done {
            return Advance::Stays;
        }
        if self.yielding {
            link.send_command(now, Channel::ONLY, b"H");
            self.hang_up = HangUp::AwaitReply;
        } else {
            // Something may have been queued since.
            self.ask(For::HangingUp, Ask::NextJob { worst: self.worst });
        }
        Advance::Went
    }

    /// Ends the turn of a file that has had its time: the others have theirs first, and so has work that came meanwhile.
    fn make_way(&mut self, now: Instant) {
        let Some(time) = self.file_time.filter(|_| self.channels > 0) else { return };
        let sending = |number: &u8| self.outs.get(number).is_some_and(Ours::is_sending);
        let Some(place) = self.order.iter().position(sending) else { return };
        let Some(slot) = self.order.get(place).and_then(|number| self.outs.get(number)).map(Ours::slot)
        else {
            return;
        };
        match self.turn {
            Some((whose, since)) if whose == slot => {
                if now.saturating_duration_since(since) >= time {
                    let number = self.order.remove(place);
                    self.order.extend(number);
                    self.turn = None;
                    self.drained = None;
                }
            }
            _ => self.turn = Some((slot, now)),
        }
    }

    /// Whether nothing is left but to be answered.
    pub(super) fn last_are_said(&self) -> bool {
        self.drained.is_some() && self.outs.values().all(Ours::is_said)
    }

    /// Sends more of the first file whose turn it is; `None`: there is no such file.
    fn advance_a_file(&mut self, now: Instant, link: &mut dyn Link) -> Option<Advance> {
        let ours =
            self.order.iter().find(|number| self.outs.get(number).is_some_and(Ours::is_sending)).copied();
        let (channel, sender) = match ours {
            Some(number) => (Channel::Ours(number), self.outs.get_mut(&number)?.sender()?),
            None => {
                let (number, conversation) = self.ins.iter_mut().find(|(_, theirs)| theirs.is_sending())?;
                (Channel::Theirs(*number), conversation.sender()?)
            }
        };
        let wire = if self.channels == 0 { Channel::ONLY } else { channel };
        let before = sender.position();
        let need = sender.advance(now, link, wire);
        let position = sender.position();
        if position != before {
            self.tell_sent(channel);
        }
        match need {
            Need::Bytes(ask) => self.ask(For::Channel(channel), ask),
            Need::Room => return Some(Advance::NeedsRoom),
            Need::Verdict => {
                if self.channels == 0 {
                    link.send_data(now, wire, position, &[]);
                }
                self.heed_verdict(now, link, channel);
            }
            Need::Nothing => {
                self.file_sent(channel);
                self.heed_verdict(now, link, channel);
            }
        }
        Some(Advance::Went)
    }

    /// The end of a file of this conversation was handed to the link.
    fn file_sent(&mut self, channel: Channel) {
        match channel {
            Channel::Ours(number) => self.outs.get_mut(&number).into_iter().for_each(Ours::file_sent),
            Channel::Theirs(number) => self.ins.get_mut(&number).into_iter().for_each(Theirs::file_sent),
        }
    }

    fn tell_sent(&mut self, channel: Channel) {
        let Channel::Ours(number) = channel else { return };
        if let Some((job, bytes)) = self.outs.get(&number).and_then(Ours::sent_so_far) {
            self.progress.bytes(true, job, bytes);
        }
    }
}
