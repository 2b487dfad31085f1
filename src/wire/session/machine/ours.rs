//! A job of ours on its way to the peer: command, verdict, file, and that it was kept; or a file that we fetch.

mod fetched;
mod verdict;

use super::super::SessionError;
use super::super::ahead::{self, PART};
use super::super::ask::{Ask, Ending, JobKey, OutgoingJob, Reply, Slot};
use super::super::command::{Answer, Refusal};
use super::super::outgoing::{Piece, describe, pieces, tells_spool};
use super::super::receiving::Receiving;
use super::super::sender::Sender;
use super::{For, Machine, collect, misbehaved};
use crate::job::{Fetch, Grade, Work};
use crate::wire::link::{Channel, Expect, Link};
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Debug)]
enum State {
    /// The command was said.
    AwaitVerdict,
    /// The file is going out.
    Sending(Sender),
    /// It is out, to its end; it may have to go again.
    AwaitKept(Sender),
    /// RY: the store is asked where the file is to go; it comes from this place on.
    AwaitOffer {
        start: u64,
        size: Option<u64>,
    },
    /// RY: the file is coming in.
    Receiving(Receiving),
    /// RY, but it cannot be kept: it comes in all the same, for nothing.
    AwaitEnd {
        ending: Ending,
    },
    AwaitCommit,
    /// The store is told how it ended.
    AwaitSettled(Ending),
}

/// One job under way.
#[derive(Debug)]
pub struct Ours {
    key: JobKey,
    grade: Grade,
    /// For who watches.
    name: String,
    what: String,
    /// What is still to be said; the first is being dealt with.
    pieces: VecDeque<Piece>,
    /// It was begun in an earlier call.
    begun: bool,
    fetch: Option<Fetch>,
    /// It asks for files by a pattern (X).
    expands: bool,
    slot: Slot,
    state: State,
    /// The file goes out already, or is out, but the verdict on it has not come.
    unjudged: bool,
    /// The verdict, if it came while the first part was still going out: where to go on from, or why not.
    verdict: Option<Result<u64, Refusal>>,
    text: Vec<u8>,
}

impl Ours {
    /// Whether more of a file can go out.
    pub fn is_sending(&self) -> bool {
        matches!(&self.state, State::Sending(sender) if !sender.is_held())
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// Whether all is said, but for what depends on an answer: the last file is out.
    pub fn is_said(&self) -> bool {
        matches!(self.state, State::AwaitKept(_)) && self.pieces.len() == 1
    }

    pub fn sender(&mut self) -> Option<&mut Sender> {
        match &mut self.state {
            State::Sending(sender) => Some(sender),
            _ => None,
        }
    }

    pub fn file_sent(&mut self) {
        if let State::Sending(sender) = std::mem::replace(&mut self.state, State::AwaitVerdict) {
            self.state = State::AwaitKept(sender);
        }
    }

    /// What came so far is damaged and comes again; the slot to be told, if a file is coming.
    pub fn rewind_incoming(&mut self) -> Option<Slot> {
        match &mut self.state {
            State::Receiving(file) => {
                file.rewind();
                Some(self.slot)
            }
            _ => None,
        }
    }

    /// The peer got the file damaged. Returns whether it can be sent again.
    pub fn send_again(&mut self) -> bool {
        let State::AwaitKept(mut sender) = std::mem::replace(&mut self.state, State::AwaitVerdict) else {
            return false;
        };
        sender.rewind();
        self.state = State::Sending(sender);
        true
    }

    pub fn sent_so_far(&self) -> Option<(&str, u64)> {
        match &self.state {
            State::Sending(sender) => Some((&self.name, sender.position())),
            _ => None,
        }
    }
}

impl Machine {
    /// Says the first command of a job.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        job: OutgoingJob,
    ) -> Result<(), SessionError> {
        let key = job.key;
        let unsaid = |ending| Ask::Settle { job: key, ending };
        if self.limit.is_some_and(|limit| job.size > limit) {
            let why = "larger than the other end can take now".to_owned();
            self.ask(For::Nobody, unsaid(Ending::Deferred(why)));
            return Ok(());
        }
        let largest = self.judge.permissions.largest;
        let Some(pieces) = pieces(&job, &self.ours, self.features, self.told, largest) else {
            let why = "its names cannot be told to this system".to_owned();
            self.ask(For::Nobody, unsaid(Ending::Refused(why)));
            return Ok(());
        };
        let Some(number) = (1..=self.lanes()).find(|number| !self.outs.contains_key(number)) else {
            return Err(SessionError::Store("a job that was not asked for".to_owned()));
        };
        self.told |= tells_spool(&job.work);
        let slot = self.new_slot();
        let what = describe(&job.work);
        let expands = matches!(job.work, Work::Expand(_));
        let fetch = match job.work {
            Work::Fetch(fetch) => Some(fetch),
            Work::Execute(_) | Work::Send(_) | Work::Expand(_) => None,
        };
        let ours = Ours {
            key,
            grade: job.grade,
            name: job.stable.to_string(),
            what,
            pieces: pieces.into(),
            begun: job.begun,
            fetch,
            expands,
            slot,
            state: State::AwaitVerdict,
            unjudged: false,
            verdict: None,
            text: Vec::new(),
        };
        // With channels its file goes before those of worse grades, for it may have been queued after they were begun.
        let grade = |other: &u8| self.outs.get(other).map(|other| other.grade);
        let behind = |other: &u8| self.channels > 0 && grade(other).is_some_and(|other| other > ours.grade);
        let place = self.order.iter().position(behind).unwrap_or(self.order.len());
        self.order.insert(place, number);
        self.outs.insert(number, ours);
        self.say_piece(now, link, number);
        Ok(())
    }

    /// Says the command of the piece that is due, or settles the job if there is none left.
    fn say_piece(&mut self, now: Instant, link: &mut dyn Link, number: u8) {
        let channel = self.on_wire(Channel::Ours(number));
        let channels = self.channels > 0;
        let Some(ours) = self.outs.get(&number) else { return };
        let Some(piece) = ours.pieces.front() else { return self.settle(number, Ending::Done) };
        link.expect(Expect::Command);
        // With channels a file follows its command at once, as Taylor UUCP has it: the verdict is nearly always yes, and to
        // wait for it leaves the line idle for a round trip. A refused file is cut short, and one of which the peer has a
        // part goes on from where it is told to; if it is large, and was begun before, that is likely. No file goes whole
        // to a peer that has not even said who it is: it could keep what we then send again. Without channels see `ahead`.
        let part_is_there = ours.begun && piece.size > PART;
        let follows = channels || self.sends_files_ahead() && !part_is_there;
        let source = piece.source.clone().filter(|_| follows);
        match piece.source {
            Some(_) if source.is_some() && !channels => {
                link.send_command(now, channel, &ahead::marked(&piece.text));
                link.begin_file(piece.size.min(PART));
            }
            Some(_) => link.send_offer(now, channel, &piece.text),
            None => link.send_command(now, channel, &piece.text),
        }
        let (size, hold_at) = (piece.size, self.hold_at(piece, ours.begun));
        let Some(ours) = self.outs.get_mut(&number) else { return };
        ours.unjudged = source.is_some();
        ours.state = match source {
            Some(source) => {
                self.progress.begun(true, &ours.name, &ours.what, Some(size), 0);
                State::Sending(Sender::ahead(source, hold_at))
            }
            None => State::AwaitVerdict,
        };
    }

    fn settle(&mut self, number: u8, ending: Ending) {
        let Some(ours) = self.outs.get_mut(&number) else { return };
        ours.state = State::AwaitSettled(ending.clone());
        let job = ours.key;
        self.ask(For::Channel(Channel::Ours(number)), Ask::Settle { job, ending });
    }

    pub(super) fn handle_ours(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        position: Option<u64>,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        // What comes for a conversation that has ended was under way when it did.
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        match ours.state {
            State::Receiving(_) | State::AwaitEnd { .. } => {
                self.receive_fetched(now, link, number, position, bytes)
            }
            _ => match collect(&mut ours.text, &bytes)? {
                Some(text) => self.handle_answer(now, link, number, &text),
                None => Ok(()),
            },
        }
    }

    fn handle_answer(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        text: &[u8],
    ) -> Result<(), SessionError> {
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        let answer = Answer::parse(text).map_err(|_| misbehaved("no answer", text))?;
        if std::mem::take(&mut ours.unjudged) {
            return self.judged(now, link, number, answer, text);
        }
        match (&ours.state, answer) {
            (State::AwaitVerdict, Answer::Take { start, .. }) => {
                let start = start.unwrap_or(0);
                let Some(Piece { source: Some(source), size, .. }) = ours.pieces.front() else {
                    return Err(misbehaved("a wrong answer to R", text));
                };
                if start > *size {
                    return Err(misbehaved("a start beyond the end of the file", text));
                }
                link.begin_file(size - start);
                self.progress.begun(true, &ours.name, &ours.what, Some(*size), start);
                ours.state = State::Sending(Sender::new(source.clone(), start));
                Ok(())
            }
            (State::AwaitVerdict, Answer::Give { mode, size, wants_master, rest })
                if ours.fetch.is_some() =>
            {
                self.yielding |= wants_master && self.channels == 0;
                self.offer_fetched(link, number, mode, size, rest);
                Ok(())
            }
            (State::AwaitVerdict, Answer::Expanded(yes)) if ours.expands => {
                let no = || Ending::Refused("it has no such files, or does not send them".to_owned());
                self.settle(number, if yes { Ending::Done } else { no() });
                Ok(())
            }
            (State::AwaitVerdict, Answer::Refuse { why, .. }) => {
                self.refused(now, link, number, why);
                Ok(())
            }
            (State::AwaitKept(_), Answer::Kept { wants_master }) => {
                self.yielding |= wants_master && self.channels == 0;
                ours.pieces.pop_front();
                self.say_piece(now, link, number);
                Ok(())
            }
            (State::AwaitKept(_) | State::Sending(_), Answer::Damaged) => {
                self.end_file(now, link, number);
                self.settle(number, Ending::Damaged);
                Ok(())
            }
            (State::AwaitKept(_) | State::Sending(_), Answer::NotKept) => {
                self.end_file(now, link, number);
                self.settle(
                    number,
                    Ending::Refused("the other end could not put the file in its place".to_owned()),
                );
                Ok(())
            }
            _ => Err(misbehaved("an answer out of place", text)),
        }
    }

    pub(super) fn reply_to_ours(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        reply: Reply,
    ) -> Result<(), SessionError> {
        let channel = self.on_wire(Channel::Ours(number));
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        match (&mut ours.state, reply) {
            (State::Sending(sender), Reply::Bytes(bytes)) => {
                if !sender.take(now, link, channel, bytes) {
                    ours.file_sent();
                    self.heed_verdict(now, link, Channel::Ours(number));
                }
            }
            (State::AwaitSettled(ending), Reply::Done) => {
                let ending = ending.clone();
                self.settled(number, ending);
            }
            (State::AwaitOffer { .. } | State::Receiving(_) | State::AwaitCommit, reply) => {
                return self.reply_to_fetched(now, link, number, reply);
            }
            (state, reply) => return Err(SessionError::Store(format!("{reply:?} in state {state:?}"))),
        }
        Ok(())
    }

    /// The end of a job is on disk: its channel is free.
    fn settled(&mut self, number: u8, ending: Ending) {
        let Some(ours) = self.outs.remove(&number) else { return };
        self.order.retain(|other| *other != number);
        let refused = match ending {
            Ending::Done => {
                self.tally.sent += u64::from(ours.fetch.is_none());
                self.tally.received += u64::from(ours.fetch.is_some());
                None
            }
            Ending::Damaged => {
                self.drained = None;
                Some("it arrived damaged".to_owned())
            }
            Ending::Deferred(why) | Ending::Refused(why) => Some(why),
        };
        self.progress.done(ours.fetch.is_none(), ours.name, refused);
    }
}
