//! The session between the two handshakes: whose turn it is, what is under way, and when both are done.
//!
//! The machine speaks through a link, and asks its driver for whatever the store knows. Call [`Machine::step`] until it
//! says that it waits; what it asks is answered by [`Machine::reply`] before the next step. Only while it waits may it be
//! handed the next event of the link, or if it says that it takes more.
//!
//! A link without channels has one conversation at a time: the master's (that is at first the caller); between uugates
//! he need not wait for the answers ([`super::ahead`]). With channels both ends send commands of their own at any time, each
//! on a channel of its own, and being master only means being the one who proposes to hang up.

mod advance;
mod hang_up;
mod ours;
mod theirs;

use super::ask::{Ask, Reply, Slot};
use super::command::{Answer, LONGEST};
use super::handshake::Agreement;
use super::incoming::Judge;
use super::naming::NameReader;
use super::permit::Permissions;
use super::progress::News;
use super::{Features, Progress, SessionError};
use crate::job::SystemName;
use crate::wire::link::{Channel, Event, Link, LinkError};
use advance::Advance;
use hang_up::HangUp;
use ours::Ours;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use theirs::Theirs;

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Carry this out and answer it.
    Ask(Ask),
    /// Hand in the next event of the link.
    Wait,
    /// The same, or step again when the link has room.
    WaitForRoom,
    /// The session is over; in order, if there is no error.
    Over(Result<(), SessionError>),
}

/// What was done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Jobs of ours that the peer has.
    pub sent: u64,
    /// Files of theirs that we have.
    pub received: u64,
}

/// For whom something was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// The conversation on this channel.
    Channel(Channel),
    /// To have another job under way.
    Filling,
    /// To know whether to hang up.
    HangingUp,
    /// Nothing waits for the answer.
    Nobody,
}

pub struct Machine {
    ours: SystemName,
    peer: SystemName,
    features: Features,
    worst: Option<crate::job::Grade>,
    limit: Option<u64>,
    judge: Judge,
    master: bool,
    /// The peer has answered the handshake.
    answered: bool,
    started: bool,
    /// Channels that each side may use; 0: the link has none.
    channels: u8,
    /// Our jobs under way, by channel, or by a number of our own where there are none; only the first that may send file
    /// data does.
    outs: BTreeMap<u8, Ours>,
    /// The order in which their files go out: as they were begun, but one that made way goes last.
    order: VecDeque<u8>,
    /// How long one file may keep the others waiting.
    file_time: Option<Duration>,
    /// The file that goes out now, and since when.
    turn: Option<(Slot, Instant)>,
    /// When the store was last asked, if it had no job then.
    drained: Option<Instant>,
    /// A command of which every peer reads the id of our spool was said.
    told: bool,
    /// The peer wants to be master (CYM).
    yielding: bool,
    /// We, the slave, have said CYM.
    asked_for_turn: bool,
    ins: BTreeMap<u8, Theirs>,
    /// Text that belongs to no conversation: H and its answers.
    text: Vec<u8>,
    hang_up: HangUp,
    asks: VecDeque<(Ask, For)>,
    asked: Option<For>,
    next_slot: u64,
    tally: Tally,
    progress: News,
    /// When it ends at the latest, and what time it was given.
    end: Option<(Instant, Duration)>,
    over: Option<Result<(), SessionError>>,
}

impl Machine {
    /// `public` is the absolute path of the public directory, as peers may write it.
    pub fn new(ours: SystemName, agreement: &Agreement, permissions: Permissions, public: String) -> Machine {
        Machine {
            ours,
            peer: agreement.peer.clone(),
            features: agreement.features,
            worst: agreement.worst,
            limit: agreement.limit,
            judge: Judge {
                names: vec![agreement.peer.clone()],
                features: agreement.features,
                knows_already: agreement.knows_already,
                permissions,
                public,
                sound: true,
                name_reader: NameReader::default(),
            },
            master: agreement.caller,
            answered: agreement.answered,
            started: false,
            channels: 0,
            outs: BTreeMap::new(),
            order: VecDeque::new(),
            file_time: None,
            turn: None,
            drained: None,
            told: false,
            yielding: false,
            asked_for_turn: false,
            ins: BTreeMap::new(),
            text: Vec::new(),
            hang_up: HangUp::No,
            asks: VecDeque::new(),
            asked: None,
            next_slot: 0,
            tally: Tally::default(),
            progress: News::default(),
            end: None,
            over: None,
        }
    }

    /// Other names of the peer.
    pub fn also_known_as(mut self, aliases: impl IntoIterator<Item = SystemName>) -> Machine {
        self.judge.names.extend(aliases);
        self
    }

    /// Ends the session so long after `now`, wherever it stands. Every packet of a peer renews the patience of a
    /// link, so without this one that sends a packet now and then would hold the line for ever.
    pub fn at_most(mut self, now: Instant, time: Duration) -> Machine {
        self.end = now.checked_add(time).map(|end| (end, time));
        self
    }

    /// Lets a file of ours that has gone out for so long make way for the next, where files can go side by side (the manual,
    /// "max-file-time").
    pub fn making_way(mut self, after: Option<Duration>) -> Machine {
        self.file_time = after;
        self
    }

    /// When [`Machine::step`] is to be called even if nothing has come.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.end.map(|(end, _)| end)
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    pub fn poll_progress(&mut self) -> Option<Progress> {
        self.progress.pop()
    }

    /// The next thing to do.
    pub fn step(&mut self, now: Instant, link: &mut dyn Link) -> Step {
        if let Some((_, time)) = self.end.filter(|(end, _)| *end <= now)
            && self.over.is_none()
        {
            // Once both have agreed to hang up, nothing is lost.
            self.over = Some(if self.hang_up_agreed() { Ok(()) } else { Err(SessionError::TooLong(time)) });
        }
        while self.over.is_none() && self.asked.is_none() {
            if let Some((ask, whom)) = self.asks.pop_front() {
                self.asked = Some(whom);
                return Step::Ask(ask);
            }
            match self.advance(now, link) {
                Advance::Went => {}
                Advance::Stays => return Step::Wait,
                Advance::NeedsRoom => return Step::WaitForRoom,
            }
        }
        match &self.over {
            Some(result) => Step::Over(result.clone()),
            None => Step::Wait,
        }
    }

    /// What came out of the link.
    pub fn handle_event(&mut self, now: Instant, link: &mut dyn Link, event: Event) {
        if let Err(error) = self.event(now, link, event) {
            self.over = Some(Err(error));
        }
    }

    /// The answer to what was asked last.
    pub fn reply(&mut self, now: Instant, link: &mut dyn Link, reply: Reply) {
        let Some(whom) = self.asked.take() else { return };
        let result = match (whom, reply) {
            (_, Reply::Failed(why)) => Err(SessionError::Store(why)),
            (For::Filling | For::HangingUp, Reply::Job(job)) => {
                self.drained = job.is_none().then_some(now);
                match job {
                    Some(job) => {
                        self.keep_talking(now, link, whom);
                        self.begin(now, link, *job)
                    }
                    None => self.no_job(now, link, whom),
                }
            }
            (For::Channel(Channel::Ours(number)), reply) => self.reply_to_ours(now, link, number, reply),
            (For::Channel(Channel::Theirs(number)), reply) => self.reply_to_theirs(now, link, number, reply),
            (For::Nobody | For::Filling | For::HangingUp, _) => Ok(()),
        };
        if let Err(error) = result {
            self.over = Some(Err(error));
        }
    }

    fn ask(&mut self, whom: For, ask: Ask) {
        self.asks.push_back((ask, whom));
    }

    /// Has the store write bytes; what comes of one file at once is written at once. Nothing waits for its answer.
    fn write(&mut self, slot: Slot, bytes: Vec<u8>) {
        match self.asks.back_mut() {
            Some((Ask::Write { slot: last, bytes: before }, _)) if *last == slot => before.extend(bytes),
            _ => self.ask(For::Nobody, Ask::Write { slot, bytes }),
        }
    }

    /// Whether the next event of the link may be handed in before what is asked is carried out, for that is to write alone.
    pub fn takes_more(&self) -> bool {
        !self.asks.is_empty() && self.asks.iter().all(|(ask, _)| matches!(ask, Ask::Write { .. }))
    }

    fn new_slot(&mut self) -> Slot {
        self.next_slot += 1;
        Slot(self.next_slot)
    }

    /// As the link knows the channel.
    fn on_wire(&self, channel: Channel) -> Channel {
        if self.channels == 0 { Channel::ONLY } else { channel }
    }

    fn say(&self, now: Instant, link: &mut dyn Link, channel: Channel, answer: &Answer) {
        link.send_command(now, self.on_wire(channel), &answer.print());
    }

    fn event(&mut self, now: Instant, link: &mut dyn Link, event: Event) -> Result<(), SessionError> {
        match event {
            Event::Started => {
                let abilities = link.abilities();
                self.started = true;
                self.judge.sound = abilities.sound;
                self.channels = if abilities.channels > 1 { abilities.channels.min(7) } else { 0 };
                self.progress.agreed(&self.peer, abilities.letter);
                Ok(())
            }
            Event::Data { channel, position, bytes } => {
                self.answered = true;
                self.handle_data(now, link, channel, position, bytes)
            }
            Event::Spoiled => {
                self.rewind_incoming();
                Ok(())
            }
            // A file that the peer fetches is closed by now; it may ask for it in another call.
            Event::Again if !self.outs.values_mut().any(Ours::send_again) => {
                Err(LinkError::Damaged { protocol: link.abilities().letter }.into())
            }
            Event::Again => Ok(()),
            // Some packages close, or just hang up, as soon as both have agreed to.
            Event::Closed | Event::Failed(_) if self.hang_up_agreed() => {
                self.over = Some(Ok(()));
                Ok(())
            }
            Event::Closed => Err(LinkError::ClosedByPeer { protocol: link.abilities().letter }.into()),
            Event::Failed(error) => Err(error.into()),
        }
    }

    /// The file that is coming in, if any is kept, comes again from its beginning.
    fn rewind_incoming(&mut self) {
        let ours = self
            .outs
            .iter_mut()
            .find_map(|(number, ours)| ours.rewind_incoming().map(|slot| (Channel::Ours(*number), slot)));
        let theirs = self.ins.iter_mut().find_map(|(number, theirs)| {
            theirs.rewind_incoming().map(|slot| (Channel::Theirs(*number), slot))
        });
        if let Some((channel, slot)) = ours.or(theirs) {
            self.ask(For::Channel(channel), Ask::Rewind { slot });
        }
    }

    fn handle_data(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        channel: Channel,
        position: Option<u64>,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        match channel {
            _ if self.hang_up == HangUp::AwaitClose => Ok(()),
            Channel::Ours(0) | Channel::Theirs(0) if self.channels > 0 => {
                self.handle_core_text(now, link, &bytes)
            }
            Channel::Ours(number) if self.channels > 0 => {
                self.handle_ours(now, link, number, position, bytes)
            }
            Channel::Theirs(number) if self.channels > 0 => {
                self.handle_theirs(now, link, number, position, bytes)
            }
            // Answers come in the order of the commands, the one to H last.
            _ => match self.order.front() {
                Some(&first) => self.handle_ours(now, link, first, position, bytes),
                None if self.hang_up != HangUp::No => self.handle_core_text(now, link, &bytes),
                None if self.master => Ok(()),
                None => self.handle_theirs(now, link, 0, position, bytes),
            },
        }
    }
}

/// Adds bytes to a text; gives it back when its NUL has come. What stands behind the NUL is padding, often stale.
fn collect(text: &mut Vec<u8>, bytes: &[u8]) -> Result<Option<Vec<u8>>, SessionError> {
    let end = bytes.iter().position(|b| *b == 0);
    text.extend_from_slice(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
    if text.len() > LONGEST {
        return Err(misbehaved("a command without end", text));
    }
    Ok(end.map(|_| std::mem::take(text)))
}

fn misbehaved(what: &str, text: &[u8]) -> SessionError {
    let shown: String = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(60).collect();
    SessionError::Misbehaved(format!("{what}: {shown:?}"))
}

#[cfg(test)]
mod tests;
