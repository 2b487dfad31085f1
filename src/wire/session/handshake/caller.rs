//! The calling side of the initial handshake (the manual, "The Initial Handshake"): reads Shere, R and P; says S and U.

use super::answer::Answer;
use super::{Event, Handshake, Introduction, State, printable, same_system};
use crate::job::{Grade, SystemName};
use crate::wire::session::features::Told;
use crate::wire::session::{Denial, Features, Profile, SessionError};
use std::time::Duration;

/// What follows a wrong name or password: the words of login(1) on Unix systems, of Taylor UUCP, and ours; the case
/// of their first letter varies.
const LOGIN_REFUSED: &[u8] = b"ogin incorrect";

/// How long we wait for another greeting, when the first had a wrong name in it: the called side says it again twice by then.
const FOR_ANOTHER_GREETING: Duration = Duration::from_secs(25);

impl Handshake {
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

    /// Whether a login prompt has spoken where `Shere` was awaited. It would ask again, and we would wait in vain.
    pub(super) fn login_refused(&mut self, bytes: &[u8]) -> bool {
        self.before.extend_from_slice(bytes);
        let refused = self.before.windows(LOGIN_REFUSED.len()).any(|window| window == LOGIN_REFUSED);
        self.before.drain(..self.before.len().saturating_sub(LOGIN_REFUSED.len()));
        refused
    }

    pub(super) fn handle_shere(&mut self, rest: &str) {
        let Some(wanted) = &self.peer else { return };
        let found = rest.strip_prefix("here=").and_then(|found| found.split_ascii_whitespace().next());
        let found = found.unwrap_or_default();
        let mut names = std::iter::once(wanted).chain(&self.aliases);
        let known = names.any(|name| same_system(name.as_str(), found));
        if !found.is_empty() && !known {
            let wanted = wanted.to_string();
            return self.doubt(SessionError::WrongSystem { wanted, found: printable(found) });
        }
        self.doubt = None;
        if self.counting {
            self.state = State::AwaitNumber;
            self.event = Some(Event::Greeted);
        } else {
            self.introduce(None);
        }
    }

    /// The call cannot go on, or noise has changed what was said: then it is not the same when it is said again.
    fn doubt(&mut self, error: SessionError) {
        if !self.noisy || self.doubt.as_ref().is_some_and(|(before, _)| *before == error) {
            return self.fail(error);
        }
        self.doubt = Some((error, self.now + FOR_ANOTHER_GREETING));
    }

    /// Says who we are; the number of the call is spent by that, whatever becomes of it.
    pub fn introduce(&mut self, sequence: Option<u32>) {
        let profile = self.profile;
        let best = self.protocols.chars().next().filter(|_| self.chooses_ahead);
        let introduction = Introduction {
            name: profile.cut(self.ours.as_str()).to_owned(),
            sequence,
            debug: None,
            worst: self.asked.filter(|_| profile.says_grade),
            // A uugate has it in the number.
            restart: profile.says_restart && best.is_none(),
            limit: profile.says_limit.then_some(self.largest),
            told: profile.ours.map_or(Told::Nothing, Told::Number),
            choice: best,
        };
        self.seals = profile.ours.is_some_and(|ours| ours.has(Features::UUGATE));
        self.say(&[&introduction.to_string()]);
        if let Some(best) = best {
            // A uugate's, as it showed itself in the last call.
            let told = Told::Number(Features::OURS);
            self.features = profile.agree(told, true);
            self.knows_already = profile.knows_already(told, self.features);
            self.chosen = Some(best);
            self.event = self.agreement(self.features, best, false).map(Event::Ahead);
        }
        self.state = State::AwaitAnswer;
    }

    pub(super) fn handle_answer(&mut self, rest: &str) {
        match Answer::parse(rest) {
            Ok(Answer::Welcome(welcome)) => {
                self.features = self.profile.agree(welcome.told, welcome.restart);
                self.knows_already = self.profile.knows_already(welcome.told, self.features);
                self.limit = welcome.limit;
                self.seals = self.features.has(Features::UUGATE);
                match self.chosen {
                    None => self.state = State::AwaitProtocols,
                    // The rest of its turn follows.
                    Some(_) if !self.chooses_ahead => {}
                    Some(_) if self.features != Features::OURS => self.fail(SessionError::Handshake(
                        "the other end is not the uugate that it was in the last call",
                    )),
                    Some(chosen) => self.agree(chosen),
                }
            }
            // Perhaps it is a greeting that noise has changed. Who refuses a call hangs up.
            Ok(Answer::Refused(denial @ Denial::Other(_))) => self.doubt(SessionError::Refused(denial)),
            Ok(Answer::Refused(denial)) => self.fail(SessionError::Refused(denial)),
            Err(error) => self.fail(error),
        }
    }

    pub(super) fn handle_protocols(&mut self, theirs: &str) {
        let known = |ours: &char| theirs.contains(*ours);
        // To who chose ahead the list is said in place of a welcome: what it chose is not on it.
        match self.protocols.chars().find(known).filter(|_| self.chosen.is_none()) {
            Some(protocol) => {
                self.say(&[&format!("U{protocol}")]);
                self.chosen = Some(protocol);
                if self.noisy {
                    self.event = self.agreement(self.features, protocol, true).map(Event::Ahead);
                    self.state = State::AwaitPackets;
                } else {
                    self.agree(protocol);
                }
            }
            None => {
                self.say(&["UN"]);
                let (theirs, ours) = (printable(theirs), self.protocols.clone());
                self.fail(SessionError::NoProtocol { theirs, ours });
            }
        }
    }
}
