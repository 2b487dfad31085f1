//! A job of ours on its way to the peer: command, verdict, file, and that it was kept; or a file that we fetch.

use super::super::ahead::{self, PART};
use super::super::ask::{Ask, Ending, JobKey, Kind, Offer, OutgoingJob, Reply, Slot, Verdict};
use super::super::command::{Answer, Refusal, Rest};
use super::super::outgoing::{Piece, describe, pieces, tells_spool};
use super::super::receiving::{Fit, Receiving};
use super::super::sender::{From, Sender};
use super::super::{Features, Progress, SessionError};
use super::{For, Machine, collect, misbehaved, tell_bytes};
use crate::job::{Fetch, Work};
use crate::wire::link::{Channel, Expect, Link};
use std::collections::VecDeque;
use std::time::Instant;

/// How much of a file goes out before the verdict on it has come, in bytes: as much as a line carries while the verdict waits
/// behind what stands in front of the line at the other end, and then for a round trip; and little enough where the file is
/// refused.
const AHEAD: u64 = 16 * 1024;

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
    AwaitSettled,
}

/// One job under way.
#[derive(Debug)]
pub struct Ours {
    key: JobKey,
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
    /// It has come, and waits for the part of the file that goes ahead of it: from where on the file is wanted.
    verdict: Option<Result<u64, Refusal>>,
    text: Vec<u8>,
    ending: Ending,
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
        self.told |= tells_spool(&job.work, self.features);
        let slot = self.new_slot();
        let what = describe(&job.work);
        let expands = matches!(job.work, Work::Expand(_));
        let fetch = match job.work {
            Work::Fetch(fetch) => Some(fetch),
            Work::Execute(_) | Work::Send(_) | Work::Expand(_) => None,
        };
        let ours = Ours {
            key,
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
            ending: Ending::Done,
        };
        self.outs.insert(number, ours);
        self.order.push_back(number);
        self.say_piece(now, link, number);
        Ok(())
    }

    /// Says the command of the piece that is due, or settles the job if there is none left.
    fn say_piece(&mut self, now: Instant, link: &mut dyn Link, number: u8) {
        let channel = self.on_wire(Channel::Ours(number));
        let (channels, sends_ahead) = (self.channels > 0, self.sends_files_ahead());
        let Some(ours) = self.outs.get_mut(&number) else { return };
        match ours.pieces.front() {
            Some(piece) => {
                link.expect(Expect::Command);
                // With channels a file follows its command at once, as Taylor UUCP has it: the verdict is nearly always
                // yes, and to wait for it leaves the line idle for a round trip. A refused file is cut short, and one
                // of which the peer has a part goes on from where it is told to; if it is large, and was begun before,
                // that is likely. No file goes whole to a peer that has not even said who it is: it could keep what we
                // then send again. Without channels see `ahead`.
                let part_is_there = ours.begun && piece.size > PART;
                let source = piece.source.clone().filter(|_| channels || sends_ahead && !part_is_there);
                match piece.source {
                    Some(_) if source.is_some() && !channels => {
                        link.send_command(now, channel, &ahead::marked(&piece.text));
                        link.begin_file(piece.size.min(PART));
                    }
                    Some(_) => link.send_offer(now, channel, &piece.text),
                    None => link.send_command(now, channel, &piece.text),
                }
                ours.unjudged = source.is_some();
                ours.state = match source {
                    Some(source) => {
                        let (job, what, size) = (ours.name.clone(), ours.what.clone(), Some(piece.size));
                        self.progress.push_back(Progress::Begun { sending: true, job, what, size, from: 0 });
                        let hold_at = match piece.size {
                            size if !channels => (size > PART).then_some(PART),
                            size if size > AHEAD => Some(if ours.begun { 0 } else { AHEAD }),
                            size => (!self.answered).then(|| size.saturating_sub(1)),
                        };
                        State::Sending(Sender::ahead(From::Job(source), hold_at))
                    }
                    None => State::AwaitVerdict,
                };
            }
            None => self.settle(number, Ending::Done),
        }
    }

    fn settle(&mut self, number: u8, ending: Ending) {
        let Some(ours) = self.outs.get_mut(&number) else { return };
        ours.state = State::AwaitSettled;
        ours.ending = ending.clone();
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
        let slot = ours.slot;
        let channel = Channel::Ours(number);
        match &mut ours.state {
            State::Receiving(_) if bytes.is_empty() => {
                link.expect(Expect::Command);
                ours.state = State::AwaitCommit;
                self.ask(For::Channel(channel), Ask::Commit { slot });
                Ok(())
            }
            State::Receiving(file) => match file.packet(position, bytes) {
                Fit::New(bytes) if bytes.is_empty() => Ok(()),
                Fit::New(bytes) => {
                    tell_bytes(&mut self.progress, false, &ours.name, file.have());
                    self.write(slot, bytes);
                    Ok(())
                }
                Fit::TooMuch => {
                    ours.state = State::AwaitEnd { ending: too_large_to_fetch() };
                    self.ask(For::Nobody, Ask::Drop { slot });
                    Ok(())
                }
                Fit::Gap => Err(misbehaved("a file with a gap", b"")),
            },
            State::AwaitEnd { ending } if bytes.is_empty() => {
                let ending = ending.clone();
                link.expect(Expect::Command);
                self.say(now, link, Channel::Ours(number), &Answer::NotKept);
                self.settle(number, ending);
                Ok(())
            }
            State::AwaitEnd { .. } => Ok(()),
            _ => match collect(&mut ours.text, &bytes)? {
                Some(text) => self.answered(now, link, number, &text),
                None => Ok(()),
            },
        }
    }

    fn answered(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        text: &[u8],
    ) -> Result<(), SessionError> {
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        let answer = Answer::parse(text).map_err(|_| misbehaved("no answer", text))?;
        let unjudged = std::mem::take(&mut ours.unjudged);
        match (&ours.state, answer) {
            (_, Answer::Take { start, .. }) if unjudged => {
                let start = start.unwrap_or(0);
                if ours.pieces.front().is_none_or(|piece| start > piece.size) {
                    return Err(misbehaved("a start beyond the end of the file", text));
                }
                ours.verdict = Some(Ok(start));
                self.heed_verdict(now, link, Channel::Ours(number));
                Ok(())
            }
            (_, Answer::Refuse { why, .. }) if unjudged => {
                ours.verdict = Some(Err(why));
                self.heed_verdict(now, link, Channel::Ours(number));
                Ok(())
            }
            _ if unjudged => Err(misbehaved("no verdict", text)),
            (State::AwaitVerdict, Answer::Take { start, .. }) => {
                let start = start.unwrap_or(0);
                let Some(Piece { source: Some(source), size, .. }) = ours.pieces.front() else {
                    return Err(misbehaved("a wrong answer to R", text));
                };
                if start > *size {
                    return Err(misbehaved("a start beyond the end of the file", text));
                }
                link.begin_file(size - start);
                let (job, what, size) = (ours.name.clone(), ours.what.clone(), Some(*size));
                self.progress.push_back(Progress::Begun { sending: true, job, what, size, from: start });
                ours.state = State::Sending(Sender::new(From::Job(source.clone()), start));
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

    /// The verdict on a file of which the beginning is out, or goes out. Without channels that is to the end of the first
    /// part, whatever the verdict.
    pub(super) fn heed_verdict(&mut self, now: Instant, link: &mut dyn Link, channel: Channel) {
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
            let (job, what, size) = (ours.name.clone(), ours.what.clone(), Some(size));
            self.progress.push_back(Progress::Begun { sending: true, job, what, size, from: start });
        }
        if self.channels == 0 {
            link.begin_file(size.saturating_sub(sender.position()));
        }
    }

    /// With channels, an empty packet shows that the channel may be used again (the manual, "i Protocol").
    fn end_file(&mut self, now: Instant, link: &mut dyn Link, number: u8) {
        if let Some(State::Sending(sender)) = self.outs.get(&number).map(|ours| &ours.state)
            && self.channels > 0
        {
            link.send_data(now, Channel::Ours(number), sender.position(), &[]);
        }
    }

    fn refused(&mut self, now: Instant, link: &mut dyn Link, number: u8, why: Refusal) {
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

    fn offer_fetched(
        &mut self,
        link: &mut dyn Link,
        number: u8,
        mode: u32,
        size: Option<u64>,
        rest: Option<Rest>,
    ) {
        let rest = rest.filter(|_| self.features.has(Features::UUGATE));
        let Some(ours) = self.outs.get_mut(&number) else { return };
        let Some(fetch) = &ours.fetch else { return };
        if size.is_some_and(|size| size > self.judge.permissions.largest) {
            link.expect(Expect::File);
            ours.state = State::AwaitEnd { ending: too_large_to_fetch() };
            return;
        }
        let offer = Offer {
            temp: "D.0".to_owned(),
            size,
            user: fetch.user.clone(),
            command: fetch.to.clone(),
            stable: None,
            digest: rest.map(|rest| rest.digest),
            kind: Kind::Fetched { job: ours.key, mode },
            restart: self.judge.sound && rest.is_some() && size.is_some(),
            knows_already: false,
        };
        let start = rest.map_or(0, |rest| rest.start);
        let (job, what) = (ours.name.clone(), ours.what.clone());
        self.progress.push_back(Progress::Begun { sending: false, job, what, size, from: start });
        // A file of the file system may have changed since its size was told; so its size binds nobody, unless there is a
        // digest.
        ours.state = State::AwaitOffer { start, size: size.filter(|_| rest.is_some()) };
        let slot = ours.slot;
        self.ask(For::Channel(Channel::Ours(number)), Ask::Offer { slot, offer: Box::new(offer) });
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
                if !sender.bytes(now, link, channel, bytes) {
                    ours.file_sent();
                    self.heed_verdict(now, link, Channel::Ours(number));
                }
            }
            (State::AwaitOffer { start, size }, Reply::Verdict(Verdict::Take { offset }))
                if *start <= offset =>
            {
                link.expect(Expect::File);
                let largest = self.judge.permissions.largest;
                let file = Receiving::new(offset, *size, largest).coming_from(*start);
                ours.state = State::Receiving(file);
            }
            (State::AwaitOffer { .. }, Reply::Verdict(verdict)) => {
                link.expect(Expect::File);
                if let Verdict::Take { .. } = verdict {
                    // What was here of it is here no more.
                    let slot = ours.slot;
                    self.asks.push_back((Ask::Drop { slot }, For::Nobody));
                }
                let ending = Ending::Deferred("it cannot be kept here now".to_owned());
                ours.state = State::AwaitEnd { ending };
            }
            (State::AwaitCommit, Reply::Done) => {
                self.say(now, link, Channel::Ours(number), &Answer::Kept { wants_master: false });
                self.settle(number, Ending::Done);
            }
            (State::AwaitCommit, Reply::Damaged) => {
                self.say(now, link, Channel::Ours(number), &Answer::Damaged);
                self.settle(number, Ending::Damaged);
            }
            (State::AwaitCommit, Reply::Unkept) => {
                self.say(now, link, Channel::Ours(number), &Answer::NotKept);
                self.settle(
                    number,
                    Ending::Refused("the file could not be put in its place here".to_owned()),
                );
            }
            (State::AwaitSettled, Reply::Done) => self.settled(number),
            (State::Receiving(_), Reply::Done) => {}
            (state, reply) => return Err(SessionError::Store(format!("{reply:?} in state {state:?}"))),
        }
        Ok(())
    }

    /// The end of a job is on disk: its channel is free.
    fn settled(&mut self, number: u8) {
        let Some(ours) = self.outs.remove(&number) else { return };
        self.order.retain(|other| *other != number);
        let refused = match ours.ending {
            Ending::Done => {
                self.tally.sent += u64::from(ours.fetch.is_none());
                self.tally.received += u64::from(ours.fetch.is_some());
                None
            }
            Ending::Damaged => {
                self.drained = false;
                Some("it arrived damaged".to_owned())
            }
            Ending::Deferred(why) | Ending::Refused(why) => Some(why),
        };
        self.progress.push_back(Progress::Done { sending: ours.fetch.is_none(), job: ours.name, refused });
        self.answer_h_that_waits();
    }
}

/// Who tells no sizes sends what it has, however large; it would be the same in the next call.
fn too_large_to_fetch() -> Ending {
    Ending::Refused("it is larger than what is taken here".to_owned())
}
