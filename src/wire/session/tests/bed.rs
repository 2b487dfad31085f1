//! One call between two sites, from the first byte to the last, in virtual time.

use super::super::features::Features;
use super::super::handshake::{Admission, Agreement, Event, Handshake};
use super::super::{Machine, Permissions, Profile, SessionError, Step, Tally};
use super::site::Site;
use crate::wire::link::{self, Link, Parameters, Role, open};
use crate::wire::noise::{Noise, Settings};
use std::time::{Duration, Instant};

/// How long who has said farewell waits for that of the other end, before it hangs up.
const FAREWELL: Duration = Duration::from_secs(3);

/// How a call went.
#[derive(Debug, Clone, Copy)]
pub struct Went {
    /// Both ends say that it went well.
    pub well: bool,
    /// From the first byte said to the last heard.
    pub time: Duration,
    /// Bytes that the caller and the called side have said.
    pub sent: [u64; 2],
}

/// One end of a call.
struct End<'a> {
    site: &'a mut Site,
    stage: Stage,
    line: Noise,
    /// Said, but not taken by the line yet.
    waiting: Vec<u8>,
}

enum Stage {
    Handshake(Box<Handshake>),
    Session(Session),
    Over(Result<Tally, SessionError>),
}

struct Session {
    machine: Box<Machine>,
    link: Box<dyn Link>,
    /// The handshake, while the other end has not answered it.
    unanswered: Option<Box<Handshake>>,
    /// The final handshake is said.
    parted: bool,
}

impl Session {
    fn new(now: Instant, site: &Site, agreement: Agreement) -> Session {
        let role = if agreement.caller { Role::Caller } else { Role::Called };
        let mut parameters = Parameters::default();
        parameters.among_uugates();
        parameters.g.packet_size = 2048;
        let mut link = open(agreement.protocol, role, &parameters).unwrap();
        link.start(now);
        link.handle_input(now, &agreement.rest);
        let (name, public) = (site.name.clone(), "/public".to_owned());
        let machine = Machine::new(name, &agreement, Permissions::default(), public);
        Session { machine: Box::new(machine), link, unanswered: None, parted: false }
    }

    /// The rest of the handshake; what is not its own is for the link.
    fn hear(&mut self, now: Instant, bytes: &[u8]) -> Result<(), SessionError> {
        let Some(handshake) = &mut self.unanswered else {
            self.link.handle_input(now, bytes);
            return Ok(());
        };
        handshake.handle_input(now, bytes);
        match handshake.poll_event() {
            Some(Event::Agreed(agreement)) => {
                self.unanswered = None;
                self.link.handle_input(now, &agreement.rest);
                Ok(())
            }
            Some(Event::Failed(error)) => Err(error),
            Some(event) => panic!("{event:?}"),
            None => Ok(()),
        }
    }

    fn part(&mut self, waiting: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.parted, true) {
            waiting.extend(b"\x10OOOOOOO\0");
        }
    }
}

impl<'a> End<'a> {
    fn new(site: &'a mut Site, caller: bool, line: Noise, now: Instant) -> End<'a> {
        let time = Duration::from_secs(120);
        let handshake = match caller {
            true => {
                let (ours, peer) = (site.name.clone(), site.peer.clone());
                Handshake::caller(now, ours, peer, &site.protocol.to_string(), time)
            }
            false => Handshake::called(now, site.name.clone(), time),
        };
        let handshake = handshake.on_a_noisy_line("ijgGv".contains(site.protocol));
        let handshake = if caller && site.knows_peer { handshake.choosing_ahead() } else { handshake };
        End { site, stage: Stage::Handshake(Box::new(handshake)), line, waiting: Vec::new() }
    }

    /// Everything that can be done without time passing.
    fn settle(&mut self, now: Instant) {
        loop {
            let taken = self.line.send(now, &self.waiting);
            self.waiting.drain(..taken);
            if !self.waiting.is_empty() {
                // The line holds us back; what can be decided is decided all the same.
                self.work(now);
                return;
            }
            self.work(now);
            match &mut self.stage {
                Stage::Handshake(handshake) => {
                    self.waiting.extend(handshake.poll_transmit().unwrap_or_default())
                }
                Stage::Session(session) => {
                    let again = session.unanswered.as_mut().and_then(|handshake| handshake.poll_transmit());
                    self.waiting.extend(again.unwrap_or_default());
                    session.link.poll_transmit(now, 512, &mut self.waiting);
                    if session.machine.hang_up_agreed() && session.link.all_sent() {
                        session.part(&mut self.waiting);
                    }
                }
                Stage::Over(_) => return,
            }
            if self.waiting.is_empty() {
                return;
            }
        }
    }

    fn work(&mut self, now: Instant) {
        loop {
            let next = match &mut self.stage {
                Stage::Handshake(handshake) => match handshake.poll_event() {
                    None => return,
                    Some(Event::Check(_)) => {
                        handshake.admit(Admission {
                            system: self.site.peer.clone(),
                            protocols: self.site.protocol.to_string(),
                            profile: &Profile::SHOWN,
                            largest: u64::MAX,
                            worst: None,
                        });
                        continue;
                    }
                    Some(Event::Greeted) => panic!("calls are not counted here"),
                    Some(Event::Failed(error)) => Stage::Over(Err(error)),
                    // Noise can make a name alone of all that a caller says, and of it an old system; these tests are about two
                    // uugates.
                    Some(Event::Agreed(agreement)) if agreement.features != Features::OURS => {
                        Stage::Over(Err(SessionError::Handshake("features that the peer does not have")))
                    }
                    Some(Event::Ahead(agreement)) => {
                        self.waiting.extend(handshake.poll_transmit().unwrap_or_default());
                        let mut session = Session::new(now, self.site, agreement);
                        let stage = std::mem::replace(&mut self.stage, Stage::Over(Ok(Tally::default())));
                        let Stage::Handshake(handshake) = stage else { unreachable!() };
                        session.unanswered = Some(handshake);
                        Stage::Session(session)
                    }
                    Some(Event::Agreed(agreement)) => {
                        // Its last message goes before the first packet.
                        self.waiting.extend(handshake.poll_transmit().unwrap_or_default());
                        Stage::Session(Session::new(now, self.site, agreement))
                    }
                },
                Stage::Session(session) => {
                    let Session { machine, link, .. } = session;
                    match machine.step(now, link.as_mut()) {
                        Step::Ask(ask) => {
                            let reply = self.site.answer(ask);
                            machine.reply(now, link.as_mut(), reply);
                            continue;
                        }
                        Step::Over(result) => {
                            let tally = machine.tally();
                            if result.is_ok() {
                                session.part(&mut self.waiting);
                            }
                            Stage::Over(result.map(|()| tally))
                        }
                        Step::Wait | Step::WaitForRoom => match link.poll_event() {
                            Some(event) => {
                                // Like the pump, that writes what is left before it tells of the end.
                                if matches!(event, link::Event::Closed | link::Event::Failed(_)) {
                                    link.poll_transmit(now, usize::MAX, &mut self.waiting);
                                }
                                machine.handle_event(now, link.as_mut(), event);
                                continue;
                            }
                            None => return,
                        },
                    }
                }
                Stage::Over(_) => return,
            };
            self.stage = next;
        }
    }

    fn hear(&mut self, now: Instant, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                if !bytes.is_empty() {
                    handshake.handle_input(now, bytes);
                }
                handshake.handle_timeout(now);
            }
            Stage::Session(session) => {
                if !bytes.is_empty()
                    && let Err(error) = session.hear(now, bytes)
                {
                    self.stage = Stage::Over(Err(error));
                    return;
                }
                if session.link.poll_timeout().is_some_and(|at| at <= now) {
                    session.link.handle_timeout(now);
                }
            }
            Stage::Over(_) => {}
        }
    }

    fn next(&self, now: Instant) -> Option<Instant> {
        let deadline = match &self.stage {
            Stage::Handshake(handshake) => handshake.poll_timeout(),
            Stage::Session(session) => session.link.poll_timeout(),
            Stage::Over(_) => None,
        };
        let room = match self.waiting.is_empty() {
            true => None,
            false => self.line.room_timeout(now, self.waiting.len().min(64)),
        };
        [deadline, self.line.poll_timeout(), room].into_iter().flatten().min()
    }

    fn over(&self) -> bool {
        matches!(self.stage, Stage::Over(_)) && self.waiting.is_empty() && self.line.poll_timeout().is_none()
    }

    /// Whether it takes a hang-up for the end that was agreed upon.
    fn content(&self) -> bool {
        match &self.stage {
            Stage::Handshake(_) => false,
            Stage::Session(session) => session.machine.hang_up_agreed(),
            Stage::Over(result) => result.is_ok(),
        }
    }
}

/// One call of `leaf` to `polux`.
pub fn call(leaf: &mut Site, polux: &mut Site, lines: [Settings; 2], seed: u64) -> Went {
    let begin = crate::clock::now();
    let (mut now, mut last) = (begin, begin);
    let [forth, back] = lines;
    let mut caller = End::new(leaf, true, Noise::new(forth, seed, now), now);
    let mut called = End::new(polux, false, Noise::new(back, seed ^ 0x5eed, now), now);
    let mut turns = 0;
    let mut hangs_up: Option<Instant> = None;
    loop {
        caller.settle(now);
        called.settle(now);
        if caller.over() || called.over() {
            hangs_up.get_or_insert(now + FAREWELL);
        }
        if hangs_up.is_some_and(|at| at <= now) {
            break;
        }
        if caller.over() && called.over() || !caller.line.carrier() || !called.line.carrier() {
            break;
        }
        let next = [caller.next(now), called.next(now), hangs_up].into_iter().flatten().min();
        let Some(next) = next else { break };
        turns = if next > now { 0 } else { turns + 1 };
        assert!(turns < 10_000, "time stands still");
        now = now.max(next);
        assert!(now - begin < Duration::from_secs(4 * 3600), "a call without end");
        let (to_called, to_caller) = (caller.line.poll_arrived(now), called.line.poll_arrived(now));
        if !to_called.is_empty() || !to_caller.is_empty() {
            last = now;
        }
        called.hear(now, &to_called);
        caller.hear(now, &to_caller);
    }
    let well = caller.content() && called.content();
    let sent = [caller.line.carried().0, called.line.carried().0];
    for site in [leaf, polux] {
        site.hang_up();
        site.knows_peer = well;
    }
    Went { well, time: last - begin, sent }
}
