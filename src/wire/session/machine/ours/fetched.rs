//! A file that we fetch (R): the peer's RY, the file on its way in, and our CY or CN.

use super::State;
use crate::wire::link::{Channel, Expect, Link};
use crate::wire::session::command::Answer;
use crate::wire::session::machine::{For, Machine, misbehaved};
use crate::wire::session::receiving::{Fit, Receiving};
use crate::wire::session::{Ask, Ending, Features, Kind, Offer, Reply, Rest, SessionError, Verdict};
use std::time::Instant;

impl Machine {
    /// RY: asks the store where the file is to go.
    pub(super) fn offer_fetched(
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
        self.progress.begun(false, &ours.name, &ours.what, size, start);
        // A file of the file system may have changed since its size was told; so its size binds nobody, unless there is a
        // digest.
        ours.state = State::AwaitOffer { start, size: size.filter(|_| rest.is_some()) };
        let slot = ours.slot;
        self.ask(For::Channel(Channel::Ours(number)), Ask::Offer { slot, offer: Box::new(offer) });
    }

    /// More of the file, or its end.
    pub(super) fn receive_fetched(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        position: Option<u64>,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        let slot = ours.slot;
        match &mut ours.state {
            State::Receiving(_) if bytes.is_empty() => {
                link.expect(Expect::Command);
                ours.state = State::AwaitCommit;
                self.ask(For::Channel(Channel::Ours(number)), Ask::Commit { slot });
                Ok(())
            }
            State::Receiving(file) => match file.packet(position, bytes) {
                Fit::New(bytes) if bytes.is_empty() => Ok(()),
                Fit::New(bytes) => {
                    self.progress.bytes(false, &ours.name, file.have());
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
            _ => Ok(()),
        }
    }

    /// What the store says of it.
    pub(super) fn reply_to_fetched(
        &mut self,
        now: Instant,
        link: &mut dyn Link,
        number: u8,
        reply: Reply,
    ) -> Result<(), SessionError> {
        let Some(ours) = self.outs.get_mut(&number) else { return Ok(()) };
        match (&ours.state, reply) {
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
            (State::Receiving(_), Reply::Done) => {}
            (state, reply) => return Err(SessionError::Store(format!("{reply:?} in state {state:?}"))),
        }
        Ok(())
    }
}

/// Who tells no sizes sends what it has, however large; it would be the same in the next call.
fn too_large_to_fetch() -> Ending {
    Ending::Refused("it is larger than what is taken here".to_owned())
}
