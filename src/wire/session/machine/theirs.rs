//! A conversation that the peer began: a file that it sends, or one that it fetches.

use super::super::ahead;
use super::super::ask::{Ask, Kind, Offer, Reply, Slot, Verdict};
use super::super::command::{Answer, Letter, Refusal, Rest};
use super::super::incoming::Judged;
use super::super::outgoing::Source;
use super::super::receiving::{Fit, Receiving};
use super::super::sender::Sender;
use super::super::{Features, SessionError};
use super::{For, HangUp, Machine, collect, misbehaved};
use crate::job::Grade;
use crate::wire::link::{Channel, Expect, Link, LinkError, needs};
use std::time::Instant;

#[derive(Debug, Default)]
enum State {
    #[default]
    AwaitCommand,
    /// The store is asked whether the file may come.
    AwaitVerdict {
        letter: Letter,
        slot: Slot,
        /// The size that it is bound to.
        size: Option<u64>,
        name: String,
        what: String,
        /// The size of a file that comes ahead of the verdict.
        ahead: Option<u64>,
    },
    Receiving {
        slot: Slot,
        file: Receiving,
        name: String,
    },
    /// More comes than was told, or than is taken: the rest is let through to the end, and not kept.
    AwaitEnd {
        name: String,
        told: bool,
    },
    /// The end came before all that was told; what came is given up.
    AwaitDropped {
        name: String,
    },
    /// A refused file comes all the same, up to an empty packet: it was sent ahead.
    AwaitRefusedEnd,
    /// It comes only if the peer had begun to send it: the next packet shows.
    AwaitRefused,
    AwaitCommit {
        name: String,
    },
    /// It is kept; the store is asked whether we have more urgent work than it was.
    AwaitWaiting {
        name: String,
    },
    /// The store is asked for a file that the peer fetches.
    AwaitOpened {
        slot: Slot,
        limit: Option<u64>,
        /// What the peer lacks.
        rest: Option<Rest>,
        name: String,
    },
    Sending {
        sender: Sender,
    },
    /// The fetched file is out, to its end.
    AwaitCopied,
    /// The store looks for the files of a pattern.
    AwaitExpanded,
}

/// One channel of the peer.
#[derive(Debug, Default)]
pub struct Theirs {
    state: State,
    /// That of the job that is dealt with, as far as its names tell.
    grade: Option<Grade>,
    text: Vec<u8>,
}

impl Theirs {
    /// Nothing of the peer is under way here.
    pub fn is_idle(&self) -> bool {
        let idle = matches!(self.state, State::AwaitCommand | State::AwaitRefused | State::AwaitRefusedEnd);
        idle && self.text.is_empty()
    }

    pub fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending { .. })
    }

    pub fn sender(&mut self) -> Option<&mut Sender> {
        match &mut self.state {
            State::Sending { sender, .. } => Some(sender),
            _ => None,
        }
    }

    /// What came so far is damaged and comes again; the slot to be told, if a file is coming.
    pub fn rewind_incoming(&mut self) -> Option<Slot> {
        match &mut self.state {
            State::Receiving { slot, file, .. } => {
                file.rewind();
                Some(*slot)
            }
            _ => None,
        }
    }

    pub fn file_sent(&mut self) {
        self.state = State::AwaitCopied;
    }
}

impl Machine {
    pub(super) fn handle_theirs(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        position: Option<u64>,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        let channel = For::Channel(Channel::Theirs(number));
        let theirs = self.ins.entry(number).or_default();
        if let State::AwaitRefused = theirs.state {
            // Observed with Taylor UUCP 1.07: if it had not begun to send the file, the next command may come at once. A file
            // begins at its first byte, and the commands before have taken the position further than that. What is in the
            // packet is not asked, for a file may look like a command.
            let is_command = position.is_some_and(|position| position > 0) && !bytes.is_empty();
            theirs.state = if is_command { State::AwaitCommand } else { State::AwaitRefusedEnd };
        }
        match &mut theirs.state {
            State::Receiving { slot, file, name } if bytes.is_empty() => {
                if file.goes_on() {
                    return Ok(());
                }
                let (slot, name) = (*slot, std::mem::take(name));
                link.expect(Expect::Command);
                if file.whole() {
                    theirs.state = State::AwaitCommit { name };
                    self.ask(channel, Ask::Commit { slot });
                } else {
                    theirs.state = State::AwaitDropped { name };
                    self.ask(channel, Ask::Drop { slot });
                }
                Ok(())
            }
            State::Receiving { slot, file, name } => match file.packet(position, bytes) {
                Fit::New(bytes) if bytes.is_empty() => Ok(()),
                Fit::New(bytes) => {
                    let slot = *slot;
                    self.progress.bytes(false, name, file.have());
                    self.write(slot, bytes);
                    Ok(())
                }
                Fit::TooMuch => {
                    let slot = *slot;
                    theirs.state = State::AwaitEnd { name: std::mem::take(name), told: file.size_is_told() };
                    self.ask(For::Nobody, Ask::Drop { slot });
                    Ok(())
                }
                Fit::Gap => Err(misbehaved("a file with a gap", b"")),
            },
            State::AwaitEnd { name, told } if bytes.is_empty() => {
                let (name, told) = (std::mem::take(name), *told);
                theirs.state = State::AwaitCommand;
                link.expect(Expect::Command);
                if told {
                    return self.misfit(now, link, number, name, "it came larger than was told");
                }
                self.not_kept(now, link, number, name, "it is larger than what is taken here");
                Ok(())
            }
            State::AwaitEnd { .. } => Ok(()),
            State::AwaitRefusedEnd if bytes.is_empty() => {
                link.expect(Expect::Command);
                theirs.state = State::AwaitCommand;
                Ok(())
            }
            State::AwaitRefusedEnd => Ok(()),
            _ => match collect(&mut theirs.text, &bytes)? {
                Some(text) => self.handle_text(now, link, number, &text),
                None => Ok(()),
            },
        }
    }

    fn kept(&mut self, now: Instant, link: &mut dyn Link, number: u8, job: String, wants_master: bool) {
        self.say(now, link, Channel::Theirs(number), &Answer::Kept { wants_master });
        self.tally.received += 1;
        self.progress.done(false, job, None);
    }

    fn not_kept(&mut self, now: Instant, link: &mut dyn Link, number: u8, job: String, why: &str) {
        self.say(now, link, Channel::Theirs(number), &Answer::NotKept);
        self.progress.done(false, job, Some(why.to_owned()));
    }

    /// A file is not as long as was told. A length that the line spoiled makes it so: the sum of `g` has 16 bits. CN5 ends a
    /// job for good, and is said only where the protocol relies on the line. That something came damaged is known to
    /// uugates alone; others send again what was not answered, in the next call.
    fn misfit(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        job: String,
        why: &str,
    ) -> Result<(), SessionError> {
        let protocol = link.abilities().letter;
        if needs(protocol).reliable {
            self.not_kept(now, link, number, job, why);
        } else if self.features.has(Features::UUGATE) {
            self.damaged(now, link, number, job);
        } else {
            return Err(LinkError::Damaged { protocol }.into());
        }
        Ok(())
    }

    fn damaged(&mut self, now: Instant, link: &mut dyn Link, number: u8, job: String) {
        self.say(now, link, Channel::Theirs(number), &Answer::Damaged);
        self.progress.done(false, job, Some("it arrived damaged".to_owned()));
    }

    /// A whole command, or the peer's word on the file that it fetched.
    fn handle_text(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        text: &[u8],
    ) -> Result<(), SessionError> {
        let Some(theirs) = self.ins.get_mut(&number) else { return Ok(()) };
        match (&theirs.state, Answer::parse(text)) {
            (State::AwaitCopied, Ok(Answer::Kept { .. } | Answer::NotKept | Answer::Damaged)) => {
                theirs.state = State::AwaitCommand;
                return Ok(());
            }
            // A package that repeats its HY after the roles have changed.
            (State::AwaitCommand, Ok(Answer::HangUp(true))) => return Ok(()),
            // What is said while a file goes out to it is of no consequence.
            (State::Sending { .. }, _) => return Ok(()),
            _ => {}
        }
        let slot = self.new_slot();
        let asking = For::Channel(Channel::Theirs(number));
        let (ahead, text) = match ahead::command(text).filter(|_| self.takes_files_ahead()) {
            Some(command) => (true, command),
            None => (false, text),
        };
        let judged = self.judge.judge(text).map_err(|_| misbehaved("no command", text))?;
        if let Judged::Offer { .. } | Judged::Refuse { letter: Letter::Send | Letter::Execute, .. } = judged {
            link.offered();
        }
        let state = match judged {
            Judged::Offer { letter, offer, grade } => {
                if ahead && offer.size.is_none() {
                    return Err(misbehaved("a file ahead of its size", text));
                }
                self.ins.entry(number).or_default().grade = grade;
                let state = State::AwaitVerdict {
                    letter,
                    slot,
                    size: bound(&offer),
                    name: offer.temp.clone(),
                    what: offer.command.clone(),
                    ahead: offer.size.filter(|_| ahead),
                };
                self.ask(asking, Ask::Offer { slot, offer });
                state
            }
            Judged::Refuse { letter: letter @ (Letter::Send | Letter::Execute), why } => {
                self.refuse(now, link, number, letter, why, ahead)
            }
            _ if ahead => return Err(misbehaved("a file ahead of no command for it", text)),
            Judged::Open { path, limit, rest } => {
                let limit = limit.into_iter().chain(self.limit).min();
                let state = State::AwaitOpened { slot, limit, rest, name: path.clone() };
                self.ask(asking, Ask::Open { slot, path, digested: self.features.has(Features::UUGATE) });
                state
            }
            Judged::Refuse { letter, why } => self.refuse(now, link, number, letter, why, false),
            Judged::Expand(expansion) => {
                self.ask(asking, Ask::Expand(expansion));
                State::AwaitExpanded
            }
            Judged::RefuseToExpand => {
                self.say(now, link, Channel::Theirs(number), &Answer::Expanded(false));
                State::AwaitCommand
            }
            Judged::HangUp => {
                self.ins.remove(&number);
                return self.asked_to_hang_up(now, link);
            }
        };
        self.set_state(number, state);
        Ok(())
    }

    fn set_state(&mut self, number: u8, state: State) {
        self.ins.entry(number).or_default().state = state;
    }

    /// Whether a peer may send files ahead of our answer; those of a link that is not sound may have to come again.
    fn takes_files_ahead(&self) -> bool {
        self.channels == 0 && self.judge.sound
    }

    /// Says no; what the peer is in then. `ahead`: the file follows, for certain.
    fn refuse(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        letter: Letter,
        why: Refusal,
        ahead: bool,
    ) -> State {
        let why = why.as_told(letter, self.features);
        self.say(now, link, Channel::Theirs(number), &Answer::Refuse { letter, why });
        if ahead {
            link.expect(Expect::File);
        }
        // With channels it may be on its way already; a uugate ends it in any case.
        let may_follow = letter != Letter::Receive && self.channels > 0;
        match ahead || may_follow && self.features.has(Features::UUGATE) {
            true => State::AwaitRefusedEnd,
            false if may_follow => State::AwaitRefused,
            false => State::AwaitCommand,
        }
    }

    pub(super) fn reply_to_theirs(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        reply: Reply,
    ) -> Result<(), SessionError> {
        let wire = self.on_wire(Channel::Theirs(number));
        let channel = Channel::Theirs(number);
        let Some(theirs) = self.ins.get_mut(&number) else { return Ok(()) };
        let (state, grade) = (std::mem::take(&mut theirs.state), theirs.grade);
        let state = match (state, reply) {
            (State::AwaitVerdict { letter, slot, size, name, what, ahead }, Reply::Verdict(verdict)) => {
                match verdict {
                    Verdict::Take { offset } => {
                        let start = (offset > 0).then_some(offset);
                        self.say(now, link, channel, &Answer::Take { letter, start });
                        link.expect(Expect::File);
                        self.progress.begun(false, &name, &what, size, offset);
                        let file = Receiving::new(offset, size, self.judge.permissions.largest);
                        let file = match ahead {
                            Some(whole) => file.sent_ahead(whole),
                            None => file,
                        };
                        State::Receiving { slot, file, name }
                    }
                    Verdict::Already => {
                        self.refuse(now, link, number, letter, Refusal::Already, ahead.is_some())
                    }
                    Verdict::Refuse(why) => self.refuse(now, link, number, letter, why, ahead.is_some()),
                }
            }
            (State::AwaitOpened { slot, limit, .. }, Reply::Opened { size, .. })
                if limit.is_some_and(|l| size > l) =>
            {
                self.ask(For::Nobody, Ask::Drop { slot });
                self.refuse(now, link, number, Letter::Receive, Refusal::TooLargeNow, false)
            }
            (State::AwaitOpened { slot, name, rest, .. }, Reply::Opened { size, mode, digest }) => {
                // The peer goes on with what it has of this very file.
                let same = rest.filter(|rest| Some(rest.digest) == digest && rest.start <= size);
                let start = same.map_or(0, |rest| rest.start);
                let rest = digest.map(|digest| Rest { digest, start });
                // The one who wants decimal sizes (Taylor UUCP 1.03) is told none here: of an RY it is not known.
                let tells = self.features.has(Features::SIZE) && !self.features.has(Features::DECIMAL);
                let told = Some(size).filter(|_| tells);
                self.say(now, link, channel, &Answer::Give { mode, size: told, wants_master: false, rest });
                link.begin_file(size - start);
                self.progress.begun(true, &name, &name, told, start);
                State::Sending { sender: Sender::new(Source::Opened(slot), start) }
            }
            (State::AwaitOpened { .. }, Reply::Verdict(verdict)) => {
                let why = if let Verdict::Refuse(why) = verdict { why } else { Refusal::Denied };
                self.refuse(now, link, number, Letter::Receive, why, false)
            }
            (State::Sending { mut sender }, Reply::Bytes(bytes)) => {
                match sender.take(now, link, wire, bytes) {
                    true => State::Sending { sender },
                    false => State::AwaitCopied,
                }
            }
            (State::AwaitCommit { name }, Reply::Done) if self.takes_turns() => {
                self.ask(For::Channel(channel), Ask::Waiting { worst: self.worst });
                State::AwaitWaiting { name }
            }
            (State::AwaitCommit { name }, Reply::Done) => {
                self.kept(now, link, number, name, false);
                State::AwaitCommand
            }
            (State::AwaitWaiting { name }, Reply::Waiting(best)) => {
                let ours_is_better = best.zip(grade).is_some_and(|(ours, theirs)| ours < theirs);
                self.asked_for_turn |= ours_is_better;
                self.kept(now, link, number, name, ours_is_better);
                State::AwaitCommand
            }
            (State::AwaitExpanded, Reply::Expanded(yes)) => {
                self.say(now, link, channel, &Answer::Expanded(yes));
                State::AwaitCommand
            }
            (State::AwaitCommit { name }, Reply::Damaged) => {
                self.damaged(now, link, number, name);
                State::AwaitCommand
            }
            (State::AwaitCommit { name }, Reply::Unkept) => {
                self.not_kept(now, link, number, name, "it could not be kept");
                State::AwaitCommand
            }
            (State::AwaitDropped { name }, Reply::Done) => {
                self.misfit(now, link, number, name, "it came shorter than was told")?;
                State::AwaitCommand
            }
            (state @ State::Receiving { .. }, Reply::Done) => state,
            (state, reply) => return Err(SessionError::Store(format!("{reply:?} in state {state:?}"))),
        };
        self.set_state(number, state);
        debug_assert!(self.hang_up != HangUp::AwaitClose);
        Ok(())
    }
}

/// The size that a file is bound to: files in the sender's spool do not change, others may have grown since.
fn bound(offer: &Offer) -> Option<u64> {
    match offer.kind {
        Kind::File { .. } if !offer.restart => None,
        _ => offer.size,
    }
}
