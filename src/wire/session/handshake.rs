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
//!
//! Between uugates each message but the first has a seal ([`super::seal`]), and one of which it does not hold is not heeded. On a
//! line that may spoil them the called side says its turn again while nothing that makes sense answers it, and the
//! caller its own whenever it hears the last one of the other end again.
//!
//! Who knows that the other end takes a protocol chooses it ahead, and the packets follow:
//!
//! ```text
//! Shere=polux            ->
//!                        <-   Sleaf -#881f -N02047 -ui   packets
//! ROKN02047 -#dc44   packets   ->
//! ```

mod answer;
mod called;
mod caller;
pub mod drive;
mod introduction;
#[cfg(test)]
mod tests;
mod turn;

use super::message::{Heard, MessageReader, message};
use super::{Features, Profile, SessionError, seal};
use crate::job::{Grade, SystemName};
pub use introduction::Introduction;
use std::time::{Duration, Instant};
use turn::Turn;

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
    /// We have chosen: the packet protocol may begin behind what is said already, and what comes still goes to the handshake,
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
    /// All is said; but the called side says its turn again if it has not understood.
    AwaitPackets,
    // We were called.
    AwaitName,
    AwaitVerdict,
    AwaitChoice,
    Over,
}

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
    /// The one that we have chosen, as the caller.
    chosen: Option<char>,
    /// Noise may spoil what is said.
    noisy: bool,
    /// What we say has a seal.
    seals: bool,
    /// What we said last.
    turn: Turn,
    /// Why the call cannot go on, if it is not noise, and how long is waited for something else.
    doubt: Option<(SessionError, Instant)>,
    reader: MessageReader,
    bytes: usize,
    /// The time when something was last handed in.
    now: Instant,
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

    /// We were called, and say `Shere`.
    pub fn called(now: Instant, ours: SystemName, time: Duration) -> Handshake {
        let greeting = format!("Shere={ours}");
        let mut handshake = Handshake::new(now, ours, None, "", time, State::AwaitName);
        handshake.say(&[&greeting]);
        handshake
    }

    /// The line may spoil what is said. Only protocols that pass over what is none of their packets may follow then.
    pub fn on_a_noisy_line(mut self, noisy: bool) -> Handshake {
        self.noisy = noisy;
        self
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
            chosen: None,
            noisy: false,
            seals: false,
            turn: Turn::default(),
            doubt: None,
            reader: MessageReader::new(),
            bytes: 0,
            now,
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

    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        self.now = now;
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
            if let (State::AwaitPackets, Some(chosen)) = (&self.state, self.chosen) {
                match self.reader.begins_message() {
                    Some(true) => {}
                    Some(false) => {
                        self.agree(chosen);
                        break;
                    }
                    None => break,
                }
            }
            match self.reader.next_heard() {
                Some(heard) => self.handle_heard(heard),
                None => break,
            }
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.deadline().is_some_and(|end| end <= now) {
            let late = SessionError::Handshake(match self.state {
                State::AwaitShere => "the other end never said Shere",
                State::AwaitAnswer => "the other end did not answer our name",
                State::AwaitProtocols => "the other end named no protocols",
                State::AwaitPackets => "the other end did not begin the protocol",
                State::AwaitName => "the caller never gave its name",
                State::AwaitChoice => "the caller chose no protocol",
                State::AwaitNumber | State::AwaitVerdict | State::Over => "too late",
            });
            let error = self.hung_up().unwrap_or(late);
            self.fail(error);
        } else if self.again_at().is_some_and(|at| at <= now) {
            self.say_again();
        }
    }

    /// When our turn is to be said again: the called side does that, and the caller answers.
    fn again_at(&self) -> Option<Instant> {
        let unanswered = matches!(self.state, State::AwaitName | State::AwaitChoice);
        self.turn.due().filter(|_| self.noisy && unanswered)
    }

    /// When it has to be over.
    pub fn deadline(&self) -> Option<Instant> {
        let doubt = self.doubt.as_ref().map_or(self.deadline, |(_, until)| *until);
        (!matches!(self.state, State::Over)).then_some(self.deadline.min(doubt))
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline().into_iter().chain(self.again_at()).min()
    }

    /// The other end has hung up: what that shows.
    pub fn hung_up(&mut self) -> Option<SessionError> {
        self.doubt.take().map(|(error, _)| error)
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.read();
        self.event.take()
    }

    /// Says the messages of a turn.
    fn say(&mut self, texts: &[&str]) {
        let words = texts.iter().flat_map(|text| match self.seals {
            true => message(&seal::sealed(text)),
            false => message(text),
        });
        let words: Vec<u8> = words.collect();
        self.output.extend_from_slice(&words);
        self.turn = Turn::new(self.now, words);
    }

    fn say_again(&mut self) {
        self.doubt = None;
        self.output.extend_from_slice(self.turn.again(self.now).unwrap_or_default());
    }

    fn fail(&mut self, error: SessionError) {
        self.state = State::Over;
        self.event = Some(Event::Failed(error));
    }

    fn handle_heard(&mut self, heard: Heard) {
        match (&self.state, heard) {
            // It stands where the answer is due. Who chose ahead need not have that: behind a refusal no packets come.
            (State::AwaitAnswer, Heard::Broken | Heard::Stray) if self.chosen.is_some() => {
                self.state = State::AwaitPackets;
            }
            (
                State::AwaitAnswer | State::AwaitProtocols | State::AwaitName | State::AwaitChoice,
                Heard::Broken,
            ) => self.say_again(),
            (_, Heard::Message(text)) => self.handle_message(&text),
            // The noise of a line that has just come up.
            _ => {}
        }
    }

    fn handle_message(&mut self, text: &str) {
        let Some((letter, rest)) = text.split_at_checked(1) else { return };
        match (&self.state, letter) {
            (State::AwaitShere, "S") if rest.starts_with("here") => self.handle_shere(rest),
            (State::AwaitShere | State::AwaitAnswer | State::AwaitPackets, "R") => self.handle_answer(rest),
            // It has not understood who we are.
            (State::AwaitAnswer, "S") if rest.starts_with("here") => self.say_again(),
            (State::AwaitPackets, "S") if self.chooses_ahead && rest.starts_with("here") => self.say_again(),
            (State::AwaitAnswer | State::AwaitPackets, "P") if self.chooses_ahead => {
                self.handle_protocols(rest)
            }
            (State::AwaitProtocols, "P") => self.handle_protocols(rest),
            // It has not understood what we chose.
            (State::AwaitPackets, "P") => self.say_again(),
            (State::AwaitName, "S") => self.handle_introduction(rest),
            // It has not understood our answer.
            (State::AwaitChoice, "S") => self.say_again(),
            (State::AwaitChoice, "U") => self.handle_choice(rest),
            // Anything else is an echo, or a part of a turn that has been understood.
            _ => {}
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
fn bytes_of_blocks(blocks: &str) -> Option<u64> {
    let blocks = u64::from_str_radix(blocks.strip_prefix("0x").unwrap_or(blocks), 16).ok()?;
    blocks.checked_mul(512)
}

/// A stranger's text, fit for a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
