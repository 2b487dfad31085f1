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
mod called;
mod caller;
pub mod drive;
mod introduction;
#[cfg(test)]
mod tests;

use super::message::{MessageReader, message};
use super::{Features, Profile, SessionError};
use crate::job::{Grade, SystemName};
pub use introduction::Introduction;
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

    fn say(&mut self, text: &str) {
        self.output.extend(message(text));
    }

    fn fail(&mut self, error: SessionError) {
        self.state = State::Over;
        self.event = Some(Event::Failed(error));
    }

    fn handle_message(&mut self, text: &str) {
        match (&self.state, text.split_at_checked(1)) {
            (State::AwaitShere, Some(("S", rest))) if rest.starts_with("here") => self.handle_shere(rest),
            (State::AwaitShere | State::AwaitAnswer, Some(("R", rest))) => self.handle_answer(rest),
            (State::AwaitProtocols, Some(("P", theirs))) => self.handle_protocols(theirs),
            (State::AwaitName, Some(("S", rest))) => self.handle_introduction(rest),
            (State::AwaitChoice, Some(("U", choice))) => self.handle_choice(choice),
            // Anything else is an echo, or the noise of a line that has just come up.
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
