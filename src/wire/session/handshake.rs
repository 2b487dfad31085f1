//! The initial handshake, both sides: who we are, whether we may, which packet protocol. Source: the manual, "The
//! Initial Handshake".
//!
//! ```text
//! called                      caller
//! Shere=polux            ->
//!                        <-   Sleaf -R -N02047
//! ROKN02047              ->
//! Pig                    ->
//!                        <-   Ui
//! ```

mod answer;
pub mod drive;
mod introduction;
#[cfg(test)]
mod tests;

use super::features::Told;
use super::message::{MessageReader, message};
use super::{Denial, Features, Profile, SessionError};
use crate::job::{Grade, SystemName};
use answer::{Answer, Welcome};
pub use introduction::Introduction;
use introduction::NoNumber;
use std::time::{Duration, Instant};

/// How many bytes may come before the handshake is done; more is no UUCP. Banners are far shorter. 16 MiB.
const MOST_BYTES: usize = 16 << 20;

/// What both ends have agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The peer, by the name that we know it by.
    pub peer: SystemName,
    /// We placed the call.
    pub caller: bool,
    pub features: Features,
    /// The letter of the packet protocol.
    pub protocol: char,
    /// It knows the answer that a file was received before.
    pub knows_already: bool,
    /// Jobs of a worse grade are not to be sent to it in this call.
    pub worst: Option<Grade>,
    /// The largest file that it can make, in bytes.
    pub limit: Option<u64>,
    /// The other end has said so. If not, it is what it said in the last call, and it has not answered in this one.
    pub answered: bool,
    /// Bytes that came already and belong to the packet protocol.
    pub rest: Vec<u8>,
}

/// How a caller may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The system that it is.
    pub system: SystemName,
    /// The protocols that it is offered, best first.
    pub protocols: String,
    /// What is known of its kind.
    pub profile: &'static Profile,
    /// The largest file that is taken from it, in bytes.
    pub largest: u64,
    /// Jobs of a worse grade are not sent to it in this call, whatever it asks.
    pub worst: Option<Grade>,
}

#[derive(Debug)]
pub enum Event {
    /// The one we called has said who it is: answer with [`Handshake::introduce`]. Only if calls are counted.
    Greeted,
    /// A caller has introduced itself: answer with [`Handshake::admit`] or [`Handshake::deny`].
    Check(Introduction),
    /// We chose ahead: the packet protocol may begin behind what is said already, and what comes still goes to the handshake,
    /// until it is [`Event::Agreed`].
    Ahead(Agreement),
    Agreed(Agreement),
    Failed(SessionError),
}

#[derive(Debug)]
enum State {
    // We called.
    AwaitShere,
    AwaitNumber,
    AwaitAnswer,
    AwaitProtocols,
    // We were called.
    AwaitName,
    AwaitVerdict,
    AwaitChoice,
    Over,
}

/// What follows a wrong name or password: the words of login(1) on Unix systems, of Taylor UUCP, and ours; the case
/// of their first letter varies.
const LOGIN_REFUSED: &[u8] = b"ogin incorrect";

/// One handshake.
#[derive(Debug)]
pub struct Handshake {
    state: State,
    ours: SystemName,
    /// The one we called, or the caller once admitted.
    peer: Option<SystemName>,
    /// Other names of the one we called.
    aliases: Vec<SystemName>,
    /// What the caller said.
    introduction: Option<Introduction>,
    /// The calls between the two are numbered.
    counting: bool,
    /// What we ask the one we call to send at worst.
    asked: Option<Grade>,
    /// What is known of the other end.
    profile: &'static Profile,
    /// The largest file that we take from it, in bytes.
    largest: u64,
    /// The protocols that we offer, best first.
    protocols: String,
    /// The first of them is chosen before the other end has named its own.
    chooses_ahead: bool,
    reader: MessageReader,
    bytes: usize,
    deadline: Instant,
    output: Vec<u8>,
    event: Option<Event>,
    /// The last bytes before `Shere`, for what a login prompt says.
    before: Vec<u8>,
    features: Features,
    knows_already: bool,
    worst: Option<Grade>,
    limit: Option<u64>,
}

impl Handshake {
    /// We have called `peer` and wait for its `Shere`. `time` is for the whole handshake.
    pub fn caller(
        now: Instant,
        ours: SystemName,
        peer: SystemName,
        protocols: &str,
        time: Duration,
    ) -> Handshake {
        Handshake::new(now, ours, Some(peer), protocols, time, State::AwaitShere)
    }

    /// The system that we call may answer by these names too.
    pub fn also_known_as(mut self, aliases: Vec<SystemName>) -> Handshake {
        self.aliases = aliases;
        self
    }

    /// Chooses our best protocol as soon as the other end has said who it is, and begins it at once, which spares a round
    /// trip or two. For a uugate that took this protocol in the last call; if it is another program now, or has lost the
    /// protocol since, the call fails.
    pub fn choosing_ahead(mut self) -> Handshake {
        self.chooses_ahead = true;
        self
    }

    /// Gives the call a number: [`Event::Greeted`] asks for it as late as can be.
    pub fn counting(mut self) -> Handshake {
        self.counting = true;
        self
    }

    /// What is known of the system that we call, and the largest file that we take from it.
    pub fn to(mut self, profile: &'static Profile, largest: u64) -> Handshake {
        (self.profile, self.largest) = (profile, largest);
        self
    }

    /// The system that we call is asked to send nothing of a worse grade in this call.
    pub fn asking_for(mut self, worst: Option<Grade>) -> Handshake {
        self.asked = worst;
        self
    }

    /// We were called, and say `Shere`.
    pub fn called(now: Instant, ours: SystemName, time: Duration) -> Handshake {
        let greeting = message(&format!("Shere={ours}"));
        let mut handshake = Handshake::new(now, ours, None, "", time, State::AwaitName);
        handshake.output = greeting;
        handshake
    }

    fn new(
        now: Instant,
        ours: SystemName,
        peer: Option<SystemName>,
        protocols: &str,
        time: Duration,
        state: State,
    ) -> Handshake {
        Handshake {
            state,
            ours,
            peer,
            aliases: Vec::new(),
            introduction: None,
            counting: false,
            asked: None,
            profile: &Profile::SHOWN,
            largest: u64::MAX,
            protocols: protocols.to_owned(),
            chooses_ahead: false,
            reader: MessageReader::new(),
            bytes: 0,
            deadline: now + time,
            output: Vec::new(),
            event: None,
            before: Vec::new(),
            features: Features::default(),
            knows_already: false,
            worst: None,
            limit: None,
        }
    }

    pub fn handle_input(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.reader.feed(bytes);
        if matches!(self.state, State::AwaitShere) && self.login_refused(bytes) {
            return self.fail(SessionError::LoginRefused);
        }
        self.read();
        if self.bytes > MOST_BYTES && !matches!(self.state, State::Over) {
            self.fail(SessionError::Handshake("the other end sends, but no handshake"));
        }
    }

    /// Reads up to the next event. While we are not to go on, what follows waits in the reader.
    fn read(&mut self) {
        let waits = |state: &State| matches!(state, State::AwaitNumber | State::AwaitVerdict | State::Over);
        while self.event.is_none() && !waits(&self.state) {
            match self.reader.next_message() {
                Some(text) => self.handle_message(&text),
                None => break,
            }
        }
    }

    /// Whether a login prompt has spoken where `Shere` was awaited. It would ask again, and we would wait in vain.
    fn login_refused(&mut self, bytes: &[u8]) -> bool {
        self.before.extend_from_slice(bytes);
        let refused = self.before.windows(LOGIN_REFUSED.len()).any(|window| window == LOGIN_REFUSED);
        self.before.drain(..self.before.len().saturating_sub(LOGIN_REFUSED.len()));
        refused
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.deadline && !matches!(self.state, State::Over) {
            self.fail(SessionError::Handshake(match self.state {
                State::AwaitShere => "the other end never said Shere",
                State::AwaitAnswer => "the other end did not answer our name",
                State::AwaitProtocols => "the other end named no protocols",
                State::AwaitName => "the caller never gave its name",
                State::AwaitChoice => "the caller chose no protocol",
                State::AwaitNumber | State::AwaitVerdict | State::Over => "too late",
            }));
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        (!matches!(self.state, State::Over)).then_some(self.deadline)
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.read();
        self.event.take()
    }

    /// Says who we are; the number of the call is spent by that, whatever becomes of it.
    pub fn introduce(&mut self, sequence: Option<u32>) {
        let profile = self.profile;
        let introduction = Introduction {
            name: profile.cut(self.ours.as_str()).to_owned(),
            sequence,
            debug: None,
            worst: self.asked.filter(|_| profile.says_grade),
            restart: profile.says_restart,
            limit: profile.says_limit.then_some(self.largest),
            told: profile.ours.map_or(Told::Nothing, Told::Number),
        };
        self.say(&introduction.to_string());
        if let Some(best) = self.protocols.chars().next().filter(|_| self.chooses_ahead) {
            self.say(&format!("U{best}"));
            // A uugate's, as it showed itself in the last call.
            let told = Told::Number(Features::OURS);
            self.features = profile.agree(told, true);
            self.knows_already = profile.knows_already(told, self.features);
            self.event = self.agreement(self.features, best, false).map(Event::Ahead);
        }
        self.state = State::AwaitAnswer;
    }

    /// The caller may go on.
    pub fn admit(&mut self, admission: Admission) {
        let Admission { system, protocols, profile, largest, worst } = admission;
        self.peer = Some(system);
        let Introduction { told, restart, .. } = self.introduction.clone().unwrap_or_default();
        self.features = profile.agree(told, restart);
        self.knows_already = profile.knows_already(told, self.features);
        self.worst = worst.or(self.worst);
        let told = match (told, profile.ours) {
            (_, None) => Told::Nothing,
            // What we can do ourselves; the private bit only to whom has shown it.
            (Told::Number(_), Some(ours)) if self.features.has(Features::UUGATE) => Told::Number(ours),
            (Told::Number(_), Some(ours)) => Told::Number(ours.without(Features::UUGATE)),
            // Who announces no number may not know how to read one.
            (told, Some(_)) => told,
        };
        // Options behind a bare ROK are for those who said the same.
        let restart = told == Told::Nothing && restart && profile.says_restart;
        let limit = profile.says_limit.then_some(largest);
        self.say(&Answer::Welcome(Welcome { told, restart, limit }).to_string());
        self.say(&format!("P{protocols}"));
        self.protocols = protocols;
        self.state = State::AwaitChoice;
    }

    /// The caller may not go on, and is told why.
    pub fn deny(&mut self, why: Denial) {
        self.say(&Answer::Refused(why.clone()).to_string());
        let caller = self.introduction.take().map(|introduction| introduction.name).unwrap_or_default();
        self.fail(SessionError::RefusedCaller { caller, why });
    }

    fn say(&mut self, text: &str) {
        self.output.extend(message(text));
    }

    fn fail(&mut self, error: SessionError) {
        self.state = State::Over;
        self.event = Some(Event::Failed(error));
    }

    fn handle_message(&mut self, text: &str) {
        match (&self.state, text.split_at_checked(1)) {
            (State::AwaitShere, Some(("S", rest))) if rest.starts_with("here") => self.greeted(rest),
            (State::AwaitShere | State::AwaitAnswer, Some(("R", rest))) => self.answered(rest),
            (State::AwaitProtocols, Some(("P", theirs))) => self.choose(theirs),
            (State::AwaitName, Some(("S", rest))) => self.named(rest),
            (State::AwaitChoice, Some(("U", choice))) => self.chosen(choice),
            // Anything else is an echo, or the noise of a line that has just come up.
            _ => {}
        }
    }

    fn greeted(&mut self, rest: &str) {
        let Some(wanted) = &self.peer else { return };
        let found = rest.strip_prefix("here=").and_then(|found| found.split_ascii_whitespace().next());
        let found = found.unwrap_or_default();
        let mut names = std::iter::once(wanted).chain(&self.aliases);
        let known = names.any(|name| same_system(name.as_str(), found));
        if !found.is_empty() && !known {
            let wanted = wanted.to_string();
            return self.fail(SessionError::WrongSystem { wanted, found: printable(found) });
        }
        if self.counting {
            self.state = State::AwaitNumber;
            self.event = Some(Event::Greeted);
        } else {
            self.introduce(None);
        }
    }

    fn answered(&mut self, rest: &str) {
        match Answer::parse(rest) {
            Ok(Answer::Welcome(welcome)) => {
                self.features = self.profile.agree(welcome.told, welcome.restart);
                self.knows_already = self.profile.knows_already(welcome.told, self.features);
                self.limit = welcome.limit;
                self.state = State::AwaitProtocols;
            }
            Ok(Answer::Refused(denial)) => self.fail(SessionError::Refused(denial)),
            Err(error) => self.fail(error),
        }
    }

    fn choose(&mut self, theirs: &str) {
        let known = |ours: &char| theirs.contains(*ours);
        let found = match self.chooses_ahead {
            true => self.protocols.chars().next().filter(known),
            false => self.protocols.chars().find(known),
        };
        match found {
            Some(_) if self.chooses_ahead && self.features != Features::OURS => {
                self.fail(SessionError::Handshake(
                    "the other end is not the uugate that it was in the last call",
                ));
            }
            Some(protocol) => {
                if !self.chooses_ahead {
                    self.say(&format!("U{protocol}"));
                }
                self.agree(protocol);
            }
            None => {
                self.say("UN");
                let (theirs, ours) = (printable(theirs), self.protocols.clone());
                self.fail(SessionError::NoProtocol { theirs, ours });
            }
        }
    }

    fn named(&mut self, rest: &str) {
        let introduction = match Introduction::parse(rest) {
            None => return,
            Some(Ok(introduction)) => introduction,
            Some(Err(NoNumber { name })) => {
                self.introduction = Some(Introduction { name, ..Introduction::default() });
                return self.deny(Denial::Other("the number behind -N is not octal".to_owned()));
            }
        };
        (self.worst, self.limit) = (introduction.worst, introduction.limit);
        self.introduction = Some(introduction.clone());
        self.state = State::AwaitVerdict;
        self.event = Some(Event::Check(introduction));
    }

    fn chosen(&mut self, choice: &str) {
        match choice.chars().next().filter(|letter| self.protocols.contains(*letter)) {
            Some(protocol) => self.agree(protocol),
            None => {
                let error =
                    SessionError::NoProtocol { theirs: printable(choice), ours: self.protocols.clone() };
                self.fail(error);
            }
        }
    }

    fn agree(&mut self, protocol: char) {
        let Some(mut agreement) = self.agreement(self.features, protocol, true) else { return };
        agreement.rest = self.reader.take_rest();
        self.event = Some(Event::Agreed(agreement));
        self.state = State::Over;
    }

    fn agreement(&self, features: Features, protocol: char, answered: bool) -> Option<Agreement> {
        Some(Agreement {
            peer: self.peer.clone()?,
            caller: self.introduction.is_none(),
            features,
            knows_already: self.knows_already,
            protocol,
            worst: self.worst,
            limit: self.limit,
            answered,
            rest: Vec::new(),
        })
    }
}

/// Old systems cut names to 7 or 14 characters.
pub fn same_system(whole: &str, told: &str) -> bool {
    whole == told || (matches!(told.len(), 7 | 14) && whole.starts_with(told))
}

/// The number of `-U`, blocks of 512 bytes in C's notation of base 16, in bytes.
fn octets(blocks: &str) -> Option<u64> {
    let blocks = u64::from_str_radix(blocks.strip_prefix("0x").unwrap_or(blocks), 16).ok()?;
    blocks.checked_mul(512)
}

/// A stranger's text, fit for a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
