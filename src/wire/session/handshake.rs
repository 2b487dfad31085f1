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

pub mod drive;

use super::message::{MessageReader, message};
use super::{Denial, Features, SessionError};
use crate::job::{Grade, SystemName};
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
    /// Jobs of a worse grade are not to be sent to it in this call.
    pub worst: Option<Grade>,
    /// The largest file that it can make, in bytes.
    pub limit: Option<u64>,
    /// The other end has said so. If not, it is what it said in the last call, and it has not answered in this one.
    pub answered: bool,
    /// Bytes that came already and belong to the packet protocol.
    pub rest: Vec<u8>,
}

#[derive(Debug)]
pub enum Event {
    /// A caller gave this name: answer with [`Handshake::admit`] or [`Handshake::deny`].
    Check(String),
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
    caller_name: String,
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
    /// The number behind the caller's `-N`, as it stood there.
    announced: Option<String>,
    features: Features,
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
            caller_name: String::new(),
            protocols: protocols.to_owned(),
            chooses_ahead: false,
            reader: MessageReader::new(),
            bytes: 0,
            deadline: now + time,
            output: Vec::new(),
            event: None,
            before: Vec::new(),
            announced: None,
            features: Features::default(),
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

    /// Reads up to the next event. While a verdict is awaited, what follows waits in the reader.
    fn read(&mut self) {
        while self.event.is_none() && !matches!(self.state, State::AwaitVerdict | State::Over) {
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
                State::AwaitVerdict | State::Over => "too late",
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

    /// The caller is the system `peer` and may go on.
    pub fn admit(&mut self, peer: SystemName, protocols: &str) {
        self.peer = Some(peer);
        self.protocols = protocols.to_owned();
        let answer = match self.announced.as_deref() {
            None => "ROK".to_owned(),
            // Who announces no number may not know how to read one.
            Some("") => "ROKN".to_owned(),
            // What we can do ourselves; the private bit only to whom has shown it.
            Some(_) if self.features.has(Features::UUGATE) => format!("ROKN{}", Features::OURS),
            Some(_) => format!("ROKN{}", Features::OURS.without(Features::UUGATE)),
        };
        self.say(&answer);
        self.say(&format!("P{protocols}"));
        self.state = State::AwaitChoice;
        self.handle_input(&[]);
    }

    /// The caller may not go on, and is told why.
    pub fn deny(&mut self, why: Denial) {
        let text = match &why {
            Denial::Locked => "RLCK",
            Denial::CallBack => "RCB",
            Denial::BadSequence => "RBADSEQ",
            Denial::WrongLogin => "RLOGIN",
            // No answer of the manual fits; whatever it does not know ends the call for now.
            Denial::NotNow(_) => "RNot now, call again later",
            Denial::Unknown | Denial::Other(_) => "RYou are unknown to me",
        };
        self.say(text);
        let caller = std::mem::take(&mut self.caller_name);
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
        let found = rest.strip_prefix("here=").unwrap_or_default();
        let known =
            same_system(wanted.as_str(), found) || self.aliases.iter().any(|alias| alias.as_str() == found);
        if !found.is_empty() && !known {
            let wanted = wanted.to_string();
            return self.fail(SessionError::WrongSystem { wanted, found: printable(found) });
        }
        let hello = format!("S{} -R -N{}", self.ours, Features::OURS);
        self.say(&hello);
        if let Some(best) = self.protocols.chars().next().filter(|_| self.chooses_ahead) {
            self.say(&format!("U{best}"));
            self.event = self.agreement(Features::OURS, best, false).map(Event::Ahead);
        }
        self.state = State::AwaitAnswer;
    }

    fn answered(&mut self, rest: &str) {
        let mut words = rest.split_ascii_whitespace();
        let word = words.next().unwrap_or_default();
        let denial = match word {
            "LCK" => Denial::Locked,
            "CB" => Denial::CallBack,
            "BADSEQ" => Denial::BadSequence,
            "LOGIN" => Denial::WrongLogin,
            _ if rest.starts_with("You are unknown") => Denial::Unknown,
            _ if word.starts_with("OK") => {
                if let Some(number) = word.strip_prefix("OKN") {
                    let Some(theirs) = Features::parse(number.as_bytes()) else {
                        return self.fail(SessionError::Handshake(
                            "the features of the other end are no octal number",
                        ));
                    };
                    self.features = Features::OURS.agree(theirs);
                }
                self.limit = words.find_map(ulimit);
                self.state = State::AwaitProtocols;
                return;
            }
            _ => Denial::Other(printable(rest)),
        };
        self.fail(SessionError::Refused(denial));
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
        let mut words = rest.split_ascii_whitespace();
        let Some(name) = words.next() else { return };
        for word in words {
            if let Some(number) = word.strip_prefix("-N") {
                let Some(theirs) = Features::parse(number.as_bytes()) else {
                    self.caller_name = printable(name);
                    return self.deny(Denial::Other("the number behind -N is not octal".to_owned()));
                };
                self.features = Features::OURS.agree(theirs);
                self.announced = Some(number.to_owned());
            } else if let Some(grade) = word.strip_prefix("-vgrade=").or_else(|| word.strip_prefix("-p")) {
                self.worst = grade.chars().next().and_then(Grade::new).or(self.worst);
            } else if let Some(limit) = ulimit(word) {
                self.limit = Some(limit);
            }
            // -Q, -x and -R alone ask for nothing that we do.
        }
        self.caller_name = printable(name);
        self.state = State::AwaitVerdict;
        self.event = Some(Event::Check(self.caller_name.clone()));
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
            caller: self.caller_name.is_empty(),
            features,
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

/// `-U0x1000000`: the largest file in blocks of 512 bytes; given back in bytes.
fn ulimit(word: &str) -> Option<u64> {
    let digits = word.strip_prefix("-U")?;
    let blocks = u64::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok()?;
    blocks.checked_mul(512)
}

/// A stranger's text, fit for a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
